"""Writes docs/schemas/search.json, the JSON Schema of search files, and the tables of their keys.

``python docs/schemas/generate_search.py`` brings both up to date, the tables in docs/search.md
between two marks; a test fails while they are not.
"""

import ast
import inspect
import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from evoreg.evolve.searchfile import form, task_form

PAGE = Path(__file__).parent / "search.json"
"""The schema."""
TEXT = Path(__file__).parent.parent / "search.md"
"""The page with the tables."""
BEGIN, END = "<!-- keys: made by docs/schemas/generate_search.py -->\n", "<!-- /keys -->\n"
"""The marks around the tables."""
SECTIONS: tuple[tuple[str, type[form.Form]], ...] = (
    ("", form.SearchForm),
    ("merge", form.MergeForm),
    ("space (kind: parameters)", form.ParameterSpace),
    ("space.genes.NAME", form.GeneRange),
    ("space.refine[]", form.Refinement),
    ("space (kind: tensors)", form.TensorSpace),
    ("space (kind: layers)", form.LayerSpace),
    ("space (kind: hybrid)", form.HybridSpace),
    ("tasks[]", form.TaskForm),
    ("tasks[].data", form.DataForm),
    ("optimiser", form.OptimiserForm),
    ("budget", form.BudgetForm),
    ("economy", form.EconomyForm),
)
"""Every part of a search file by where it stands."""
_WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
_LIMITS = {"Ge": ("ge", "at least"), "Gt": ("gt", "more than"), "Le": ("le", "at most"),
           "Lt": ("lt", "less than")}  # fmt: skip


def meanings() -> dict[str, dict[str, str]]:
    """Return what is written under each field, by class and field."""
    return {name: told for module in (task_form, form) for name, told in _told(module)}


def _told(module: ModuleType) -> Iterator[tuple[str, dict[str, str]]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            yield node.name, dict(_fields(node.body))


def _fields(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(text.value.value).split())


def schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a search file.

    What only models, methods and data can tell is left to the reader.
    """
    found = form.SearchForm.model_json_schema()
    told = meanings()
    for name, part in (("SearchForm", found), *found["$defs"].items()):
        part.pop("title", None)
        part.pop("description", None)
        for key, value in part["properties"].items():
            value.pop("title", None)
            if told[name].get(key):
                value["description"] = told[name][key].replace("``", "`")
    # What a range leaves out is usual, and a space without a kind is one over parameters.
    found["$defs"]["GeneRange"].pop("required")
    space = found["properties"]["space"]
    space["anyOf"] = space.pop("oneOf")
    space.pop("discriminator")
    reference = {"anyOf": [{"type": "string"}, {"type": "object"}]}
    found["properties"]["models"]["items"] = reference
    found["properties"]["base_model"]["anyOf"].append({"type": "object"})
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evoreg search",
    }
    return {**head, **found}


def page() -> str:
    """Return the schema as it should be in the file."""
    return json.dumps(schema(), indent=2) + "\n"


def tables() -> str:
    """Return the tables of all keys."""
    told = meanings()
    parts = []
    for place, kind in SECTIONS:
        title = f"### `{place}`\n\n" if place else "### At the top\n\n"
        rows = [
            f"| `{key}` | {_value(field)} | {_default(field, kind)} "
            f"| {_cell(told[kind.__name__], key)} |"
            for key, field in kind.model_fields.items()
        ]
        head = "| key | value | default | meaning |\n|---|---|---|---|\n"
        parts.append(f"{title}{head}" + "\n".join(rows) + "\n")
    return "\n" + "\n".join(parts) + "\n"


def _cell(told: dict[str, str], key: str) -> str:
    return told.get(key, "").replace("``", "`").replace("|", r"\|")


def _default(field: FieldInfo, within: type[form.Form]) -> str:
    if field.is_required():
        return "the usual one" if within is form.GeneRange else "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, form.Form):
        return "see below"
    if value is None:
        return "none"
    if isinstance(value, float) and round(value, 6) != value:
        return "`1/6`" if value == 1 / 6 else f"`{value:g}`"
    plain = [*value] if isinstance(value, tuple) else value
    return f"`{plain if isinstance(plain, str) else json.dumps(plain)}`"


def _value(field: FieldInfo) -> str:
    return f"{_type(field.annotation)} {_limits(field.metadata)}".strip()


def _limits(metadata: Sequence[object]) -> str:
    """Return in words what pydantic is told about a number."""
    inner = [each for item in metadata for each in getattr(item, "metadata", (item,))]
    found = [
        f"{words} {_number(getattr(item, key))}"
        for item in inner
        for name, (key, words) in _LIMITS.items()
        if type(item).__name__ == name
    ]
    return ", ".join(found)


def _number(value: float) -> str:
    return "2**53" if value == 2**53 else f"{value:g}"


def _type(kind: Any) -> str:  # noqa: ANN401 - types of types have no type
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in inner)
    if origin in (Union, UnionType):
        told = [_type(item) for item in inner if item is not type(None)]
        return told[0] if len(told) == 1 else "a value" if "text" in told else "see below"
    if origin is tuple and inner[-1] is ...:
        return f"list of {_type(inner[0])}s" if inner[0] is str else "list, see below"
    if origin is tuple:
        return f"list of {len(inner)} numbers"
    if origin is dict:
        return "mapping, see below" if _is_form(inner[1]) else "mapping of values"
    if hasattr(kind, "__metadata__"):
        return _annotated(kind)
    return "mapping, see below" if _is_form(kind) else _WORDS[kind]


def _annotated(kind: Any) -> str:  # noqa: ANN401 - as above
    return f"{_type(kind.__origin__)} {_limits(kind.__metadata__)}".strip()


def _is_form(kind: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(kind, type) and issubclass(kind, form.Form)


def text() -> str:
    """Return the page with its tables as they should be."""
    whole = TEXT.read_text("utf-8")
    pattern = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{tables()}{found[2]}", whole)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    TEXT.write_text(text(), encoding="utf-8")

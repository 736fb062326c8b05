"""Filling in the form of a search file from marked YAML, with problems collected and placed."""

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from evoreg.evolve.recipes.form import closest
from evoreg.evolve.recipes.written import as_text
from evoreg.evolve.searchfile.task_form import Form
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.marked import Items, Leaf, Mark, Marked, Table

Annotation: TypeAlias = Any
"""What a field of a form may hold; types of types have no type of their own."""

# YAML 1.1 takes a number without a point before its exponent for a text.
_NUMBER = re.compile(r"[-+]?[0-9]+(_[0-9]+)*(\.[0-9]*)?[eE][-+]?[0-9]+")
_KINDS = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "string": "a text",
    "tuple": "a list", "dict": "a mapping", "model": "a mapping",
}  # fmt: skip
_SINGLE = ("bool", "int", "float", "str")
_LIMITS = {
    "greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"), "less_than": ("lt", "less than"),
}  # fmt: skip


Filled = TypeVar("Filled", bound=Form)


class Desk:
    """Keeps the places of a file, and what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.places: dict[str, Mark] = {}

    def where(self, path: str) -> str:
        """Return the place of a path of the form, or of what it would stand in."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        mark = self.places.get(path)
        return str(mark) if mark else self.file

    def report(self, path: str, what: str, hint: str, code: Code = Code.RECIPE_VALUE) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, what, self.where(path), hint))

    def warn(self, path: str, what: str, hint: str = "", code: Code = Code.RECIPE_VALUE) -> None:
        """Note something that has no effect, or another one than meant."""
        self.warnings.append(Problem(code, what, self.where(path), hint))

    def table(self, table: Table, form: type[Form], path: str = "") -> dict[str, Json]:
        """Return a mapping as plain values, without empty ones; unknown keys are reported.

        Args:
            table: The mapping.
            form: What it is to be.
            path: Its path in the whole form; empty for the whole.

        Returns:
            Values by key.
        """
        self.places.setdefault(path, table.mark)
        found: dict[str, Json] = {}
        for key, value in table.pairs.items():
            field = form.model_fields.get(key)
            if field is None:
                self._unknown(key, table.keys[key], form, path)
            elif not (isinstance(value, Leaf) and value.value is None):
                found[key] = self._value(value, field.annotation, _join(path, key))
        return found

    def _unknown(self, key: str, mark: Mark, form: type[Form], path: str) -> None:
        within = f" in {path}" if path else ""
        hint = closest(key, list(form.model_fields))
        what = f"unknown key {key!r:.60}{within}"
        self.problems.append(Problem(Code.RECIPE_UNKNOWN_KEY, what, str(mark), hint))

    def _value(self, value: Marked, annotation: Annotation, path: str) -> Json:
        self.places[path] = value.mark
        kinds = _flat(annotation)
        if isinstance(value, Leaf):
            return _number(value, kinds)
        if isinstance(value, Items):
            inner = next((get_args(kind) for kind in kinds if _origin(kind) is tuple), (str,))
            return [
                self._value(item, _element(inner, place), _join(path, place))
                for place, item in enumerate(value.items)
            ]
        return self._mapping(value, kinds, path)

    def _mapping(self, value: Table, kinds: Sequence[Annotation], path: str) -> Json:
        forms = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Form)]
        if forms:
            chosen = self._chosen(value, forms, path)
            return {**_kind_of(chosen, forms), **self.table(value, chosen, path)} if chosen else {}
        of = next((get_args(kind)[1] for kind in kinds if _origin(kind) is dict), None)
        plain = {
            key: self._value(item, of or Scalars, _join(path, key))
            for key, item in value.pairs.items()
        }
        reference = as_text(plain)
        return plain if of is not None or reference is None else reference

    def _chosen(self, value: Table, forms: Sequence[type[Form]], path: str) -> type[Form] | None:
        """Return the form that the kind of a mapping names, the first if it names none."""
        kind = value.pairs.get("kind")
        if len(forms) == 1 or kind is None:
            return forms[0]
        name = kind.value if isinstance(kind, Leaf) else None
        known = {str(form.model_fields["kind"].default): form for form in forms}
        if name not in known:
            self.places[_join(path, "kind")] = kind.mark
            hint = closest(str(name), list(known))
            self.report(_join(path, "kind"), f"unknown kind {name!r:.60} of {path}", hint)
        return known.get(str(name))

    def form(self, data: Json, kind: type[Filled]) -> Filled | None:
        """Return plain values as a form, or nothing after what is wrong was reported."""
        try:
            return kind.model_validate(_tuples(data), strict=True)
        except ValidationError as error:
            self.explain(error)
            return None

    def explain(self, error: ValidationError) -> None:
        """Report what pydantic found, in words."""
        alternatives = set()
        for item in error.errors(include_url=False):
            path = self._path(item["loc"])
            if item["type"] == "too_short" and _join(path, 0) in self.places:
                continue  # it holds something, of which the other errors tell
            whole, _, kind = path.rpartition(".")
            if kind in _SINGLE and path not in self.places and whole in self.places:
                alternatives.add(whole)  # one error for each kind that a value could have had
                continue
            what, hint = _told(item, path)
            self.report(path, what, hint)
        for path in sorted(alternatives):
            hint = "write true, false, a finite number or a text"
            self.report(path, f"{path} is no single value", hint)

    def _path(self, where: tuple[int | str, ...]) -> str:
        """Return the path of an error; the names of alternatives are no part of it."""
        path = ""
        for place, word in enumerate(where):
            longer = _join(path, word)
            if longer in self.places or place == len(where) - 1:
                path = longer
        return path


Scalars = bool | int | float | str
"""Any single value."""


def _kind_of(chosen: type[Form], forms: Sequence[type[Form]]) -> Mapping[str, Json]:
    return {"kind": str(chosen.model_fields["kind"].default)} if len(forms) > 1 else {}


def _join(path: str, key: str | int) -> str:
    return f"{path}.{key}" if path else str(key)


def _tuples(value: Json) -> object:
    """Return plain values with tuples for lists, which strict forms want."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _origin(annotation: Annotation) -> Annotation:
    return get_origin(annotation)


def _flat(annotation: Annotation) -> list[Annotation]:
    """Return the alternatives of an annotation, without what else it says."""
    origin = _origin(annotation)
    if origin is Annotated:
        return _flat(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [kind for item in get_args(annotation) for kind in _flat(item)]
    return [annotation]


def _element(inner: Sequence[Annotation], place: int) -> Annotation:
    if len(inner) == 2 and inner[1] is ...:
        return inner[0]
    return inner[min(place, len(inner) - 1)]


def _kind(given: object) -> str:
    if isinstance(given, dict):
        return "a mapping"
    return "a list" if isinstance(given, list | tuple) else "empty"


def _number(value: Leaf, kinds: Sequence[Annotation]) -> Json:
    text = value.value
    if float in kinds and isinstance(text, str) and _NUMBER.fullmatch(text):
        return float(text)
    return text


def _told(item: ErrorDetails, path: str) -> tuple[str, str]:
    """Return a sentence about an error, and a hint."""
    kind, given = item["type"], item["input"]
    context = item.get("ctx", {})
    shown = f" {given!r:.60}" if isinstance(given, bool | int | float | str) else ""
    if kind == "missing":
        return f"{path} is missing", "add it"
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"{path} is {given}, not {words} {context[key]}", f"give {words} {context[key]}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"{path} cannot be{shown}", closest(str(given), known)
    if kind == "value_error":
        return f"{path}: {context['error']}", "correct the value"
    if kind == "finite_number":
        return f"{path} is not finite", "give a finite number"
    if kind == "too_short":
        return f"{path} is empty", f"give at least {context['min_length']}"
    if kind == "too_long":
        most, count = context["max_length"], context["actual_length"]
        return f"{path} has {count} values, not {most}", f"give {most}"
    wanted = _KINDS.get(kind.split("_")[0], "")
    quotes = ": put it in quotes" if wanted == "a text" else ""
    if wanted:
        return (
            f"{path} is not {wanted}:{shown or f' it is {_kind(given)}'}",
            f"write {wanted}{quotes}",
        )
    return f"{path}: {item['msg']}", "correct the value"

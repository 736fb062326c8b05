"""What is written about search files is true: every key, every example, the schema."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs.schemas import generate_search
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.searchfile.form import COMPONENTS, Form
from evoreg.evolve.searchfile.read import read_search
from evoreg.evolve.searchfile.usual import usual_genes

PAGE = generate_search.TEXT.read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
OWN = [text for text in EXAMPLES if "genome:" not in text]
SCHEMA = json.loads(generate_search.PAGE.read_text("utf-8"))


def test_tables_and_schema_are_those_of_the_form() -> None:
    hint = "run: python docs/schemas/generate_search.py"
    assert generate_search.text() == PAGE, hint
    assert generate_search.PAGE.read_text("utf-8") == generate_search.page(), hint
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def forms(kind: type[Form]) -> list[type[Form]]:
    """Return all classes of forms."""
    return [kind, *(each for child in kind.__subclasses__() for each in forms(child))]


def test_every_key_is_documented_with_a_meaning_and_no_other() -> None:
    told = dict(generate_search.SECTIONS)
    kinds = {kind for kind in forms(Form) if kind.__module__.endswith("form") and kind is not Form}
    assert set(told.values()) == kinds
    for name, kind in told.items():
        heading = f"### `{name}`" if name else "### At the top"
        table = PAGE.split(f"{heading}\n")[1].split("\n#")[0]
        rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
        assert [row[0].strip("| `") for row in rows] == list(kind.model_fields)
        assert all(len(row) == 4 and row[3].strip("| ") for row in rows)
        for row, field in zip(rows, kind.model_fields.values(), strict=True):
            assert (row[2] in ("required", "the usual one")) is field.is_required()


def written(value: object, before: str = "") -> set[str]:
    """Return the paths of all keys of a document."""
    if isinstance(value, list):
        return {path for item in value for path in written(item, f"{before}[]")}
    if not isinstance(value, dict):
        return set()
    paths = {f"{before}.{key}": item for key, item in value.items()}
    return set(paths) | {path for key, item in paths.items() for path in written(item, key)}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_read(text: str) -> None:
    read = read_search(text, "docs/search.md")
    assert read.foreign == ("genome:" in text)
    if not read.foreign:
        assert read.warnings == ()


def test_examples_show_every_key() -> None:
    shown = {path.rpartition(".")[2] for text in OWN for path in written(yaml.safe_load(text))}
    for _, kind in generate_search.SECTIONS:
        assert set(kind.model_fields) <= shown, kind


@pytest.mark.parametrize("text", OWN)
def test_the_schema_takes_what_the_reader_takes(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [{"seed": -1}, {"unknown": 1}, {"models": []}, {"space": {"kind": "layer"}},
     {"space": {"granularity": 1.5}}, {"optimiser": {"kind": "cmaes"}}, {"tasks": [{}]},
     {"budget": {"candidates": 0}}],
)  # fmt: skip
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    least: dict[str, Any] = yaml.safe_load(OWN[0])
    jsonschema.validate(least, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**least, **change}, SCHEMA)


def test_the_table_of_usual_ranges_is_true() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
    told = {(name, whom): (reach, start) for name, whom, reach, start in rows if " to " in reach}
    for method, contract in CONTRACTS.items():
        for name, reach in usual_genes(contract, {}, 4).items():
            if method.startswith("della") and name == "density":
                epsilon = 0.15
                assert (reach.low, reach.high) == pytest.approx((epsilon + 0.05, 0.95 - epsilon))
                continue
            vectors = contract.base == "required" and contract.delta
            whom = {
                "weight": "with differences from a base" if vectors else "others",
                "density": "that drop at random (`dare_*`)" if contract.random
                else "other methods that drop",
            }.get(name, f"`{method}`")  # fmt: skip
            span, start = told[name, whom]
            assert span == f"{reach.low:g} to {reach.high:g}"
            assert start == ("1 / number of models" if reach.start == 0.25 else f"{reach.start:g}")


def test_named_components_are_told() -> None:
    assert all(f"`{name}`" in PAGE for name in COMPONENTS)
    assert Path(generate_search.TEXT).name == "search.md"

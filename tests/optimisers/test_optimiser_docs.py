"""The page of optimisers says what the table says."""

import re
from pathlib import Path

import pytest

from evoreg.evolve.optimisers.table import OPTIMISERS, Row

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "optimisers.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of the tables of a text, without heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_optimiser_has_a_section_and_a_line() -> None:
    assert set(OPTIMISERS) == set(SECTIONS) - {"What"}
    table = rows_of(TEXT.split("\n## ")[0])[1:]
    assert [cells[0] for cells in table] == [f"[{name}](#{name})" for name in OPTIMISERS]
    for cells, row in zip(table, OPTIMISERS.values(), strict=True):
        assert cells[4] == ("fixed" if row.fixed_items else "may rotate")
        assert cells[1].startswith("one for each" if row.name == "cycleqd" else "one") != (
            row.name == "nsga2"
        )
        assert (cells[2] == "`tensors`") == row.geometry
        assert f"at least {row.smallest}" in cells[3] or row.name == "sep-cma-es"


@pytest.mark.parametrize("row", OPTIMISERS.values(), ids=lambda row: row.name)
def test_every_option_is_told_with_default_and_range(row: Row) -> None:
    told = {
        cells[0]: cells[1:3] for cells in rows_of(SECTIONS[row.name]) if cells[0].startswith("`")
    }
    known = {
        f"`{option.name}`": [
            str(option.default).lower()
            if isinstance(option.default, bool)
            else f"{option.default!r}".strip("'"),
            option.range,
        ]
        for option in row.options
    }
    assert told == known
    assert list(told) == sorted(told)


@pytest.mark.parametrize("row", OPTIMISERS.values(), ids=lambda row: row.name)
def test_the_source_and_what_is_returned_are_told(row: Row) -> None:
    section = " ".join(SECTIONS[row.name].split())
    for part in re.split(r", | and | et al\.", row.reference):
        assert part.split(" (")[0] in section
    assert "**Returns " in section
    assert row.title.lower() in section.lower() or row.name == "random"

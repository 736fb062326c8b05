"""The licence of the whole agrees with OSADL's compatibility matrix wherever both have an answer.

A row of the matrix is the licence of the whole, a column the licence of a part. The data beside
this file is a part of the matrix, under CC-BY-4.0; osadl.json names its authors.
"""

import json
from itertools import combinations
from pathlib import Path

from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.outbound import outbound
from evoreg.policies.terms import Terms

DATA = json.loads((Path(__file__).parent / "osadl.json").read_text(encoding="utf-8"))
NAMES: list[str] = DATA["licenses"]
PAIRS = [tuple(sorted(pair)) for pair in combinations(NAMES, 2)]

WEAK = "a part under a file-level or library licence; weights have no files or libraries to keep"
EUPL = "the list of compatible licences in the EUPL; its effect on weights is not settled"
LATER = "a later version of the same licence may be chosen; evoreg takes the version that is named"
STRICTER = {
    ("GPL-2.0-only", "LGPL-2.1-only"): WEAK,
    ("GPL-3.0-only", "LGPL-2.1-only"): WEAK,
    ("GPL-3.0-only", "LGPL-3.0-only"): WEAK,
    ("GPL-2.0-only", "MPL-2.0"): WEAK,
    ("GPL-3.0-only", "MPL-2.0"): WEAK,
    ("AGPL-3.0-only", "MPL-2.0"): WEAK,
    ("LGPL-2.1-only", "MPL-2.0"): WEAK,
    ("LGPL-3.0-only", "MPL-2.0"): WEAK,
    ("EUPL-1.1", "GPL-2.0-only"): EUPL,
    ("EUPL-1.2", "GPL-2.0-only"): EUPL,
    ("EUPL-1.2", "GPL-3.0-only"): EUPL,
    ("AGPL-3.0-only", "EUPL-1.2"): EUPL,
    ("EUPL-1.2", "LGPL-2.1-only"): EUPL,
    ("EUPL-1.2", "LGPL-3.0-only"): EUPL,
    ("EUPL-1.2", "MPL-2.0"): EUPL,
    ("EPL-1.0", "EUPL-1.1"): EUPL,
    ("EPL-1.0", "EUPL-1.2"): EUPL,
    ("EUPL-1.1", "OSL-3.0"): EUPL,
    ("EUPL-1.2", "OSL-3.0"): EUPL,
    ("EUPL-1.1", "EUPL-1.2"): LATER,
    ("EPL-1.0", "EPL-2.0"): LATER,
}
"""Pairs that OSADL allows in one direction at least, and evoreg does not, with the reason."""

UNASSESSED = {
    "AFL-3.0", "Apache-2.0", "Artistic-2.0", "CC-BY-2.5", "CC-BY-3.0", "ECL-2.0", "PostgreSQL",
}  # fmt: skip
"""Licences without share-alike for which OSADL leaves some licences of the whole open."""

INTO_AGPL = ("AGPL-3.0-only", "GPL-3.0-only")
"""Section 13 of both joins the two; OSADL asks for a look at how the parts depend on each other."""


def says(whole: str, part: str) -> str:
    """Return what OSADL says about a part in a whole."""
    word: str = DATA["legend"][DATA["rows"][whole][NAMES.index(part)]]
    return word


def whole_of(pair: tuple[str, ...], knowledge: Knowledge) -> frozenset[str] | None:
    rows: list[Terms] = [row for row in map(knowledge.by_expression, pair) if row is not None]
    assert len(rows) == 2
    return outbound(rows).expressions


def test_the_matrix_is_the_part_that_evoreg_knows(plain: Knowledge) -> None:
    assert len(NAMES) == 28
    assert sorted(DATA["rows"]) == sorted(NAMES)
    for name in NAMES:
        row = plain.by_expression(name)
        assert row is not None
        assert row.expression == name
        assert says(name, name) == "Same"


def answers(pair: tuple[str, ...], whole: frozenset[str]) -> set[str]:
    """Return what OSADL says about evoreg's licence of the whole."""
    return {says(name, part) for name in whole for part in pair if part != name}


def test_no_is_never_answered_with_yes(plain: Knowledge) -> None:
    wholes = {pair: whole_of(pair, plain) for pair in PAIRS}
    granted = {pair: answers(pair, whole) for pair, whole in wholes.items() if whole is not None}
    # Where both licences stand, it is enough that the one may hold the other.
    refused = [p for p, said in granted.items() if "No" in said and "Yes" not in said]
    assert refused == []
    assert sum("Yes" in said for said in granted.values()) > 240


def test_what_osadl_leaves_open_is_listed(plain: Knowledge) -> None:
    wholes = {pair: whole_of(pair, plain) for pair in PAIRS}
    open_pairs = {
        pair: answers(pair, whole)
        for pair, whole in wholes.items()
        if whole is not None and "Yes" not in answers(pair, whole)
    }
    assert open_pairs.pop(INTO_AGPL) == {"Check dependency"}
    assert all(said == {"Unknown"} for said in open_pairs.values())
    assert all(UNASSESSED & set(pair) for pair in open_pairs)


def test_where_evoreg_is_stricter_is_listed(plain: Knowledge) -> None:
    refused = {pair for pair in PAIRS if whole_of(pair, plain) is None}
    allowed = {pair for pair in PAIRS if "Yes" in (says(*pair), says(*reversed(pair)))}
    assert refused & allowed == set(STRICTER)


def test_where_both_refuse(plain: Knowledge) -> None:
    assert whole_of(("GPL-2.0-only", "GPL-3.0-only"), plain) is None
    assert whole_of(("Apache-2.0", "GPL-2.0-only"), plain) is None
    assert whole_of(("Apache-2.0", "GPL-3.0-only"), plain) == frozenset({"GPL-3.0-only"})
    assert whole_of(("Apache-2.0", "LGPL-2.1-only"), plain) is None

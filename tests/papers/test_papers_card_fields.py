"""The licence fields of the card are those that policy proposes, for every licence it knows."""

import itertools

import pytest
import yaml

from evoreg.policies.knowledge.book import load
from evoreg.policies.outbound import card_fields
from evoreg.policies.terms import Terms
from evoreg.provenance.papers.facts import ReleaseFacts, UpstreamFile, credits_of
from evoreg.provenance.papers.front_matter import HUB_IDS, front_matter
from evoreg.provenance.papers.write import papers
from tests.papers import papers_example as ex

ROWS = tuple(
    row for row in load().rows if row.expression != "NOASSERTION" and " " not in row.expression
)


def under(outbound: str, card: dict[str, str]) -> ReleaseFacts:
    """Return a release under a licence, whose text an ancestor carried."""
    text = UpstreamFile("ancestor", "LICENSE", b"terms " * 60, "license", outbound)
    decision = ex.a_decision(ex.MODELS, ()).model_copy(update={"outbound": outbound})
    return ex.example(
        decision=decision,
        card_license=tuple(card.items()),
        upstream=(*ex.an_upstream(ex.MODELS), text),
    )


def of_license(front: str) -> dict[str, str]:
    found = yaml.safe_load(front)
    return {key: item for key, item in found.items() if key.startswith("license")}


def front(outbound: str) -> tuple[dict[str, str], set[str]]:
    """Return the licence fields of the card, and the files of a release under a licence."""
    files = papers(under(outbound, proposed(outbound))).files
    return of_license(files["README.md"].decode().split("---\n")[1]), set(files)


def proposed(outbound: str) -> dict[str, str]:
    fields = card_fields(outbound, load()).to_json()
    return {key: str(value) for key, value in fields.items() if value is not None}


def without_link(fields: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in fields.items() if key != "license_link"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_single_licence_has_the_fields_that_policy_proposes(row: Terms) -> None:
    found, files = front(row.expression)
    assert found == proposed(row.expression)
    assert found.get("license_link", "LICENSE") in files


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_tag_of_the_hub_is_found_without_being_told(row: Terms) -> None:
    fields = proposed(row.expression)
    facts = under(row.expression, {})
    found = of_license(front_matter(facts, credits_of(facts)))
    if fields["license"] == "other" or row.expression.endswith("-family"):
        assert (found["license"], found["license_link"]) == ("other", "LICENSE")
    else:
        assert found == fields


def test_the_tags_are_those_of_the_knowledge() -> None:
    known = {row.expression: row.key for row in ROWS if row.tag == row.key}
    assert {key: tag for key, tag in HUB_IDS.items() if known.get(key) != tag} == {}


PAIRS = tuple(itertools.islice(zip(ROWS[::3], ROWS[1::3], strict=False), 24))


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_two_licences_are_joined_as_policy_joins_them(one: Terms, two: Terms) -> None:
    outbound = f"{one.expression} AND {two.expression}"
    found, files = front(outbound)
    assert without_link(found) == without_link(proposed(outbound))
    if len({one.expression, two.expression}) == 2:
        rows = [load().by_expression(row.expression) for row in (one, two)]
        assert found["license_name"] == "-and-".join(sorted(row.key for row in rows if row))
        assert found["license_link"] == "LICENSES/README.md"
    assert found.get("license_link", "LICENSES/README.md") in files

"""Counting names tells a body that says every field from one that leaves some out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.provenance.ledger.completeness import names_in, names_of
from evoreg.provenance.ledger.spelling import canonical_text
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.record import Record
from tests.records.record_examples import RECORDS
from tests.records.search_examples import SEARCH_RECORDS

ROWS = {**RECORDS, **SEARCH_RECORDS}

TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(':",{}[]\\\n'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES))
def test_names_of_a_value_are_those_in_its_text(value: dict[str, Json]) -> None:
    text = canonical_text(value)
    assert names_in(text) == (-1 if "\\" in text else names_of(value))


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_whole_record_has_all_its_names(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(ROWS[kind].any)
    text = canonical_text(record.to_json())
    assert names_in(text) in (-1, names_of(record))


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_one_name_less_is_noticed(kind: type[Record]) -> None:
    told = ROWS[kind].example.to_json()
    text = canonical_text({name: told[name] for name in sorted(told)[1:]})
    assert names_in(text) != names_of(ROWS[kind].example)

"""The two laws of records, on every record type: no fact is lost, and there is one spelling."""

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evoreg.provenance import records
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.decision import INTENTS, Intent, Obligation, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import EntryKind
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.frozen import FrozenArray, FrozenObject
from evoreg.provenance.records.license import ClaimOrigin, Rider
from evoreg.provenance.records.model import Role
from evoreg.provenance.records.publication import PublicationState
from evoreg.provenance.records.recipe import Recipe
from evoreg.provenance.records.record import Grown, Record
from evoreg.provenance.records.text import HeldText
from tests.records.record_examples import MODULE, RECIPE, TOKENIZER, Row
from tests.records.record_examples import RECORDS as PLAIN_RECORDS
from tests.records.search_examples import SEARCH_RECORDS

RECORDS = {**PLAIN_RECORDS, **SEARCH_RECORDS}

TYPES = sorted(RECORDS, key=lambda kind: kind.__name__)
every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _subclasses(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def refused(kind: type[Record], data: bytes) -> Code:
    with pytest.raises(InputError) as caught:
        kind.from_canonical(data)
    return caught.value.code


def test_the_table_names_every_record_type() -> None:
    for module in pkgutil.iter_modules(records.__path__):
        importlib.import_module(f"{records.__name__}.{module.name}")
    found = {kind for kind in _subclasses(Record) if kind.__module__.startswith(records.__name__)}
    assert found == {*RECORDS, Grown}


@every_type
@quick
@given(data=st.data())
def test_no_fact_is_lost(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(RECORDS[kind].any)
    written = record.canonical()
    again = kind.from_canonical(written)
    assert again == record
    assert hash(again) == hash(record)
    assert again.canonical() == written
    assert record.record_digest() == digest_of(written)


@every_type
def test_the_form_of_a_record_never_changes_unnoticed(kind: type[Record]) -> None:
    row = RECORDS[kind]
    assert kind.from_canonical(row.example.canonical()) == row.example
    assert row.example.record_digest() == f"sha256:{row.digest}"


@every_type
def test_every_field_is_written(kind: type[Record]) -> None:
    later = kind.LATER if issubclass(kind, Grown) else frozenset()
    assert set(json.loads(RECORDS[kind].example.canonical())) == set(kind.model_fields) - later


def test_a_forbidding_rider_has_no_words_and_a_prefix_has_some() -> None:
    with pytest.raises(ValidationError, match="have a value"):
        Rider(kind="name-prefix")
    with pytest.raises(ValidationError, match="have a value"):
        Rider(kind="hosting-forbidden", value="x")


def test_a_held_text_is_that_of_its_digest() -> None:
    good = HeldText.of(b"a licence")
    assert good.data == b"a licence"
    assert HeldText.of(b"\xff").data is None
    with pytest.raises(ValidationError, match="not that of the file"):
        HeldText(digest=good.digest, size=good.size, content="another")


def test_fields_that_came_later_are_written_when_they_are_used() -> None:
    full = RECIPE.model_copy(
        update={"modules": (MODULE,), "tokenizer": TOKENIZER, "chat_template": ""}
    )
    written = full.canonical()
    assert set(json.loads(written)) == set(Recipe.model_fields)
    assert Recipe.from_canonical(written) == full
    assert full.references == ("a", "org/name")


# Other spellings of the same facts ------------------------------------------------------------


def _backwards(data: bytes) -> bytes:
    pairs = reversed(json.loads(data).items())
    return json.dumps(dict(pairs), separators=(",", ":"), ensure_ascii=False).encode()


def _doubled(data: bytes) -> bytes:
    name, value = next(iter(json.loads(data).items()))
    return b'{"%s":%s,%s' % (name.encode(), to_canonical(value), data[1:])


def _escaped(data: bytes) -> bytes:
    return b'{"\\u%04x' % data[2] + data[3:]


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "order": _backwards,
    "duplicate key": _doubled,
    "escape": _escaped,
    "blanks": lambda data: json.dumps(json.loads(data), ensure_ascii=False).encode(),
    "trailing blank": lambda data: data + b" ",
    "trailing line end": lambda data: data + b"\n",
    "leading blank": lambda data: b" " + data,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "cut": lambda data: data[:-1],
    "two values": lambda data: data + data,
    "NaN": lambda data: b'{"%s":NaN}' % next(iter(json.loads(data))).encode(),
    "infinity": lambda data: b'{"%s":-Infinity}' % next(iter(json.loads(data))).encode(),
    "overflow": lambda data: b'{"%s":1e400}' % next(iter(json.loads(data))).encode(),
    "lone surrogate": lambda data: b'{"%s":"\\ud800"}' % next(iter(json.loads(data))).encode(),
    "not UTF-8": lambda data: data[:2] + b"\xff" + data[3:],
    "deep": lambda _: b"[" * 100_000,
    "nothing": lambda _: b"",
}


@every_type
@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_is_refused(kind: type[Record], name: str) -> None:
    data = RECORDS[kind].example.canonical()
    assert SPELLINGS[name](data) != data
    assert refused(kind, SPELLINGS[name](data)) is Code.NOT_CANONICAL


@every_type
def test_other_facts_are_refused(kind: type[Record]) -> None:
    row: Row = RECORDS[kind]
    facts = row.example.to_json()
    assert refused(kind, to_canonical({**facts, "zzz": 1})) is Code.NOT_A_RECORD
    for name in facts:
        less = {key: value for key, value in facts.items() if key != name}
        assert refused(kind, to_canonical(less)) is Code.NOT_A_RECORD, f"without {name}"
        wrong = {**facts, name: {"no": 1} if isinstance(facts[name], dict) else {"no": "such"}}
        if isinstance(facts[name], dict) and name != "versions":
            wrong = {**facts, name: [facts[name]]}  # any object will do there, and nothing else
        assert refused(kind, to_canonical(wrong)) is Code.NOT_A_RECORD, f"wrong {name}"
    for other in (b"[]", b"null", b'""', b"0", b"true", b"{}"):
        assert refused(kind, other) is Code.NOT_A_RECORD


@every_type
def test_a_value_of_another_type_is_not_converted(kind: type[Record]) -> None:
    facts = RECORDS[kind].example.to_json()
    for name, value in facts.items():
        match value:
            case bool():
                other: Any = int(value)
            case int():
                other = str(value)
            case str():
                other = [value]
            case float():
                other = str(value)
            case list():
                other = {"0": value}
            case _:
                other = 7
        if kind.__name__ == "Setting" and name == "value":
            other = None  # a parameter is a number, a truth, a text, or several
        assert refused(kind, to_canonical({**facts, name: other})) is Code.NOT_A_RECORD, name


def test_a_refusal_names_the_field() -> None:
    model = next(kind for kind in TYPES if kind.__name__ == "Model")
    facts: dict[str, Any] = RECORDS[model].example.to_json()
    facts["files"][1]["size"] = "1"
    with pytest.raises(InputError) as caught:
        model.from_canonical(to_canonical(facts))
    assert caught.value.problems[0].where == "files.1.size"


# Frozen ---------------------------------------------------------------------------------------


def _parts(value: object) -> Iterator[object]:
    yield value
    if isinstance(value, Record):
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _parts(item)


@every_type
@quick
@given(data=st.data())
def test_nothing_in_a_record_can_change(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(RECORDS[kind].any)
    for part in _parts(record):
        plain = part is None or type(part) in (bool, int, float, str, tuple)
        assert plain or isinstance(part, Record | StrEnum | FrozenObject | FrozenArray)
    hash(record)


@every_type
def test_a_field_cannot_be_set_removed_or_invented(kind: type[Record]) -> None:
    record = RECORDS[kind].example
    before = record.canonical()
    for name in kind.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, name, getattr(record, name))
        with pytest.raises(ValidationError, match="frozen"):
            delattr(record, name)
    with pytest.raises(ValidationError):
        record.invented = 1  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="invented"):
        kind.model_validate({**dict(record), "invented": 1})
    assert record.canonical() == before


# Words ----------------------------------------------------------------------------------------


def test_the_words_that_ledgers_hold_never_change() -> None:
    assert list(Verdict) == ["allow", "attribute", "review", "block"]
    assert [verdict.severity for verdict in Verdict] == [0, 1, 2, 3]
    assert get_args(Intent) == INTENTS == ("research", "commercial", "hosted")
    assert get_args(EntryKind) == (
        *("model", "claim", "edge", "text", "decision", "candidate", "release"),
        *("search", "evaluation", "generation", "result"),
        *("publication", "pruning"),
    )
    assert get_args(PublicationState) == ("prepared", "confirmed", "abandoned")
    assert get_args(ClaimOrigin) == ("clarification", "text", "notice", "card", "human")
    roles = "weights index config card license notice tokenizer recipe other"
    assert get_args(Role) == tuple(roles.split())
    assert get_args(Obligation.model_fields["kind"].annotation) == (
        *("license_text", "notice", "attribution", "display", "name_prefix"),
        *("use_restrictions", "source_offer", "modification_statement", "credits"),
        *("acceptance", "eu_gate"),
    )

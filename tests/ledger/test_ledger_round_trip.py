"""What is written to the ledger comes out of it unchanged."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.stored import storable
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.canonical import from_canonical
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, entry_hash
from evoreg.provenance.records.errors import Code, InputError, UsageError

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any


def test_new_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.head() == Head(0, GENESIS)
    assert list(ledger.entries()) == []
    assert ledger.models() == ()
    report = verify(ledger)
    assert (report.entries, report.head, report.problems) == (0, Head(), ())


def test_entries_are_chained(ledger: Ledger, make: Make) -> None:
    written = ledger.append(make.story())
    assert [entry.seq for entry in written] == [1, 2, 3, 4, 5, 6, 7]
    assert written[0].prev == GENESIS
    assert all(later.prev == earlier.hash for earlier, later in pairwise(written))
    for entry in written:
        assert entry.hash == entry_hash(entry.seq, entry.prev, entry.kind, entry.body)
    assert tuple(ledger.entries()) == written
    assert ledger.head() == Head(7, written[-1].hash)
    assert verify(ledger).problems == ()


def test_body_says_who_when_and_what(ledger: Ledger, make: Make) -> None:
    ann = make.model("org/ann")
    (entry,) = ledger.append(
        [NewEntry("model", ann, {"location": "/m", "schema_": [1.5, None], "size": 3})]
    )
    assert from_canonical(entry.body.encode()) == {
        "at": "2026-03-04T12:00:00Z",
        "by": "ann",
        "location": "/m",
        "record": ann.to_json(),
        "schema": "evoreg/model/1",
        "schema_": [1.5, None],
        "size": 3,
    }
    body = read_body("model", entry.body)
    extra = {"location": "/m", "schema_": [1.5, None], "size": 3}
    assert (body.record, body.location, body.extra) == (ann, "/m", extra)


def test_append_nothing(told: Ledger) -> None:
    before = told.head()
    assert told.append([]) == ()
    assert told.head() == before


def test_entries_by_page_kind_and_number(ledger: Ledger, make: Make) -> None:
    ann = make.model("ann")
    claims = [NewEntry("claim", make.claim(ann))] * 300
    ledger.append([*claims, NewEntry("model", ann), *claims])
    assert [entry.seq for entry in ledger.entries()] == list(range(1, 602))
    assert [entry.seq for entry in ledger.entries(kind="model")] == [301]
    assert [entry.seq for entry in ledger.entries(after=598)] == [599, 600, 601]
    assert [entry.seq for entry in ledger.entries(after=299, kind="claim", limit=2)] == [300, 302]
    assert len(list(ledger.entries(limit=512))) == 512
    assert list(ledger.entries(limit=0)) == []


def test_readings(told: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    made, decided = make.candidate(ann, bob), make.decision(ann)
    assert [(m.model, m.location, m.seq) for m in told.models()] == [
        (ann, "/models/ann", 1),
        (bob, "", 2),
    ]
    (found,) = told.find_model("org/bob")
    assert (found.model, found.at, found.by) == (bob, "2026-03-04T12:00:00Z", "ann")
    assert told.find_model("org/nobody") == ()
    assert [m.seq for m in told.models_with(ann.identity)] == [1]
    assert told.claims_for(bob.identity) == (make.claim(bob),)
    assert [(c.candidate, c.seq) for c in told.candidate(made.id)] == [(made, 6)]
    assert [c.seq for c in told.candidates_from(bob.identity)] == [6]
    assert [c.seq for c in told.makers_of(made.outputs[0].digest)] == [6]
    assert told.makers_of(digest_of(b"nothing")) == ()
    assert [d.decision for d in told.decision(decided.record_digest())] == [decided]
    assert [d.seq for d in told.decisions()] == [5]
    assert [r.release for r in told.releases(made.id)] == [make.release(made, decided)]
    assert [r.seq for r in told.releases()] == [7]
    assert told.releases(digest_of(b"nothing")) == ()


def test_reopened_ledger_goes_on(url: str, make: Make, clock: Callable[[], datetime]) -> None:
    story = make.story()
    with open_ledger(url, actor="ann", clock=clock) as first:
        first.append(story[:3])
    with open_ledger(url, actor="bob", clock=clock) as second:
        assert second.append(story[3:])[0].seq == 4
        assert [m.by for m in second.models()] == ["ann", "ann"]
        assert verify(second).problems == ()


def test_same_story_same_bytes(
    bare_url: str, told: Ledger, make: Make, clock: Callable[[], datetime]
) -> None:
    with open_ledger(bare_url, actor="ann", clock=clock) as other:
        other.append(make.story())
        assert other.head() == told.head()


def test_rebuild_equals_live(told: Ledger) -> None:
    assert rebuild(told) == 7
    report = verify(told)
    assert report.problems == ()
    assert len(told.models()) == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kind": "claim"}, "a claim entry cannot hold a Model"),
        ({"kind": "nonsense"}, "a nonsense entry cannot hold a Model"),
        ({"extra": {"by": "eve"}}, "the extra field 'by' has a reserved name"),
        ({"extra": {"location": 3}}, "the location is not a text"),
        ({"extra": {"note": "\ud800"}}, "this value has no canonical JSON form"),
        ({"extra": {"note": float("nan")}}, "this value has no canonical JSON form"),
    ],
)
def test_bad_news_write_nothing(
    told: Ledger, make: Make, change: dict[str, Any], what: str
) -> None:
    before = told.head()
    good = NewEntry("model", make.model("good"))
    bad = NewEntry(**{"kind": "model", "record": make.model("bad"), **change})
    with pytest.raises(InputError) as caught:
        told.append([good, bad])
    assert what in caught.value.problems[0].what
    assert told.head() == before
    assert told.find_model("good") == ()


def test_time_is_written_in_utc(url: str, make: Make) -> None:
    tokyo = timezone(timedelta(hours=9))
    with open_ledger(
        url, actor="ann", clock=lambda: datetime(2026, 1, 1, 8, 59, 59, tzinfo=tokyo)
    ) as ledger:
        ledger.append([NewEntry("model", make.model("m"))])
        assert ledger.models()[0].at == "2025-12-31T23:59:59Z"


def test_clock_without_zone_is_refused(url: str, make: Make) -> None:
    naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with open_ledger(url, actor="ann", clock=lambda: naive) as ledger:
        with pytest.raises(UsageError, match="without a time zone"):
            ledger.append([NewEntry("model", make.model("m"))])
        assert ledger.head() == Head()


def test_closed_ledger_is_refused(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(UsageError) as caught:
        ledger.head()
    assert caught.value.code == Code.USAGE


ODD = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from("\0\\0\"'\x7f\u2028\u202e\ufeff\ufffe\U0001f600é\u0301ｶﾞ"),
    max_size=12,
)
"""Text with U+0000, backslashes, quotes, direction marks, non-characters and combining marks."""


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=ODD, location=ODD, expression=ODD, note=ODD)
def test_odd_text_comes_back(
    ledger: Ledger, make: Make, name: str, location: str, expression: str, note: str
) -> None:
    before = ledger.head()
    model = make.model("m").model_copy(update={"name": name})
    claim = make.claim(model).model_copy(update={"expression": expression})
    written = ledger.append(
        [
            NewEntry("model", model, {"location": location, "note": note}),
            NewEntry("claim", claim),
        ]
    )
    assert tuple(ledger.entries(after=before.seq)) == written
    assert ledger.find_model(name)[-1].model == model
    assert {found.model.name for found in ledger.find_model(name)} == {name}
    assert ledger.find_model(name)[-1].location == location
    assert ledger.claims_for(claim.identity)[-1] == claim
    assert verify(ledger).problems == ()


@given(ODD, ODD)
def test_storable_keeps_texts_apart(one: str, other: str) -> None:
    assert "\0" not in storable(one)
    assert (storable(one) == storable(other)) == (one == other)

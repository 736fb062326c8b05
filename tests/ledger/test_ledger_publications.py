"""Publications: whatever dies in between, nothing is sent twice and nothing half is called done."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.publications import (
    GRACE,
    abandon,
    carry_out,
    confirm,
    pending,
    prepare,
    publications,
    reconcile,
)
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, UsageError
from evoreg.provenance.records.publication import Publication
from tests.ledger.ledger_owner import owner, rehash
from tests.ledger.publication_place import NOON, Heap, Shelf, files_of, planned, start

PROGRAM = Path(__file__).with_name("publication_place.py")
STEPS = 8
"""Steps of a start that publishes two files."""

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands() -> Clock:
    return Clock()


@pytest.fixture
def released(url: str, make: Make, hands: Clock) -> Iterator[Ledger]:
    """A ledger with a release."""
    with open_ledger(url, actor="ann", clock=hands) as ledger:
        ledger.append(make.story())
        yield ledger


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    source = tmp_path / "release"
    source.mkdir()
    (source / "README.md").write_text("# merged")
    (source / "model.safetensors").write_bytes(bytes(range(256)))
    return Shelf(tmp_path / "place", source)


def run(url: str, shelf: Shelf, hours: int, kill: int) -> int:
    told = (url, str(shelf.source), str(shelf.place), str(hours), str(kill))
    return subprocess.run([sys.executable, str(PROGRAM), *told], check=False).returncode


def states(ledger: Ledger) -> list[str]:
    return [course.state for course in publications(ledger)]


def assert_published_once(ledger: Ledger, shelf: Shelf) -> None:
    assert shelf.commits() == ["0001"]
    assert files_of(shelf.place / "0001") == files_of(shelf.source)
    assert states(ledger).count("confirmed") == 1
    assert pending(ledger) == ()
    (done,) = (c.settled for c in publications(ledger) if c.state == "confirmed")
    assert done is not None
    assert done.publication.commit == "0001"
    assert verify(ledger).problems == ()


def test_from_the_first_step_to_the_last(released: Ledger, shelf: Shelf, hands: Clock) -> None:
    plan = planned(released, shelf)
    entry = prepare(released, plan)
    assert (entry.seq, entry.kind) == (8, "publication")
    (course,) = pending(released)
    assert (course.prepared.seq, course.prepared.by, course.settled) == (8, "ann", None)
    assert course.prepared.publication == plan
    hands.now += timedelta(minutes=1)
    assert carry_out(released, 8, shelf).seq == 9
    assert pending(released) == ()
    (course,) = publications(released)
    assert course.settled is not None
    assert course.settled.at == "2026-03-04T12:01:00Z"
    told = {"state": "confirmed", "prepared": 8, "commit": "0001"}
    assert course.settled.publication == plan.model_copy(update=told)
    assert_published_once(released, shelf)
    assert rebuild(released) == 9
    assert states(released) == ["confirmed"]


def test_nothing_leaves_the_machine_before_it_is_on_record(released: Ledger, shelf: Shelf) -> None:
    seen: list[tuple[str, int]] = []
    shelf.step = lambda name: seen.append((name, len(pending(released))))
    start(released, shelf, shelf.step)
    assert seen == [
        ("opened", 0),
        ("reconciled", 0),
        ("prepared", 1),
        ("before sending", 1),
        ("README.md is on its way", 1),
        ("model.safetensors is on its way", 1),
        ("arrived", 1),
        ("confirmed", 0),
    ]
    assert len(seen) == STEPS
    assert_published_once(released, shelf)


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_killed_between_two_steps(released: Ledger, url: str, shelf: Shelf, step: int) -> None:
    assert run(url, shelf, 0, step) == -9
    ended = ["", "", "prepared", "prepared", "prepared", "prepared", "prepared", "confirmed"][step]
    assert states(released) == [state for state in [ended] if state]
    assert shelf.commits() == (["0001"] if step >= 6 else [])
    with open_ledger(url, actor="bob", clock=lambda: NOON + 2 * GRACE) as later:
        start(later, shelf, lambda _: None)
    assert_published_once(released, shelf)
    assert states(released).count("abandoned") == int(2 <= step < 6)


def test_killed_again_and_again(released: Ledger, url: str, shelf: Shelf) -> None:
    codes = [run(url, shelf, 48 * start_, kill) for start_, kill in enumerate((2, 5, 6, 1, -1))]
    assert codes == [-9, -9, -9, -9, 0]
    assert_published_once(released, shelf)
    assert states(released) == ["confirmed", "abandoned", "abandoned"]


def test_whoever_may_still_be_at_it_is_left_alone(
    released: Ledger, shelf: Shelf, hands: Clock
) -> None:
    prepare(released, planned(released, shelf))
    hands.now += GRACE - timedelta(seconds=1)
    (left,) = reconcile(released, shelf)
    assert (left.prepared.seq, left.state) == (8, "prepared")
    assert "on its way" in left.why
    assert released.head().seq == 8
    hands.now += timedelta(seconds=1)
    (gone,) = reconcile(released, shelf)
    assert gone.state == "abandoned"
    assert reconcile(released, shelf) == ()
    assert states(released) == ["abandoned"]


def test_what_arrived_is_confirmed_at_once(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    prepare(released, plan)
    shelf.send(plan)
    (found,) = reconcile(released, shelf)
    assert (found.state, found.why) == ("confirmed", "found there at a later start")
    assert_published_once(released, shelf)


@dataclass
class Rival:
    """Another process starts just when a place was asked, or before or after it took everything."""

    ledger: Ledger
    shelf: Shelf
    when: str

    def start(self, when: str) -> None:
        if self.when == when:
            reconcile(self.ledger, self.shelf)

    def find(self, publication: Publication) -> str | None:
        found = self.shelf.find(publication)
        self.start("asked")
        return found

    def send(self, publication: Publication) -> str:
        self.start("before")
        commit = self.shelf.send(publication)
        self.start("after")
        return commit


def test_another_start_sees_it_arrive_first(released: Ledger, shelf: Shelf) -> None:
    prepare(released, planned(released, shelf))
    entry = carry_out(released, 8, Rival(released, shelf, "after"))
    assert (entry.seq, entry.kind) == (9, "publication")
    assert_published_once(released, shelf)


@pytest.mark.parametrize("sent", [True, False])
def test_two_starts_at_once(released: Ledger, shelf: Shelf, hands: Clock, sent: bool) -> None:
    plan = planned(released, shelf)
    prepare(released, plan)
    if sent:
        shelf.send(plan)
    hands.now += GRACE
    (told,) = reconcile(released, Rival(released, shelf, "asked"))
    assert told.state == ("confirmed" if sent else "abandoned")
    assert told.why == "another process told it meanwhile, in entry 9"
    assert released.head().seq == 9
    assert pending(released) == ()


def test_given_up_too_early_is_not_hidden(released: Ledger, shelf: Shelf, hands: Clock) -> None:
    plan = planned(released, shelf)
    prepare(released, plan)
    hands.now += GRACE
    with pytest.raises(InputError, match="settled since entry 9"):
        carry_out(released, 8, Rival(released, shelf, "before"))
    # It is out; whoever publishes again finds it there and says so.
    again = prepare(released, plan)
    carry_out(released, again.seq, shelf)
    assert_published_once(released, shelf)


def test_a_place_that_cannot_tell_leaves_it_open(
    released: Ledger, shelf: Shelf, hands: Clock
) -> None:
    class Dumb:
        def find(self, publication: Publication) -> str | None:
            raise InputError(Code.HUB_UNREACHABLE, "no answer", where=publication.target)

    class Down:
        def find(self, publication: Publication) -> str | None:
            raise ConnectionResetError(publication.target)

    prepare(released, planned(released, shelf))
    hands.now += 9 * GRACE
    for place in (Dumb(), Down()):
        (left,) = reconcile(released, place)
        assert left.state == "prepared"
        assert "shelf://place" in left.why
    assert len(pending(released)) == 1


def test_half_of_it_is_never_called_done(released: Ledger, shelf: Shelf, hands: Clock) -> None:
    def torn(name: str) -> None:
        if name == "README.md":
            raise InputError(Code.HUB_UNREACHABLE, "the line was cut")

    heap = Heap(shelf.place, shelf.source, torn)
    number = prepare(released, planned(released, heap)).seq
    with pytest.raises(InputError, match="cut"):
        carry_out(released, number, heap)
    hands.now += 9 * GRACE
    (left,) = reconcile(released, heap)
    assert left.state == "prepared"
    assert "1 of 2 files" in left.why
    with pytest.raises(EvoregError, match="1 of 2 files"):
        carry_out(released, number, heap)
    heap.step = lambda _: None
    heap.send(left.prepared.publication)  # somebody mends it by hand
    (found,) = reconcile(released, heap)
    assert found.state == "confirmed"


def test_a_place_that_moved_on_gets_nothing(released: Ledger, shelf: Shelf) -> None:
    number = prepare(released, planned(released, shelf)).seq
    (shelf.place / "0001").mkdir()
    with pytest.raises(InputError, match="quicker"):
        carry_out(released, number, shelf)
    assert len(pending(released)) == 1
    assert shelf.commits() == ["0001"]


def test_what_is_there_already_is_not_sent_again(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    number = prepare(released, plan).seq
    abandon(released, number, "too early")
    shelf.send(plan)
    again = prepare(released, plan).seq
    carry_out(released, again, shelf)
    assert_published_once(released, shelf)


def order(ledger: Ledger, act: Callable[[], object]) -> str:
    """Return why an act was refused; nothing may have been written."""
    before = ledger.head()
    with pytest.raises(InputError) as caught:
        act()
    assert caught.value.code is Code.LEDGER_ORDER
    assert ledger.head() == before
    return caught.value.problems[0].what


def test_steps_out_of_order_are_refused(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    for act in (
        lambda: confirm(released, 7, "c"),
        lambda: abandon(released, 8, "x"),
        lambda: carry_out(released, 1, shelf),
    ):
        assert "prepares no publication" in order(released, act)
    prepare(released, plan)
    twice = order(released, lambda: prepare(released, plan))
    assert twice == "this release is under way to this place since entry 8"
    other = plan.model_copy(update={"branch": "refs/pr/1"})
    assert order(released, lambda: prepare(released, other)) == twice
    confirm(released, 8, "c")
    for again in (
        lambda: confirm(released, 8, "c"),
        lambda: abandon(released, 8, "x"),
        lambda: carry_out(released, 8, shelf),
    ):
        assert "is settled" in order(released, again)
    assert "prepares no publication" in order(released, lambda: confirm(released, 9, "c"))
    assert verify(released).problems == ()


def test_one_release_may_go_to_two_places_and_again(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    elsewhere = plan.model_copy(update={"target": "shelf://\\other\0"})
    first, second = prepare(released, plan).seq, prepare(released, elsewhere).seq
    assert "since entry 9" in order(released, lambda: prepare(released, elsewhere))
    confirm(released, first, "c")
    abandon(released, second, "the place is gone")
    prepare(released, plan)
    assert states(released) == ["prepared", "abandoned", "confirmed"]
    older = publications(released, before=second)
    assert [course.prepared.seq for course in older] == [first]
    assert [course.prepared.seq for course in publications(released, limit=2)] == [12, second]


STEPPED: dict[str, dict[str, object]] = {
    "that was never prepared": {"prepared": 7},
    "was never prepared": {"prepared": None},
    "prepared something else": {"files": ()},
    "something else": {"target": "shelf://other"},
    "prepared something": {"before": "0009"},
    "entry 8 prepared": {"branch": "main"},
    "only if, it is confirmed": {"commit": None},
    "if, and only if": {"state": "abandoned"},
    "has no commit and no entry before": {"state": "prepared"},
}


@pytest.mark.parametrize("why", STEPPED)
def test_a_step_must_fit_the_first_one(released: Ledger, shelf: Shelf, why: str) -> None:
    plan = planned(released, shelf)
    prepare(released, plan)
    told = {"state": "confirmed", "prepared": 8, "commit": "c", **STEPPED[why]}
    step = plan.model_copy(update=told)
    assert why in order(released, lambda: released.append([NewEntry("publication", step)]))


def test_only_what_is_on_record_is_published(released: Ledger, shelf: Shelf) -> None:
    unknown = planned(released, shelf).model_copy(update={"release": digest_of(b"?")})
    assert "not on record" in order(released, lambda: prepare(released, unknown))


def test_both_steps_in_one_batch_keep_the_order(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    done = plan.model_copy(update={"state": "confirmed", "prepared": 8, "commit": "c"})
    first, last = NewEntry("publication", plan), NewEntry("publication", done)
    assert "never prepared" in order(released, lambda: released.append([last, first]))
    assert "since entry 8" in order(released, lambda: released.append([first, first]))
    assert "settled" in order(released, lambda: released.append([first, last, last]))
    released.append([first, last])
    assert states(released) == ["confirmed"]


def test_what_cannot_be_a_publication(released: Ledger, shelf: Shelf) -> None:
    plan = planned(released, shelf)
    for odd in (
        plan.model_copy(update={"state": "confirmed"}),
        plan.model_copy(update={"files": ()}),
        plan.model_copy(update={"files": plan.files * 2}),
    ):
        with pytest.raises(UsageError, match="different paths"):
            prepare(released, odd)
    backwards = plan.model_copy(update={"files": plan.files[::-1]})
    prepare(released, backwards)
    assert pending(released)[0].prepared.publication == plan
    with pytest.raises(UsageError, match="commit"):
        confirm(released, 8, " ")


def test_an_empty_ledger_has_no_publications(ledger: Ledger, shelf: Shelf) -> None:
    assert publications(ledger) == pending(ledger) == ()
    assert reconcile(ledger, shelf) == ()


def test_the_grace_is_counted_by_the_clock_of_the_ledger(
    released: Ledger, shelf: Shelf, hands: Clock
) -> None:
    prepare(released, planned(released, shelf))
    hands.now = datetime(2026, 3, 4, 11, tzinfo=UTC)  # the clock was set back
    assert [one.state for one in reconcile(released, shelf)] == ["prepared"]
    assert [one.state for one in reconcile(released, shelf, timedelta(hours=-2))] == ["abandoned"]


def test_a_time_that_is_none_ends_no_grace(
    released: Ledger, url: str, shelf: Shelf, hands: Clock
) -> None:
    entry = prepare(released, planned(released, shelf))
    with owner(url) as connection:
        rehash(connection, 8, {8: entry.body.replace('"at":"2026', '"at":"soon')})
    hands.now += 2 * GRACE
    assert [one.state for one in reconcile(released, shelf)] == ["prepared"]

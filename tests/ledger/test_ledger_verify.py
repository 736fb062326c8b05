"""`verify` by several processes, beside writers, after prunings, and against checkpoints."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from evoreg.provenance.ledger import search_tables, verify_share
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.tree import checkpoint_of
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.ledger.verify import VerificationReport, verify
from evoreg.provenance.ledger.verify_process import Task, carry_out, send_out
from evoreg.provenance.ledger.verify_range import BLOCK, Part, Span, check_span
from evoreg.provenance.ledger.verify_share import spans
from evoreg.provenance.proofs.checkpoint import Checkpoint
from evoreg.provenance.proofs.merkle import EMPTY_ROOT
from evoreg.provenance.records.pruning import Pruning
from tests.ledger.ledger_owner import owner, regrow, rehash, run
from tests.searches_made import Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

SHAPE = Shape(generations=2, population=2, failures=1)
FIRST = made_search(shape=SHAPE)
SECOND = made_search(run=1, seed=3, shape=SHAPE)
MANY = 600
Clock = Callable[[], datetime]


@pytest.fixture
def ticking() -> Clock:
    """A clock that goes on a second each time."""
    count = iter(range(60))
    return lambda: datetime(2026, 1, 1, 0, 0, next(count), tzinfo=UTC)


def texts(make: Make, first: int, count: int) -> list[NewEntry]:
    return [NewEntry("text", make.text(f"text {n}")) for n in range(first, first + count)]


@pytest.fixture
def long(ledger: Ledger, make: Make) -> Ledger:
    """A ledger with two complete subtrees and a rest."""
    ledger.append([*make.story(), *texts(make, 0, MANY - 7)])
    return ledger


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other processes would do is done in this one, which is quicker."""
    monkeypatch.setattr(verify_share, "send_out", carry_out)


def shared(ledger: Ledger, **others: Any) -> VerificationReport:
    """The report, which is the same in one piece as in several."""
    alone = verify(ledger, workers=1, **others)
    assert verify(ledger, workers=2, **others) == alone
    return alone


def words(report: VerificationReport) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for problem in report.problems]


@given(last=st.integers(0, 2_000_000), processes=st.integers(1, 64))
def test_spans_share_out_all_entries(last: int, processes: int) -> None:
    ranges = spans(last, processes)
    assert [span.after for span in ranges] == [0, *(s.through for s in ranges)][: len(ranges)]
    assert all(span.after % BLOCK == 0 for span in ranges)
    assert (ranges[-1].through if ranges else 0) == last
    assert all(s.through is not None and 0 < s.through - s.after <= 16_384 for s in ranges)


def test_whole_ledger(long: Ledger) -> None:
    report = shared(long)
    assert (report.entries, report.head, report.problems) == (MANY, long.head(), ())
    assert report.root == checkpoint_of(long).root


@pytest.mark.usefixtures("here")
def test_empty_ledger(ledger: Ledger) -> None:
    assert shared(ledger) == VerificationReport(0, Head(), EMPTY_ROOT, ())


def test_a_process_finds_what_this_one_finds(long: Ledger) -> None:
    ranges = [Span(0, 256), Span(512, MANY)]
    sent = send_out(Task(long.store.address, Head(), ranges))
    with long.store.reading() as connection:
        assert sent == [check_span(connection, span, Head()) for span in ranges]
    assert sent is not None
    assert [(part.before.seq, part.last.seq) for part in sent] == [(0, 256), (512, MANY)]
    assert [(len(part.blocks), len(part.leaves)) for part in sent] == [(1, 0), (0, MANY - 512)]


def test_a_process_that_fails_is_not_needed(long: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task("sqlite:////nowhere/at/all.db", Head(), [Span(0, 256)])
    assert send_out(task) is None
    before = verify(long)
    monkeypatch.setattr("sys.executable", "/nowhere/at/all")
    assert send_out(Task(long.store.address, Head(), [Span(0, 256)])) is None
    assert verify(long, workers=2) == before


CHANGES = {
    "UPDATE entries SET body = replace(body, 'ann', 'eve') WHERE seq = 257": "entry 257",
    "UPDATE entries SET kind = 'claim' WHERE seq = 256": "entry 256",
    f"UPDATE entries SET hash = 'sha256:{'f' * 64}' WHERE seq = 512": "entry 512",
    "DELETE FROM entries WHERE seq = 257": "entry 258",
    "DELETE FROM entries WHERE seq = 256": "entry 257",
    "UPDATE texts SET size = size + 1 WHERE seq = 300": "table texts",
    "DELETE FROM texts WHERE seq = 600": "table texts",
    "UPDATE tree_nodes SET hash = 'x' WHERE position = 1": "table tree_nodes",
    "UPDATE head SET tree = ''": "head",
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_found_in_any_range(long: Ledger, url: str, change: str) -> None:
    with owner(url) as connection:
        run(connection, change)
    assert CHANGES[change] in [where for where, _ in words(shared(long))]


@pytest.mark.usefixtures("here")
def test_anchor_in_any_range(long: Ledger) -> None:
    for seq in (1, 256, 257, MANY):
        entry = next(long.entries(after=seq - 1))
        assert shared(long, anchor=Head(seq, entry.hash)).problems == ()
        ((where, what),) = words(shared(long, anchor=Head(seq, "sha256:" + "0" * 64)))
        assert (where, "differs from the anchor" in what) == (f"entry {seq}", True)
    what = f"the tail was cut off: the anchor is at {MANY + 1}"
    assert words(shared(long, anchor=Head(MANY + 1, "x"))) == [(f"entry {MANY}", what)]


def test_entries_that_come_meanwhile(
    long: Ledger, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range is looked at only after others have written, and pruned."""
    for batch in FIRST.batches():
        long.append(batch)
    last = long.head()
    alone = Lock()

    def late(task: Task) -> list[Part]:
        with alone:
            if long.head() == last:
                long.append([prune(FIRST.search.id, last.seq), *texts(make, MANY, 300)])
        return carry_out(task)

    monkeypatch.setattr(verify_share, "send_out", late)
    report = verify(long, workers=2)
    assert (report.entries, report.head, report.problems) == (last.seq, last, ())
    assert long.head().seq == last.seq + 301
    monkeypatch.undo()
    assert verify(long).problems == ()


def prune(search: str | None, through: int) -> NewEntry:
    return NewEntry(
        "pruning", Pruning(what="item-scores", search=search, through=through, why="a test")
    )


def kept_scores(ledger: Ledger) -> set[int]:
    with ledger.store.reading() as connection:
        return set(connection.execute(select(search_tables.item_scores.c.seq)).scalars())


@pytest.fixture
def scored(ledger: Ledger) -> Ledger:
    """A ledger with two searches."""
    for made in (FIRST, SECOND):
        for batch in made.batches():
            ledger.append(batch)
    return ledger


def test_pruned_rows_are_gone_and_stay_so(scored: Ledger) -> None:
    before = kept_scores(scored)
    second = scored.searches()[1].seq
    scored.append([prune(FIRST.search.id, scored.head().seq)])
    assert kept_scores(scored) == {seq for seq in before if seq > second}
    assert len(kept_scores(scored)) == len(before) / 2
    assert verify(scored).problems == ()
    scored.append([prune(None, max(before) - 1)])
    assert kept_scores(scored) == {max(before)}
    assert verify(scored).problems == ()
    rebuild(scored)
    assert (kept_scores(scored), verify(scored).problems) == ({max(before)}, ())


def test_a_pruning_does_not_reach_beyond_its_own_entry(ledger: Ledger) -> None:
    ledger.append([prune(None, 10_000)])
    batches = list(FIRST.batches())
    ledger.append([*batches[0], prune(None, 10_000), *batches[1]])
    for batch in batches[2:]:
        ledger.append(batch)
    found = kept_scores(ledger)
    assert found
    assert min(found) > len(batches[0]) + 1
    assert verify(ledger).problems == ()
    rebuild(ledger)
    assert (kept_scores(ledger), verify(ledger).problems) == (found, ())


def test_rows_that_should_be_pruned_or_kept(scored: Ledger, url: str) -> None:
    some = min(kept_scores(scored))
    scored.append([prune(FIRST.search.id, scored.head().seq)])
    with owner(url) as connection:
        run(connection, f"INSERT INTO item_scores VALUES ({some}, 0, '[]', '[]')")
    assert [where for where, _ in words(verify(scored))] == ["table item_scores"]
    with owner(url) as connection:
        run(connection, "DELETE FROM item_scores")
    assert [where for where, _ in words(verify(scored))] == ["table item_scores"]
    rebuild(scored)
    assert verify(scored).problems == ()


def test_rebuild_is_the_same_as_growth(long: Ledger, url: str) -> None:
    with long.store.reading() as connection:
        before = content(connection)
    with owner(url) as connection:
        run(connection, "DELETE FROM tree_nodes", "UPDATE head SET tree = ''", "DELETE FROM texts")
    assert rebuild(long) == MANY
    with long.store.reading() as connection:
        assert content(connection) == before


def content(connection: Connection) -> list[object]:
    queries = ("tree_nodes ORDER BY level, position", "head", "texts ORDER BY seq")
    return [connection.execute(text(f"SELECT * FROM {query}")).all() for query in queries]


# What only a checkpoint shows.


def set_back(connection: Connection, last: int) -> None:
    """Cut the tail and make everything agree with that."""
    run(
        connection,
        f"DELETE FROM releases WHERE seq > {last}",
        f"DELETE FROM entries WHERE seq > {last}",
        f"UPDATE head SET seq = {last}, hash = (SELECT hash FROM entries WHERE seq = {last})",
    )
    regrow(connection)


@pytest.mark.usefixtures("here")
def test_checkpoints_that_hold(told: Ledger, make: Make) -> None:
    early = [checkpoint_of(told, size) for size in (1, 4, 7)]
    told.append(texts(make, 0, 300))
    report = shared(told, checkpoints=[*early, checkpoint_of(told)])
    assert (report.problems, report.root) == ((), checkpoint_of(told).root)


def test_cut_tail_with_everything_set_back(told: Ledger, url: str) -> None:
    early, late = checkpoint_of(told, 5), checkpoint_of(told)
    with owner(url) as connection:
        set_back(connection, 6)
    assert verify(told, checkpoints=[early]).problems == ()
    ((where, what),) = words(verify(told, checkpoints=[early, late]))
    assert where == "checkpoint of 7 entries"
    assert "ends at entry 6: the tail was cut off, or an older backup was restored" in what


def test_rewritten_history(told: Ledger, url: str) -> None:
    early, late = checkpoint_of(told, 2), checkpoint_of(told)
    body = next(told.entries(after=2)).body.replace('"by":"ann"', '"by":"eve"')
    with owner(url) as connection:
        rehash(connection, 3, {3: body})
    assert verify(told, checkpoints=[early]).problems == ()
    ((where, what),) = words(verify(told, checkpoints=[early, late]))
    assert where == "checkpoint of 7 entries"
    assert "history was rewritten" in what


def test_restored_backup_and_swapped_database(tmp_path: Path, make: Make, ticking: Clock) -> None:
    backup, other = tmp_path / "backup.db", tmp_path / "other.db"
    file = tmp_path / "ledger.db"
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=ticking) as ledger:
        ledger.append(make.story())
    shutil.copyfile(file, backup)
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=ticking) as ledger:
        ledger.append(texts(make, 0, 5))
        kept = checkpoint_of(ledger)
    shutil.copyfile(backup, file)
    with open_ledger(f"sqlite:///{file}", actor="ann", clock=ticking) as ledger:
        ((_, what),) = words(verify(ledger, checkpoints=[kept]))
        assert "an older backup was restored" in what
        ledger.append(texts(make, 5, 5))  # as long as before, with another history
        ((_, what),) = words(verify(ledger, checkpoints=[kept]))
        assert "history was rewritten" in what
    with open_ledger(f"sqlite:///{other}", actor="ann", clock=ticking) as ledger:
        ledger.append([*texts(make, 9, 9), *make.story()])
        ((_, what),) = words(verify(ledger, checkpoints=[kept]))
        assert "of another ledger" in what


def test_two_checkpoints_that_contradict_each_other(told: Ledger) -> None:
    right = checkpoint_of(told)
    wrong = Checkpoint(right.origin, right.size, bytes(32))
    found = words(verify(told, checkpoints=[right, wrong]))
    assert [where for where, _ in found] == ["checkpoint of 7 entries"] * 2
    assert "two histories were shown" in found[0][1]
    assert "history was rewritten" in found[1][1]


def test_every_number_may_stand_beside_a_record(ledger: Ledger, make: Make) -> None:
    numbers = [1e20, 2.0**53, 1e16, 1e21, 1.0, -0.0, 1e-7, 0.1, 2**53 - 1, None]
    ledger.append([NewEntry("model", make.model("org/m"), {"n": one}) for one in numbers])
    ledger.append([NewEntry("model", make.model("org/m"), {"n": numbers})])
    assert verify(ledger).problems == ()

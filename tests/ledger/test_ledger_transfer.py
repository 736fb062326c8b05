"""A ledger is carried elsewhere, and is the same there; what was cut or changed is not let in."""

import io
import json
import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from evoreg.provenance.ledger import tables, transfer_lines
from evoreg.provenance.ledger.chain import read_frontier
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.search_tables import item_scores
from evoreg.provenance.ledger.transfer import copy_entries, export_entries, import_entries
from evoreg.provenance.ledger.transfer_lines import entry_line, first_line, last_line
from evoreg.provenance.ledger.triggers import install_triggers
from evoreg.provenance.ledger.values import Head, NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.proofs.merkle import EMPTY_ROOT, Frontier, leaf_hash
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, Entry, EntryKind, entry_hash
from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    UsageError,
    VerificationError,
)
from evoreg.provenance.records.pruning import Pruning
from tests.searches_made import made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any
Clock = Callable[[], datetime]
Opened = Callable[..., Ledger]

UNFIT = [HealthCheck.function_scoped_fixture]


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Opened]:
    """Opens ledgers in files of their own, or at an address, and closes them."""
    all_: list[Ledger] = []
    numbers = count()

    def opening(url: str | None = None, **how: bool) -> Ledger:
        address = url or f"sqlite:///{tmp_path}/{next(numbers)}.db"
        all_.append(open_ledger(address, actor="ann", clock=clock, **how))
        return all_[-1]

    yield opening
    for ledger in all_:
        ledger.close()


@pytest.fixture
def full(ledger: Ledger, make: Make) -> Ledger:
    """A ledger with entries of most kinds, texts that databases do not like among them."""
    for batch in (make.story(), make.lineage(), *made_search().batches()):
        ledger.append(batch)
    odd: dict[str, Json] = {
        "location": "a\0b\\\u202e\U0001f600",
        "note": [1.5, None, 1e21],
        "size": 1e-7,
    }
    ledger.append([NewEntry("model", make.model("org/odd"), odd)])
    return ledger


def exported(ledger: Ledger) -> bytes:
    stream = io.BytesIO()
    export_entries(ledger, stream)
    return stream.getvalue()


def story_file(folder: Path, make: Make, clock: Clock) -> bytes:
    with open_ledger(f"sqlite:///{folder}/story.db", actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        return exported(ledger)


def file_of(entries: Iterable[Entry]) -> bytes:
    """A file as anybody could write it, with a tree that fits."""
    told, frontier = [*entries], Frontier()
    frontier.extend(leaf_hash(entry.hash) for entry in told)
    lines = [first_line(told[0] if told else None), *map(entry_line, told), last_line(frontier)]
    return b"".join(lines)


def chained(*bodies: tuple[EntryKind, str]) -> list[Entry]:
    """Entries whose hashes fit, whatever their bodies say."""
    made: list[Entry] = []
    for seq, (kind, body) in enumerate(bodies, start=1):
        prev = made[-1].hash if made else GENESIS
        digest = entry_hash(seq, prev, kind, body)
        made.append(Entry(seq=seq, prev=prev, kind=kind, body=body, hash=digest))
    return made


def test_what_a_file_says(full: Ledger) -> None:
    stream = io.BytesIO()
    done = export_entries(full, stream)
    first, *lines, last = stream.getvalue().splitlines(keepends=True)
    entries = [*full.entries()]
    origin = f"evoreg.ledger/{entries[0].hash[7:39]}"
    assert json.loads(first) == {"form": "evoreg/ledger-entries/1", "origin": origin}
    assert lines == [entry.canonical() + b"\n" for entry in entries]
    with full.store.reading() as connection:
        root = read_frontier(connection).root()
    ending = json.loads(last)
    assert (ending["size"], b64decode(ending["root"])) == (len(entries), root)
    assert (done.head, done.root, done.added) == (full.head(), root, len(entries))


def test_from_a_file_to_a_server_and_back(full: Ledger, opened: Opened, postgres_url: str) -> None:
    told = exported(full)
    server = opened(postgres_url)
    if server.store.name != full.store.name:
        done = import_entries(server, io.BytesIO(told))
        assert (done.head, done.added) == (full.head(), full.head().seq)
        assert verify(server).problems == ()
        assert exported(server) == told
    back = opened()
    done = copy_entries(full, back)
    assert (done.head, done.added) == (full.head(), full.head().seq)
    assert verify(back).problems == ()
    assert exported(back) == told
    assert [*back.models()] == [*full.models()]
    assert [*back.searches()] == [*full.searches()]


def test_importing_into_each_database(
    url: str, tmp_path: Path, make: Make, clock: Clock, opened: Opened
) -> None:
    told = story_file(tmp_path, make, clock)
    target = opened(url)
    assert import_entries(target, io.BytesIO(told)).added == 7
    assert verify(target).problems == ()
    target.append(make.lineage())
    assert verify(target).problems == ()
    assert exported(target).startswith(told[: told.rindex(b'{"root"')])


def test_empty_ledgers(opened: Opened) -> None:
    source, target = opened(), opened()
    told = exported(source)
    assert told.count(b"\n") == 2
    done = import_entries(target, io.BytesIO(told))
    assert (done.head, done.root, done.added) == (Head(), EMPTY_ROOT, 0)
    assert copy_entries(source, target).added == 0
    assert verify(target).problems == ()
    with pytest.raises(VerificationError, match="there is no entry"):
        import_entries(target, io.BytesIO(told.replace(b'"origin":"', b'"origin":"a')))


@pytest.mark.parametrize("sizes", [(1, 300), (255, 256), (256, 257), (300, 800)])
def test_going_on_where_the_ledger_ends(opened: Opened, make: Make, sizes: tuple[int, int]) -> None:
    """The tree is kept in pieces of 256 entries: the seam may lie anywhere."""
    source, target = opened(), opened()
    claim = NewEntry("claim", make.claim(make.model("ann")))
    source.append([claim] * sizes[0])
    assert import_entries(target, io.BytesIO(exported(source))).added == sizes[0]
    source.append([claim] * (sizes[1] - sizes[0]))
    told = exported(source)
    assert import_entries(target, io.BytesIO(told)).added == sizes[1] - sizes[0]
    assert verify(target).problems == ()
    assert exported(target) == told
    assert import_entries(target, io.BytesIO(told)).added == 0
    assert copy_entries(source, target).added == 0
    source.append([claim])
    assert copy_entries(source, target).added == 1
    assert verify(target).problems == ()


def test_pruned_rows_do_not_come_back(full: Ledger, opened: Opened) -> None:
    last = full.head().seq
    full.append(
        [NewEntry("pruning", Pruning(what="item-scores", search=None, through=last, why=""))]
    )
    full.append([NewEntry("search", made_search("next").search)])
    target = opened()
    copy_entries(full, target)
    assert verify(target).problems == ()
    with target.store.reading() as connection:
        assert connection.execute(select(item_scores)).all() == []


def test_what_holds_other_entries_is_refused(
    full: Ledger, opened: Opened, make: Make, tmp_path: Path, clock: Clock
) -> None:
    story = story_file(tmp_path, make, clock)
    stranger = opened()
    stranger.append([NewEntry("claim", make.claim(make.model("eve")))])
    parted = opened()
    import_entries(parted, io.BytesIO(story))
    parted.append([NewEntry("model", make.model("eve"))])
    for target, entry in ((stranger, "entry 1"), (parted, "entry 8")):
        before = exported(target)
        with pytest.raises(InputError) as caught:
            copy_entries(full, target)
        with pytest.raises(InputError) as again:
            import_entries(target, io.BytesIO(exported(full)))
        assert caught.value.problems == again.value.problems
        assert caught.value.code == Code.LEDGER_OTHER
        assert caught.value.problems[0].what == f"the ledger has another {entry}"
        assert exported(target) == before
    before = exported(full)
    with pytest.raises(InputError) as caught:
        import_entries(full, io.BytesIO(story))
    assert caught.value.code == Code.LEDGER_OTHER
    assert "only to 7" in caught.value.problems[0].what
    assert exported(full) == before


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, make: Make) -> bytes:
    """The file of a ledger with seven entries."""
    noon = datetime.fromisoformat("2026-03-04T12:00:00+00:00")
    return story_file(tmp_path_factory.mktemp("story"), make, lambda: noon)


@pytest.fixture
def empty(opened: Opened) -> Ledger:
    """An empty ledger in a file."""
    return opened()


def assert_refused(empty: Ledger, told: bytes, *, at: str = "") -> EvoregError:
    """Nothing of a broken file is kept, whatever is wrong with it."""
    with pytest.raises((VerificationError, InputError)) as caught:
        import_entries(empty, io.BytesIO(told))
    assert empty.head() == Head()
    problem = caught.value.problems[0]
    assert problem.where.startswith(("line ", "entry "))
    assert problem.hint
    assert at in problem.where
    return caught.value


@settings(max_examples=80, deadline=None, suppress_health_check=UNFIT)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.0, bit=0)
@example(place=0.99999, bit=1)
def test_a_changed_byte_shows(empty: Ledger, story: bytes, place: float, bit: int) -> None:
    at = int(place * len(story))
    told = story[:at] + bytes([story[at] ^ (1 << bit)]) + story[at + 1 :]
    assert_refused(empty, told)


@settings(max_examples=30, deadline=None, suppress_health_check=UNFIT)
@given(place=st.floats(0, 1, exclude_max=True))
@example(place=0.99999)
def test_a_cut_file_shows(empty: Ledger, story: bytes, place: float) -> None:
    assert_refused(empty, story[: int(place * len(story))])


def test_each_line_missing_doubled_or_out_of_order_shows(empty: Ledger, story: bytes) -> None:
    lines = story.splitlines(keepends=True)
    for at in range(len(lines)):
        assert_refused(empty, b"".join([*lines[:at], *lines[at + 1 :]]))
        assert_refused(empty, b"".join([*lines[: at + 1], *lines[at:]]))
        if at:
            moved = [*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]]
            assert_refused(empty, b"".join(moved))
    for end in range(1, len(lines)):
        shown = assert_refused(empty, b"".join(lines[:end]))
        assert f"cut off behind entry {end - 1}" in shown.problems[0].what


@pytest.mark.parametrize("more", [b"\n", b"{}\n", b"\0", b'{"root":"","size":7}\n'])
def test_nothing_may_follow(empty: Ledger, story: bytes, more: bytes) -> None:
    assert "follows the last line" in str(assert_refused(empty, story + more, at="line 10"))


def test_a_shorter_history_with_a_fitting_end_is_another_file(
    empty: Ledger, story: bytes, opened: Opened
) -> None:
    """Cut and ended anew it is whole in itself: only a checkpoint, or who holds more, can tell."""
    whole = opened()
    import_entries(whole, io.BytesIO(story))
    short = file_of([*whole.entries(limit=5)])
    with pytest.raises(InputError, match="reaches to entry 7"):
        import_entries(whole, io.BytesIO(short))
    assert import_entries(empty, io.BytesIO(short)).head.seq == 5


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (b"", "this is no export of a ledger"),
        (b"\x00\xff\xfe" * 100, "this is no export of a ledger"),
        (b"SQLite format 3\0" + bytes(500), "this is no export of a ledger"),
        (b'{"form":"other"}\n', "this is no export of a ledger"),
        (b'{"form":1}\n', "this is no export of a ledger"),
        (b"[" * 100_000, "this is no export of a ledger"),
        (b'{"form":"evoreg/ledger-entries/2","origin":""}\n', "the file has the form"),
    ],
)
def test_what_is_no_export(empty: Ledger, told: bytes, what: str) -> None:
    refused = assert_refused(empty, told, at="line 1")
    assert isinstance(refused, InputError)
    assert what in refused.problems[0].what


CLAIM = '"at":"2026-03-04T12:00:00Z","by":"eve"'


def claim_body(make: Make, **changes: str) -> str:
    record = json.dumps(
        make.claim(make.model("ann")).to_json(), sort_keys=True, separators=(",", ":")
    )
    for old, new in changes.items():
        record = record.replace(f'"{old}":', f'"{new}":')
    return f'{{{CLAIM},"record":{record},"schema":"evoreg/claim/1"}}'


def test_bodies_are_read_and_spelt_again(empty: Ledger, make: Make) -> None:
    """Hashes, chain and root fit: whoever wrote the file hashed what he liked."""
    good = claim_body(make)
    assert import_entries(empty, io.BytesIO(file_of(chained(("claim", good))))).added == 1
    spoilt: list[tuple[str, tuple[EntryKind, str]]] = [
        ("canonical form", ("claim", good + " ")),
        ("canonical form", ("claim", good.replace(",", ", ", 1))),
        ("canonical form", ("claim", claim_body(make, expression="impression"))),
        ("not JSON", ("claim", "nonsense")),
        ("does not hold a model", ("model", good)),
        ("does not hold a claim", ("claim", claim_body(make, by="bz"))),
        ("schema", ("claim", good.replace("claim/1", "claim/2"))),
        ("leaves out", ("claim", good.replace('"evidence":null,', ""))),
    ]
    for what, body in spoilt:
        assert body != ("claim", good)
        told = file_of([*empty.entries(), *chained(("claim", good), body)[1:]])
        with pytest.raises(EvoregError) as caught:
            import_entries(empty, io.BytesIO(told))
        assert empty.head().seq == 1
        problem = caught.value.problems[0]
        assert (problem.where, what in problem.what) == ("entry 2", True), problem.what


def test_deep_and_long_lines(
    empty: Ledger, story: bytes, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = claim_body(make).replace('"by"', f'"bx":{"[" * 50_000}{"]" * 50_000},"by"')
    assert_refused(empty, file_of(chained(("claim", deep))), at="entry 1")
    lines = story.splitlines(keepends=True)
    assert_refused(empty, lines[0] + b'{"body":"\\ud800"' + lines[1][9:], at="line 2")
    assert_refused(empty, lines[0] + b"\xff" + lines[1], at="line 2")
    longest = max(map(len, lines))
    monkeypatch.setattr(transfer_lines, "LONGEST", longest - 1)
    assert "longer than" in str(assert_refused(empty, story))
    monkeypatch.setattr(transfer_lines, "LONGEST", longest)
    assert import_entries(empty, io.BytesIO(story)).added == 7
    monkeypatch.setattr(transfer_lines, "LONGEST", longest - 1)
    with pytest.raises(InputError, match="fits no line"):
        export_entries(empty, io.BytesIO())


@pytest.mark.parametrize("number", [2**63, 2**64, 10**30])
def test_a_number_that_no_entry_has(empty: Ledger, story: bytes, number: int) -> None:
    told = story.replace(b'"seq":1}', b'"seq":%d}' % number)
    assert told != story
    assert assert_refused(empty, told).code == Code.LEDGER_BROKEN


@pytest.mark.parametrize("count", [1, 20])
def test_numbers_that_no_column_holds(ledger: Ledger, count: int) -> None:
    # The canonical spelling of a float, which a record reads as a whole number.
    record = f'{{"search":null,"through":{10**20},"what":"item-scores","why":""}}'
    body = f'{{"at":"x","by":"x","record":{record},"schema":"evoreg/pruning/1"}}'
    bodies: list[tuple[EntryKind, str]] = [("pruning", body)] * count
    told = file_of(chained(*bodies))
    with pytest.raises(EvoregError):
        import_entries(ledger, io.BytesIO(told))
    assert ledger.head() == Head()


def test_a_kind_of_a_newer_evoreg(empty: Ledger, story: bytes) -> None:
    told = story.replace(b'"kind":"decision"', b'"kind":"blessing"')
    refused = assert_refused(empty, told, at="line 6")
    assert refused.code == Code.LEDGER_VERSION


CHANGES = {
    "body": "UPDATE entries SET body = replace(body, 'org/bob', 'org/eve') WHERE seq = 2",
    "order": f"UPDATE entries SET prev = '{digest_of(b'y')}' WHERE seq = 3",
    "head": f"UPDATE head SET hash = '{digest_of(b'x')}'",
    "tree": f"UPDATE head SET tree = '{'00' * 96}'",
    "no tree": "UPDATE head SET tree = ''",
    "tail": "UPDATE head SET seq = 6",
    "beyond": "UPDATE head SET seq = 8",
}


def tamper(ledger: Ledger, statement: str) -> None:
    """What somebody with full rights may do."""
    with ledger.store.writing() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER entries_no_update"))
        else:
            connection.execute(text("DROP TRIGGER entries_append_only ON entries"))
        connection.execute(text(statement))
        install_triggers(connection)


@pytest.mark.parametrize("change", CHANGES)
def test_broken_books_are_not_carried_on(told: Ledger, opened: Opened, change: str) -> None:
    tamper(told, CHANGES[change])
    stream = io.BytesIO()
    with pytest.raises(VerificationError) as caught:
        export_entries(told, stream)
    assert caught.value.code == Code.LEDGER_BROKEN
    assert b'{"root":' not in stream.getvalue()
    target = opened()
    with pytest.raises(VerificationError):
        copy_entries(told, target)
    assert target.head() == Head()


@pytest.mark.parametrize("change", ["head", "tree", "no tree", "tail", "beyond"])
def test_nothing_is_added_to_broken_books(
    told: Ledger, opened: Opened, make: Make, change: str
) -> None:
    source = opened()
    copy_entries(told, source)
    source.append(make.lineage())
    tamper(told, CHANGES[change])
    with pytest.raises(VerificationError):
        copy_entries(source, told)
    with told.store.reading() as connection:
        assert len(connection.execute(select(tables.entries.c.seq)).all()) == 7


def test_missing_triggers_stop_it(full: Ledger, opened: Opened) -> None:
    target = opened()
    with target.store.writing() as connection:
        connection.execute(text("DROP TRIGGER entries_no_delete"))
    with pytest.raises(VerificationError, match="entries_no_delete"):
        copy_entries(full, target)


def test_reading_is_enough_to_export(told: Ledger, url: str, opened: Opened, story: bytes) -> None:
    reader = opened(url, read_only=True)
    assert exported(reader) == story
    target = opened()
    assert copy_entries(reader, target).added == 7
    with pytest.raises((InputError, UsageError)):
        import_entries(reader, io.BytesIO(story))


class Watched(io.BytesIO):
    """A stream that does something at every line."""

    def __init__(self, todo: Callable[[int], object], content: bytes = b"") -> None:
        super().__init__(content)
        self.todo = todo
        self.lines = 0

    def write(self, data: Any) -> int:
        self.lines += 1
        self.todo(self.lines)
        return super().write(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        self.lines += 1
        self.todo(self.lines)
        return super().readline(size)


def test_writers_go_on_meanwhile(full: Ledger, make: Make, opened: Opened) -> None:
    before = exported(full)
    claim = NewEntry("claim", make.claim(make.model("ann")))
    stream = Watched(lambda _line: full.append([claim]))
    done = export_entries(full, stream)
    assert stream.getvalue() == before
    assert full.head().seq == done.head.seq + stream.lines
    target = opened()
    assert import_entries(target, io.BytesIO(before)).head == done.head


@pytest.mark.parametrize("line", [1, 3, 9])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_import_leaves_nothing(
    url: str, opened: Opened, story: bytes, line: int, error: type[BaseException]
) -> None:
    def stop(number: int) -> None:
        if number == line:
            raise error

    target = opened(url)
    with pytest.raises(error):
        import_entries(target, Watched(stop, story))
    assert target.head() == Head()
    assert verify(target).problems == ()
    assert import_entries(target, io.BytesIO(story)).added == 7


PROGRAM = """
import sys
from datetime import UTC, datetime
from evoreg.provenance.ledger import transfer
from evoreg.provenance.ledger.opening import open_ledger
transfer._PAGE = 2
with open_ledger(sys.argv[1], actor="ann", clock=lambda: datetime.now(UTC)) as ledger:
    transfer.import_entries(ledger, sys.stdin.buffer)
"""


def test_killed_import_leaves_nothing(url: str, opened: Opened, story: bytes, clock: Clock) -> None:
    """The pipe holds the file up behind its sixth entry: rows are written, and nothing is kept."""
    target = opened(url)
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, url], stdin=reader)
        os.close(reader)
        pipe.write(b"".join(story.splitlines(keepends=True)[:7]))
        pipe.flush()
        wait_for_lock(url, clock)
        child.kill()
        assert child.wait() == -signal.SIGKILL
    assert target.head() == Head()
    assert verify(target).problems == ()
    assert import_entries(target, io.BytesIO(story)).added == 7
    assert verify(target).problems == ()


def wait_for_lock(url: str, clock: Clock) -> None:
    """Return when another process holds the lock of the writers."""
    with open_ledger(url, actor="x", clock=clock, patience=0.01) as other:
        for _ in range(1000):
            try:
                with other.store.writing() as connection:
                    connection.execute(select(tables.head).with_for_update())
            except InputError as error:
                if error.code == Code.LEDGER_BUSY:
                    return
                raise
            sleep(0.01)
    pytest.fail("the other process never began")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\0\x7f\u2028"\\/é'))


@given(TEXTS, st.integers(1, 2**53 - 1))
def test_lines_are_canonical(body: str, seq: int) -> None:
    entry = Entry(seq=seq, prev=GENESIS, kind="text", body=body, hash=digest_of(b""))
    assert entry_line(entry) == entry.canonical() + b"\n"

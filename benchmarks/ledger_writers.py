"""Processes that append to one ledger as fast as they can, and the look at what they left.

Each writer carries on a search of its own. Its candidates are made before it begins, and get a
generation and an id of their own when they are written. The peer writes the very same rows into
the same tables through plain SQLAlchemy, without chain, checks and triggers.
"""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Engine, Table, create_engine, event, insert, make_url, text

from benchmarks.ledger_candidates import MadeSearch
from benchmarks.ledger_made import AT
from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.projection import rows_of
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.evaluation import Evaluation, Generation

_PATIENCE = 300.0
_LEAD = 8.0
"""Seconds that all processes have to get ready."""


@dataclass(frozen=True)
class Work:
    """What a writer shall do."""

    url: str
    """Address of the database."""
    writer: int
    """Its number."""
    start: float
    """When to begin, in seconds since 1970."""
    seconds: float
    """How long."""
    size: int
    """Candidates in a transaction; with one, generations are not closed."""


@dataclass(frozen=True)
class Done:
    """What a writer has done."""

    search: Digest
    """Its search."""
    places: tuple[tuple[int, int, int], ...]
    """Number of the first entry, first place and size of each acknowledged transaction."""
    seconds: float
    """From the common start to its last acknowledgement."""
    slowest: float
    """The longest transaction, in seconds."""

    @property
    def candidates(self) -> int:
        """How many were acknowledged."""
        return sum(size for _, _, size in self.places)


def run(
    work: Callable[[Work], Done], url: str, writers: int, seconds: float, size: int
) -> list[Done]:
    """Let some processes write at the same time.

    Args:
        work: What each does.
        url: Address of the database, which holds its tables.
        writers: How many.
        seconds: How long.
        size: Candidates in a transaction.

    Returns:
        What each has done.
    """
    start = time.time() + _LEAD
    jobs = [Work(url, number, start, seconds, size) for number in range(writers)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(writers, mp_context=spawn) as pool:
        return list(pool.map(work, jobs))


def append(work: Work) -> Done:
    """Append to a ledger."""
    made = _Candidates(work)
    with open_ledger(work.url, actor=made.name, clock=lambda: AT, patience=_PATIENCE) as ledger:
        ledger.append(made.search.begin())
        return _timed(work, made, lambda news: ledger.append(news)[0].seq)


def insert_plainly(work: Work) -> Done:
    """Insert the same rows through SQLAlchemy, each writer with numbers of its own."""
    made = _Candidates(work)
    engine = _plain_engine(work.url)
    numbers = iter(range(work.writer * 10**8 + 1, 10**12))

    def write(news: Sequence[NewEntry]) -> int:
        rows: dict[Table, list[dict[str, object]]] = {}
        first = None
        for new in news:
            seq = next(numbers)
            first = seq if first is None else first
            for table, row in _plain_rows(seq, new):
                names = [column.name for column in table.columns]
                rows.setdefault(table, []).append(dict(zip(names, row, strict=True)))
        with engine.begin() as connection:
            for table, found in rows.items():
                connection.execute(insert(table), found)
        return first or 0

    try:
        write(made.search.begin())
        return _timed(work, made, write)
    finally:
        engine.dispose()


def make_plain_tables(url: str) -> None:
    """Make the same tables and indexes, but no triggers."""
    engine = _plain_engine(url)
    with engine.begin() as connection:
        tables.entries.metadata.create_all(connection)
    engine.dispose()


def faults(url: str, done: Sequence[Done]) -> list[str]:
    """Look for forks, losses, duplicates and disorder in what writers left in a ledger.

    Args:
        url: Address of the ledger.
        done: What the writers have done.

    Returns:
        One sentence for each kind of fault; nothing is good.
    """
    engine = create_engine(_driver(url))
    with engine.connect() as connection:
        counts = connection.execute(text(_COUNTS)).one()
        found = {what: number for what, number in zip(_FAULTS, counts, strict=True) if number}
        told = [f"{number} {what}" for what, number in found.items()]
        for each in done:
            rows = connection.execute(text(_COURSE), {"search": each.search}).all()
            if [tuple(row) for row in rows] != list(_expected(each)):
                told.append(f"search {each.search[:15]} is not as its writer left it")
    engine.dispose()
    return told


_FAULTS = ("numbers missing", "entries with the same predecessor", "links broken", "heads wrong")
_COUNTS = """
SELECT (SELECT max(seq) - count(*) FROM entries),
 (SELECT count(*) - count(DISTINCT prev) FROM entries),
 (SELECT count(*) FROM entries a JOIN entries b ON b.seq = a.seq + 1 WHERE b.prev <> a.hash),
 (SELECT count(*) FROM head WHERE seq <> (SELECT max(seq) FROM entries))
"""
_COURSE = "SELECT seq, generation, place FROM evaluations WHERE search = :search ORDER BY seq"


def _expected(done: Done) -> Iterator[tuple[int, int, int]]:
    for generation, (seq, place, size) in enumerate(done.places):
        for step in range(size):
            yield seq + step, 0 if size == 1 else generation, place + step


def _timed(work: Work, made: "_Candidates", write: Callable[[Sequence[NewEntry]], int]) -> Done:
    time.sleep(max(0.0, work.start - time.time()))
    begun = time.perf_counter()
    places: list[tuple[int, int, int]] = []
    now, slowest = begun, 0.0
    while now - begun < work.seconds:
        place = len(places) if work.size == 1 else 0
        seq = write(made.batch(len(places)))
        places.append((seq, place, work.size))
        before, now = now, time.perf_counter()
        slowest = max(slowest, now - before)
    return Done(made.search.id, tuple(places), now - begun, slowest)


class _Candidates:
    """Candidates of one search without end."""

    def __init__(self, work: Work) -> None:
        self.name = f"writer-{work.writer}"
        self.search = MadeSearch(self.name, first=work.writer)
        news = self.search.generation(max(250, work.size))
        self._made = [e.record for e in news if isinstance(e.record, Evaluation)]
        self._ends = [e.record for e in news if isinstance(e.record, Generation)]
        self._size = work.size
        self._dice = random.Random(work.writer)

    def batch(self, number: int) -> list[NewEntry]:
        """Return the transaction with some number, from 0."""
        if self._size == 1:
            return [self._new(self._made[number % len(self._made)], 0, number)]
        told = [self._new(self._made[place], number, place) for place in range(self._size)]
        end = {"number": number, "evaluations": self._size}
        return [*told, NewEntry("generation", self._ends[0].model_copy(update=end))]

    def _new(self, made: Evaluation, generation: int, place: int) -> NewEntry:
        own = {
            "generation": generation,
            "place": place,
            "candidate": f"sha256:{self._dice.getrandbits(256):064x}",
        }
        return NewEntry("evaluation", made.model_copy(update=own), {"score_seconds": 1.5})


def _plain_rows(seq: int, new: NewEntry) -> Iterator[tuple[Table, Sequence[object]]]:
    body = new.record.model_dump_json()
    yield tables.entries, (seq, f"p{seq}", new.kind, body, f"h{seq}")
    yield from rows_of(seq, new.record)


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _plain_engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(_driver(url))
    engine = create_engine(url, connect_args={"timeout": _PATIENCE})

    def prepare(connection: object, _entry: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # that of sqlite3
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


WAYS: Mapping[str, Callable[[Work], Done]] = {"evoreg": append, "plain rows": insert_plainly}
"""Who writes."""

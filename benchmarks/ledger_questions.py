"""What a large ledger costs: to verify, to rebuild, to ask, to carry elsewhere.

Every question of the dashboard stands in one table, with arguments that make it hard: the largest
search, the most used model, the middle and the end of long lists.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, func, select, text

from benchmarks.ledger_candidates import model
from benchmarks.ledger_made import AT
from evoreg.provenance.ledger import questions as whole
from evoreg.provenance.ledger import questions_candidates as single
from evoreg.provenance.ledger import questions_models as models
from evoreg.provenance.ledger import questions_searches as courses
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.questions_searches import Part
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.search_tables import evaluations, generations
from evoreg.provenance.ledger.transfer import export_entries, import_entries
from evoreg.provenance.ledger.tree import checkpoint_of, consistency_of, inclusion_of
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import Digest

Question = Callable[[], object]
"""Something that the dashboard asks."""

LIMIT = 100.0
"""Milliseconds that a question may take."""


def questions(ledger: Ledger) -> Mapping[str, Question]:
    """Return every question of the dashboard, with hard arguments.

    Args:
        ledger: A ledger that `ledger_made.write` wrote.
    """
    return {**_about_all(ledger), **_about_searches(ledger), **_about_candidates(ledger)}


def _about_all(ledger: Ledger) -> dict[str, Question]:
    middle = ledger.head().seq // 2
    used = model(1).identity
    return {
        "overview": lambda: whole.overview(ledger),
        "newest entries": lambda: whole.newest(ledger),
        "newest entries, middle": lambda: whole.newest(ledger, before=middle),
        "newest releases among entries": lambda: whole.newest(ledger, kind="release"),
        "decisions": lambda: whole.decisions(ledger),
        "decisions with a verdict": lambda: whole.decisions(ledger, verdict="attribute"),
        "releases": lambda: whole.releases(ledger),
        "contributors": lambda: whole.contributors(ledger),
        "models": lambda: models.models(ledger),
        "models by name": lambda: models.models(ledger, name="model-1"),
        "a model": lambda: models.model(ledger, used),
        "merges": lambda: models.merges(ledger),
        "head": ledger.head,
        "checkpoint": lambda: checkpoint_of(ledger),
        "inclusion proof": lambda: inclusion_of(ledger, middle, 2 * middle),
        "growth proof": lambda: consistency_of(ledger, middle, 2 * middle),
    }


def _about_searches(ledger: Ledger) -> dict[str, Question]:
    search, end = _largest(ledger)
    half = end // 2

    def part(**wanted: object) -> Question:
        asked = Part(**wanted)  # type: ignore[arg-type]  # the names of its fields
        return lambda: courses.candidates(ledger, search, asked)

    with ledger.store.reading() as connection:
        column = evaluations.c.seq
        middle = connection.scalar(
            select(column)
            .where(evaluations.c.search == search, evaluations.c.generation == half)
            .limit(1)
        )
    return {
        "searches": lambda: courses.searches(ledger),
        "tally of the largest search": lambda: ledger.tally(search),
        "its history": lambda: courses.history(ledger, search),
        "its history, 2,000 points": lambda: courses.history(ledger, search, 2000),
        "its dots": lambda: courses.dots(ledger, search),
        "its result": lambda: ledger.result(search),
        "its standing": lambda: ledger.standing(search, "0.500000000"),
        "its oldest candidates": part(),
        "its newest candidates": part(order="newest"),
        "its best candidates": part(order="best"),
        "its worst candidates": part(order="worst"),
        "its candidates from the middle": part(after=middle),
        "its best candidates from the middle": part(order="best", after=middle),
        "a generation": part(generation=half),
        "best of a generation": part(generation=half, order="best"),
        "its failed candidates": part(failed=True),
        "its baselines": lambda: courses.others(ledger, search, "baseline"),
    }


def _about_candidates(ledger: Ledger) -> dict[str, Question]:
    search, _ = _largest(ledger)
    best, worst = (
        courses.candidates(ledger, search, Part(order=order, limit=1))[0].candidate
        for order in ("best", "worst")
    )
    return {
        "a candidate": lambda: single.candidate(ledger, best),
        "two candidates": lambda: single.compare(ledger, best, worst),
        "ids that begin so": lambda: ledger.candidate_ids(best[7:11]),
        "scorings of a candidate": lambda: ledger.evaluation(best),
    }


def _largest(ledger: Ledger) -> tuple[Digest, int]:
    query = (
        select(generations.c.search, func.max(generations.c.number))
        .group_by(generations.c.search)
        .order_by(func.max(generations.c.number).desc())
    )
    with ledger.store.reading() as connection:
        row = connection.execute(query.limit(1)).one()
    return row[0], row[1]


def tell_questions(url: str, runs: int) -> None:
    """Ask each question several times, and print how long it took.

    Args:
        url: Address of a ledger that `ledger_made.write` wrote.
        runs: How often each is asked; the first time is told apart.
    """
    print("| question | first ms | median ms | worst ms |\n|---|---|---|---|")
    slow = 0
    with _opened(url) as ledger:
        for name, ask in questions(ledger).items():
            first, *times = (_milliseconds(ask) for _ in range(runs + 1))
            worst = max(first, *times)
            slow += worst > LIMIT
            mark = " (!)" if worst > LIMIT else ""
            median = statistics.median(times)
            print(f"| {name} | {first:.1f} | {median:.1f} | {worst:.1f}{mark} |", flush=True)
    print(f"\n{slow} questions took more than {LIMIT:.0f} ms at least once")


def tell_checks(url: str, *, rebuilding: bool) -> None:
    """Verify a ledger, look how large it is, rebuild its tables if wanted; print the seconds.

    Args:
        url: Address of the ledger.
        rebuilding: Whether to make its index tables anew.
    """
    with _opened(url) as ledger:
        print(f"size: {_size(url) / 1e9:.2f} GB, {_size(url) / ledger.head().seq:,.0f} B an entry")
        begun = time.perf_counter()
        report = verify(ledger)
        print(f"verify: {time.perf_counter() - begun:.1f} s, {report.entries:,} entries")
        for problem in report.problems[:5]:
            print(f"  {problem.where}: {problem.what}")
        if rebuilding:
            begun = time.perf_counter()
            rebuild(ledger)
            print(f"rebuild: {time.perf_counter() - begun:.1f} s", flush=True)


def tell_carriage(url: str) -> None:
    """Export a ledger and import the file into an empty one; print the seconds.

    Args:
        url: Address of the ledger.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "entries.jsonl"
        with _opened(url) as ledger, file.open("wb") as stream:
            begun = time.perf_counter()
            export_entries(ledger, stream)
            seconds = time.perf_counter() - begun
        print(f"export: {seconds:.1f} s, {file.stat().st_size / 1e9:.2f} GB", flush=True)
        begun = time.perf_counter()
        with _opened(f"sqlite:///{folder}/copy.db") as copy, file.open("rb") as stream:
            import_entries(copy, stream)
        print(f"import: {time.perf_counter() - begun:.1f} s", flush=True)


def _opened(url: str) -> Ledger:
    return open_ledger(url, actor="bench", clock=lambda: AT)


def _milliseconds(ask: Question) -> float:
    begun = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - begun)


def _size(url: str) -> int:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    postgresql = engine.dialect.name == "postgresql"
    query = "SELECT pg_database_size(current_database())"
    if not postgresql:
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    with engine.connect() as connection:
        size = int(connection.scalar(text(query)) or 0)
    engine.dispose()
    return size

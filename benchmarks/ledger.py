"""What the ledger costs: appends a second, and what a million candidates take.

``python -m benchmarks.ledger append`` lets processes append to each database for a while, checks
what they left, and prints candidates a second beside two peers: the same rows written through
plain SQLAlchemy without a chain, and optuna's RDBStorage if ``--peer`` names an interpreter that
has it. ``python -m benchmarks.ledger million`` writes a ledger with a million candidates (or asks
the one at ``--ledger``), and prints seconds to verify, rebuild, export and import it, its size, and
the milliseconds of every question of the dashboard. Nothing is asserted but that no entry was lost.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import ledger_optuna
from benchmarks.ledger_made import AT, write
from benchmarks.ledger_questions import tell_carriage, tell_checks, tell_questions
from benchmarks.ledger_server import postgresql
from benchmarks.ledger_writers import WAYS, Done, faults, make_plain_tables, run
from evoreg.provenance.ledger.opening import open_ledger


def main() -> int:
    """Print the tables.

    Returns:
        0, or 1 if a writer's entries were not as it left them.
    """
    arguments = _arguments()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.2f} at the start\n")
    if arguments.what == "append":
        return _append(arguments)
    with TemporaryDirectory(dir=arguments.folder) as folder:
        url = arguments.ledger or f"sqlite:///{folder}/ledger.db"
        if arguments.ledger is None:
            begun = time.perf_counter()
            with open_ledger(url, actor="bench", clock=lambda: AT) as ledger:
                write(ledger, arguments.candidates)
            print(f"written in {time.perf_counter() - begun:.1f} s, records made included")
        tell_checks(url, rebuilding=arguments.rebuild or arguments.ledger is None)
        tell_questions(url, arguments.runs)
        if not arguments.no_carriage:
            tell_carriage(url)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the ledger costs.")
    parser.add_argument("what", choices=["append", "million"])
    parser.add_argument("--seconds", type=float, default=60, help="of each way to append")
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 8], help="processes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 500], help="candidates a batch")
    parser.add_argument("--databases", nargs="+", default=["SQLite", "PostgreSQL"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--peer", help="an interpreter that has optuna")
    parser.add_argument("--folder", help="where to write; a disk that is waited for")
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--ledger", help="address of a ledger that was written before")
    parser.add_argument("--rebuild", action="store_true", help="rebuild also that ledger's tables")
    parser.add_argument("--runs", type=int, default=20, help="times that a question is asked")
    parser.add_argument("--no-carriage", action="store_true", help="no export and import")
    return parser.parse_args()


def _append(arguments: argparse.Namespace) -> int:
    print("| database | writers | a batch | way | candidates/s | batches/s | slowest s | faults |")
    print("|---|---|---|---|---|---|---|---|")
    wrong = 0
    for database in arguments.databases:
        for writers in arguments.writers:
            for size in arguments.sizes:
                for way in arguments.ways:
                    wrong += _round(arguments, database, (writers, size), way)
            if arguments.peer:
                _optuna(arguments, database, writers)
    if not arguments.peer:
        print("\noptuna was left out: --peer names no interpreter that has it")
    return min(wrong, 1)


def _round(arguments: argparse.Namespace, database: str, at: tuple[int, int], way: str) -> int:
    writers, size = at
    with _empty(arguments.folder, database) as url:
        chained = way == "evoreg"
        if chained:
            open_ledger(url, actor="bench", clock=lambda: AT).close()
        else:
            make_plain_tables(url)
        done = run(WAYS[way], url, writers, arguments.seconds, size)
        found = faults(url, done) if chained else []
    told = "; ".join(found) or ("none" if chained else "")
    print(f"| {database} | {writers} | {size} | {way} | {_rates(done)} | {told} |", flush=True)
    return len(found)


def _rates(done: list[Done]) -> str:
    seconds = max(each.seconds for each in done)
    candidates = sum(each.candidates for each in done) / seconds
    batches = sum(len(each.places) for each in done) / seconds
    slowest = max(each.slowest for each in done)
    return f"{candidates:,.0f} | {batches:,.1f} | {slowest:.2f}"


def _optuna(arguments: argparse.Namespace, database: str, writers: int) -> None:
    with _empty(arguments.folder, database) as url:
        address = url.replace("postgresql://", "postgresql+psycopg://", 1)
        script = str(Path(ledger_optuna.__file__))
        command = [arguments.peer, script, address, str(writers), str(arguments.seconds)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = answer.stdout.strip() or answer.stderr.strip().splitlines()[-1:]
    print(f"| {database} | {writers} | 1 | optuna | {rate} | {rate} | | |", flush=True)


@contextmanager
def _empty(folder: str | None, database: str) -> Iterator[str]:
    if database == "SQLite":
        with TemporaryDirectory(dir=folder) as place:
            yield f"sqlite:///{place}/ledger.db"
        return
    with postgresql() as create:
        yield create()


if __name__ == "__main__":
    sys.exit(main())

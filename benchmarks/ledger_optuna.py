"""How many trials a second optuna's RDBStorage keeps: run by an interpreter that has optuna.

``python ledger_optuna.py URL WRITERS SECONDS`` prints the number. A trial is as small as optuna
lets it be: six numbers asked for, one value told, nothing else.
"""

import sys
import time
from importlib import import_module
from multiprocessing import get_context

LEAD = 8.0


def write(job: tuple[str, float, float]) -> int:
    """Ask and tell until the time is over; return how many trials were kept."""
    optuna = import_module("optuna")
    url, start, seconds = job
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    arguments = {"timeout": 300} if url.startswith("sqlite") else {}
    storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": arguments})
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name="bench", storage=storage, sampler=sampler)
    time.sleep(max(0.0, start - time.time()))
    count = 0
    while time.time() < start + seconds:
        trial = study.ask()
        values = [trial.suggest_float(f"x{number}", 0, 1) for number in range(6)]
        study.tell(trial, sum(values))
        count += 1
    return count


def main() -> None:
    """Print trials a second."""
    optuna = import_module("optuna")
    url, writers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="bench", storage=optuna.storages.RDBStorage(url))
    jobs = [(url, time.time() + LEAD, seconds)] * writers
    with get_context("spawn").Pool(writers) as pool:
        print(f"{sum(pool.map(write, jobs)) / seconds:.2f}")


if __name__ == "__main__":
    main()

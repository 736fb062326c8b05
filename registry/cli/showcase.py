"""What ``evoreg demo`` does and prints, step by step, on the models that ship with evoreg."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evoreg.policies.context import Context
from evoreg.policies.policy import Policy
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import (
    Code,
    EvaluationError,
    OutputError,
    RefusedError,
    VerificationError,
)
from evoreg.registry.cli.evolve_json import finished_json
from evoreg.registry.cli.evolve_run import Trip, evolve_on
from evoreg.registry.cli.merging import Wish, made_json, merge_on, refused
from evoreg.registry.cli.screen import Screen, print_table, styled
from evoreg.registry.demo import (
    models_folder,
    problems_file,
    recipe_file,
    refused_recipe_file,
    search_file,
)
from evoreg.registry.demo.evaluate import Accuracy, exact_match, read_problems
from evoreg.registry.merging.made import RECORD, Made
from evoreg.registry.merging.prepare import Question
from evoreg.registry.models.catalogue import Registration, add_model
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.resolve import resolve
from evoreg.registry.searching.finished import Finished
from evoreg.registry.searching.wanted import Changes, Purpose, read_wanted, with_purpose
from evoreg.registry.settings import Settings, now

_BASE = "pocket-base"
_SOURCES = ("pocket-math", "pocket-ja", "pocket-ja-nc")
_PARENTS = ("pocket-math", "pocket-ja")
_RESULT = "pocket-merged"
_FOUND = "pocket-evolved"


def showcase(screen: Screen, folder: Path, settings: Settings) -> None:
    """Run the demo.

    Args:
        screen: Where to print.
        folder: Takes the merged model.
        settings: Takes the ledger.

    Raises:
        EvoregError: Something that should work did not.
    """
    quiet = _silent() if screen.json else screen
    _title(quiet, "1. Register three sources, each under another licence")
    _register(quiet, settings)
    _title(quiet, "2. A commercial merge with a non-commercial source is refused")
    refusal = _refused(quiet, folder, settings)
    _title(quiet, "3. The permitted pair is merged")
    made = _merge(quiet, folder, settings)
    _title(quiet, "4. The merge against its parents: Japanese maths, exact match, unseen operands")
    scores = _evaluate(quiet, folder / _RESULT)
    _title(
        quiet, "5. A short search finds better weights, without the source that is not permitted"
    )
    found = _search(quiet, folder, settings)
    _title(quiet, "6. The books")
    _close(quiet, folder, settings)
    if screen.json:
        screen.document(
            "evoreg/demo/1",
            {
                "refused": [problem.what for problem in refusal.problems],
                "merge": made_json(made),
                "accuracy": {name: score.fraction for name, score in scores.items()},
                "search": finished_json(found),
                "ledger": settings.ledger,
            },
        )


def _silent() -> Screen:
    """Return a screen that prints nothing, for the steps of a demo that is asked for as JSON."""
    nothing = Console(quiet=True)
    return Screen(nothing, nothing, False)


def _today() -> str:
    return now().date().isoformat()


def _title(screen: Screen, text: str) -> None:
    screen.data.print()
    screen.data.print(Text(text, style="bold"))


def _register(screen: Screen, settings: Settings) -> None:
    cache = DigestCache(settings.project / "digests.sqlite")
    table = _grid(4)
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        for name in (_BASE, *_SOURCES):
            found = resolve(
                str(models_folder() / name),
                base_folder=Path.cwd(),
                hasher=cache.digest,
                offline=True,
            )
            done = add_model(ledger, found)
            table.add_row(*_row(done, "base" if name == _BASE else ""))
    print_table(screen.data, table)


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(columns):
        table.add_column(no_wrap=True)
    return table


def _row(done: Registration, remark: str) -> tuple[Text, ...]:
    card = done.entry.model.card
    word = f"entry {done.entry.seq}" if done.added else f"entry {done.entry.seq} (known already)"
    texts = (f"  {done.entry.model.name}", ", ".join(card.license), word, remark)
    return tuple(styled(text) for text in texts)


def _refused(screen: Screen, folder: Path, settings: Settings) -> RefusedError:
    out = folder / "never-made"
    question = Question(refused_recipe_file(), "commercial", out.name, today=_today())
    try:
        merge_on(screen, question, Wish(out, out.name), settings)
    except RefusedError as error:
        refused(screen, error, out)
        return error
    raise VerificationError(
        Code.LEDGER_BROKEN, "a merge that its licences forbid was not refused", where=str(out)
    )


def _merge(screen: Screen, folder: Path, settings: Settings) -> Made:
    out = _cleared(folder / _RESULT)
    question = Question(recipe_file(), "commercial", _RESULT, today=_today())
    return merge_on(screen, question, Wish(out, _RESULT), settings)


def _search(screen: Screen, folder: Path, settings: Settings) -> Finished:
    """Search; what an earlier demo searched is on record and is only merged again."""
    out = _cleared(folder / _FOUND)
    read, form = read_wanted(search_file(), Changes())
    purpose = Purpose("commercial", Policy.default(), Context(), _FOUND, today=_today())
    wanted = with_purpose(search_file(), read, form, purpose)
    return evolve_on(screen, Trip(wanted, out, "either", threads=1), settings)


def _cleared(out: Path) -> Path:
    """Remove the result of an earlier demo."""
    if out.exists():
        if not (out / RECORD).is_file():
            raise OutputError(
                Code.OUTPUT_EXISTS,
                "there is a folder here that is no result of an earlier demo",
                where=str(out),
                hint="give the demo another folder: evoreg demo FOLDER",
            )
        shutil.rmtree(out)
    return out


def _evaluate(screen: Screen, merged: Path) -> Mapping[str, Accuracy]:
    problems = read_problems(problems_file())
    folders = {name: models_folder() / name for name in (_BASE, *_PARENTS)}
    folders[_RESULT] = merged
    scores: dict[str, Accuracy] = {}
    for name, folder in folders.items():
        try:
            scores[name] = exact_match(folder, problems)
        except (OSError, ValueError, RuntimeError) as error:
            raise EvaluationError(
                Code.EVALUATION_FAILED, f"the model cannot be scored: {error}", where=str(folder)
            ) from error
    table = _grid(5)
    best = max(scores[name].fraction for name in _PARENTS)
    for name, score in scores.items():
        gain = f"{100 * (score.fraction - best):+.1f} points over the better parent"
        table.add_row(
            styled(f"  {name}", "bold" if name == _RESULT else ""),
            f"{100 * score.fraction:5.1f} %",
            f"{screen.signs['about']} {100 * score.standard_error:.1f}",
            f"{score.correct}/{score.total}",
            gain if name == _RESULT else "",
        )
    print_table(screen.data, table)
    return scores


def _close(screen: Screen, folder: Path, settings: Settings) -> None:
    with open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger:
        report = verify(ledger)
    if report.problems:
        raise VerificationError.of(report.problems)
    rows: dict[str, Json] = {
        "ledger": settings.ledger.removeprefix("sqlite:///"),
        "entries": f"{report.entries}, every hash recomputed",
        "model": str(folder / _RESULT),
        "card": str(folder / _RESULT / "README.md"),
    }
    for label, text in rows.items():
        screen.data.print(styled(f"  {label:<8} {text}"))
    screen.data.print()
    screen.data.print(
        styled(f"Next: cd {folder} && evoreg ledger log, or evoreg merge --help", "dim")
    )

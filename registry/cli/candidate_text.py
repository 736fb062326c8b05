"""How searches and candidates look on the screen."""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from evoreg.provenance.ledger.search_values import EvaluationRow, RecordedSearch, Tally
from evoreg.provenance.ledger.values import RecordedCandidate
from evoreg.provenance.records.candidate import Contribution
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.evaluation import TaskScore
from evoreg.provenance.records.search import Search
from evoreg.registry.candidate_recipe import Export, recipe_yaml
from evoreg.registry.candidate_standing import split_of
from evoreg.registry.candidates import (
    Found,
    Trial,
    gene_names,
    standard_error,
    versions_of,
)
from evoreg.registry.cli.screen import plain, styled

_DECIMALS = 4


def searches_table(found: Sequence[tuple[RecordedSearch, Tally]]) -> Table:
    """Return a table of searches.

    Args:
        found: The searches, each with what it amounts to.

    Returns:
        Id, name, run, time, candidates, failures, generations, best fitness, state.
    """
    table = _table()
    table.add_column("search", no_wrap=True)
    table.add_column("name", no_wrap=True)
    table.add_column("run", justify="right", no_wrap=True)
    table.add_column("begun", no_wrap=True)
    for title in ("candidates", "failed", "generations", "best"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for item, tally in found:
        table.add_row(
            short(item.search.id),
            styled(item.search.name),
            str(item.search.run),
            styled(item.at),
            *(str(n) for n in (tally.evaluations, tally.failed, tally.generations)),
            _number(tally.best),
            "ended" if tally.ended else "open",
        )
    return table


def list_notes(found: RecordedSearch, same: int, *, named: bool) -> Iterator[Text]:
    """Yield what must be known about a list of candidates.

    Args:
        found: The search that it is about.
        same: How many searches were meant.
        named: Whether the user named it.

    Yields:
        Printable lines.
    """
    search = found.search
    state = f"{search.name}, run {search.run}, {short(search.id)}, begun {found.at}"
    if same > 1:
        which = "searches of this name" if named else "searches"
        state += f": the newest of {same} {which} (evoreg candidate searches)"
    yield styled(state)


def candidates_table(rows: Sequence[EvaluationRow], winner: Digest | None) -> Table:
    """Return a table of candidates.

    Args:
        rows: The candidates, in order.
        winner: The candidate that is marked.

    Returns:
        Generation, place, origin, split, fitness, a column for each task, id with the mark.
    """
    table = _table()
    for title in ("generation", "place"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("origin", no_wrap=True)
    table.add_column("split", no_wrap=True)
    table.add_column("fitness", justify="right", no_wrap=True)
    tasks = tuple(dict.fromkeys(s.task for row in rows for s in row.scores))
    for task in tasks:
        table.add_column(styled(task), justify="right", no_wrap=True)
    table.add_column("candidate", no_wrap=True)
    for row in rows:
        scores = {s.task: s.value for s in row.scores}
        won = row.candidate == winner
        table.add_row(
            str(row.generation),
            str(row.place),
            styled(f"{row.origin} {row.label}".rstrip()),
            split_of(row) or "-",
            _number(row.fitness) if row.failure is None else styled(row.failure, "red"),
            *(_number(scores.get(task)) for task in tasks),
            styled(f"{short(row.candidate)}{' winner' if won else ''}", "bold" if won else ""),
        )
    return table


def found_lines(found: Found, signs: Mapping[str, str]) -> Iterator[Text]:
    """Yield what is known about a candidate, line by line.

    Args:
        found: The candidate.
        signs: The signs that the terminal can show.

    Yields:
        Printable lines.
    """
    yield styled(found.candidate, "bold")
    for trial in found.trials:
        yield from _trial_lines(trial, signs)
    for item in found.merged:
        yield from _merge_lines(item)
    for won in found.won:
        yield styled(f"  won        search {short(won.result.search)}, entry {won.seq}", "green")
    for number, share in enumerate(found.shares):
        yield styled(f"  {'' if number else 'shares':<9}  {_share(share)}")
    yield from _genome_lines(found)
    yield styled("  recipe")
    shown = Export(found.candidate, found.recipe, found.earlier, 0, "", "")
    for line in recipe_yaml(shown).splitlines():
        yield Text("    ").append(plain(line))


def _table() -> Table:
    return Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")


def _number(text: str | None) -> str:
    return "-" if text is None else f"{float(text):.{_DECIMALS}f}"


def _trial_lines(trial: Trial, signs: Mapping[str, str]) -> Iterator[Text]:
    item, evaluation = trial.recorded, trial.recorded.evaluation
    search = trial.search.search if trial.search else None
    name = f"{search.name}, run {search.run}, " if search else ""
    yield styled(f"  search     {name}{short(evaluation.search)}")
    origin = f"{evaluation.origin} {evaluation.label}".rstrip()
    at = f"generation {evaluation.generation}, place {evaluation.place}"
    stage = f", stage {evaluation.stage + 1}" if evaluation.stage else ""
    yield styled(f"  tried      {origin}, {at}{stage}: entry {item.seq}, {item.at}, by {item.by}")
    if evaluation.failure is not None:
        failure = f"[{evaluation.failure.code}] {evaluation.failure.what}"
        yield styled(f"  failed     {failure}", "bold red")
    for number, fitness in enumerate(evaluation.fitness):
        yield styled(f"  {'' if number else 'fitness':<9}  {_number(fitness)}")
    if trial.standing is not None:
        stand = trial.standing
        yield styled(f"  rank       {stand.place} of {stand.of} {stand.group}")
    for number, score in enumerate(evaluation.scores):
        yield styled(f"  {'' if number else 'scores':<9}  {_score(score, signs)}")
    for number, parent in enumerate(evaluation.parents):
        yield styled(f"  {'' if number else 'parents':<9}  {parent}")
    yield from _circumstance_lines(trial, search)


def _circumstance_lines(trial: Trial, search: Search | None) -> Iterator[Text]:
    times = ((trial.recorded.apply_seconds, "apply"), (trial.recorded.score_seconds, "score"))
    told = [f"{seconds:.3g} s to {what}" for seconds, what in times if seconds is not None]
    if told:
        yield styled(f"  time       {', '.join(told)}")
    if search is not None:
        yield styled(f"  seeds      {search.seed} for the search, {search.merge_seed} to merge")
        versions = ", ".join(f"{name} {value}" for name, value in versions_of(search).items())
        yield styled(f"  versions   {versions}")


def _score(score: TaskScore, signs: Mapping[str, str]) -> str:
    error = standard_error(score)
    value = _number(score.value)
    if error is not None:
        value += f" {signs['about']} {error:.{_DECIMALS}f}"
    extras = [f"soft {_number(score.soft)}"] if score.soft is not None else []
    counts = ((score.truncated, "cut off"), (score.foreign, "in another language"))
    extras += [f"{count} {what}" for count, what in counts if count]
    more = f", {', '.join(extras)}" if extras else ""
    return f"{score.task} {score.split}  {value}  {len(score.items)} items{more}"


def _share(share: Contribution) -> str:
    used = "" if share.used else ", not in the result"
    nominal, signed = _number(share.nominal), _number(share.alignment)
    part = f"{float(share.effective):.1%}"
    return f"{share.reference}  {part} (nominal {nominal}, alignment {signed}{used})"


def _merge_lines(item: RecordedCandidate) -> Iterator[Text]:
    made = item.candidate
    size = sum(file.size for file in made.outputs)
    yield styled(f"  merged     entry {item.seq}, {item.at}, by {item.by}: seed {made.seed}")
    told = f"{made.census.tensors} tensors, {made.census.parameters:,} numbers, {size:,} bytes"
    engine = f"{made.engine.name} {made.engine.version} (rules {made.engine.rules})"
    yield styled(f"  written    {told}, by {engine}")
    for number, part in enumerate(made.ingredients):
        weights = f"{part.reference}  {short(part.identity)}"
        yield styled(f"  {'' if number else 'from':<9}  {weights}")


def _genome_lines(found: Found) -> Iterator[Text]:
    trial = next((t for t in found.trials if t.recorded.evaluation.genome), None)
    if trial is None:
        return
    evaluation = trial.recorded.evaluation
    names = gene_names(trial.search.search if trial.search else None, evaluation)
    for number, (name, value) in enumerate(zip(names, evaluation.genome, strict=True)):
        yield styled(f"  {'' if number else 'genome':<9}  {name} = {value!r}")

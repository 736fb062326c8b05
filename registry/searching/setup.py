"""Setting a search up: from permitted models and data to everything that `run_search` needs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.drift import drifts
from evoreg.evolve.search.setup import Setup
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.space import Space
from evoreg.evolve.tasks.overlap import check_splits
from evoreg.evolve.tasks.table import make_task
from evoreg.evolve.tasks.task import Task
from evoreg.evolve.vocabulary.chat import template_of
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import EvoregError, InputError
from evoreg.provenance.records.search import Search
from evoreg.registry.merging.adapted import source_model
from evoreg.registry.searching.gate import Gate
from evoreg.registry.searching.record import Means, engine_of, merge_seed_of, search_record
from evoreg.registry.searching.stages import Begun, Ground, SearchStages, first_space
from evoreg.registry.settings import Settings

FOLDER = "stages"
"""Name of the folder in the project folder that takes first results of hybrid searches."""


@dataclass(frozen=True)
class Conduct:
    """How a search is carried out; nothing of it changes what is found, but the device may."""

    device: str = "cpu"
    """Where models run, as torch names it."""
    threads: int = 1
    """Workers."""
    allow_code: bool = False
    """Whether code that the search file names may be run."""


@dataclass(frozen=True)
class Draft:
    """A search that could begin."""

    gate: Gate
    """Its models, and what policy says."""
    tasks: tuple[Task, ...]
    """What is measured."""
    ground: Ground
    """What its stages stand on."""
    space: Space
    """The first space."""
    search: Search
    """Its record, as a first run."""


def template_of_all(folders: Iterable[Path]) -> str | None:
    """Return the chat template that candidates have whatever they are made of.

    Args:
        folders: All models of a search.

    Returns:
        The template that all of them share; nothing if they differ or one has none.

    Raises:
        InputError: A file that is too large or cannot be read.
    """
    found = {template_of(folder) for folder in folders}
    return found.pop() if len(found) == 1 else None


def tasks_of(
    form: SearchForm,
    folder: Path,
    *,
    allow_code: bool,
    offline: bool,
    chat_template: str | None = None,
    places: Mapping[str, str] | None = None,
) -> tuple[Task, ...]:
    """Read the data of a search.

    Args:
        form: The search file.
        folder: Where relative paths start.
        allow_code: Whether code that the file names may be run.
        offline: Whether nothing may be fetched.
        chat_template: The chat template of all candidates, if it is known.
        places: Where the parts of the search file stand, for messages; see `ReadSearch.places`.

    Returns:
        The tasks in the order of the file.

    Raises:
        RecipeError: A task says something that cannot be meant.
        InputError: Data are missing or unreadable, a split is empty, or an item is in two splits.
        UsageError: Code that is not allowed, or an extra that is not installed.
    """
    tasks: list[Task] = []
    errors: list[EvoregError] = []
    for number, item in enumerate(form.tasks):
        try:
            made = make_task(
                item,
                folder,
                seed=form.seed,
                allow_code=allow_code,
                offline=offline,
                chat_template=chat_template if item.chat else None,
            )
        except EvoregError as error:
            errors.append(_placed(error, item.name, (places or {}).get(f"tasks.{number}", "")))
        else:
            tasks.append(made)
    if errors:
        kind = type(errors[0])
        alike = [error for error in errors if type(error) is kind]
        raise kind.of([problem for error in alike for problem in error.problems]) from errors[0]
    problems = check_splits(tasks)
    if problems:
        raise InputError.of(problems)
    return tuple(tasks)


def _placed(error: EvoregError, task: str, place: str) -> EvoregError:
    """Return an error whose problems with a task say where in the search file the task stands."""
    if not place:
        return error
    own = f"task {task}"
    found = [
        replace(each, where=f"{place}: {each.where}") if each.where.startswith(own) else each
        for each in error.problems
    ]
    return type(error).of(found)


def draft(gate: Gate, decision: Digest, settings: Settings, conduct: Conduct) -> Draft:
    """Open the headers of the models and the data, and put the record of a search together.

    Args:
        gate: The models; policy permits them.
        decision: Digest of the decision as it is recorded.
        settings: Whether anything may be fetched, and where the project folder is.
        conduct: How it is carried out.

    Returns:
        The search; no weight was read.

    Raises:
        RecipeError: The search file does not fit models or tasks.
        MergeError: The models do not fit each other.
        InputError: A model or data cannot be read.
        UsageError: Code that is not allowed, or an extra that is not installed.
    """
    form, folder = gate.form, gate.field.wanted.folder
    sources = sources_of(gate)
    # A template that the file chooses is in its settings; parents may run under their own.
    shared = any(task.chat for task in form.tasks) and form.merge.chat_template is None
    template = template_of_all(m.folder for m in gate.inside.values()) if shared else None
    tasks = tasks_of(
        form,
        folder,
        allow_code=conduct.allow_code,
        offline=settings.offline,
        chat_template=template,
        places=gate.field.wanted.read.places,
    )
    engine = engine_of(RULES)
    ground = Ground(
        form,
        sources,
        gate.ingredients,
        engine,
        merge_seed_of(form),
        settings.project / FOLDER,
        conduct.device,
        conduct.threads,
    )
    space = first_space(ground)
    search = search_record(gate, decision, space, tasks, Means(engine, conduct.device))
    return Draft(gate, tasks, ground, space, search)


def sources_of(gate: Gate) -> Mapping[str, SourceModel]:
    """Return the models that take part as the engine takes them; reads headers alone."""
    return {name: source_model(name, found) for name, found in gate.inside.items()}


@contextmanager
def opened(
    found: Draft, search: Search, begun: Begun, best_parent: Callable[[Sequence[str]], str]
) -> Iterator[Setup]:
    """Give a search that is ready to run, and close its models afterwards.

    Args:
        found: The search.
        search: The record under which it runs.
        begun: Where it begins.
        best_parent: Tells which of some models did best as a baseline.

    Yields:
        The setup.
    """
    stages = SearchStages(found.ground, best_parent, begun)
    sources = found.ground.sources
    try:
        yield Setup(
            found.ground.form,
            search,
            found.tasks,
            stages,
            lambda host: drifts(host, sources),
        )
    finally:
        stages.close()

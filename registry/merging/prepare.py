"""From a recipe file to exact models and a decision: all that happens before weights are merged."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evoreg.evolve.checkpoints.tensors import Checkpoint
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.evolve.recipes.marked import LARGEST
from evoreg.evolve.recipes.read import ReadRecipe, place_of, placed
from evoreg.policies.context import Context
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy
from evoreg.provenance.papers.facts import Earlier
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.decision import Decision, Intent
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe
from evoreg.registry.merging.adapted import adapter_notes, source_model
from evoreg.registry.merging.references import in_order, renamed
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.reference import LocalPlace, Reference
from evoreg.registry.models.resolve import ResolvedModel, resolve
from evoreg.registry.settings import Settings

Resolved = Callable[[ResolvedModel], None]
"""Called after each model that was found and measured."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the user wants to do with which recipe."""

    recipe: Path
    """The recipe file."""
    intent: Intent
    """What the result is for."""
    name: str | None = None
    """Name of the result."""
    context: Context = field(default_factory=Context)
    """Facts about the releaser."""
    lenient: bool = False
    """Whether unknown keys are forgiven."""
    policy: Policy = field(default_factory=Policy.default)
    """What the house allows."""
    own: str = ""
    """Licence that the releaser puts on the own contribution; empty for none."""
    today: str = ""
    """The day of asking, ISO 8601; empty means that every exception has expired."""
    papers_only: bool = False
    """Whether the papers of models of the Hub are enough, so that no weights are fetched."""
    text: str | None = None
    """The recipe itself, if it is in no file; `recipe` is then its name."""
    found: Mapping[str, ResolvedModel] = field(default_factory=dict)
    """The models of `text` by recorded reference, and others that may be parents of these."""


@dataclass(frozen=True)
class Prepared:
    """A recipe with its models and the decision about them."""

    read: ReadRecipe
    """The recipe and where things stand in it."""
    recipe: Recipe
    """The recipe as it will be recorded: absolute paths are replaced by folder names."""
    models: Mapping[str, ResolvedModel]
    """The model of each of `recipe.references`, in that order."""
    decision: Decision
    """What policy says."""
    knowledge: Knowledge
    """The licences that were read."""
    notes: tuple[Problem, ...] = ()
    """Folders that could be mistaken for others, and what is odd about the lineage."""

    leaves: Mapping[str, ResolvedModel] = field(default_factory=dict)
    """Where earlier results are among the models: all that is inside, without these results."""
    earlier: tuple[Earlier, ...] = ()
    """The earlier results that are inside, in the order in which they are made."""
    documents: frozenset[int] | None = None
    """The documents of the recipe file that belong to it; nothing means all."""
    idle: frozenset[str] = frozenset()
    """Those of `models` that must not be in the result: the decision leaves them out of account."""
    left_out: frozenset[str] = frozenset()
    """Those of `inside` that the decision leaves out of account."""
    facts: Mapping[str, SourceFacts] = field(default_factory=dict)
    """What is known about each of `inside`, with all that it was made from."""
    today: str = ""
    """The day of asking, ISO 8601; empty if nobody says."""
    inquiry: Mapping[str, Json] | None = None
    """What the decision was made from, if it is to be recorded."""
    texts: Mapping[Digest, bytes] = field(default_factory=dict)
    """The licence and notice texts that the inquiry names."""

    @property
    def inside(self) -> Mapping[str, ResolvedModel]:
        """The models that the decision is about: earlier results stand for their own sources."""
        return self.leaves or self.models

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is odd about the models without stopping the merge."""
        own = (problem for model in self.models.values() for problem in model.problems)
        return (*own, *self.notes)


def plan_of(
    prepared: Prepared, seed: int | None, shadows: Mapping[str, Checkpoint] | None = None
) -> Plan:
    """Plan the merge from the headers of the models; loads no weights and no torch.

    Args:
        prepared: Recipe and models.
        seed: Seed of random masks; nothing derives one from recipe and weights, so that the same
            merge is the same again.
        shadows: Headers of models that are still to be made, by reference.

    Returns:
        The plan.

    Raises:
        RecipeError: The recipe does not fit the models.
        MergeError: The models do not fit each other.
        InputError: A checkpoint cannot be read.
    """
    recipe = prepared.recipe
    sources = _sources(prepared, shadows or {})
    chosen = _derived_seed(recipe, sources) if seed is None else seed
    try:
        plan = make_plan(recipe, sources, chosen, lenient=prepared.read.lenient)
    except EvoregError as error:
        raise type(error).of([placed(prepared.read, item) for item in error.problems]) from error
    warnings = tuple(placed(prepared.read, item) for item in plan.warnings)
    notes = (*plan.partial, *adapter_notes(sources.values()))
    return replace(plan, partial=notes, warnings=warnings)


def _sources(prepared: Prepared, shadows: Mapping[str, Checkpoint]) -> dict[str, SourceModel]:
    found: dict[str, SourceModel] = {}
    problems: dict[type[EvoregError], list[Problem]] = {}
    for reference, model in prepared.models.items():
        try:
            found[reference] = source_model(reference, model, shadows.get(reference))
        except EvoregError as error:
            place = place_of(prepared.read, model.reference)
            problems.setdefault(type(error), []).extend(_placed(error, place))
    for kind, items in problems.items():
        raise kind.of(items)
    return found


def _derived_seed(recipe: Recipe, sources: Mapping[str, SourceModel]) -> int:
    """Return a seed that recipe and weights decide, whatever the models are called.

    Nor does the order of models decide where it does not matter.
    """
    identities = {reference: source.identity for reference, source in sources.items()}
    plain = renamed(recipe, identities)
    if CONTRACTS[recipe.method].commutative:
        plain = in_order(plain)
    body = {"recipe": plain.to_json(), "weights": sorted(set(identities.values()))}
    return int(digest_of(to_canonical(body)).removeprefix("sha256:")[:13], 16)


def read_text(path: Path) -> str:
    """Read a recipe file, which may be a pipe or worse, but no further than a recipe may reach.

    Args:
        path: The file.

    Returns:
        Its text.

    Raises:
        RecipeError: Too large, or not UTF-8.
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise RecipeError(
                Code.RECIPE_SYNTAX, f"the recipe is larger than {LARGEST:,} bytes", where=str(path)
            )
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(
            Code.RECIPE_SYNTAX, "the recipe is not UTF-8 text", where=str(path)
        ) from error
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        raise InputError(
            Code.INPUT_MISSING,
            f"the recipe cannot be read: {error.strerror}",
            where=str(path),
            hint="name the recipe inside it" if folder else "check the spelling of the path",
        ) from error


def find_models(
    references: Sequence[str],
    read: ReadRecipe,
    settings: Settings,
    resolved: Resolved,
    names: Sequence[str] = (),
    *,
    find: Callable[..., ResolvedModel] = resolve,
) -> dict[str, ResolvedModel]:
    """Find and measure the models of a recipe file.

    Args:
        references: What to find.
        read: Knows where they stand, and where the file lies.
        settings: Where the caches are.
        resolved: Told about each model.
        names: Names of recipes that may have been meant by a reference that nothing is found for.
        find: `resolve`, or `peek` where papers are enough.

    Returns:
        The model of each reference.

    Raises:
        InputError: Models are missing, unreachable, damaged or hostile. All such models are told.
    """
    cache = DigestCache(settings.project / "digests.sqlite")
    folder = Path(read.file).parent
    found: dict[str, ResolvedModel] = {}
    problems: list[Problem] = []
    for reference in references:
        try:
            found[reference] = find(
                reference,
                base_folder=_start(reference, folder),
                hasher=cache.digest,
                offline=settings.offline,
            )
        except (InputError, RecipeError) as error:
            placed = _placed(error, place_of(read, reference))
            problems.extend(_suggested(problem, reference, names) for problem in placed)
        else:
            resolved(found[reference])
    if problems:
        raise InputError.of(problems)
    return found


def _suggested(problem: Problem, reference: str, names: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(reference, names, n=1)
    if not near:
        return problem
    return replace(problem, hint=f"did you mean the recipe {near[0]!r}? {problem.hint}".rstrip())


def _start(reference: str, recipe_folder: Path) -> Path:
    """Return where a relative path starts: here, as for mergekit; else beside the recipe."""
    here, beside = Path.cwd(), recipe_folder.absolute()
    return next((folder for folder in (here, beside) if _lies_in(reference, folder)), here)


def _lies_in(reference: str, folder: Path) -> bool:
    """Tell whether a reference names folders that start from here, and all of them are there."""
    try:
        found = Reference.parse(reference, base_folder=folder)
    except (InputError, RecipeError):
        return False
    places = [place for place in (found.place, found.adapter) if isinstance(place, LocalPlace)]
    return bool(places) and all(place.folder.is_dir() for place in places)


def ambiguous(references: Sequence[str], read: ReadRecipe) -> list[Problem]:
    """Return a note on each relative path that means one folder here and another by the recipe.

    Args:
        references: What was found.
        read: Knows where they stand, and where the file lies.

    Returns:
        The notes.
    """
    folder = Path(read.file).parent
    found = []
    for reference in references:
        here, there = Path.cwd() / reference, folder / reference
        if here.is_dir() and there.is_dir() and not here.samefile(there):
            what = (
                f"{reference} lies in the working folder and beside the recipe; the former is taken"
            )
            hint = "write the whole path, or run evoreg in the folder of the recipe"
            place = place_of(read, reference)
            found.append(Problem(Code.RECIPE_REFERENCE, what, place, hint))
    return found


def _placed(error: EvoregError, place: str) -> list[Problem]:
    whole = [(item, f"{place}: {item.where}" if item.where else place) for item in error.problems]
    return [replace(item, where=where) for item, where in whole]

"""From a recipe file to exact models and a decision: all that happens before weights are merged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.marked import LARGEST
from evoreg.evolve.recipes.read import ReadRecipe, place_of, read_recipe
from evoreg.policies.context import Context, Policy
from evoreg.policies.decide import decide
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.decision import Decision, Intent
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe
from evoreg.registry.merging.references import renamed, without_paths
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.hashing import DigestCache
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
    """Parents that nobody examined, and folders that could be mistaken for others."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is odd about the models without stopping the merge."""
        own = (problem for model in self.models.values() for problem in model.problems)
        return (*own, *self.notes)


def prepare(question: Question, settings: Settings, resolved: Resolved) -> Prepared:
    """Read a recipe, find and measure its models, and ask policy.

    Args:
        question: Recipe and intent.
        settings: Where the ledger and the caches are.
        resolved: Told about each model.

    Returns:
        Recipe, models and decision, whatever its verdict.

    Raises:
        RecipeError: The recipe is at fault.
        InputError: A model is missing, unreachable, damaged or hostile. All such models are told.
    """
    read = read_recipe(_text(question.recipe), str(question.recipe), lenient=question.lenient)
    found = _models(read, question.recipe.parent, settings, resolved)
    names = without_paths(read.recipe.references)
    models = {names[reference]: model for reference, model in found.items()}
    knowledge = load().with_texts(corpus())
    sources, unseen = source_facts(models, settings)
    decision = decide(
        sources,
        intent=question.intent,
        policy=Policy.default(),
        context=question.context,
        name=question.name,
        knowledge=knowledge,
    )
    notes = (*_ambiguous(read, question.recipe.parent), *unseen)
    return Prepared(read, renamed(read.recipe, names), models, decision, knowledge, notes)


def plan_of(prepared: Prepared, seed: int | None) -> Plan:
    """Plan the merge from the headers of the models; loads no weights and no torch.

    Args:
        prepared: Recipe and models.
        seed: Seed of random masks; nothing derives one from recipe and weights, so that the same
            merge is the same again.

    Returns:
        The plan.

    Raises:
        RecipeError: The recipe does not fit the models.
        MergeError: The models do not fit each other.
        InputError: A checkpoint cannot be read.
    """
    recipe = prepared.recipe
    for reference, found in prepared.models.items():
        if found.adapter is not None:
            raise RecipeError(
                Code.RECIPE_UNSUPPORTED,
                f"merging adapters is not offered: {reference}",
                where=place_of(prepared.read, found.reference),
                hint="save the model with its adapter merged in, and name that folder",
            )
    sources = {
        reference: SourceModel(reference, found.model.identity, read_checkpoint(found.folder))
        for reference, found in prepared.models.items()
    }
    try:
        return make_plan(recipe, sources, seed if seed is not None else _derived_seed(prepared))
    except EvoregError as error:
        raise type(error).of(_placed(error, prepared.read.file)) from error


def _derived_seed(prepared: Prepared) -> int:
    body = {
        "recipe": prepared.recipe.to_json(),
        "weights": [found.model.identity for found in prepared.models.values()],
    }
    return int(digest_of(to_canonical(body)).removeprefix("sha256:")[:13], 16)


def _text(path: Path) -> str:
    """Read a recipe, which may be a pipe or worse, but no further than a recipe may reach."""
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


def _models(
    read: ReadRecipe, folder: Path, settings: Settings, resolved: Resolved
) -> dict[str, ResolvedModel]:
    cache = DigestCache(settings.project / "digests.sqlite")
    found: dict[str, ResolvedModel] = {}
    problems: list[Problem] = []
    for reference in read.recipe.references:
        try:
            found[reference] = resolve(
                reference,
                base_folder=_start(reference, folder),
                hasher=cache.digest,
                offline=settings.offline,
            )
        except (InputError, RecipeError) as error:
            problems.extend(_placed(error, place_of(read, reference)))
        else:
            resolved(found[reference])
    if problems:
        raise InputError.of(problems)
    return found


def _start(reference: str, recipe_folder: Path) -> Path:
    """Return where a relative path starts: here, as for mergekit; else beside the recipe."""
    here = Path.cwd()
    plain = reference.split("+")[0]
    if plain and "\0" not in plain and not (here / plain).exists():
        return recipe_folder.absolute()
    return here


def _ambiguous(read: ReadRecipe, folder: Path) -> list[Problem]:
    """Return a note on each relative path that means one folder here and another by the recipe."""
    found = []
    for reference in read.recipe.references:
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
    return [
        Problem(item.code, item.what, f"{place}: {item.where}" if item.where else place, item.hint)
        for item in error.problems
    ]

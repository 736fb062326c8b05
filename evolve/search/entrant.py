"""An entrant: one who takes part in a generation, before it is known how good it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from evoreg.evolve.optimisers.optimiser import Asked
from evoreg.evolve.resident.host import Host
from evoreg.evolve.search.setup import Setup, Stage
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.candidate import Contribution, candidate_id
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import (
    EvaluationError,
    EvoregError,
    MergeError,
    RecipeError,
)
from evoreg.provenance.records.evaluation import Evaluation, Failure, NamedRecipe, Origin, TaskScore
from evoreg.provenance.records.recipe import ADAPTER_OF, Ingredient, Recipe
from evoreg.provenance.records.search import Search

OWN_ERRORS = (MergeError, RecipeError, EvaluationError)
"""Errors that are a candidate's own: it has failed, and the search goes on. All others, such as a
model file that cannot be read any more, concern every candidate and end the search."""


@dataclass(frozen=True)
class Entrant:
    """One who takes part in a generation."""

    host: Host
    """What will hold it."""
    origin: Origin
    """As in `Evaluation`."""
    recipe: Recipe
    """What to merge; one without models if none could be made."""
    seed: int
    """Seed of random masks."""
    label: str = ""
    """As in `Evaluation`."""
    genome: Genome = ()
    """As in `Evaluation`."""
    earlier: tuple[NamedRecipe, ...] = ()
    """As in `Evaluation`."""
    parents: tuple[Digest, ...] = ()
    """As in `Evaluation`."""
    failure: Failure | None = None
    """Why there is no recipe."""

    @cached_property
    def key(self) -> Digest:
        """Names what will be scored: recipe, the recipes under it, and seed."""
        return made_key(self.recipe, self.earlier, self.seed)


@dataclass(frozen=True)
class Outcome:
    """What came of an entrant."""

    candidate: Digest
    """`Candidate.id`."""
    contributions: tuple[Contribution, ...] = ()
    """Who is inside."""
    scores: tuple[TaskScore, ...] = ()
    """A score for each exam, in their order; fewer, or of the first items, if it failed."""
    failure: Failure | None = None
    """Why it failed."""
    apply_seconds: float = 0.0
    """Time to compute the weights."""
    score_seconds: float = 0.0
    """Time to answer."""
    spent: int = 0
    """Items that were asked for it, those known from before not counted."""


def made_key(recipe: Recipe, earlier: Sequence[NamedRecipe], seed: int) -> Digest:
    """Return what names the weights that a recipe makes.

    Args:
        recipe: The recipe.
        earlier: Recipes that it stands on.
        seed: Seed of random masks.

    Returns:
        Digest of the three.
    """
    body = [recipe.to_json(), [item.to_json() for item in earlier], seed]
    return digest_of(to_canonical(body))


def from_genome(setup: Setup, stage: Stage, genome: Genome, origin: Origin) -> Entrant:
    """Return an entrant with the recipe of a genome.

    Args:
        setup: The search.
        stage: Whose space the genome is of.
        genome: The genes.
        origin: Where it came from.

    Returns:
        An entrant; one that has failed if no model can be made of the genome.
    """
    failure = None
    try:
        recipe = stage.space.recipe(genome)
    except OWN_ERRORS as error:
        recipe = Recipe(method=setup.form.method)
        failure = failed(error)
    return Entrant(
        host=stage.host,
        origin=origin,
        recipe=recipe,
        seed=setup.search.merge_seed,
        genome=tuple(map(float, genome)),
        earlier=stage.earlier,
        failure=failure,
    )


def baselines(setup: Setup, stage: Stage) -> tuple[Entrant, ...]:
    """Return every parent, the base and the uniform merge of a stage's space."""
    return tuple(
        Entrant(
            host=stage.host,
            origin="baseline",
            label=label,
            recipe=recipe,
            seed=setup.search.merge_seed,
            earlier=stage.earlier,
        )
        for label, recipe in stage.space.baselines.items()
    )


def suggested(stage: Stage, asked: Asked) -> Origin:
    """Return where a candidate came from that the optimiser asked for."""
    injected = {tuple(map(float, genome)) for genome in stage.injected}
    return "injected" if tuple(map(float, asked.genome)) in injected else "sampled"


def failed(error: EvoregError) -> Failure:
    """Return the record of an error."""
    first = error.problems[0]
    where = f"{first.where}: " if first.where else ""
    more = len(error.problems) - 1
    return Failure(
        code=str(first.code), what=f"{where}{first.what}{f' (and {more} more)' if more else ''}"
    )


def unmade(search: Search, recipe: Recipe, seed: int) -> Digest:
    """Return the id that a candidate would have had whose weights could not be made.

    Args:
        search: The search.
        recipe: Its recipe.
        seed: Seed of random masks.

    Returns:
        `Candidate.id` of a merge of this recipe.
    """
    return candidate_id(recipe, tuple(_ingredients(search, recipe)), seed, search.engine)


def _ingredients(search: Search, recipe: Recipe) -> Iterator[Ingredient]:
    known = {item.reference: item for item in search.ingredients}
    names = [*recipe.references, *(ADAPTER_OF + name for name in recipe.references)]
    return (known[name] for name in names if name in known)


def evaluation(
    entrant: Entrant, outcome: Outcome, *, search: Digest, stage: int, place: tuple[int, int]
) -> Evaluation:
    """Return the record of an entrant, without fitness.

    Args:
        entrant: Who took part.
        outcome: What came of it.
        search: `Search.id`.
        stage: Number of the stage.
        place: Number of the generation, and place in it.

    Returns:
        The record.
    """
    return Evaluation(
        search=search,
        stage=stage,
        generation=place[0],
        place=place[1],
        origin=entrant.origin,
        label=entrant.label,
        genome=entrant.genome,
        recipe=entrant.recipe,
        earlier=entrant.earlier,
        candidate=outcome.candidate,
        parents=entrant.parents,
        scores=outcome.scores,
        contributions=outcome.contributions,
        failure=outcome.failure,
    )

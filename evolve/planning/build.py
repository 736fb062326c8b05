"""From a recipe and the headers of its models to a plan, with every problem collected."""

from collections.abc import Mapping, Sequence

from evoreg.evolve.planning.beside import small_files
from evoreg.evolve.planning.config import output_config
from evoreg.evolve.planning.layout import Layout, lay_out
from evoreg.evolve.planning.outputs import Planner
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.planning.vocabulary import Tokens, plan_tokens, unknown_tables
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records.errors import MergeError, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe


class Papers:
    """What goes with the tensors: the vocabulary and the small files, worked out when asked for.

    They follow from what a recipe says besides its parameters. Whoever plans the same merge with
    other parameters again and again may keep them.
    """

    def tokens(
        self, recipe: Recipe, models: Mapping[str, SourceModel], donor: SourceModel
    ) -> Tokens | None:
        """Return the vocabulary of the result, as `plan_tokens`."""
        return plan_tokens(recipe, models, donor)

    def files(
        self,
        recipe: Recipe,
        models: Mapping[str, SourceModel],
        donor: SourceModel,
        tokens: Tokens | None,
    ) -> Mapping[str, bytes | None]:
        """Return the small files that are not the donor's as they are, as `small_files`."""
        return small_files(recipe, models, donor, tokens)


def make_plan(
    recipe: Recipe,
    models: Mapping[str, SourceModel],
    seed: int,
    *,
    lenient: bool = False,
    papers: Papers | None = None,
) -> Plan:
    """Plan a merge.

    Args:
        recipe: The recipe, as `read_recipe` gave it.
        models: The model of each of `recipe.references`.
        seed: Seed of random masks, 0 <= seed < 2**53.
        lenient: Cut layer ranges short that reach beyond a model, instead of refusing them.
        papers: Gives vocabulary and small files; nothing works them out.

    Returns:
        A plan that can be carried out unless the weights themselves are at fault. Its recipe has
        the layer ranges that were used.

    Raises:
        MergeError: Tensors missing, shapes or types that do not meet.
        RecipeError: Parameters missing, layers out of range, weights that cancel.
    """
    contract, papers = CONTRACTS[recipe.method], papers or Papers()
    layout = lay_out(recipe, contract, models, lenient=lenient)
    _raise(layout.problems)
    recipe = layout.recipe
    donor = models[_donor(recipe, layout)]
    tokens = papers.tokens(recipe, models, donor)
    _raise(unknown_tables(tokens, layout) if tokens else [])
    planner = Planner(recipe, contract, tokens, layout.parts, layout.partial)
    outputs = [planner.output(meeting) for meeting in layout.meetings]
    _raise(list(planner.problems))
    tensors = tuple(output for output in outputs if output is not None)
    return Plan(
        recipe=recipe,
        contract=contract,
        seed=seed,
        sources=tuple(models[reference] for reference in recipe.references),
        bases=_bases(recipe) if contract.delta else (),
        outputs=tensors,
        config=output_config(layout, donor, models, tensors, tokens),
        donor=donor,
        files=papers.files(recipe, models, donor, tokens),
        partial=tuple(layout.partial),
        warnings=tuple(layout.warnings),
    )


def _raise(problems: Sequence[Problem]) -> None:
    if not problems:
        return
    kind = RecipeError if problems[0].code.startswith("EVO-R") else MergeError
    raise kind.of(problems)


def _donor(recipe: Recipe, layout: Layout) -> str:
    """Return whose config and tokenizer go along: the base, else the first model.

    Beside models with eyes a plain language model cannot describe the result.
    """
    first = recipe.base_model or recipe.lines[0].model
    hosts = layout.views.hosts
    return first if first in hosts or not hosts else hosts[0]


def _bases(recipe: Recipe) -> tuple[str, ...]:
    named = [recipe.base_model, *(piece.base_model for piece in recipe.stacks)]
    return tuple(dict.fromkeys(name for name in named if name is not None))

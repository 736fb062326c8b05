"""Idle sources: those that a plan leaves out of the result, known before a number is read.

A source is idle if its coefficient is exactly zero in every tensor, and if nothing else of it goes
along: it is no base, its tokenizer and other small files are not taken, no row of its embeddings is
lent, and no bits of it are copied. In doubt it is not idle.
"""

from collections.abc import Iterator

from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records.recipe import Recipe, Setting, Settings

_DECIDING = ("weight", "t", "scale")


def may_have_idle(recipe: Recipe) -> bool:
    """Tell whether it is worth to plan a recipe in order to find idle sources.

    Args:
        recipe: Any recipe.

    Returns:
        False only if it has none that `idle_sources` would find.
    """
    if CONTRACTS[recipe.method].zeros is None or _mixes_files(recipe):
        return False
    return any(
        value in (0, 1) or isinstance(value, str)
        for setting in _settings(recipe)
        for value in (setting.value if isinstance(setting.value, tuple) else (setting.value,))
    )


def idle_sources(plan: Plan) -> frozenset[str]:
    """Return the sources that the result will hold nothing of, whatever the numbers in them are.

    Args:
        plan: A merge that can be carried out.

    Returns:
        Their references; after the merge each of them has `Contribution.used` false.
    """
    if _mixes_files(plan.recipe):
        return frozenset()
    kept = {plan.donor.reference, *plan.bases, *_named_bases(plan.recipe)}
    if plan.recipe.vocabulary is not None:
        kept.add(plan.recipe.vocabulary.source)
    met: set[str] = set()
    for output in plan.outputs:
        left_out = _left_out(output)
        for place, item in enumerate(output.inputs):
            met.add(item.source.reference)
            if place not in left_out:
                kept.add(item.source.reference)
    return frozenset(met - kept)


def _left_out(output: OutputTensor) -> frozenset[int]:
    """Return the places of the inputs whose coefficients are zero for certain."""
    zeros = CONTRACTS[output.method].zeros
    # Copied bits are the bits of all who have them; rows may be lent by whoever stands there.
    if zeros is None or output.copied or any(item.rows is not None for item in output.inputs):
        return frozenset()
    parts = [output.inputs[place].parameters for place in output.parts]
    found = zip(output.parts, zeros(parts, output.parameters), strict=True)
    return frozenset(place for place, out in found if out)


def _mixes_files(recipe: Recipe) -> bool:
    """Tell whether tokens or chat templates of all models may go into the result."""
    wanted = recipe.vocabulary
    tokens = wanted is not None and (wanted.source == "union" or bool(wanted.tokens))
    return tokens or recipe.chat_template == "auto"


def _named_bases(recipe: Recipe) -> Iterator[str]:
    for name in (recipe.base_model, *(piece.base_model for piece in recipe.stacks)):
        if name is not None:
            yield name


def _settings(recipe: Recipe) -> Iterator[Setting]:
    """Yield every setting that may decide a coefficient, wherever it stands."""
    blocks: list[Settings] = [recipe.parameters]
    blocks += [module.parameters for module in recipe.modules]
    blocks += [piece.parameters for piece in recipe.stacks]
    blocks += [line.parameters for line in recipe.lines]
    for block in blocks:
        for name, settings in block:
            if name in _DECIDING:
                yield from settings

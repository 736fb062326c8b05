"""Parameters that are set but cannot act, since another one that they need is not set.

Breadcrumbs' gamma and DELLA's epsilon say how to drop elements; at density 1, the default, nothing
is dropped.
"""

from collections.abc import Iterator

from evoreg.evolve.recipes.contracts import Contract, Parameter
from evoreg.evolve.recipes.form import Form
from evoreg.evolve.recipes.settings import convert
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.recipe import Recipe, Setting, Settings, Slice, Source


def warn_idle(form: Form, recipe: Recipe, contract: Contract) -> None:
    """Warn about parameters that change nothing at full density.

    Args:
        form: Takes the warnings.
        recipe: The recipe, all its parts readable.
        contract: What its method asks for.
    """
    density = contract.parameter("density")
    idle = [p.name for p in contract.parameters if p.only_sparse]
    if (
        density is None
        or not idle
        or any(_sparse(item, density) for item in _set(recipe, "density"))
    ):
        return
    for name in idle:
        if any(_set(recipe, name)):
            what = f"{name!r} changes nothing in {contract.name}: density is 1 everywhere"
            form.warn(Code.RECIPE_PARAMETER, what, form.root.mark, "set density below 1")


def _set(recipe: Recipe, name: str) -> Iterator[Setting]:
    """Yield every setting of a parameter, wherever it stands."""
    return (
        setting
        for block in _blocks(recipe)
        for parameter, settings in block
        if parameter == name
        for setting in settings
    )


def _blocks(recipe: Recipe) -> Iterator[Settings]:
    yield recipe.parameters
    yield from _within(recipe.models, recipe.slices)
    for module in recipe.modules:
        yield module.parameters
        yield from _within(module.models, module.slices)


def _within(models: tuple[Source, ...], slices: tuple[Slice, ...]) -> Iterator[Settings]:
    for source in models:
        yield source.parameters
    for piece in slices:
        yield piece.parameters
        for source in piece.sources:
            yield source.parameters


def _sparse(setting: Setting, density: Parameter) -> bool:
    values = setting.value if isinstance(setting.value, tuple) else (setting.value,)
    return any(convert(value, density) < 1 for value in values)

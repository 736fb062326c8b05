"""Checks of a whole recipe that need no model: number of inputs, base, ranges, references."""

from collections.abc import Sequence

from evoreg.evolve.recipes.contracts import Contract
from evoreg.evolve.recipes.form import Form
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.recipe import Module, Recipe, Slice, Source


def check_structure(form: Form, recipe: Recipe, contract: Contract) -> None:
    """Report what cannot be meant in a recipe.

    Args:
        form: Takes the reports.
        recipe: The recipe, all its parts readable.
        contract: What its method asks for.
    """
    for part in recipe.modules or (Module(name="", models=recipe.models, slices=recipe.slices),):
        _check_part(form, part, recipe.base_model, contract)
    _check_ignored_base(form, recipe, contract)
    _check_base_parameters(form, recipe, contract)


def _check_part(form: Form, part: Module, base: str | None, contract: Contract) -> None:
    if part.models:
        _check_group(form, part.models, base, contract, append_base=True)
    for piece in part.slices:
        _check_group(form, piece.sources, piece.base_model or base, contract, append_base=False)
        _check_lengths(form, piece.sources)
        _check_unread_base(form, piece, contract)
    if part.slices and sum(_length(piece.sources[0]) for piece in part.slices) == 0:
        what = "the slices hold no layer at all"
        mark = form.places.get(part.slices[0].sources[0].model, form.root.mark)
        form.report(Code.RECIPE_LAYERS, what, mark, "give at least one slice a layer")


def _check_unread_base(form: Form, piece: Slice, contract: Contract) -> None:
    """Report the base of a slice in a method that has none, if it names no source either."""
    base = piece.base_model
    if contract.base != "ignored" or base is None:
        return
    if base not in [source.model for source in piece.sources]:
        what = f"{contract.name} has no base, and {base!r} is not among the sources of this slice"
        mark = form.places.get(base, form.root.mark)
        form.forgive(Code.RECIPE_STRUCTURE, what, mark, "leave out base_model of this slice")


def _length(source: Source) -> int:
    first, end = source.layer_range or (0, 0)
    return end - first


def _check_group(
    form: Form,
    sources: Sequence[Source],
    base: str | None,
    contract: Contract,
    *,
    append_base: bool,
) -> None:
    names = [source.model for source in sources]
    mark = form.places.get(names[0], form.root.mark)
    for name in sorted({name for name in names if names.count(name) > 1}):
        what = f"{name!r} stands twice in one merge"
        hint = "keep one of them and add up the weights"
        form.report(Code.RECIPE_STRUCTURE, what, form.places.get(name, mark), hint)
    if contract.base == "required" and base is None:
        what = f"{contract.name} needs a base_model"
        form.report(Code.RECIPE_STRUCTURE, what, form.root.mark, "add base_model: REFERENCE")
        return
    if contract.base != "ignored" and base is not None and base not in names:
        if not append_base:
            what = f"the base {base!r} is not among the sources of this slice"
            hint = "add it with a layer_range, so that it is known which layers to compare"
            form.report(Code.RECIPE_STRUCTURE, what, mark, hint)
            return
        names.append(base)
    if contract.base == "optional" and base is not None:
        names.remove(base)
    _check_count(form, len(names), contract)


def _check_count(form: Form, count: int, contract: Contract) -> None:
    base = " (the base counts)" if contract.base == "required" else ""
    if contract.most is not None and contract.most == contract.fewest != count:
        what = f"{contract.name} takes exactly {contract.most} models{base}, not {count}"
    elif count < contract.fewest or (contract.most is not None and count > contract.most):
        what = f"{contract.name} takes at least {contract.fewest} models{base}, not {count}"
    else:
        return
    form.report(Code.RECIPE_STRUCTURE, what, form.root.mark, "change the list of models")


def _check_lengths(form: Form, sources: Sequence[Source]) -> None:
    lengths = {_length(source) for source in sources}
    if len(lengths) > 1:
        what = f"the sources of one slice have different lengths: {sorted(lengths)}"
        mark = form.places.get(sources[0].model, form.root.mark)
        form.report(Code.RECIPE_LAYERS, what, mark, "give each source equally many layers")


def _check_ignored_base(form: Form, recipe: Recipe, contract: Contract) -> None:
    if contract.base != "ignored" or recipe.base_model is None:
        return
    if recipe.base_model not in [line.model for line in recipe.lines]:
        mark = form.places.get(recipe.base_model, form.root.mark)
        what = (
            f"{contract.name} has no base: {recipe.base_model!r} gives config and tokenizer, "
            "but no weights"
        )
        form.warn(Code.RECIPE_STRUCTURE, what, mark, "list it under models to merge it")


def _check_base_parameters(form: Form, recipe: Recipe, contract: Contract) -> None:
    """Warn about parameters of a base: differences from itself are zero whatever they say."""
    if not contract.delta:
        return
    whole = (recipe.models, *(module.models for module in recipe.modules))
    groups = [(recipe.base_model, models) for models in whole]
    groups += [(piece.base_model or recipe.base_model, piece.sources) for piece in recipe.stacks]
    for base, sources in groups:
        for source in sources:
            if source.model == base and source.parameters:
                names = ", ".join(name for name, _ in source.parameters)
                mark = form.places.get(source.model, form.root.mark)
                what = f"{names} of the base {source.model!r} changes nothing"
                form.warn(Code.RECIPE_PARAMETER, what, mark, "leave it out")

"""What every candidate is compared with: each model alone, the base, and the uniform merge."""

from evoreg.evolve.recipes.contracts import CONTRACTS, Contract
from evoreg.evolve.recipes.form import closest
from evoreg.evolve.searchfile.form import ParameterSpace, SearchForm
from evoreg.evolve.searchfile.usual import fixed_parameters
from evoreg.provenance.records.errors import Code, RecipeError
from evoreg.provenance.records.recipe import Recipe, Scalar, Setting, Settings, Source

UNIFORM = "uniform"
"""Label of the plain average."""
BASE = "base"
"""Label of the base."""


def baselines_of(form: SearchForm) -> dict[str, Recipe]:
    """Return the baselines of a search over parameters.

    Args:
        form: The search file.

    Returns:
        Each model alone by its reference, ``base`` unless it is one of the models, ``uniform``.
    """
    found = {name: alone(form, name) for name in form.models}
    if form.base_model is not None and form.base_model not in form.models:
        found[BASE] = alone(form, form.base_model)
    found[UNIFORM] = uniform(form)
    return found


def alone(form: SearchForm, model: str) -> Recipe:
    """Return the recipe of one model as it is.

    Args:
        form: Says type, tokenizer and chat template.
        model: Its reference.

    Returns:
        A passthrough, with whatever all candidates have. If they have the vocabularies of all
        models together, so has this one: it is then a sum in which the others weigh nothing.
    """
    if form.merge.tokenizer_source == "union":
        return _in_common(form, model)
    # "base" as source of the tokenizer means the base of the search, here too.
    base = form.base_model if form.merge.tokenizer_source == "base" else None
    return Recipe(
        method="passthrough",
        models=(Source(model=model),),
        base_model=base,
        dtype=form.merge.dtype,
        out_dtype=form.merge.out_dtype,
        tokenizer_source=form.merge.tokenizer_source,
        chat_template=form.merge.chat_template,
    )


def _in_common(form: SearchForm, model: str) -> Recipe:
    base = base_of(form, contract_of(form))
    names = dict.fromkeys([*form.models, *([base] if base else [])])
    lines = [
        Source(model=name, parameters=as_settings({"weight": float(name == model)}))
        for name in dict.fromkeys([*names, model])
    ]
    return Recipe(
        method="linear",
        models=tuple(lines),
        parameters=as_settings({"normalize": False}),
        dtype=form.merge.dtype,
        out_dtype=form.merge.out_dtype,
        tokenizer_source="union",
        chat_template=form.merge.chat_template,
    )


def uniform(form: SearchForm) -> Recipe:
    """Return the plain average that the method can make.

    Args:
        form: The search file.

    Returns:
        Weights of 1 / K, position 0.5 for SLERP; whatever else the method has is at its default,
        or where its genes start.
    """
    contract = contract_of(form)
    said = said_parameters(form)
    values: dict[str, Scalar] = {}
    for parameter in contract.parameters:
        if parameter.name == "weight":
            values["weight"] = 1 / len(varied_models(form))
        elif contract.name == "slerp":
            values["t"] = 0.5
        elif parameter.name in said:
            values[parameter.name] = said[parameter.name]
        elif parameter.required and isinstance(form.space, ParameterSpace):
            gene = form.space.genes.get(parameter.name)
            if gene is not None:
                values[parameter.name] = gene.start
    return whole_recipe(form, {}, as_settings(values))


def contract_of(form: SearchForm) -> Contract:
    """Return what the method of a search asks for.

    Raises:
        RecipeError: There is no such method.
    """
    if form.method not in CONTRACTS:
        what = f"unknown merge method {form.method!r:.60}"
        raise RecipeError(Code.RECIPE_METHOD, what, hint=closest(form.method, sorted(CONTRACTS)))
    return CONTRACTS[form.method]


def said_parameters(form: SearchForm) -> dict[str, Scalar]:
    """Return the parameters that stay as they are in every candidate."""
    contract = contract_of(form)
    said = form.space.parameters if isinstance(form.space, ParameterSpace) else {}
    return fixed_parameters(contract, said)


def varied_models(form: SearchForm) -> tuple[str, ...]:
    """Return the models with parameters of their own: all but the base of a method with one."""
    base = base_of(form, contract_of(form))
    return tuple(name for name in form.models if name != base)


def base_of(form: SearchForm, contract: Contract) -> str | None:
    """Return the base, if the method looks at it."""
    return None if contract.base == "ignored" else form.base_model


def as_settings(values: dict[str, Scalar]) -> Settings:
    """Return plain values as the settings of a recipe."""
    return tuple((name, (Setting(value=value),)) for name, value in sorted(values.items()))


def whole_recipe(form: SearchForm, own: dict[str, Settings], shared: Settings) -> Recipe:
    """Return a recipe over all models of a search.

    Args:
        form: The search file.
        own: Settings of single models, by reference.
        shared: Settings of all.

    Returns:
        The recipe of a candidate.
    """
    lines = tuple(Source(model=name, parameters=own.get(name, ())) for name in form.models)
    return Recipe(
        method=form.method,
        models=lines,
        base_model=form.base_model,
        parameters=shared,
        dtype=form.merge.dtype,
        out_dtype=form.merge.out_dtype,
        tokenizer_source=form.merge.tokenizer_source,
        chat_template=form.merge.chat_template,
    )

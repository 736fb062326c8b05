"""Checks of a space over parameters against the contract of its method."""

import math
from collections.abc import Mapping, Sequence

from evoreg.evolve.recipes.contracts import Contract, Parameter
from evoreg.evolve.recipes.form import closest
from evoreg.evolve.recipes.settings import convert
from evoreg.evolve.searchfile.desk import Desk
from evoreg.evolve.searchfile.form import GeneRange, ParameterSpace, Refinement
from evoreg.evolve.searchfile.usual import fixed_parameters, may_vary, usual_genes
from evoreg.provenance.records.errors import Code


def check_genes(
    space: ParameterSpace, contract: Contract, path: str, desk: Desk, *, models: int
) -> None:
    """Report genes and parameters that the method does not have, or not so.

    Args:
        space: What is varied.
        contract: The method.
        path: Where the space stands.
        desk: Takes problems.
        models: Number of models.
    """
    problems = len(desk.problems)
    for name in space.parameters:
        _check_parameter(space, contract, name, path, desk)
    for name, reach in space.genes.items():
        _check_gene(contract, name, reach, f"{path}.genes.{name}", desk)
    if len(desk.problems) == problems:
        _check_whole(space, contract, path, desk, models)
    _check_fineness(space, path, desk)
    for place, finer in enumerate(space.refine):
        _check_fineness(finer, f"{path}.refine.{place}", desk)


def _check_parameter(
    space: ParameterSpace, contract: Contract, name: str, path: str, desk: Desk
) -> None:
    where = f"{path}.parameters.{name}"
    parameter = contract.parameter(name)
    if parameter is None:
        _unknown(contract, name, where, desk)
        return
    if name in space.genes:
        what = f"{name} is both a gene and a parameter that stays as it is"
        desk.report(where, what, "keep one of the two", Code.RECIPE_PARAMETER)
    if parameter.idle:
        desk.warn(
            where, f"{name} changes nothing in {contract.name}: {parameter.idle}", "leave it out"
        )
    try:
        convert(space.parameters[name], parameter)
    except ValueError as error:
        desk.report(where, f"{name}: {error}", "correct the value", Code.RECIPE_PARAMETER)


def _unknown(contract: Contract, name: str, where: str, desk: Desk) -> None:
    names = [item.name for item in contract.parameters]
    hint = closest(name, names) if names else "this method has no parameters"
    what = f"{contract.name} reads no parameter {name!r:.60}"
    desk.report(where, what, hint, Code.RECIPE_PARAMETER)


def _check_gene(contract: Contract, name: str, reach: GeneRange, where: str, desk: Desk) -> None:
    parameter = contract.parameter(name)
    if parameter is None:
        _unknown(contract, name, where, desk)
    elif not may_vary(parameter):
        why = parameter.idle or "it is no number with a point"
        what = f"{name} of {contract.name} cannot be varied: {why}"
        desk.report(where, what, "put it under parameters", Code.RECIPE_PARAMETER)
    elif (parameter.low is not None and reach.low < parameter.low) or (
        parameter.high is not None and reach.high > parameter.high
    ):
        what = f"{name} of {contract.name} goes {_reach(parameter)}"
        desk.report(where, what, "correct low and high", Code.RECIPE_PARAMETER)


def _reach(parameter: Parameter) -> str:
    low = "" if parameter.low is None else f"from {parameter.low:g} "
    return f"{low}{'up' if parameter.high is None else f'to {parameter.high:g}'}".strip()


def _check_whole(
    space: ParameterSpace, contract: Contract, path: str, desk: Desk, models: int
) -> None:
    """Check the genes together, if each is right by itself."""
    said = fixed_parameters(contract, space.parameters)
    genes = space.genes or usual_genes(contract, said, max(1, models))
    if not genes:
        names = [item.name for item in contract.parameters if may_vary(item)]
        hint = (
            f"write {path}: {{genes: {{{names[0]}: {{low: ..., high: ..., start: ...}}}}}}"
            if names
            else "choose another method"
        )
        what = f"{contract.name} has no parameter with a usual range"
        desk.report(path, what, hint, Code.RECIPE_PARAMETER)
        return
    for parameter in contract.parameters:
        if parameter.required and parameter.name not in {*genes, *said}:
            what = f"{contract.name} needs {parameter.name}, which is neither varied nor given"
            hint = f"name it under genes or parameters of {path}"
            desk.report(path, what, hint, Code.RECIPE_PARAMETER)
    _check_limits(space, contract, genes, path, desk)


def _check_limits(
    space: ParameterSpace,
    contract: Contract,
    genes: Mapping[str, GeneRange],
    path: str,
    desk: Desk,
) -> None:
    """Report ranges within which parameters of a part do not go together."""
    if contract.limits is None:
        return
    own = [item for item in contract.parameters if item.scope != "shared"]
    values: dict[str, Sequence[float | bool]] = {}
    for parameter in own:
        value = space.parameters.get(parameter.name, parameter.default)
        if parameter.name in genes:
            values[parameter.name] = _points(genes[parameter.name])
        elif value is not None:
            values[parameter.name] = (convert(value, parameter),)
    corners: list[dict[str, float | bool]] = [{}]
    for name, points in values.items():
        corners = [{**corner, name: point} for corner in corners for point in points]
    wrong = next((text for text in map(contract.limits, corners) if text), "")
    if wrong:
        what = f"not every candidate could be merged: {wrong}"
        desk.report(f"{path}.genes", what, "narrow the ranges", Code.RECIPE_PARAMETER)


def _points(reach: GeneRange) -> tuple[float, ...]:
    """Return the ends of a range, and what is just inside of them."""
    inner = math.nextafter(reach.low, reach.high), math.nextafter(reach.high, reach.low)
    return reach.low, *inner, reach.high


def _check_fineness(part: ParameterSpace | Refinement, path: str, desk: Desk) -> None:
    if part.knots and part.granularity:
        what = "granularity makes groups and knots make lines: they exclude each other"
        desk.report(f"{path}.knots", what, "keep one; smooth: true makes lines of granularity")
    if part.knots == 1:
        desk.report(f"{path}.knots", "one knot makes no line", "give at least 2, or 0")
    doubles = sorted({name for name in part.components if part.components.count(name) > 1})
    for name in doubles:
        desk.report(f"{path}.components", f"{name!r:.60} stands twice", "name it once")
    if not all(part.components):
        desk.report(
            f"{path}.components", "a component has no name", "write a part of a tensor name"
        )
    if isinstance(part, ParameterSpace) and part.smooth and not part.granularity:
        desk.warn(f"{path}.smooth", "smooth changes nothing without granularity", "leave it out")

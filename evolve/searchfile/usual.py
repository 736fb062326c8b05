"""Which parameters of a merge method a search varies if the search file does not say, and how far.

Weights of task vectors are not normalised and may grow beyond one: the optimum that Sakana found
has weights that add up to about two (arXiv 2403.13187).
"""

from collections.abc import Mapping

from evoreg.evolve.recipes.contracts import Contract, Parameter
from evoreg.evolve.searchfile.form import GeneRange
from evoreg.provenance.records.recipe import Scalar

_MOST_WEIGHT = 1.5
_MARGIN = 0.05


def fixed_parameters(contract: Contract, said: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the parameters that every candidate shares.

    Args:
        contract: The method.
        said: What the search file says.

    Returns:
        The same, and ``normalize: false`` if the method could normalise and nothing is said.
    """
    plain = {} if contract.parameter("normalize") is None else {"normalize": False}
    return dict(sorted({**plain, **said}.items()))


def usual_genes(
    contract: Contract, said: Mapping[str, Scalar], models: int
) -> dict[str, GeneRange]:
    """Return the parameters that are varied if the search file names none.

    Args:
        contract: The method.
        said: Parameters that stay as they are; they are not varied.
        models: Number of models with parameters of their own, at least 1.

    Returns:
        Weight and density of methods that have them, the place of SLERP, else what has a range by
        itself; empty if there is nothing of the kind.
    """
    common = [name for name in ("weight", "density") if contract.parameter(name)]
    names = common or [item.name for item in contract.parameters]
    found = {}
    for name in names:
        parameter = contract.parameter(name)
        if parameter is None or not may_vary(parameter) or name in said:
            continue
        usual = usual_range(contract, parameter, said, models)
        if usual is not None:
            found[name] = usual
    return found


def may_vary(parameter: Parameter) -> bool:
    """Tell whether a parameter can be a gene: a number with a point, and one that acts."""
    return parameter.kind == "float" and not parameter.idle


def usual_range(
    contract: Contract, parameter: Parameter, said: Mapping[str, Scalar], models: int
) -> GeneRange | None:
    """Return the usual range of a parameter.

    Args:
        contract: The method.
        parameter: One of its parameters.
        said: Parameters that stay as they are.
        models: Number of models with parameters of their own, at least 1.

    Returns:
        The range, or nothing if it depends on the models and must be said.
    """
    if parameter.name == "weight":
        vectors = contract.base == "required" and contract.delta
        return GeneRange(low=0.0, high=_MOST_WEIGHT, start=0.5 if vectors else 1 / models)
    if parameter.name == "density":
        return _density(contract, said)
    if parameter.name == "lambda":
        return GeneRange(low=0.0, high=2.0, start=1.0)
    if contract.name == "slerp":
        return GeneRange(low=0.0, high=1.0, start=0.5)
    if parameter.low is None or parameter.high is None:
        return None
    start = parameter.default
    if isinstance(start, bool) or not isinstance(start, int | float):
        start = (parameter.low + parameter.high) / 2
    return GeneRange(low=parameter.low, high=parameter.high, start=float(start))


def _density(contract: Contract, said: Mapping[str, Scalar]) -> GeneRange:
    epsilon = contract.parameter("epsilon")
    if epsilon is not None and epsilon.scope == "part":
        # DELLA's probabilities density -+ epsilon must stay between 0 and 1.
        value = said.get("epsilon", epsilon.default)
        reach = abs(float(value)) if value is not None and not isinstance(value, str) else 0.0
        reach = min(reach + _MARGIN, 0.45)
        return GeneRange(low=reach, high=1 - reach, start=0.5)
    return GeneRange(low=0.1, high=1.0, start=0.5 if contract.random else 1.0)

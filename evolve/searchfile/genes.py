"""What a search file leaves open and its other parts decide: ranges of genes, rotation of items."""

from collections.abc import Mapping

from evoreg.evolve.recipes.contracts import CONTRACTS, Contract
from evoreg.evolve.searchfile.form import GeneRange, SearchForm
from evoreg.evolve.searchfile.usual import fixed_parameters, usual_range
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.recipe import Scalar

SAME_ITEMS = ("nsga2", "m2n2", "cycleqd")
"""Optimisers that compare numbers of different generations, and so need the same items in all."""


def complete(data: dict[str, Json]) -> None:
    """Fill in what the file leaves open.

    Ranges may be written in part, as in ``genes: {weight: {high: 2}}``. What cannot be filled in
    is left as it is, for the form to refuse.

    Args:
        data: The search file as plain values; changed in place.
    """
    if _table(data.get("optimiser")).get("kind") in SAME_ITEMS:
        economy = data.setdefault("economy", {})
        if isinstance(economy, dict):
            economy.setdefault("rotate", False)
    contract = CONTRACTS.get(_method(data))
    space = _table(data.get("space"))
    if space.get("kind") == "hybrid":
        space = _table(space.get("parameters"))
    genes = space.get("genes")
    if contract is None or not isinstance(genes, dict):
        return
    said = {
        name: value
        for name, value in _table(space.get("parameters")).items()
        if isinstance(value, bool | int | float | str)
    }
    for name, reach in genes.items():
        usual = _usual(contract, name, said, _varied(data, contract))
        if isinstance(reach, dict) and usual is not None:
            genes[name] = _completed(reach, usual)


def _table(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _method(data: Mapping[str, Json]) -> str:
    return str(data.get("method", SearchForm.model_fields["method"].default))


def _varied(data: Mapping[str, Json], contract: Contract) -> int:
    """Return how many models have parameters of their own, at least 1."""
    models = data.get("models")
    names = models if isinstance(models, list) else []
    base = None if contract.base == "ignored" else data.get("base_model")
    return max(1, len([name for name in names if name != base]))


def _usual(
    contract: Contract, name: str, said: Mapping[str, Scalar], models: int
) -> GeneRange | None:
    parameter = contract.parameter(name)
    if parameter is None:
        return None
    try:
        return usual_range(contract, parameter, fixed_parameters(contract, said), models)
    except ValueError:  # a parameter beside it is no number; the rules tell
        return None


def _completed(reach: dict[str, Json], usual: GeneRange) -> dict[str, Json]:
    """Return a range with the usual ends; the usual start is moved into what was said."""
    found = {"low": usual.low, "high": usual.high, **reach}
    low, high = found["low"], found["high"]
    start: float = usual.start
    if isinstance(low, int | float) and isinstance(high, int | float):
        start = min(max(start, float(low)), float(high))
    return {"start": start, **found}

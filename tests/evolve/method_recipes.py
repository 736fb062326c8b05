"""Recipes for every row of the table of methods, with and without a base where it is optional."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from evoreg.evolve.recipes.contracts import CONTRACTS, Contract
from tests.evolve.merging import Recipe, recipe, row

# A value for each parameter that is defined for every method and makes nothing vanish.
PLAIN: dict[str, Any] = {"weight": 1.0, "t": 0.25, "scale": 1.0}


class Form(NamedTuple):
    """A method, and whether it is given a base."""

    name: str
    based: bool

    @property
    def contract(self) -> Contract:
        return CONTRACTS[self.name]

    @property
    def fewest(self) -> int:
        """Smallest number of models beside the base."""
        return self.contract.fewest - (self.contract.base == "required")

    @property
    def most(self) -> int:
        """Largest number of models beside the base, or 10 if there is no limit."""
        most = self.contract.most
        return 10 if most is None else most - (self.contract.base == "required")

    def count(self, wanted: int) -> int:
        """Return a number of models near to what is wanted."""
        return max(self.fewest, min(wanted, self.most))

    def recipe(self, models: Sequence[str], base: str, **values: Any) -> Recipe:
        """Return a recipe: parameters that the method does not have are left out."""
        chosen = {**PLAIN, **values}
        names = [p.name for p in self.contract.parameters if p.name in chosen]
        own = [p.name for p in self.contract.parameters if p.scope != "shared"]
        lines = [
            row(
                model,
                **{
                    name: chosen[name][place] if isinstance(chosen[name], tuple) else chosen[name]
                    for name in names
                    if name in own
                },
            )
            for place, model in enumerate(models)
        ]
        shared = {name: chosen[name] for name in names if name not in own}
        return recipe(self.name, lines, base if self.based else None, shared)


FORMS = [
    Form(name, based)
    for name, row_ in sorted(CONTRACTS.items())
    for based in {"ignored": [False], "optional": [False, True], "required": [True]}[row_.base]
]


def name_of(form: object) -> str:
    return (
        (form.name + "+base" * (form.contract.base == "optional" and form.based))
        if isinstance(form, Form)
        else str(form)
    )

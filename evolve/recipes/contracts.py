"""What each merge method asks of a recipe: its inputs, its base and its parameters.

This is the table that the recipe reader checks against, so it imports no torch. What a method
computes stands in `evoreg.evolve.methods.table`, under the same name; a test holds the two tables
together. Sources: the papers named in `Contract.reference`; parameter names and defaults are those
of mergekit 0.1.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from evoreg.provenance.records.recipe import Scalar

Scope = Literal["shared", "input", "part"]
"""One value per output tensor; one per input; one per input that is not the base."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method."""

    name: str
    """As written in a recipe."""
    scope: Scope
    """How many values it has."""
    kind: Literal["float", "bool"]
    """Type of a value."""
    default: Scalar | None = None
    """Value if the recipe is silent; nothing means that the recipe must say it (see `required`)."""
    required: bool = False
    """True if the recipe must give it."""
    low: float | None = None
    """Smallest allowed value."""
    high: float | None = None
    """Largest allowed value."""
    idle: str = ""
    """Why the parameter changes nothing in this method; it is then accepted with a warning."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a method asks of a recipe."""

    name: str
    """As written in a recipe."""
    title: str
    """For people."""
    reference: str
    """Where the method was published."""
    base: Literal["ignored", "optional", "required"]
    """Whether it needs a base model; an optional one is used if the recipe names it."""
    fewest: int
    """Smallest number of inputs, the base included if it is required."""
    most: int | None
    """Largest number of inputs; nothing means any."""
    parameters: tuple[Parameter, ...]
    """All parameters."""
    random: bool = False
    """True if it draws random masks."""
    commutative: bool = True
    """True if the order of the models does not matter."""
    delta: bool = True
    """True if it works on differences from the base, false if on the weights themselves."""
    divides_by_sum: bool = False
    """True if ``normalize`` divides by the sum of the weights, which must then not be zero."""

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by name, or nothing."""
        return next((item for item in self.parameters if item.name == name), None)


_INT8 = Parameter(
    "int8_mask", "shared", "bool", False, idle="it only chose the type of a temporary mask"
)


def _task_vectors(
    name: str, title: str, reference: str, *, normalize: bool, rescale: bool, sparse: bool
) -> Contract:
    dense = "" if sparse else "this method keeps every element"
    return Contract(
        name,
        title,
        reference,
        base="required",
        fewest=2,
        most=None,
        divides_by_sum=not name.endswith("ties"),
        random=name.startswith("dare"),
        parameters=(
            Parameter("weight", "part", "float", required=True),
            Parameter("density", "part", "float", 1.0, low=0.0, high=1.0, idle=dense),
            Parameter("normalize", "shared", "bool", normalize),
            Parameter("rescale", "shared", "bool", rescale, idle=dense),
            Parameter("lambda", "shared", "float", 1.0),
            _INT8,
        ),
    )


_ROWS = (
    Contract(
        "linear",
        "Linear (model soup)",
        "https://arxiv.org/abs/2203.05482",
        base="ignored",
        fewest=1,
        most=None,
        parameters=(
            Parameter("weight", "input", "float", required=True),
            Parameter("normalize", "shared", "bool", True),
        ),
        delta=False,
        divides_by_sum=True,
    ),
    Contract(
        "slerp",
        "SLERP",
        "https://doi.org/10.1145/325334.325242",
        base="required",
        fewest=2,
        most=2,
        parameters=(Parameter("t", "shared", "float", required=True),),
        commutative=False,
        delta=False,
    ),
    _task_vectors(
        "task_arithmetic", "Task arithmetic", "https://arxiv.org/abs/2212.04089",
        normalize=False, rescale=False, sparse=False,
    ),
    _task_vectors(
        "ties", "TIES", "https://arxiv.org/abs/2306.01708",
        normalize=True, rescale=False, sparse=True,
    ),
    _task_vectors(
        "dare_linear", "DARE", "https://arxiv.org/abs/2311.03099",
        normalize=False, rescale=True, sparse=True,
    ),
    _task_vectors(
        "dare_ties", "DARE with TIES", "https://arxiv.org/abs/2311.03099",
        normalize=False, rescale=True, sparse=True,
    ),
    Contract(
        "passthrough",
        "Passthrough",
        "https://huggingface.co/papers/2312.15166",
        base="ignored",
        fewest=1,
        most=1,
        parameters=(Parameter("scale", "input", "float", 1.0),),
        commutative=False,
        delta=False,
    ),
)  # fmt: skip

CONTRACTS: Mapping[str, Contract] = MappingProxyType({row.name: row for row in _ROWS})
"""Every method that evoreg offers, by name."""

NOT_OFFERED = (
    "arcee_fusion", "breadcrumbs", "breadcrumbs_ties", "della", "della_linear", "karcher",
    "model_stock", "multislerp", "nearswap", "nuslerp", "ram", "ramplus_tl", "sce",
)  # fmt: skip
"""Methods of mergekit 0.1.5 that evoreg knows by name but does not offer."""

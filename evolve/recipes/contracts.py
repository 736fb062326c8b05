"""What each merge method asks of a recipe: its inputs, its base and its parameters.

This is the table that the recipe reader checks against, so it imports no torch. What a method
computes stands in `evoreg.evolve.methods.table`, under the same name; a test holds the two tables
together. Sources: the papers named in `Contract.reference`; parameter names and defaults are those
of mergekit 0.1.5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from evoreg.evolve.recipes.zeros import (
    Zeros,
    of_position,
    of_reach,
    of_scale,
    of_weight,
    of_weight_beside_others,
    of_weight_in_sum,
)
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
    kind: Literal["float", "int", "bool"]
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
    only_sparse: bool = False
    """True if it changes nothing at density 1."""


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
    divides_by_sum: str = ""
    """Shared parameter that, if true, divides by the sum of the weights, which must not be zero."""
    limits: Callable[[Mapping[str, float | bool]], str] | None = None
    """Given the values of one part, what is wrong with them together; empty if nothing is."""
    zeros: Zeros | None = None
    """Tells which parts of a tensor are left out for certain, whatever the numbers in it are;
    nothing means that values alone never tell."""

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by name, or nothing."""
        return next((item for item in self.parameters if item.name == name), None)


_INT8 = Parameter(
    "int8_mask", "shared", "bool", False, idle="it only chose the type of a temporary mask"
)


def _della_limits(values: Mapping[str, float | bool]) -> str:
    density, epsilon = float(values["density"]), float(values["epsilon"])
    if not 0 < density < 1 or 0 < density - abs(epsilon) <= density + abs(epsilon) < 1:
        return ""
    return (
        f"density {density:g} and epsilon {epsilon:g} give probabilities from "
        f"{density - abs(epsilon):g} to {density + abs(epsilon):g}, which must lie between 0 and 1"
    )


_WEIGHT = Parameter("weight", "part", "float", required=True)


def _task_vectors(
    name: str, title: str, paper: str, *extra: Parameter, normalize: bool, rescale: bool
) -> Contract:
    dense = "this method keeps every element" if name == "task_arithmetic" else ""
    consensus = name.endswith("ties") or name == "della"
    return Contract(
        name,
        title,
        f"https://arxiv.org/abs/{paper}",
        base="required",
        fewest=2,
        most=None,
        divides_by_sum="" if consensus else "normalize",
        random=name.startswith(("dare", "della")),
        limits=_della_limits if name.startswith("della") else None,
        zeros=of_weight,
        parameters=(
            _WEIGHT,
            Parameter("density", "part", "float", 1.0, low=0.0, high=1.0, idle=dense),
            *extra,
            Parameter("normalize", "shared", "bool", normalize),
            Parameter("rescale", "shared", "bool", rescale, idle=dense),
            Parameter("lambda", "shared", "float", 1.0),
            _INT8,
        ),
    )


_GAMMA = Parameter("gamma", "part", "float", 0.01, low=0.0, high=1.0, only_sparse=True)
_EPSILON = Parameter("epsilon", "part", "float", 0.15, only_sparse=True)
_ACTIVE = Parameter("epsilon", "shared", "float", 1e-5, low=0.0)

_ROWS = (
    Contract(
        "linear", "Linear (model soup)", "https://arxiv.org/abs/2203.05482",
        base="ignored", fewest=1, most=None, delta=False, divides_by_sum="normalize",
        zeros=of_weight,
        parameters=(
            Parameter("weight", "input", "float", required=True),
            Parameter("normalize", "shared", "bool", True),
        ),
    ),
    Contract(
        "slerp", "SLERP", "https://doi.org/10.1145/325334.325242",
        base="required", fewest=2, most=2, commutative=False, delta=False, zeros=of_position,
        parameters=(Parameter("t", "shared", "float", required=True),),
    ),
    Contract(
        "nuslerp", "NuSLERP", "https://doi.org/10.1145/325334.325242",
        base="optional", fewest=2, most=2, zeros=of_weight_in_sum,
        parameters=(
            _WEIGHT,
            Parameter("nuslerp_row_wise", "shared", "bool", False),
            Parameter("nuslerp_flatten", "shared", "bool", True),
        ),
    ),
    Contract(
        "multislerp", "Multi-SLERP", "https://goddard.blog/posts/multislerp-wow-what-a-cool-idea",
        base="optional", fewest=1, most=None, divides_by_sum="normalize_weights",
        zeros=of_weight_beside_others,
        parameters=(
            _WEIGHT,
            Parameter("normalize_weights", "shared", "bool", True),
            Parameter("eps", "shared", "float", 1e-8, low=0.0),
        ),
    ),
    Contract(
        "karcher", "Karcher mean", "https://arxiv.org/abs/2603.04972",
        base="ignored", fewest=1, most=None, delta=False,
        parameters=(
            Parameter("max_iter", "shared", "int", 10, low=0.0),
            Parameter("tol", "shared", "float", 1e-5, low=0.0),
        ),
    ),
    _task_vectors("task_arithmetic", "Task arithmetic", "2212.04089",
                  normalize=False, rescale=False),
    _task_vectors("ties", "TIES", "2306.01708", normalize=True, rescale=False),
    _task_vectors("dare_linear", "DARE", "2311.03099", normalize=False, rescale=True),
    _task_vectors("dare_ties", "DARE with TIES", "2311.03099", normalize=False, rescale=True),
    _task_vectors("breadcrumbs", "Model Breadcrumbs", "2312.06795", _GAMMA,
                  normalize=False, rescale=False),
    _task_vectors("breadcrumbs_ties", "Model Breadcrumbs with TIES", "2312.06795", _GAMMA,
                  normalize=False, rescale=False),
    _task_vectors("della", "DELLA", "2406.11617", _EPSILON, normalize=True, rescale=True),
    _task_vectors("della_linear", "DELLA without sign election", "2406.11617", _EPSILON,
                  normalize=False, rescale=True),
    Contract(
        "model_stock", "Model Stock", "https://arxiv.org/abs/2403.19522",
        base="required", fewest=3, most=None,
        parameters=(Parameter("filter_wise", "shared", "bool", False),),
    ),
    Contract(
        "sce", "SCE", "https://arxiv.org/abs/2408.07990",
        base="required", fewest=2, most=None,
        parameters=(Parameter("select_topk", "shared", "float", 1.0, low=0.0, high=1.0), _INT8),
    ),
    Contract(
        "nearswap", "NearSwap", "https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001",
        base="required", fewest=2, most=2, zeros=of_reach,
        parameters=(Parameter("t", "shared", "float", required=True),),
    ),
    Contract(
        "arcee_fusion", "Arcee Fusion",
        "https://www.arcee.ai/blog/meet-mergekit-v0-1-arcee-fusion-expanded-model-support-multi-gpu-acceleration",
        base="required", fewest=2, most=2, parameters=(),
    ),
    Contract(
        "ram", "RAM", "https://arxiv.org/abs/2601.13572",
        base="required", fewest=2, most=None, parameters=(_ACTIVE,),
    ),
    Contract(
        "ramplus_tl", "RAM+ (tensor by tensor)", "https://arxiv.org/abs/2601.13572",
        base="required", fewest=2, most=None,
        parameters=(
            Parameter("r", "shared", "float", 0.1),
            Parameter("alpha", "shared", "float", 0.2, low=0.0),
            _ACTIVE,
        ),
    ),
    Contract(
        "passthrough", "Passthrough", "https://huggingface.co/papers/2312.15166",
        base="ignored", fewest=1, most=1, commutative=False, delta=False, zeros=of_scale,
        parameters=(Parameter("scale", "input", "float", 1.0),),
    ),
)  # fmt: skip

CONTRACTS: Mapping[str, Contract] = MappingProxyType({row.name: row for row in _ROWS})
"""Every method that evoreg offers, by name: all those of mergekit 0.1.5."""

"""Every merge method by name: what each row of `evoreg.evolve.recipes.contracts` computes."""

from collections.abc import Mapping
from types import MappingProxyType

from evoreg.evolve.methods.group import Method
from evoreg.evolve.methods.linear import linear, passthrough
from evoreg.evolve.methods.slerp import slerp
from evoreg.evolve.methods.sparsify import magnitude, random
from evoreg.evolve.methods.task_vectors import TaskVectors

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "linear": linear,
        "slerp": slerp,
        "task_arithmetic": TaskVectors(sparsifier=None, consensus=False),
        "ties": TaskVectors(sparsifier=magnitude, consensus=True),
        "dare_linear": TaskVectors(sparsifier=random, consensus=False),
        "dare_ties": TaskVectors(sparsifier=random, consensus=True),
        "passthrough": passthrough,
    }
)
"""Every method that evoreg offers."""

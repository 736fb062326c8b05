"""Every merge method by name: what each row of `evoreg.evolve.recipes.contracts` computes."""

from collections.abc import Mapping
from types import MappingProxyType

from evoreg.evolve.methods.arcee_fusion import arcee_fusion
from evoreg.evolve.methods.group import Method
from evoreg.evolve.methods.karcher import karcher
from evoreg.evolve.methods.linear import linear, passthrough
from evoreg.evolve.methods.magprune import magprune
from evoreg.evolve.methods.model_stock import model_stock
from evoreg.evolve.methods.multislerp import multislerp
from evoreg.evolve.methods.nearswap import nearswap
from evoreg.evolve.methods.nuslerp import nuslerp
from evoreg.evolve.methods.outliers import outliers
from evoreg.evolve.methods.ram import Ram
from evoreg.evolve.methods.sce import sce
from evoreg.evolve.methods.slerp import slerp
from evoreg.evolve.methods.sparsify import magnitude, random
from evoreg.evolve.methods.task_vectors import TaskVectors

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "linear": linear,
        "slerp": slerp,
        "nuslerp": nuslerp,
        "multislerp": multislerp,
        "karcher": karcher,
        "task_arithmetic": TaskVectors(sparsifier=None, consensus=False),
        "ties": TaskVectors(sparsifier=magnitude, consensus=True),
        "dare_linear": TaskVectors(sparsifier=random, consensus=False),
        "dare_ties": TaskVectors(sparsifier=random, consensus=True),
        "breadcrumbs": TaskVectors(sparsifier=outliers, consensus=False),
        "breadcrumbs_ties": TaskVectors(sparsifier=outliers, consensus=True),
        "della": TaskVectors(sparsifier=magprune, consensus=True),
        "della_linear": TaskVectors(sparsifier=magprune, consensus=False),
        "model_stock": model_stock,
        "sce": sce,
        "nearswap": nearswap,
        "arcee_fusion": arcee_fusion,
        "ram": Ram(strengthened=False),
        "ramplus_tl": Ram(strengthened=True),
        "passthrough": passthrough,
    }
)
"""Every method that evoreg offers."""

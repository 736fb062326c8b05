"""The merges that are measured, as recipes of mergekit, which both programs read unchanged."""

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MERGES", "Merge"]


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge: method, models and parameters."""

    method: str
    models: tuple[tuple[str, str], ...]
    """Name and parameters, in YAML's flow form, of each model."""
    base: str | None = None
    parameters: str = ""
    """Parameters of the whole merge, in YAML's flow form."""
    is_random: bool = False
    """True if two programs cannot be expected to draw the same numbers."""
    has_limit: bool = False
    """True if the merge is little more than reading and writing: compared with just that."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The models that are read, each once."""
        named = (self.base, *(name for name, _ in self.models))
        return tuple(dict.fromkeys(name for name in named if name))

    def recipe(self, folder: Path) -> str:
        """Return the recipe.

        Args:
            folder: Where the models are.
        """
        lines = [f"merge_method: {self.method}"]
        if self.base:
            lines.append(f"base_model: {_path(folder, self.base)}")
        if self.parameters:
            lines.append(f"parameters: {{{self.parameters}}}")
        lines.append("models:")
        for name, parameters in self.models:
            lines.append(f"  - model: {_path(folder, name)}")
            if parameters:
                lines.append(f"    parameters: {{{parameters}}}")
        return "\n".join([*lines, "dtype: bfloat16", ""])


def _path(folder: Path, name: str) -> str:
    return json.dumps(str(folder / name))


_PAIR = (("a", "weight: 0.6"), ("b", "weight: 0.4"))
_HALVED = (("a", "weight: 0.6, density: 0.5"), ("b", "weight: 0.4, density: 0.5"))

MERGES: dict[str, Merge] = {
    merge.method: merge
    for merge in (
        Merge("linear", _PAIR, has_limit=True),
        Merge("slerp", (("a", ""), ("b", "")), base="a", parameters="t: 0.4"),
        Merge("task_arithmetic", _PAIR, base="base"),
        Merge("ties", _HALVED, base="base"),
        Merge("dare_ties", _HALVED, base="base", is_random=True),
        Merge("model_stock", (("a", ""), ("b", "")), base="base"),
        Merge("passthrough", (("a", ""),), has_limit=True),
    )
}
"""Every merge by its method."""

"""Which tensor of a model an adapter means, where the two do not call it the same.

The classes of a vision-language model call its tensors otherwise than its files do, and the same
language model may stand alone or under a prefix.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_RENAMES = (
    ("model.language_model.", "language_model.model."),
    ("model.language_model.", "model."),
    ("model.visual.", "visual."),
    ("model.vision_tower.", "vision_tower."),
    ("model.multi_modal_projector.", "multi_modal_projector."),
    ("lm_head.", "language_model.lm_head."),
)
"""How names begin in the classes, and how they begin in the files."""
_ONE = "1 tensor of the adapter stands"


@dataclass
class Names:
    """The names of a model's tensors, and those that were found in a roundabout way."""

    known: frozenset[str]
    """All names of the model."""
    renamed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often one beginning of a name was taken for another."""
    _ends: dict[str, list[str]] = field(default_factory=dict)

    def meant(self, wanted: str) -> list[str]:
        """Return the tensors that may be meant.

        Args:
            wanted: What the adapter calls a tensor.

        Returns:
            The tensor of exactly this name; else those of the names that the class of the model
            may have renamed; else those of which one name is the end of the other.
        """
        if wanted in self.known:
            return [wanted]
        pairs = (*_RENAMES, *((new, old) for old, new in _RENAMES))
        swapped = {new + wanted.removeprefix(old) for old, new in pairs if wanted.startswith(old)}
        found = sorted(swapped & self.known)
        if found:
            return found
        if not self._ends:
            for name in sorted(self.known):
                for end in _endings(name):
                    self._ends.setdefault(end, []).append(name)
        return self._ends.get(wanted) or [e for e in _endings(wanted) if e in self.known]

    def note(self, wanted: str, name: str) -> None:
        """Remember that a name was taken for another."""
        if name != wanted:
            self.renamed[_beginnings(wanted, name)] += 1

    def told(self) -> Iterable[str]:
        """Yield one line for each beginning that was taken for another."""
        for (old, new), count in sorted(self.renamed.items()):
            many = f"{count} tensors of the adapter stand" if count > 1 else _ONE
            yield f"{old}*: {many} for {new}* of the model"


def _endings(name: str) -> list[str]:
    """Return what follows each dot of a name, but not its last word alone."""
    words = name.split(".")
    return [".".join(words[at:]) for at in range(1, len(words) - 1)]


def _beginnings(one: str, other: str) -> tuple[str, str]:
    """Return two names without the end that they share."""
    left, right = one.split("."), other.split(".")
    while left and right and left[-1] == right[-1]:
        left.pop()
        right.pop()
    return ".".join([*left, ""]), ".".join([*right, ""])

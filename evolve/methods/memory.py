"""What methods found out about a tensor, kept for the next merge of the same numbers.

Thresholds, norms, angles and masks do not depend on weights. Somebody who merges the same models
again and again, with other weights each time, need not find them again; a single merge keeps
nothing.
"""

from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

Found = TypeVar("Found")


class Memory(Protocol):
    """Keeps findings, or does not; what it gives back equals what `make` would return."""

    @property
    def lasting(self) -> bool:
        """Whether anything is kept at all."""
        ...

    def recall(self, key: Hashable, make: Callable[[], Found], size: int) -> Found:
        """Return a finding, made now or kept from before.

        Args:
            key: Everything that decides it.
            make: Makes it.
            size: Bytes that it takes, or will take once it is filled.

        Returns:
            The finding.
        """
        ...


class Forgetful:
    """Keeps nothing."""

    lasting = False

    def recall(self, _key: Hashable, make: Callable[[], Found], _size: int) -> Found:
        """Return what is made now."""
        return make()


FORGETFUL = Forgetful()
"""For a merge that is made once."""

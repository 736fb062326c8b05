"""A memory of what methods found out, within a budget of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

Found = TypeVar("Found")


@dataclass
class _Entry:
    value: Any
    """Each kind of finding has its own type; the key tells which."""
    size: int
    candidate: int
    """The last candidate that it served."""


class Kept:
    """Keeps findings as long as there is room.

    What served the candidate before or serves this one is never given up for something new: all
    tensors come up once a candidate, so dropping what was used longest ago would drop each finding
    just before it is wanted.
    """

    lasting = True

    def __init__(self, budget: int) -> None:
        """Begin with nothing.

        Args:
            budget: Bytes that findings may take.
        """
        self.budget = budget
        self.used = 0
        self._candidate = 0
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = Lock()

    def advance(self) -> None:
        """Begin another candidate."""
        self._candidate += 1

    def recall(self, key: Hashable, make: Callable[[], Found], size: int) -> Found:
        """Return a finding, as `Memory.recall`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                entry.candidate = self._candidate
                self._entries.move_to_end(key)
                found: Found = entry.value
                return found
        made = make()
        with self._lock:
            if key not in self._entries and self._has_room(size):
                self._entries[key] = _Entry(made, size, self._candidate)
                self.used += size
        return made

    def _has_room(self, size: int) -> bool:
        """Tell whether a finding fits, after dropping what has not been wanted for a while."""
        while self._entries and self.used + size > self.budget:
            key, entry = next(iter(self._entries.items()))
            if entry.candidate >= self._candidate - 1:
                return False
            del self._entries[key]
            self.used -= entry.size
        return self.used + size <= self.budget

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.used = 0

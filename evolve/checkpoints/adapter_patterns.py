"""Which modules a pattern of an adapter's settings means.

As for PEFT, a pattern is a regular expression for the end of a module's name: the whole of it, or
what follows a dot; the first pattern that fits wins. A stranger wrote it, so that only expressions
are taken that cannot take long; and plain names, of which there may be thousands, are looked up.
"""

import re
import warnings
from dataclasses import dataclass, field

_PLAIN = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)
_LONGEST = 512
_MOST_QUANTIFIERS = 1
"""Of those that may stand for any sign; each multiplies the time by the length of a name."""
_MOST_GROUPS = 2


@dataclass(frozen=True)
class Patterns:
    """Values by pattern."""

    pairs: tuple[tuple[str, float], ...]
    """Patterns that `is_tame` accepts, with their values."""
    _names: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)
    _expressions: list[tuple[int, re.Pattern[str]]] = field(
        init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        """Index the patterns by place."""
        patterns = [pattern for pattern, _ in self.pairs]
        names = {pattern: place for place, pattern in enumerate(patterns) if is_plain(pattern)}
        rest = [(place, p) for place, p in enumerate(patterns) if p not in names]
        compiled = [(place, re.compile(rf"(?:.*\.)?(?:{p})$")) for place, p in rest]
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_expressions", compiled)

    def value(self, module: str, default: float) -> float:
        """Return the value of the first pattern that fits.

        Args:
            module: Name of a module.
            default: What is returned if none fits.

        Returns:
            The value.
        """
        words = module.split(".")
        ends = (".".join(words[at:]) for at in range(len(words)))
        places = [self._names[end] for end in ends if end in self._names]
        places += [place for place, pattern in self._expressions if pattern.match(module)]
        return self.pairs[min(places)][1] if places else default


NONE = Patterns(())
"""No patterns."""


def is_plain(pattern: str) -> bool:
    """Tell whether a pattern is a name, whose dots stand for dots."""
    return _PLAIN.fullmatch(pattern) is not None


def is_tame(pattern: str) -> bool:
    """Tell whether an expression is short, valid and cannot take long on any name."""
    if len(pattern) > _LONGEST or is_plain(pattern):
        return len(pattern) <= _LONGEST
    plain = re.sub(r"\\[.dws]", "x", pattern)  # harmless escapes
    if "\\" in plain or re.search(r"[{}]|\)[*+?]", plain):
        return False
    groups = re.findall(r"\((?!\?:)(\?)?|\(\?:", plain)
    if any(groups) or len(groups) > _MOST_GROUPS or re.search(r"\([^)]*\(", plain):
        return False
    # A run of digits ends where the digits end.
    free = re.sub(r"(\[[0-9-]+\]|\\d)[*+?]", "0", pattern).replace("(?:", "")
    if len(re.findall(r"(?<!\\)[*+?]", free)) > _MOST_QUANTIFIERS:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError):
        return False
    return True

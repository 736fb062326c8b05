"""Options of optimisers: what they are called, what they may be, and the reading of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.recipes.form import closest
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Scalar


@dataclass(frozen=True)
class Option:
    """One option of an optimiser."""

    name: str
    """What it is called."""
    default: Scalar
    """Its value if none is given; its kind is the kind of the option."""
    about: str
    """What it does, in one sentence."""
    low: float = -math.inf
    """Smallest number."""
    high: float = math.inf
    """Largest number."""
    words: tuple[str, ...] = ()
    """What a text may be."""

    @property
    def kind(self) -> str:
        """One of: yes or no, whole number, number, word."""
        if isinstance(self.default, bool):
            return "yes or no"
        if isinstance(self.default, str):
            return "word"
        return "whole number" if isinstance(self.default, int) else "number"

    @property
    def range(self) -> str:
        """What it may be, for people."""
        if self.kind == "yes or no":
            return "true, false"
        if self.kind == "word":
            return ", ".join(self.words)
        return f"{self.low:g} to {self.high:g}" if self.high < math.inf else f"from {self.low:g}"

    def wrong(self, value: Scalar) -> str:
        """Return what is wrong with a value; empty if nothing is."""
        if self.kind == "yes or no":
            return "" if isinstance(value, bool) else "is true or false"
        if self.kind == "word":
            return "" if value in self.words else f"is one of: {self.range}"
        if isinstance(value, bool | str):
            return f"is a {self.kind}"
        if self.kind == "whole number" and isinstance(value, float) and not value.is_integer():
            return "is a whole number"
        return "" if self.low <= value <= self.high else f"is a number {self.range}"


class Settings:
    """The values of all options of an optimiser."""

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        self._values = dict(values)

    def number(self, name: str) -> float:
        """Return a number."""
        return float(self._values[name])

    def count(self, name: str) -> int:
        """Return a whole number."""
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        return bool(self._values[name])

    def word(self, name: str) -> str:
        """Return a word."""
        return str(self._values[name])


def read_options(
    given: Mapping[str, Scalar], options: Sequence[Option], optimiser: str
) -> tuple[Settings, tuple[Problem, ...]]:
    """Read the options of an optimiser.

    Args:
        given: As the search file says.
        options: What the optimiser knows.
        optimiser: Its name, for messages.

    Returns:
        The values, with defaults for what is missing or wrong; and everything that is wrong.
    """
    known = {option.name: option for option in options}
    problems = [_unknown(name, tuple(known), optimiser) for name in given if name not in known]
    values = {option.name: option.default for option in options}
    for name, value in given.items():
        wrong = known[name].wrong(value) if name in known else ""
        if wrong:
            hint = f"leave it out for {known[name].default!r}"
            what = f"{name} {wrong}, not {value!r}"
            problems.append(Problem(Code.RECIPE_PARAMETER, what, f"optimiser.options.{name}", hint))
        elif name in known:
            values[name] = value
    return Settings(values), tuple(problems)


def _unknown(name: str, known: Sequence[str], optimiser: str) -> Problem:
    hint = closest(name, known) if known else "it has none"
    what = f"{optimiser} has no option {name!r:.60}"
    return Problem(Code.RECIPE_UNKNOWN_KEY, what, f"optimiser.options.{name}", hint)

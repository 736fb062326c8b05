"""Which sources may be merged under which outbound licence: the searches of ``--per-outbound``.

A result carries the terms of everything inside it. So each licence that a result can have is
reached by certain sets of sources; only the largest ones matter, since a search over a set finds
what any part of it can give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from evoreg.policies.outbound import NOASSERTION
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.errors import Code, RefusedError, UsageError
from evoreg.registry.searching.gate import Gate, enough, fewest, narrowed, problem_of

MOST = 8
"""Models of which all sets are enumerated."""


@dataclass(frozen=True)
class Reach:
    """An outbound licence, and a largest set of sources by which it is reached."""

    outbound: str
    """SPDX expression of the licence of the result."""
    gate: Gate
    """The sources, and the decision about them."""
    folder: str
    """Name of the folder of the result, and end of the name of its search."""


def reaches(found: Gate) -> tuple[Reach, ...]:
    """Return the outbound licences that the models of a search can have.

    Args:
        found: The gate; whether it permits all models together does not matter.

    Returns:
        Licences with their largest permitted sets, in order of licence and set.

    Raises:
        UsageError: More models than `MOST`.
        RefusedError: No set is permitted.
    """
    if len(found.models) > MOST:
        what = f"{len(found.models)} models have too many sets; at most {MOST} are tried"
        hint = "leave some models out of the search file"
        raise UsageError(Code.USAGE, what, where="--per-outbound", hint=hint)
    sets = list(_permitted(found))
    if not sets:
        what = "policy permits no set of these models"
        problems = [*map(problem_of, found.out)]
        raise RefusedError.of(problems or [RefusedError(Code.POLICY_REFUSED, what).problems[0]])
    largest = [gate for gate in sets if not any(_within(gate, other) for other in sets)]
    ordered = sorted(largest, key=lambda gate: gate.decision.outbound)
    return tuple(_named(ordered))


def _permitted(found: Gate) -> Iterator[Gate]:
    """Yield every permitted set, the largest first, otherwise in the order of the file."""
    form = found.field.wanted.form
    for size in range(len(found.models), fewest(form) - 1, -1):
        for models in combinations(found.models, size):
            if not enough(form, models):
                continue
            gate = narrowed(found, models)
            permitted = gate.decision.verdict.severity < Verdict.REVIEW.severity
            if permitted and gate.decision.outbound != NOASSERTION:
                yield gate


def _within(gate: Gate, other: Gate) -> bool:
    """Tell whether a set is a smaller part of another one of the same licence."""
    same = gate.decision.outbound == other.decision.outbound
    return same and set(gate.models) < set(other.models)


def _named(gates: Sequence[Gate]) -> Iterator[Reach]:
    taken: dict[str, int] = {}
    for gate in gates:
        name = slug(gate.decision.outbound)
        taken[name] = taken.get(name, 0) + 1
        folder = name if taken[name] == 1 else f"{name}-{taken[name]}"
        yield Reach(gate.decision.outbound, gate, folder)


def slug(expression: str) -> str:
    """Return a licence expression as the name of a folder: ASCII letters, digits, dots and ``-``.

    Args:
        expression: SPDX expression.

    Returns:
        At most 80 signs, such as ``Apache-2.0-AND-CC-BY-NC-4.0``.
    """
    plain = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign == ".") else "-" for sign in expression
    )
    return "-".join(part for part in plain.strip(".").split("-") if part)[:80] or "result"

"""Licence expressions: SPDX ids, LicenseRefs and keys, joined by AND, OR and WITH.

An expression is read into alternatives: any one of them may be chosen, and within one all licences
apply. What is not known is returned as a value, for the gate to refuse; it never raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown

MAX_LENGTH = 2000
"""Characters; a longer expression is not read."""
MAX_ALTERNATIVES = 64
"""More alternatives than these are not read."""

OR_LATER: dict[str, tuple[str, ...]] = {
    "gpl-2.0": ("gpl-2.0", "gpl-3.0"),
    "gpl-3.0": ("gpl-3.0",),
    "lgpl-2.1": ("lgpl-2.1", "lgpl-3.0"),
    "lgpl-3.0": ("lgpl-3.0",),
    "agpl-3.0": ("agpl-3.0",),
}
"""Keys that ``<id>-or-later`` and ``<id>+`` let one choose from."""

EXCEPTIONS: tuple[str, ...] = (
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "Font-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "OpenSSL-exception",
    "Swift-exception",
)
"""SPDX exceptions that may follow WITH. They only widen a licence, so the gate reads past them."""


Alternatives = tuple[tuple[Terms, ...], ...]
"""Any one may be chosen; within one, all terms apply."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A licence expression that was read."""

    text: str
    """Normal form, or what was given if it cannot be read; safe to show."""
    alternatives: Alternatives
    """Choices; in each, all terms apply. Sorted by key. Empty if `unknown` or `problem` is set."""
    unknown: tuple[str, ...] = ()
    """Symbols without a row, safe to show, sorted."""
    problem: str = ""
    """Why it cannot be read; empty if it can."""

    @property
    def known(self) -> bool:
        """True if every symbol has terms."""
        return bool(self.alternatives)


def parse(text: str, knowledge: Knowledge) -> Expression:
    """Read a licence expression.

    Args:
        text: An expression of SPDX ids, LicenseRefs, Hub ids and keys.
        knowledge: Where the symbols are looked up.

    Returns:
        The alternatives, or what is unknown, or why it cannot be read.
    """
    bare = text.strip()
    single = choices_of(bare, knowledge)
    if single:
        return _expression(tuple((row,) for row in single))
    if not bare or len(bare) > MAX_LENGTH:
        return Expression(shown(bare), (), problem="empty, or too long to be an expression")
    return _compound(bare, knowledge)


def render(alternatives: Sequence[Sequence[Terms]]) -> str:
    """Write alternatives as an expression.

    Args:
        alternatives: Choices; in each, all terms apply.

    Returns:
        An SPDX expression, with parentheses where both operators occur.
    """
    parts = [conjunction(choice) for choice in alternatives]
    if len(parts) == 1:
        return parts[0]
    return " OR ".join(f"({part})" if " AND " in part else part for part in sorted(set(parts)))


def conjunction(rows: Sequence[Terms]) -> str:
    """Return the AND of the expressions of some rows, each once, sorted; NOASSERTION for none."""
    return " AND ".join(sorted({row.expression for row in rows})) or "NOASSERTION"


def _expression(alternatives: tuple[tuple[Terms, ...], ...]) -> Expression:
    return Expression(render(alternatives), alternatives)


def choices_of(symbol: str, knowledge: Knowledge) -> tuple[Terms, ...]:
    """Return the rows that one symbol lets one choose from; none if it is unknown."""
    folded = symbol.casefold()
    for ending in ("-or-later", "+"):
        keys = OR_LATER.get(folded.removesuffix(ending)) if folded.endswith(ending) else None
        if keys is not None:
            return tuple(row for key in keys if (row := knowledge.by_key(key)) is not None)
    row = knowledge.by_expression(symbol) or knowledge.by_key(symbol)
    return (row,) if row is not None else ()


def _compound(text: str, knowledge: Knowledge) -> Expression:
    # The parser costs 60 ms to import, and nearly every card holds a single id.
    import license_expression as grammar

    try:
        tree = _grammar(tuple(row.key for row in knowledge.rows)).parse(text)
        alternatives, unknown = _walk(tree, knowledge)
    # The parser trips over empty parentheses and the like with whatever error comes.
    except (grammar.ExpressionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return Expression(shown(text), (), problem=shown(str(error)) or "it cannot be read")
    if unknown:
        return Expression(shown(text), (), unknown=tuple(sorted(unknown)))
    ordered = {tuple(sorted(set(c), key=lambda row: row.key)) for c in alternatives}
    return _expression(tuple(sorted(ordered, key=lambda c: [row.key for row in c])))


# The package has no types. What it builds for all symbols takes longer than most expressions.
@lru_cache(maxsize=4)
def _grammar(keys: tuple[str, ...]) -> Any:  # noqa: ANN401
    import license_expression as grammar

    symbols = [
        *(grammar.LicenseSymbol(key) for key in keys),
        *(grammar.LicenseSymbol(name, is_exception=True) for name in EXCEPTIONS),
    ]
    return grammar.Licensing(symbols, quiet=True)


_Found = tuple[list[tuple[Terms, ...]], set[str]]


# The tree is made of classes of a package without types.
def _walk(tree: Any, knowledge: Knowledge) -> _Found:  # noqa: ANN401
    operator = getattr(tree, "operator", "").strip()
    if operator:
        return _join(operator, [_walk(arg, knowledge) for arg in tree.args])
    exception = getattr(tree, "exception_symbol", None)
    symbol = tree.license_symbol if exception is not None else tree
    choices: list[tuple[Terms, ...]] = [(row,) for row in choices_of(symbol.key, knowledge)]
    unknown = set() if choices else {shown(symbol.key)}
    if exception is not None and exception.key not in EXCEPTIONS:
        unknown.add(shown(exception.key))
    return choices, unknown


def _join(operator: str, parts: list[_Found]) -> _Found:
    unknown = {name for _, names in parts for name in names}
    if operator == "OR":
        alternatives = [choice for choices, _ in parts for choice in choices]
    else:
        count = 1
        for choices, _ in parts:
            count *= max(1, len(choices))
        if count > MAX_ALTERNATIVES:
            raise ValueError("too many alternatives")
        alternatives = [
            tuple(row for choice in combination for row in choice)
            for combination in product(*(choices for choices, _ in parts))
        ]
    if len(alternatives) > MAX_ALTERNATIVES:
        raise ValueError("too many alternatives")
    return alternatives, unknown

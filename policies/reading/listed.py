"""Licences as a policy names them: classes, keys, Hub ids and SPDX ids."""

import difflib

from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import EVERYTHING
from evoreg.policies.terms import Terms

_SILENT = ("unknown", "other")


def listed(name: str, knowledge: Knowledge, *, classes: bool = True) -> str | None:
    """Return the one spelling of a licence or a class of licences.

    Args:
        name: As it is written.
        knowledge: The licences.
        classes: False if only a single licence is meant.

    Returns:
        The class, the key of the row, or the SPDX id if several rows share it; nothing if it names
        nothing, or what says nothing about its terms.
    """
    if classes and name in EVERYTHING:
        return name
    row = knowledge.by_key(name)
    if row is None:
        row = knowledge.by_expression(name)
        if row is not None and classes and len(_sharing(row, knowledge)) > 1:
            return row.expression
    return None if row is None or row.kind in _SILENT else row.key


def listed_hint(name: str, knowledge: Knowledge, *, classes: bool = True) -> str:
    """Return what may have been meant by a name that names no licence.

    Args:
        name: As it is written.
        knowledge: The licences.
        classes: False if only a single licence may be named.

    Returns:
        A did-you-mean, or where the names are found.
    """
    if name in _SILENT:
        return "what says nothing about its terms cannot be listed; see the key unknown"
    if name in EVERYTHING:
        return "name single licences here, not a class"
    meant = knowledge.by_name(name)
    if meant:
        return f"did you mean {' or '.join(repr(row.key) for row in meant)}?"
    known = {word.casefold(): word for word in _words(knowledge, classes=classes)}
    near = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {known[near[0]]!r}?"
    word = f"classes: {', '.join(EVERYTHING)}; or a" if classes else "write a"
    return f"{word} Hub id, an SPDX id or a key of the licence table"


def candidates(name: str, knowledge: Knowledge) -> tuple[Terms, ...]:
    """Return every row that a name may mean.

    Args:
        name: Key, Hub id, SPDX id, LicenseRef or ``license_name``.
        knowledge: The licences.

    Returns:
        One row if the name is clear, several if it stands for several texts, none if it is unknown.
    """
    row = knowledge.by_key(name) or knowledge.by_expression(name)
    return (row,) if row is not None else knowledge.by_name(name)


def _sharing(row: Terms, knowledge: Knowledge) -> list[Terms]:
    return [other for other in knowledge.rows if other.expression == row.expression]


def _words(knowledge: Knowledge, *, classes: bool) -> list[str]:
    rows = [row for row in knowledge.rows if row.kind not in _SILENT]
    names = [row.expression for row in rows] + [row.key for row in rows]
    return [*names, *(EVERYTHING if classes else ())]

"""Names: what the result must be called, and what it must not be called."""

import re
import unicodedata
from collections.abc import Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.layout import Layout
from evoreg.policies.question import Question
from evoreg.policies.riders import Bound
from evoreg.policies.terms import NameRule
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_GAP = re.compile(r"[\s_-]+")


def names(layout: Layout, riders: Sequence[Bound], question: Question) -> list[Reason]:
    """Compare the name of the result with the naming rules of all sources.

    Args:
        layout: The terms of one world.
        riders: Terms beside the licences.
        question: Holds the name; without one only rules that exclude each other are found.

    Returns:
        The rules that are broken, for a release; nothing for a service.
    """
    if not question.release:
        return []
    ruled = [
        *((clause.says, clause.row.name_rule) for clause in layout.clauses),
        *((bound.says, bound.name_rule) for bound in riders),
    ]
    rules = [(says, rule) for says, rule in ruled if rule is not None]
    prefixes = sorted({rule.prefix for _, rule in rules if rule.prefix})
    longest = max(prefixes, key=lambda prefix: (len(prefix), prefix), default="")
    impossible = any(not begins(longest, prefix) for prefix in prefixes)
    found: list[Reason] = []
    for says, rule in rules:
        wrong = _broken(rule, question.name, longest, impossible)
        if wrong is not None:
            text, fix = wrong
            kind = Finding.NAME_RULE
            found.append(says(kind, Verdict.BLOCK, text, clause=rule.text, fixes=(fix,)))
    return found


def begins(name: str, prefix: str) -> bool:
    """Tell whether a name begins with a prefix.

    Args:
        name: Name of a model, perhaps with a namespace before a slash.
        prefix: The prefix.

    Returns:
        True if it does, whatever the case, with each run of blanks, ``-`` and ``_`` as one blank.
    """
    return _plain(name.rsplit("/", 1)[-1]).startswith(_plain(prefix))


def _plain(text: str) -> str:
    return _GAP.sub(" ", text.casefold()).strip()


def _seen(name: str) -> str:
    """Return a name as people see it: wide letters and invisible characters hide nothing."""
    return "".join(c for c in unicodedata.normalize("NFKC", name) if c.isprintable())


def _broken(
    rule: NameRule, name: str | None, longest: str, impossible: bool
) -> tuple[str, str] | None:
    """Return what is wrong with a name, and the way on; nothing if the rule holds."""
    if impossible and rule.prefix:
        text = f'The name must begin with "{rule.prefix}", and another source wants another name.'
        return text, "leave one of the two sources out"
    if name is None:
        return None
    bare = shown(name.rsplit("/", 1)[-1])
    if rule.prefix and not begins(name, rule.prefix):
        text = f'The name {bare!r} must begin with "{rule.prefix}".'
        return text, f"rename it, for example to {longest.replace(' ', '-')}-{bare}"
    if rule.avoid and begins(_seen(name), rule.avoid):
        text = f'The name {shown(name)!r} must not begin with "{rule.avoid}".'
        return text, f'choose a name that does not begin with "{rule.avoid}"'
    return None

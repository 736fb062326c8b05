"""Names: what the result must be called, and what it must not be called."""

import re
from collections.abc import Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.question import Clause, Placed, Question, clauses
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_GAP = re.compile(r"[\s_-]+")


def names(trees: Sequence[Placed], question: Question) -> list[Reason]:
    """Compare the name of the result with the naming rules of all sources.

    Args:
        trees: The sources with their terms.
        question: Holds the name; without one only rules that exclude each other are found.

    Returns:
        The rules that are broken, for a release; nothing for a service.
    """
    if not question.release:
        return []
    ruled = [clause for clause in clauses(trees) if clause.row.name_rule is not None]
    prefixes = sorted({rule.prefix for c in ruled if (rule := c.row.name_rule) and rule.prefix})
    longest = max(prefixes, key=lambda p: (len(p), p), default="")
    impossible = any(not begins(longest, prefix) for prefix in prefixes)
    return [
        found for clause in ruled for found in _broken(clause, question.name, longest, impossible)
    ]


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


def _broken(clause: Clause, name: str | None, longest: str, impossible: bool) -> list[Reason]:
    rule = clause.row.name_rule
    if rule is None:
        return []
    if impossible and rule.prefix:
        text = f'The name must begin with "{rule.prefix}", and another source wants another name.'
        fixes: tuple[str, ...] = ("leave one of the two sources out",)
    elif name is not None and rule.prefix and not begins(name, rule.prefix):
        bare = shown(name.rsplit("/", 1)[-1])
        text = f'The name {bare!r} must begin with "{rule.prefix}".'
        fixes = (f"rename it, for example to {longest.replace(' ', '-')}-{bare}",)
    elif name is not None and rule.avoid and begins(name, rule.avoid):
        text = f'The name {shown(name)!r} must not begin with "{rule.avoid}".'
        fixes = (f'choose a name that does not begin with "{rule.avoid}"',)
    else:
        return []
    return [clause.says(Finding.NAME_RULE, Verdict.BLOCK, text, clause=rule.text, fixes=fixes)]

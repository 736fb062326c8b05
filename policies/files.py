"""Licence files: which of them are recognised, which only point elsewhere, which are not read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import MAX_ALTERNATIVES, Alternatives
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.terms import Terms
from evoreg.policies.texts import (
    decoded,
    is_index,
    is_notice,
    pointer,
    shown,
    speaks_of_weights,
)
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.digest import digest_of, short

MAX_NOTICE = 1 << 16
"""Bytes of a notice file that are carried into an obligation."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the licence files of a model are."""

    rows: tuple[Terms, ...]
    """Recognised texts, each row once, sorted by key; all apply."""
    suggested: tuple[Terms, ...]
    """What links lead to, where the address is known; hints, sorted by key."""
    unread: tuple[str, ...]
    """Files that hold a text which is not recognised, safe to show."""
    reasons: tuple[Reason, ...]
    """Notes about pointers."""
    evidence: tuple[str, ...]
    """What was read, in words."""


def read(source: SourceFacts, knowledge: Knowledge) -> Files:
    """Look at the licence and notice files of a source.

    A text that is recognised counts in any of them; one that is not matters in licence files only.

    Args:
        source: The model, with its texts.
        knowledge: Where texts and addresses are looked up.

    Returns:
        What they are.
    """
    texts = sorted((path, data) for path, data in source.texts if speaks_of_weights(path))
    looked = [(path, data, knowledge.rows_of_text(data)) for path, data in texts]
    known = [item for item in looked if item[2] or _states(item[0])]
    rows = {row.key: row for _, _, found in known for row in found}
    links = [(path, p.address) for path, data, found in known if not found and (p := pointer(data))]
    pointing = {path for path, _ in links}
    unread = [p for p, data, found in known if not found and p not in pointing and data.strip()]
    lost = [(p, mark) for p, mark in sorted(source.unread) if speaks_of_weights(p) and _states(p)]
    addresses = [address for _, address in links]
    if source.model.card.license_link:
        addresses.append(source.model.card.license_link)
    hints = {row.key: row for a in addresses if (row := knowledge.by_address(a)) is not None}
    return Files(
        tuple(rows[key] for key in sorted(rows)),
        tuple(hints[key] for key in sorted(hints)),
        tuple(shown(path) for path in (*unread, *(path for path, _ in lost))),
        tuple(_pointing(source, path, address) for path, address in links),
        (
            *(_words(path, data, found) for path, data, found in known),
            *(f"{shown(path)} (sha256 {short(mark)}) was not read" for path, mark in lost),
        ),
    )


def _states(path: str) -> bool:
    return not is_notice(path) and not is_index(path)


def all_apply(recorded: Sequence[Alternatives], rows: Sequence[Terms]) -> Alternatives | None:
    """Join what several texts say.

    Args:
        recorded: What earlier readings of texts said.
        rows: What was recognised now.

    Returns:
        Choices in which all of it applies; empty if nothing says anything, nothing if there are
        too many choices.
    """
    factors = [*recorded, *(((row,),) for row in rows)]
    if not factors:
        return ()
    choices = [
        tuple(sorted({r.key: r for part in choice for r in part}.values(), key=lambda r: r.key))
        for choice in product(*factors[:MAX_ALTERNATIVES])
    ]
    fits = len(factors) <= MAX_ALTERNATIVES and len(choices) <= MAX_ALTERNATIVES
    return tuple(choices) if fits else None


def notices(source: SourceFacts) -> tuple[str, ...]:
    """Return the texts of the notice files of a source, sorted by path."""
    found = sorted((path, data) for path, data in source.texts if is_notice(path))
    read_in = (decoded(data) for _, data in found if len(data) <= MAX_NOTICE)
    return tuple(text for text in read_in if text is not None and text.strip())


def _pointing(source: SourceFacts, path: str, address: str) -> Reason:
    return reason(
        Finding.LICENSE_FILE_IS_POINTER,
        Verdict.ALLOW,
        source.label,
        f"{shown(path)} holds no licence text, only a link to {shown(address)}.",
        evidence=(shown(path),),
        fixes=("fetch the text, and record a claim with it",),
    )


def _words(path: str, data: bytes, rows: Sequence[Terms]) -> str:
    mark = short(digest_of(data))
    keys = " and ".join(row.key for row in rows)
    what = f"is the text of {keys}" if keys else "is not recognised"
    return f"{shown(path)} (sha256 {mark}) {what}"

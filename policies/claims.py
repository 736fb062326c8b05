"""Claims: what people and earlier readings have recorded about the licence of exact weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evoreg.policies.codes import Finding, reason
from evoreg.policies.expressions import Expression, parse
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.permissions import names_model
from evoreg.policies.policy import Clarification, PinnedFile, Policy
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.digest import Digest, digest_of, short
from evoreg.provenance.records.license import ClaimOrigin, Evidence, LicenseClaim

NO_GRANT = "NONE"
"""SPDX's word for "nobody licensed this"; a person may record it as a fact."""
_WHOSE: dict[ClaimOrigin, str] = {
    "human": "a person's claim",
    "clarification": "a person's clarification",
    "text": "an earlier reading of a licence text",
    "notice": "an earlier reading of a notice",
    "card": "an earlier reading of the card",
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the claims of one kind say."""

    expressions: tuple[Expression, ...]
    """The different expressions, in order of their text."""
    evidence: tuple[str, ...]
    """Who said it, in words."""
    no_grant: bool = False
    """True if a claim records that nobody licensed the weights."""
    proven: frozenset[str] = frozenset()
    """Texts of the expressions that somebody states with a file whose digest is recorded, and
    that is no licence text which says something else."""


def human(source: SourceFacts, knowledge: Knowledge, policy: Policy) -> Spoken:
    """Return what people say about the weights.

    Args:
        source: The model.
        knowledge: Where symbols are looked up.
        policy: Its clarifications count as claims.

    Returns:
        The last word of each speaker; a clarification whose file has changed is silent.
    """
    claims = [
        claim
        for claim in source.own_claims
        if claim.origin in ("human", "clarification") and claim.expression.strip()
    ]
    own = _last_words([c for c in claims if not _outdated(c, source)])
    spoken = _spoken([*own, *_clarified(source, policy)], knowledge)
    belied = _belied([*own, *_clarified(source, policy)], source, knowledge)
    return replace(spoken, proven=spoken.proven - belied)


def _belied(
    claims: Sequence[LicenseClaim], source: SourceFacts, knowledge: Knowledge
) -> frozenset[str]:
    """Return the expressions whose file is empty, or is itself the text of another licence."""
    texts = {digest_of(data): knowledge.rows_of_text(data) for _, data in source.texts}
    texts[digest_of(b"")] = ()
    found = set()
    for claim in claims:
        file = _file_of(claim)
        rows = texts.get(file) if file is not None else None
        said = parse(claim.expression, knowledge)
        if file == digest_of(b"") or any(not set(rows or ()) <= set(c) for c in said.alternatives):
            found.add(said.text)
    return frozenset(found)


def _clarified(source: SourceFacts, policy: Policy) -> list[LicenseClaim]:
    """Return the clarifications of the policy that still fit the files of a model, as claims."""
    return [
        _as_claim(item, source, policy, file)
        for item in policy.clarify
        if names_model(item.model, source.model) and _fits(item, source)
        for file in item.license_files
    ]


def _fits(item: Clarification, source: SourceFacts) -> bool:
    return {(file.path, file.digest) for file in item.license_files} <= _held(source)


def _as_claim(
    item: Clarification, source: SourceFacts, policy: Policy, file: PinnedFile
) -> LicenseClaim:
    return LicenseClaim(
        model=source.model.name,
        identity=source.model.identity,
        expression=item.expression,
        origin="clarification",
        evidence=Evidence(kind="file", locator=file.path, digest=file.digest),
        by=f"policy {policy.name}",
        at="",
    )


def texts(source: SourceFacts, knowledge: Knowledge) -> Spoken:
    """Return what earlier readings of licence and notice files say about the weights."""
    return _spoken(
        [c for c in source.own_claims if c.origin in ("text", "notice") and c.expression], knowledge
    )


def cards(source: SourceFacts, knowledge: Knowledge) -> Spoken:
    """Return what the model's card said when it was seen before."""
    return _spoken([c for c in source.own_claims if c.origin == "card" and c.expression], knowledge)


def outdated(source: SourceFacts, policy: Policy) -> list[Reason]:
    """Return a note for each clarification that is pinned to a file which is not there any more."""
    lost = [
        _as_claim(item, source, policy, item.license_files[0])
        for item in policy.clarify
        if names_model(item.model, source.model) and not _fits(item, source)
    ]
    lost += [
        claim
        for claim in source.own_claims
        if claim.origin in ("human", "clarification") and _outdated(claim, source)
    ]
    return [
        reason(
            Finding.CLAIM_OUTDATED,
            Verdict.ALLOW,
            source.label,
            "A clarification is pinned to another state of its file.",
            evidence=(_words(claim),),
            fixes=("read the file again and record a new clarification",),
        )
        for claim in lost
    ]


def _held(source: SourceFacts) -> set[tuple[str, Digest]]:
    held = {(path, digest_of(data)) for path, data in source.texts}
    return held | {(file.path, file.digest) for file in source.model.files}


def _outdated(claim: LicenseClaim, source: SourceFacts) -> bool:
    evidence = claim.evidence
    if claim.origin != "clarification" or evidence is None or evidence.kind != "file":
        return False
    pinned = (evidence.locator, evidence.digest)
    return evidence.digest is not None and pinned not in _held(source)


def _last_words(claims: Sequence[LicenseClaim]) -> list[LicenseClaim]:
    last: dict[str, str] = {}
    for claim in claims:
        last[claim.by] = max(claim.at, last.get(claim.by, ""))
    return [claim for claim in claims if claim.at == last[claim.by]]


def _spoken(claims: Sequence[LicenseClaim], knowledge: Knowledge) -> Spoken:
    read = [
        (claim, parse(claim.expression, knowledge))
        for claim in claims
        if claim.expression.strip() != NO_GRANT
    ]
    found = {expression.text: expression for _, expression in read}
    return Spoken(
        tuple(found[text] for text in sorted(found)),
        tuple(sorted({_words(claim) for claim in claims})),
        any(claim.expression.strip() == NO_GRANT for claim in claims),
        frozenset(expression.text for claim, expression in read if _file_of(claim) is not None),
    )


def _file_of(claim: LicenseClaim) -> Digest | None:
    evidence = claim.evidence
    return evidence.digest if evidence is not None and evidence.kind == "file" else None


# These words are published with the result: they name neither the speaker nor an address.
def _words(claim: LicenseClaim) -> str:
    file = _file_of(claim)
    on = f", on a file (sha256 {short(file)})" if file is not None else ""
    mark = short(claim.record_digest())
    return f"{_WHOSE[claim.origin]} (sha256 {mark}): {shown(claim.expression)}{on}"

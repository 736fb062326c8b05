"""What the papers of a merged model are written from, gathered in one frozen value.

Everything is passed in: the papers know no clock, no folder and no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from evoreg.provenance.records.candidate import Candidate, Contribution
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.decision import Decision, SourceLicense, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import (
    Code,
    InputError,
    Problem,
    RefusedError,
    VerificationError,
)
from evoreg.provenance.records.model import Model


@dataclass(frozen=True, slots=True)
class UpstreamFile:
    """A licence or notice file that lay in the folder of a source."""

    model: str
    """Label of the source (`Model.label`)."""
    path: str
    """Path inside the source's folder, as found; it is never used as a path."""
    data: bytes
    """The content."""
    role: Literal["license", "notice"]
    """Licence text (with or without copyright lines), or a NOTICE file."""
    license: str = ""
    """SPDX id or LicenseRef whose text this was recognised as; empty if nobody knows it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One score of one model, for the table in the card."""

    model: str
    """Who was scored: the name of the result, or a label of a source."""
    task: str
    """Name of the task."""
    split: str
    """Part of the data, such as ``held-out``."""
    metric: str
    """Name of the number."""
    value: float
    """The number."""
    error: float | None = None
    """Standard error, in the unit of `value`."""
    items: int | None = None
    """How many items it rests on."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The result of an earlier recipe of the same file, which is a source of a later one."""

    name: str
    """What the later recipes call it: the reference of its contribution."""
    candidate: Candidate
    """What was merged into it, and how."""
    models: Mapping[str, Model]
    """The source for each reference of its recipe."""


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """All that the papers say."""

    name: str
    """Name of the result, with or without a namespace."""
    candidate: Candidate
    """What was merged, how, and who is inside."""
    decision: Decision
    """What policy says about it."""
    models: Mapping[str, Model]
    """The source for each reference of the recipe."""
    recipe_yaml: str
    """The recipe as the user wrote it."""
    evoreg: str
    """Version of evoreg that writes the papers."""
    upstream: tuple[UpstreamFile, ...] = ()
    """Licence and notice files of the sources."""
    architectures: tuple[str, ...] = ()
    """``architectures`` of the result's config.json; empty if there is none."""
    libraries: tuple[tuple[str, str], ...] = ()
    """Name and version of the libraries that took part, sorted."""
    evaluations: tuple[Evaluation, ...] = ()
    """Scores, in the order to print them."""
    date: str = ""
    """Day of the merge, ISO 8601, as the ledger has it; empty leaves it out."""
    earlier: tuple[Earlier, ...] = ()
    """Earlier results that are inside, in the order in which they were made.

    The decision speaks of their sources, not of them.
    """
    card_license: tuple[tuple[str, str], ...] = ()
    """``license``, ``license_name`` and ``license_link`` of the card, as policy proposes them; left
    out, they are made from the licence of the result."""


@dataclass(frozen=True, slots=True)
class Papers:
    """The written papers and what they still lack."""

    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """Content by POSIX path, sorted by path."""
    problems: tuple[Problem, ...] = ()
    """What is owed and could not be written; empty for a release that may go out."""


@dataclass(frozen=True, slots=True)
class Credit:
    """One source of the merge with all that the books say about it."""

    contribution: Contribution
    """Its shares."""
    model: Model
    """Its files and card."""
    license: SourceLicense
    """What the gate settled on."""
    base: bool
    """True for the base of the recipe."""
    step: str = ""
    """Name of the earlier result that it went into; empty for a source of the result itself."""
    made: bool = False
    """True for an earlier result, which stands for its own sources."""


NOT_IN_RESULT = "SOURCE_NOT_USED"
"""Name of the reason that leaves a source out of account."""


def _license_of(facts: ReleaseFacts, model: Model) -> SourceLicense:
    for source in facts.decision.sources:
        if source.model == model.label and source.identity == model.identity:
            return source
    if any(r.name == NOT_IN_RESULT and r.model == model.label for r in facts.decision.reasons):
        return SourceLicense(
            model=model.label,
            identity=model.identity,
            expression="NOASSERTION",
            key="",
            name="not asked for: nothing of it is in the result",
            evidence=(),
            verdict=Verdict.ALLOW,
        )
    raise InputError(
        Code.MODEL_UNKNOWN,
        "the decision says nothing about these weights",
        where=model.label,
        hint="decide again about the exact models of the candidate",
    )


def _model_of(models: Mapping[str, Model], reference: str, identity: str) -> Model:
    model = models.get(reference)
    if model is None:
        raise InputError(
            Code.MODEL_UNKNOWN,
            "a source of the candidate was not given",
            where=reference,
            hint="pass the model for every reference of the recipe",
        )
    if model.identity != identity:
        raise VerificationError(
            Code.VERIFY_DIGEST,
            "the model given is not the one that was merged",
            where=model.label,
            hint="pass the model with the weights that the candidate names",
        )
    return model


def credits_of(facts: ReleaseFacts) -> tuple[Credit, ...]:
    """Return every source with its shares and licence, in the order of the recipe.

    Args:
        facts: What the papers are written from.

    Returns:
        One credit for each contribution of the candidate; then, for each earlier result inside,
        the latest first, one for each of its own contributions.

    Raises:
        InputError: A source is missing, among the models or in the decision.
        VerificationError: A model is not the one that was merged.
        RefusedError: The decision is BLOCK.
    """
    if facts.decision.verdict is Verdict.BLOCK:
        raise RefusedError(
            Code.POLICY_REFUSED,
            "policy blocks this merge, so it gets no papers",
            where=facts.name,
            hint="read the reasons of the decision",
        )
    books = _Books(facts)
    last = Earlier("", facts.candidate, facts.models)
    found = books.credits(last)
    for step in reversed(facts.earlier):
        found += books.credits(step)
    return tuple(found)


class _Books:
    """Works out the credits of one merge after the other, the last one first."""

    def __init__(self, facts: ReleaseFacts) -> None:
        self._facts = facts
        self._used = {""}
        self._licenses: dict[str, SourceLicense] = {}
        for step in facts.earlier:
            self._licenses[step.name] = self._license_of_step(step)

    def credits(self, step: Earlier) -> list[Credit]:
        """Return the credits for the sources of one merge."""
        identities = {item.reference: item.identity for item in step.candidate.ingredients}
        found = []
        for part in step.candidate.contributions:
            model = _model_of(step.models, part.reference, identities.get(part.reference, ""))
            used = part.used and step.name in self._used
            if used and part.reference in self._licenses:
                self._used.add(part.reference)
            found.append(
                Credit(
                    part.model_copy(update={"used": used}),
                    model,
                    self._license(part.reference, model),
                    part.reference == step.candidate.recipe.base_model,
                    step.name,
                    part.reference in self._licenses,
                )
            )
        return found

    def _license(self, reference: str, model: Model) -> SourceLicense:
        return self._licenses.get(reference) or _license_of(self._facts, model)

    def _license_of_step(self, step: Earlier) -> SourceLicense:
        """Return the licences of everything inside an earlier result, as one."""
        inside = [
            self._license(part.reference, step.models[part.reference])
            for part in step.candidate.contributions
            if part.reference in step.models and part.used
        ]
        terms = sorted({term for one in inside for term in _terms(one.expression)})
        return SourceLicense(
            model=step.name,
            identity=digest_of(to_canonical(step.name)),
            expression=" AND ".join(terms) or "NOASSERTION",
            key="",
            name="as its own sources",
            evidence=("its own sources",),
            verdict=max(
                (Verdict.ALLOW, *(one.verdict for one in inside)),
                key=lambda verdict: verdict.severity,
            ),
        )


def _terms(expression: str) -> list[str]:
    """Split an expression at its ``AND``, unless it offers a choice."""
    return [f"({expression})"] if " OR " in expression else expression.split(" AND ")

"""What the papers of a merged model are written from, gathered in one frozen value.

Everything is passed in: the papers know no clock, no folder and no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from evoreg.provenance.records.candidate import Candidate, Contribution
from evoreg.provenance.records.decision import Decision, SourceLicense, Verdict
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


def _license_of(facts: ReleaseFacts, model: Model) -> SourceLicense:
    for source in facts.decision.sources:
        if source.model == model.label and source.identity == model.identity:
            return source
    raise InputError(
        Code.MODEL_UNKNOWN,
        "the decision says nothing about these weights",
        where=model.label,
        hint="decide again about the exact models of the candidate",
    )


def _model_of(facts: ReleaseFacts, reference: str, identity: str) -> Model:
    model = facts.models.get(reference)
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
        One credit for each contribution of the candidate.

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
    identities = {item.reference: item.identity for item in facts.candidate.ingredients}
    found = []
    for part in facts.candidate.contributions:
        model = _model_of(facts, part.reference, identities.get(part.reference, ""))
        base = part.reference == facts.candidate.recipe.base_model
        found.append(Credit(part, model, _license_of(facts, model), base))
    return tuple(found)

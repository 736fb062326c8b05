"""What people state about a model: its licence, terms beside the licence, and its parents.

These are the use cases behind ``evoreg model claim`` and ``evoreg model parent``. A statement is
about exact weights and is never changed or removed: a wrong one is answered by another one.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from pydantic import ValidationError

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.errors import Code, InputError, UsageError
from evoreg.provenance.records.license import Evidence, LicenseClaim, Rider, RiderKind
from evoreg.provenance.records.lineage import Edge, Relation
from evoreg.provenance.records.model import Model
from evoreg.registry.models.catalogue import find_model, unknown_model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.parent_names import ParentName, parent_name

RIDERS: tuple[RiderKind, ...] = get_args(RiderKind)
"""Terms beside a licence that can be stated."""
STATED: tuple[Relation, ...] = (
    "finetune",
    "merge",
    "adapter",
    "quantized",
    "distilled",
    "synthetic_data",
    "dataset",
)
"""Relations to a parent that can be stated."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person states, apart from what it is about."""

    expression: str
    """Licence key, Hub id or SPDX expression; empty for riders alone, and for a parent."""
    by: str
    """Who states it."""
    at: str
    """When: ISO 8601, UTC, to the second, ending in Z."""
    evidence: str = ""
    """An address (``https://...``) or the path of a file; a file is hashed."""
    note: str = ""
    """Free text."""
    riders: tuple[str, ...] = ()
    """Terms beside the licence, each written ``KIND`` or ``KIND=VALUE``."""


def claim_license(
    ledger: Ledger, model: Model, statement: Statement, check: Callable[[str], object]
) -> LicenseClaim:
    """Record what a person states about the licence of a model.

    Args:
        ledger: The ledger.
        model: A registered model.
        statement: What is stated, by whom, when and on what evidence.
        check: Raises an error if an expression is none; what it returns is not looked at.

    Returns:
        The claim as written.

    Raises:
        InputError: The model is not registered (MODEL_UNKNOWN), or the evidence cannot be read.
        UsageError: The statement says nothing, names nobody, or no time, holds invisible signs, or
            a rider is none.
        PolicyError: As `check` raises.
    """
    if not ledger.models_with(model.identity):
        raise unknown_model(model.label, ())
    nothing = "none" if statement.riders else ""
    _check_statement(statement, {"expression": statement.expression or nothing})
    evidence = _evidence(statement.evidence)
    riders = _riders(statement.riders, evidence)
    if statement.expression:
        check(statement.expression)
    claim = LicenseClaim(
        model=model.name,
        identity=model.identity,
        expression=statement.expression,
        origin="human",
        evidence=evidence,
        by=statement.by,
        at=statement.at,
        note=statement.note,
        riders=riders,
    )
    ledger.append([NewEntry("claim", claim)])
    return claim


def state_parent(
    ledger: Ledger, child: Model, parent: tuple[str, str], statement: Statement
) -> Edge:
    """Record what a person states about a parent of a model.

    Args:
        ledger: The ledger.
        child: A registered model.
        parent: How the parent is called, and how it reached the child. A model of the ledger is
            recorded with revision and weights; any other is written ``org/name``, perhaps with
            ``@`` and a commit, and a dataset as its maker calls it.
        statement: By whom, when and on what evidence.

    Returns:
        The edge as written.

    Raises:
        InputError: A model is not registered and not written ``org/name`` (MODEL_UNKNOWN), or the
            evidence cannot be read.
        UsageError: There is no such relation, the parent is the child, several states of it are
            meant, or the statement names nobody, no time, or holds invisible signs.
    """
    name, said = parent
    if not ledger.models_with(child.identity):
        raise unknown_model(child.label, ())
    relation = _relation(said)
    _check_statement(statement, {"parent": name})
    found = _parent(ledger, name, relation)
    if isinstance(found, Model) and found.identity == child.identity:
        what = "a model is not made from itself"
        raise UsageError(Code.USAGE, what, where=repr(name[:200]), hint="name another parent")
    held = found if isinstance(found, Model) else None
    edge = Edge(
        child=child.name,
        identity=child.identity,
        parent=found.name,
        revision=found.revision,
        parent_identity=held.identity if held is not None else None,
        relation=relation,
        origin="human",
        evidence=_evidence(statement.evidence),
        by=statement.by,
        at=statement.at,
        note=statement.note,
    )
    ledger.append([NewEntry("edge", edge)])
    return edge


def _relation(said: str) -> Relation:
    if said in STATED:
        return said
    what = f"there is no relation {said[:60]!r}"
    raise UsageError(Code.USAGE, what, where="--relation", hint=_near(said, STATED))


def _parent(ledger: Ledger, name: str, relation: Relation) -> Model | ParentName:
    named = parent_name(name)
    if relation == "dataset" and named is not None:
        return named
    try:
        return find_model(ledger, name)
    except InputError:
        fit = named is not None and "/" in named.name and not named.note.startswith("named by")
        if named is None or not fit:
            raise
        return named


def _near(word: str, words: Iterable[str]) -> str:
    known = sorted(words)
    near = difflib.get_close_matches(word.replace("_", "-"), known, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"


def _riders(texts: tuple[str, ...], evidence: Evidence | None) -> tuple[Rider, ...]:
    where = evidence.locator if evidence is not None else ""
    return tuple(dict.fromkeys(_rider(text, where) for text in texts))


def _rider(text: str, where: str) -> Rider:
    kind, _, value = (part.strip() for part in text.partition("="))
    if kind not in RIDERS:
        what = f"there is no rider {kind[:60]!r}"
        raise UsageError(Code.USAGE, what, where="--rider", hint=_near(kind, RIDERS))
    if not value.isprintable() or len(value) > _LONGEST:
        what = f"the value of the rider {kind} is too long or holds invisible signs"
        raise UsageError(Code.USAGE, what, where="--rider", hint="write it as plain text")
    try:
        return Rider(kind=kind, value=value, where=where)
    except ValidationError as error:
        needs = kind in ("name-prefix", "display")
        what = f"the rider {kind} {'needs a' if needs else 'takes no'} value"
        hint = f"write {kind}=WORDS" if needs else f"write {kind}"
        raise UsageError(Code.USAGE, what, where="--rider", hint=hint) from error


def _check_statement(statement: Statement, about: dict[str, str]) -> None:
    fields = {
        **about,
        "name of who states it": statement.by,
        "evidence": statement.evidence or "none",
        "note": " ".join(statement.note.split()) or "none",
    }
    for name, value in fields.items():
        if not value.strip() or not value.isprintable() or len(value) > _LONGEST:
            what = f"the {name} is empty, too long or holds invisible signs"
            raise UsageError(Code.USAGE, what, where="statement", hint="write it as plain text")
    if _TIME.fullmatch(statement.at) is None:
        what = "the time is not written like 2026-01-31T12:00:00Z"
        raise UsageError(Code.USAGE, what, where="statement", hint="give it in UTC, to the second")


def _evidence(text: str) -> Evidence | None:
    if not text:
        return None
    if text.startswith(("https://", "http://")):
        return Evidence(kind="url", locator=_address(text))
    path = Path(text)
    if not path.is_file():
        raise InputError(
            Code.INPUT_MISSING,
            "the evidence is neither an address nor a file",
            where=repr(text[:200]),
            hint="give https://... or the path of a file that you keep",
        )
    if path.stat().st_size == 0:
        what, hint = "the evidence is an empty file", "name the file that shows it"
        raise UsageError(Code.USAGE, what, where=repr(text[:200]), hint=hint)
    return Evidence(kind="file", locator=path.name, digest=measure(path.resolve()))


def _address(text: str) -> str:
    try:
        host = urlsplit(text).hostname
    except ValueError:
        host = None
    if not host or " " in text:
        hint = "write it like https://example.org/licence"
        raise UsageError(Code.USAGE, "this is no address", where=repr(text[:200]), hint=hint)
    return text

"""The catalogue: which models the ledger knows, and what people claim about their licences.

These are the use cases behind ``evoreg model add``, ``list``, ``show`` and ``claim``. Nothing is
ever changed or removed: a model that moved on is registered again, a claim that was wrong is
answered by another claim.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import NewEntry, RegisteredModel
from evoreg.provenance.records.errors import Code, InputError, UsageError
from evoreg.provenance.records.license import Evidence, LicenseClaim
from evoreg.provenance.records.model import Model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.resolve import ResolvedModel

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_LONGEST = 10_000
_FEWEST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Registration:
    """The answer to adding a model."""

    entry: RegisteredModel
    """What the ledger holds now."""
    added: bool
    """False if exactly this was registered before."""


@dataclass(frozen=True, slots=True)
class ShownModel:
    """All that the ledger knows about a model."""

    entry: RegisteredModel
    """The newest registration that was meant."""
    others: tuple[RegisteredModel, ...]
    """Further registrations under the same name, the newest first."""
    claims: tuple[LicenseClaim, ...]
    """What was claimed about the licence of these exact weights, the oldest first."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person states about a licence."""

    expression: str
    """Licence key, Hub id or SPDX expression."""
    by: str
    """Who states it."""
    at: str
    """When: ISO 8601, UTC, to the second, ending in Z."""
    evidence: str = ""
    """An address (``https://...``) or the path of a file; a file is hashed."""
    note: str = ""
    """Free text."""


def add_model(ledger: Ledger, resolved: ResolvedModel) -> Registration:
    """Register a model, unless exactly the same is registered already.

    Two processes that add the same model in the same moment may both register it; that is two
    true entries.

    Args:
        ledger: The ledger.
        resolved: The model.

    Returns:
        The registration, new or found. The same weights with another card, other licence files,
        another name or another revision are a new one.
    """
    known = _known(ledger, resolved.model)
    if known is not None:
        return Registration(known, added=False)
    ledger.append([NewEntry("model", resolved.model, {"location": _location(resolved)})])
    added = _known(ledger, resolved.model)
    if added is None:
        raise RuntimeError("the ledger does not hold what was just written")
    return Registration(added, added=True)


def list_models(ledger: Ledger) -> tuple[RegisteredModel, ...]:
    """List the models of the ledger.

    Args:
        ledger: The ledger.

    Returns:
        The newest registration of each name and identity, sorted by name, then by age.
    """
    newest = {(entry.model.name, entry.model.identity): entry for entry in ledger.models()}
    return tuple(sorted(newest.values(), key=lambda entry: (entry.model.name, entry.seq)))


def show_model(ledger: Ledger, wanted: str) -> ShownModel:
    """Find a model and all that is claimed about it.

    Args:
        ledger: The ledger.
        wanted: ``name``, ``name@revision`` (its first digits do), or the identity of the weights
            (``sha256:`` and its first digits).

    Returns:
        The newest registration that is meant.

    Raises:
        InputError: The ledger has no such model (MODEL_UNKNOWN).
    """
    entry, *rest = reversed(_matches(ledger, wanted))
    same_name = [other for other in rest if other.model.name == entry.model.name]
    return ShownModel(entry, tuple(same_name), ledger.claims_for(entry.model.identity))


def find_model(ledger: Ledger, wanted: str) -> Model:
    """Find the one state of a model that is meant.

    Args:
        ledger: The ledger.
        wanted: As for `show_model`.

    Returns:
        The model as last registered.

    Raises:
        InputError: The ledger has no such model (MODEL_UNKNOWN).
        UsageError: Several states with different weights are meant.
    """
    matches = _matches(ledger, wanted)
    identities = list(dict.fromkeys(entry.model.identity for entry in matches))
    if len(identities) > 1:
        raise UsageError(
            Code.USAGE,
            f"{len(identities)} models with different weights are called so",
            where=repr(wanted),
            hint="name the revision or the weights: "
            + ", ".join(dict.fromkeys(_exact(entry.model) for entry in matches)),
        )
    return matches[-1].model


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
        UsageError: The statement names nobody, or no time, or holds invisible signs.
        PolicyError: As `check` raises.
    """
    if not ledger.models_with(model.identity):
        raise _unknown(model.label, ())
    _check_statement(statement)
    check(statement.expression)
    claim = LicenseClaim(
        model=model.name,
        identity=model.identity,
        expression=statement.expression,
        origin="human",
        evidence=_evidence(statement.evidence),
        by=statement.by,
        at=statement.at,
        note=statement.note,
    )
    ledger.append([NewEntry("claim", claim)])
    return claim


def _known(ledger: Ledger, model: Model) -> RegisteredModel | None:
    same = [entry for entry in ledger.models_with(model.identity) if entry.model == model]
    return same[-1] if same else None


def _location(resolved: ResolvedModel) -> str:
    if resolved.adapter is not None:
        return f"{_location(replace(resolved, adapter=None))}+{_location(resolved.adapter)}"
    if resolved.model.revision is not None:
        return f"hf://{resolved.model.name}@{resolved.model.revision}"
    return str(resolved.folder).encode(errors="backslashreplace").decode()


def _matches(ledger: Ledger, wanted: str) -> tuple[RegisteredModel, ...]:
    entries = ledger.models()
    found = tuple(entry for entry in entries if _is_meant(entry.model, wanted))
    if not found:
        raise _unknown(wanted, tuple(_full_name(entry.model) for entry in entries))
    # The name of a model means the model itself, if it is there, and not that with an adapter.
    plain = tuple(entry for entry in found if entry.model.adapter is None)
    return plain or found


def _full_name(model: Model) -> str:
    return model.name if model.adapter is None else f"{model.name}+{model.adapter.name}"


def _exact(model: Model) -> str:
    return f"{model.name}@{model.revision}" if model.revision else model.identity[:19]


def _is_meant(model: Model, wanted: str) -> bool:
    if wanted in (model.name, _full_name(model)):
        return True
    if wanted.startswith("sha256:"):
        enough = len(wanted) >= len("sha256:") + _FEWEST_DIGITS
        return enough and model.identity.startswith(wanted)
    name, _, revision = wanted.rpartition("@")
    known = model.revision or ""
    return name == model.name and len(revision) >= _FEWEST_DIGITS and known.startswith(revision)


def _unknown(wanted: str, names: tuple[str, ...]) -> InputError:
    near = difflib.get_close_matches(wanted.split("@")[0], sorted(set(names)), n=3)
    meant = f"did you mean {', '.join(near)}? Otherwise " if near else ""
    return InputError(
        Code.MODEL_UNKNOWN,
        "the ledger has no such model",
        where=repr(wanted[:200]),
        hint=f"{meant}register it: evoreg model add REFERENCE",
    )


def _check_statement(statement: Statement) -> None:
    fields = {
        "expression": statement.expression,
        "name of who states it": statement.by,
        "evidence": statement.evidence or "none",
        "note": " ".join(statement.note.split()) or "none",
    }
    for name, value in fields.items():
        if not value.strip() or not value.isprintable() or len(value) > _LONGEST:
            what = f"the {name} is empty, too long or holds invisible signs"
            raise UsageError(Code.USAGE, what, where="claim", hint="write it as plain text")
    if _TIME.fullmatch(statement.at) is None:
        what = "the time of the claim is not written like 2026-01-31T12:00:00Z"
        raise UsageError(Code.USAGE, what, where="claim", hint="give it in UTC, to the second")


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

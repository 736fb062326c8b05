"""The catalogue: which models the ledger knows, with their parents and their licence texts.

These are the use cases behind ``evoreg model add``, ``list`` and ``show``. Nothing is ever changed
or removed: a model that moved on is registered again.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.values import NewEntry, RegisteredModel
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, InputError, Problem, UsageError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import File, Model
from evoreg.provenance.records.text import HeldText
from evoreg.registry.models.parents import edges_of
from evoreg.registry.models.resolve import ResolvedModel

_FEWEST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Registration:
    """The answer to adding a model."""

    entry: RegisteredModel
    """What the ledger holds now."""
    added: bool
    """False if exactly this was registered before."""
    edges: tuple[Edge, ...] = ()
    """What its folder says about its parents and the ledger did not hold yet."""
    texts: tuple[HeldText, ...] = ()
    """Its licence and notice texts that the ledger did not hold yet."""
    problems: tuple[Problem, ...] = ()
    """What could not be read about its parents."""


@dataclass(frozen=True, slots=True)
class ShownModel:
    """All that the ledger knows about a model."""

    entry: RegisteredModel
    """The newest registration that was meant."""
    others: tuple[RegisteredModel, ...]
    """Further registrations under the same name, the newest first."""
    claims: tuple[LicenseClaim, ...]
    """What was claimed about the licence of these exact weights, the oldest first."""
    edges: tuple[Edge, ...] = ()
    """What was told about its parents, and about those of its adapter, the oldest first."""
    texts: Mapping[Digest, HeldText] = field(default_factory=dict)
    """Those of its licence and notice files that the ledger holds, by digest."""


def add_model(ledger: Ledger, resolved: ResolvedModel) -> Registration:
    """Register a model, with what its folder says about its parents and its licence texts.

    What the ledger holds already is not written again. Two processes that add the same model in
    the same moment may both register it; that is two true entries.

    Args:
        ledger: The ledger.
        resolved: The model.

    Returns:
        The registration, new or found. The same weights with another card, other licence files,
        another name or another revision are a new one.
    """
    known = _known(ledger, resolved.model)
    edges, problems = _new_edges(ledger, resolved)
    texts = _new_texts(ledger, resolved)
    place = {"location": _location(resolved)}
    model = [NewEntry("model", resolved.model, place)] if known is None else []
    ledger.append(
        [
            *model,
            *(NewEntry("edge", edge) for edge in edges),
            *(NewEntry("text", text) for text in texts),
        ]
    )
    entry = known or _known(ledger, resolved.model)
    if entry is None:
        raise RuntimeError("the ledger does not hold what was just written")
    return Registration(entry, known is None, edges, texts, problems)


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
    model = entry.model
    edges = (edge for one in _identities(model) for edge in ledger.edges_for(one))
    papers = (file.digest for one in _parts(model) for file in one.files if is_paper(file))
    claims = ledger.claims_for(model.identity)
    return ShownModel(entry, tuple(same_name), claims, tuple(edges), ledger.texts(papers))


def is_paper(file: File) -> bool:
    """Tell whether a file is a licence or a notice."""
    return file.role in ("license", "notice")


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


def _known(ledger: Ledger, model: Model) -> RegisteredModel | None:
    """Return the newest registration of a state of a model, if it is exactly this.

    A card that was changed and is changed back is a new observation.
    """
    same = [
        entry
        for entry in ledger.models_with(model.identity)
        if (entry.model.name, entry.model.revision) == (model.name, model.revision)
    ]
    return same[-1] if same and same[-1].model == model else None


def _parts(model: Model) -> tuple[Model, ...]:
    """Return a model without its adapter, and the adapter."""
    bare = model.model_copy(update={"adapter": None})
    return (bare,) if model.adapter is None else (bare, *_parts(model.adapter))


def _identities(model: Model) -> tuple[Digest, ...]:
    """Return the identities of a model, and of what it consists of, each once."""
    return tuple(dict.fromkeys(one.identity for one in (model, *_parts(model))))


def _whole(resolved: ResolvedModel) -> tuple[ResolvedModel, ...]:
    """Return a resolved model and its adapter."""
    return (resolved,) if resolved.adapter is None else (resolved, *_whole(resolved.adapter))


def _new_edges(
    ledger: Ledger, resolved: ResolvedModel
) -> tuple[tuple[Edge, ...], tuple[Problem, ...]]:
    found: list[Edge] = []
    problems: list[Problem] = []
    for part in _whole(resolved):
        edges, unclear = edges_of(part.model, part.folder, *ledger.signature())
        problems += unclear
        held = {_said(e) for e in (ledger.edges_for(edges[0].identity) if edges else ())}
        found += [edge for edge in edges if _said(edge) not in held]
    return tuple(found), tuple(problems)


def _said(edge: Edge) -> Edge:
    """Return an edge without what changes when the same is said once more."""
    return edge.model_copy(update={"child": "", "by": "", "at": "", "evidence": None})


def _new_texts(ledger: Ledger, resolved: ResolvedModel) -> tuple[HeldText, ...]:
    texts = (HeldText.of(text.data) for part in _whole(resolved) for text in part.texts)
    found = {text.digest: text for text in texts}
    held = ledger.texts(found)
    return tuple(text for digest, text in found.items() if digest not in held)


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
        raise unknown_model(wanted, tuple(_full_name(entry.model) for entry in entries))
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


def unknown_model(wanted: str, names: tuple[str, ...]) -> InputError:
    """Return the error about a model that is not in the ledger.

    Args:
        wanted: What was asked for.
        names: Names that are there, for a suggestion.

    Returns:
        The error (MODEL_UNKNOWN).
    """
    near = difflib.get_close_matches(wanted.split("@")[0], sorted(set(names)), n=3)
    meant = f"did you mean {', '.join(near)}? Otherwise " if near else ""
    return InputError(
        Code.MODEL_UNKNOWN,
        "the ledger has no such model",
        where=repr(wanted[:200]),
        hint=f"{meant}register it: evoreg model add REFERENCE",
    )

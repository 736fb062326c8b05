"""Putting an adapter on a model: which tensor it changes, and how; from headers alone.

Every tensor of the adapter must find its place, or the merge is refused. A model whose head is
tied to its embedding gets a head of its own if the adapter changes the head; if it changes the
embedding alone, the head changes with it, as in every model that is saved with tied weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from evoreg.evolve.checkpoints.adapter import AdapterFiles, Part
from evoreg.evolve.checkpoints.tensors import FLOATS, Checkpoint, TensorInfo
from evoreg.evolve.planning.adapter_names import Names
from evoreg.evolve.planning.names import is_head, is_token_embedding, tied_stand_in
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, EvoregError, InputError, MergeError, Problem

_TURNED = frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp"})
"""Model types whose layers keep their weights as (in, out)."""
_SECTIONS = ("text_config", "llm_config", "language_config")
_OTHER_MODEL = "name the model that the adapter was trained on"
_AGAIN = "download the adapter again, or ask its maker"


@dataclass(frozen=True)
class Change:
    """What an adapter does to one tensor: W becomes W0 + scale * B A, each row then stretched."""

    origin: TensorInfo
    """W0: the model's tensor, or the one that the adapter brings in its place."""
    a: TensorInfo | None = None
    """A, shape (rank, in, ...); nothing for a bias, or if W0 is all."""
    b: TensorInfo | None = None
    """B, shape (out, rank, ...), or what is added to a bias."""
    scale: float = 1.0
    """What B A is multiplied by."""
    turned: bool = False
    """True if the tensor takes (B A) transposed: embeddings, and weights kept as (in, out)."""
    magnitude: TensorInfo | None = None
    """The length that each row is given, if the adapter says so (DoRA)."""

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Every tensor that is read."""
        found = (self.origin, self.a, self.b, self.magnitude)
        return tuple(info for info in found if info is not None)


@dataclass(frozen=True)
class Adapter:
    """An adapter that was put on a model."""

    folder: Path
    """Where it lies."""
    settings: Digest
    """Digest of the settings that decide what its weights mean."""
    changes: Mapping[str, Change]
    """By name of the tensor in the model, sorted."""
    notes: tuple[str, ...] = ()
    """What was done that is not plain from the names: ``name: what``."""


def put_on(checkpoint: Checkpoint, files: AdapterFiles) -> tuple[Checkpoint, Adapter]:
    """Put an adapter on a model.

    Args:
        checkpoint: The model.
        files: The adapter.

    Returns:
        The model as it is with the adapter: the same tensors and configuration, but for a tied
        head that the adapter sets apart from the embedding; and how each tensor is changed.

    Raises:
        InputError: Parts missing, or ranks that are not those of the settings.
        MergeError: Tensors that the model lacks or that do not fit; all are told.
    """
    placing = _Placing(checkpoint, files, Names(frozenset(checkpoint.tensors)))
    for wanted, parts in files.parts.items():
        placing.place(wanted, parts)
    _raise(placing.problems)
    tensors, config = dict(checkpoint.tensors), checkpoint.config
    if placing.added:
        tensors = dict(sorted((tensors | placing.added).items()))
        config = _untied(config)
    changes = dict(sorted(placing.changes.items()))
    adapter = Adapter(files.folder, files.settings.digest, changes, tuple(placing.told()))
    return Checkpoint(checkpoint.folder, tensors, config), adapter


def _raise(problems: list[Problem]) -> None:
    if problems:
        broken = all(problem.code.startswith("EVO-I") for problem in problems)
        kind: type[EvoregError] = InputError if broken else MergeError
        raise kind.of(problems)


@dataclass
class _Placing:
    """Places one tensor after the other and keeps the problems."""

    checkpoint: Checkpoint
    files: AdapterFiles
    names: Names
    changes: dict[str, Change] = field(default_factory=dict)
    added: dict[str, TensorInfo] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, wanted: str, parts: Mapping[Part, TensorInfo]) -> None:
        """Note the change of one tensor, or why it cannot be."""
        names = self.names.meant(wanted)
        tied = None if names else tied_stand_in(self.checkpoint, wanted)
        if tied is not None:
            names = [wanted]
            self.added[wanted] = replace(tied, name=wanted)
        what = _unclear(wanted, names)
        if not what and names[0] in self.changes:
            what = f"two parts of the adapter change {names[0]}"
        if what:
            where = str(self.files.folder)
            self.problems.append(Problem(Code.MERGE_MISSING_TENSOR, what, where, _OTHER_MODEL))
            return
        self.names.note(wanted, names[0])
        try:
            info = tied or self.checkpoint.tensors[names[0]]
            self.changes[names[0]] = self.change(wanted, info, parts)
        except EvoregError as error:
            self.problems.extend(error.problems)

    def change(self, wanted: str, info: TensorInfo, parts: Mapping[Part, TensorInfo]) -> Change:
        """Return the change of one tensor, or raise what is wrong with it."""
        for owner, item in (("model", info), *(("adapter", part) for part in parts.values())):
            if item.dtype not in FLOATS:
                what = f"{wanted}: the {owner} holds {item.dtype}, and an adapter needs floats"
                hint = "name the model that is not quantised"
                raise self.unfit(what, Code.MERGE_DTYPE, hint)
        origin = parts.get("replacement", info)
        if origin is not info and not self.announced(wanted, origin.name):
            raise self.broken(
                f"{wanted}: the adapter brings it whole, which its modules_to_save do not say"
            )
        if origin.shape != info.shape:
            what = f"brings a tensor of {list(origin.shape)}"
            rows = is_token_embedding(wanted) and origin.shape[1:] == info.shape[1:]
            hint = "give the model as many rows for tokens first" if rows else _OTHER_MODEL
            raise self.unfit(_misfit(wanted, info, what), hint=hint)
        if set(parts) == {"replacement"}:
            return Change(origin)
        offset = parts.get("offset")
        if offset is None:
            return self.product(wanted, origin, parts)
        if set(parts) - {"replacement", "offset"} or offset.shape != info.shape:
            raise self.unfit(_misfit(wanted, info, f"adds {list(offset.shape)}"))
        scale = self.files.settings.scale(wanted.removesuffix(".bias"))
        return Change(origin, b=offset, scale=scale)

    def product(self, wanted: str, origin: TensorInfo, parts: Mapping[Part, TensorInfo]) -> Change:
        """Return the change by two factors."""
        embedded = "embedding A" in parts or "embedding B" in parts
        a = parts.get("embedding A" if embedded else "A")
        b = parts.get("embedding B" if embedded else "B")
        if a is None or b is None or (embedded and ("A" in parts or "B" in parts)):
            raise self.broken(f"{wanted}: the adapter needs one factor A and one factor B for it")
        settings, module = self.files.settings, wanted.removesuffix(".weight")
        rank = settings.rank_of(module)
        if (a.shape[:1], b.shape[1:2]) != ((rank,), (rank,)):
            raise self.broken(
                f"{wanted}: the factors are {list(a.shape)} and {list(b.shape)}, "
                f"but the settings give them the rank {rank}"
            )
        turned = self.turned(wanted, origin, a, b) if not embedded else True
        if turned and origin.shape != (*a.shape[1:], *b.shape[:1]):
            raise self.unfit(_misfit(wanted, origin, _product_of(a, b)))
        magnitude = parts.get("magnitude")
        if (magnitude is not None) != settings.magnitudes:
            told = "without" if magnitude is None else "with"
            raise self.broken(f"{wanted}: use_dora contradicts a part {told} lengths of rows")
        if magnitude is not None and turned:
            what = f"{wanted}: the adapter sets the lengths of columns (DoRA), which is not offered"
            hint = "merge it into its model with the library that made it, and name that folder"
            raise self.unfit(what, hint=hint)
        if magnitude is not None and magnitude.elements != origin.shape[0]:
            what = f"sets the lengths of {magnitude.elements} rows"
            raise self.unfit(_misfit(wanted, origin, what))
        return Change(origin, a, b, settings.scale(module), turned, magnitude)

    def turned(self, wanted: str, origin: TensorInfo, a: TensorInfo, b: TensorInfo) -> bool:
        """Tell whether the product has to be transposed; raise if it does not fit either way."""
        inner, outer = a.shape[1:], b.shape[:1]
        straight = origin.shape == (*outer, *inner) and set(b.shape[2:]) <= {1}
        across = origin.shape == (*inner, *outer) and len(origin.shape) == len(b.shape) == 2
        if straight and across:
            kind = self.checkpoint.config.get("model_type")
            return kind in _TURNED if isinstance(kind, str) else self.files.settings.turned
        if not straight and not across:
            raise self.unfit(_misfit(wanted, origin, _product_of(a, b)))
        return across

    def announced(self, wanted: str, raw: str) -> bool:
        """Tell whether an adapter may bring a tensor whole."""
        module, _, leaf = wanted.rpartition(".")
        wrapped = ".base_layer." in raw or ".modules_to_save." in raw
        # Tables are saved unasked when their rows were counted anew.
        table = is_token_embedding(wanted) or is_head(wanted)
        return wrapped or table or self.files.settings.brings(module, bias=leaf == "bias")

    def unfit(
        self, what: str, code: Code = Code.MERGE_SHAPE, hint: str = _OTHER_MODEL
    ) -> MergeError:
        """Return the error that model and adapter do not fit."""
        return MergeError(code, what, where=str(self.files.folder), hint=hint)

    def broken(self, what: str) -> InputError:
        """Return the error that the adapter is not whole."""
        return InputError(Code.INPUT_CONFIG, what, where=str(self.files.folder), hint=_AGAIN)

    def told(self) -> list[str]:
        """Return what was done that is not plain from the names."""
        lines = [*self.names.told()]
        lines += [f"{name}: it was tied, and the adapter sets it apart" for name in self.added]
        head = tied_stand_in(self.checkpoint, "lm_head.weight")
        if head is not None and head.name in self.changes and not self.added:
            lines.append(f"{head.name}: the head is tied to it, and changes with it")
        return lines


def _unclear(wanted: str, names: list[str]) -> str:
    if not names:
        return f"the adapter changes {wanted}, which the model does not have"
    if len(names) > 1:
        return f"{wanted} of the adapter could mean any of {', '.join(names[:4])}"
    return ""


def _misfit(wanted: str, info: TensorInfo, what: str) -> str:
    return f"{wanted} is {list(info.shape)} in the model, but the adapter {what}"


def _product_of(a: TensorInfo, b: TensorInfo) -> str:
    return f"adds the product of {list(b.shape)} and {list(a.shape)}"


def _untied(config: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a configuration whose head is not tied to the embedding."""
    if not config:
        return config
    changed: dict[str, Json] = dict(config) | {"tie_word_embeddings": False}
    for name in _SECTIONS:
        part = changed.get(name)
        if isinstance(part, dict) and "tie_word_embeddings" in part:
            changed[name] = part | {"tie_word_embeddings": False}
    return changed

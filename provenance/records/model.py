"""A model: what lies in its folder, named by digests, and what its card says about it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.record import Grown, Record

Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
"""A Hub revision: the 40 hexadecimal digits of a commit."""

Role = Literal[
    "weights", "index", "config", "card", "license", "notice", "tokenizer", "recipe", "other"
]
"""What a file of a model is for."""


class File(Record):
    """One file of a model."""

    path: str
    """POSIX path relative to the model's folder."""
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    digest: Digest
    """SHA-256 of the content."""
    role: Role
    """What the file is for."""
    measured: bool = True
    """True if evoreg hashed the bytes itself, false if the digest is a claim of the Hub."""


class Card(Grown):
    """What the front matter of a model card (README.md) says; copied, never believed."""

    LATER = frozenset({"datasets", "new_version", "gated_prompt", "eu_disallowed"})

    license: tuple[str, ...] = ()
    """Values of ``license`` (a string or a list on the Hub), as written."""
    license_name: str | None = None
    """Value of ``license_name``, which goes with ``license: other``."""
    license_link: str | None = None
    """Value of ``license_link``."""
    base_model: tuple[str, ...] = ()
    """Values of ``base_model``: the claimed parents."""
    base_model_relation: str | None = None
    """Claimed relation to the parents: finetune, adapter, merge, quantized."""
    authors: tuple[str, ...] = ()
    """Names from ``author``/``authors``; empty when the card names nobody."""
    datasets: tuple[str, ...] = ()
    """Values of ``datasets``: the claimed training data."""
    new_version: str | None = None
    """Value of ``new_version``: the model that is said to follow this one."""
    gated_prompt: str | None = None
    """Value of ``extra_gated_prompt``: what a reader must agree to before a download."""
    eu_disallowed: Literal[True] | None = None
    """True if the card says ``extra_gated_eu_disallowed: true``."""


class Model(Record):
    """A source or a result, at one exact state."""

    name: str
    """``org/name`` of the Hub, or the name of the folder."""
    origin: Literal["hub", "local"]
    """Where it came from."""
    revision: Commit | None = None
    """The commit, for a model of the Hub; nothing for a folder."""
    files: tuple[File, ...]
    """All files that were looked at, sorted by path."""
    card: Card = Card()
    """What its card says."""
    adapter: "Model | None" = None
    """The adapter on top of it, if the reference had one."""

    @property
    def weights(self) -> tuple[File, ...]:
        """The weight files, sorted by path."""
        return tuple(file for file in self.files if file.role == "weights")

    @property
    def identity(self) -> Digest:
        """Digest of the weights (and of the adapter's), whatever the model is called."""
        names = sorted(file.digest for file in self.weights)
        adapter = self.adapter.identity if self.adapter is not None else None
        return digest_of(to_canonical({"adapter": adapter, "weights": list(names)}))

    @property
    def label(self) -> str:
        """Name and short revision, for people: ``org/name@1c7e0d2`` or ``folder``."""
        own = f"{self.name}@{self.revision[:7]}" if self.revision else self.name
        return f"{own}+{self.adapter.label}" if self.adapter is not None else own

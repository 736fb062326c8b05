"""The lineage of all models at once: what a walk over parents needs, from the index tables alone.

A question for each model would take ten thousand round trips for a lineage of ten thousand models.
The book takes five queries, whatever the size. It holds no bodies: a walk finds its way through
the book first, and then asks the ledger for the entries that it came by, all in one call. Entries
never change, so they still fit the book then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.stored import restored
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.lineage import EdgeOrigin, Relation

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


class ModelRow(NamedTuple):
    """A registration of a model, without its body."""

    seq: int
    """Number of its entry."""
    name: str
    """`Model.name`."""
    revision: str | None
    """`Model.revision`."""
    identity: Digest
    """`Model.identity`."""


class EdgeRow(NamedTuple):
    """What an edge says, but for evidence, note and who recorded it."""

    seq: int
    """Number of its entry."""
    child: str
    """`Edge.child`."""
    identity: Digest
    """`Edge.identity`: the weights of the child."""
    parent: str
    """`Edge.parent`."""
    revision: str | None
    """`Edge.revision`: the commit of the parent."""
    parent_identity: Digest | None
    """`Edge.parent_identity`."""
    relation: Relation
    """How the parent reached the child."""
    origin: EdgeOrigin
    """Who says so."""


@dataclass(frozen=True, slots=True)
class LineageBook:
    """Where the models, claims, edges and makers of a ledger stand; each list is oldest first."""

    by_name: Mapping[str, tuple[ModelRow, ...]]
    """Registrations under each name."""
    by_identity: Mapping[Digest, tuple[ModelRow, ...]]
    """Registrations of the same weights."""
    edges: Mapping[Digest, tuple[EdgeRow, ...]]
    """Edges from each child, by the identity of its weights."""
    claims: Mapping[Digest, tuple[int, ...]]
    """Numbers of the claims about each identity."""
    makers: Mapping[Digest, tuple[int, ...]]
    """Numbers of the candidates that wrote a weight file, by the digest of the file."""
    inside: Mapping[int, tuple[Digest, ...]]
    """Identities of what has a share above zero in each of these candidates, in their order."""

    def newest(self, name: str) -> ModelRow | None:
        """Return the last registration under a name, if there is one."""
        found = self.by_name.get(name)
        return found[-1] if found else None

    def newest_with(self, identity: Digest) -> ModelRow | None:
        """Return the last registration of some exact weights, if there is one."""
        found = self.by_identity.get(identity)
        return found[-1] if found else None

    def made_from(self, weights: Iterable[Digest]) -> tuple[Digest, ...]:
        """Return what was merged into some weight files.

        Args:
            weights: Digests of the files of one model.

        Returns:
            The identities, each once; empty if no recorded merge wrote any of the files.
        """
        candidates = (seq for digest in weights for seq in self.makers.get(digest, ()))
        found = (one for seq in dict.fromkeys(candidates) for one in self.inside.get(seq, ()))
        return tuple(dict.fromkeys(found))


def read_lineage(connection: Connection) -> LineageBook:
    """Read the book.

    Args:
        connection: A connection to the ledger.

    Returns:
        All that the index tables say about lineage.
    """
    models = _models(connection)
    return LineageBook(
        by_name=_grouped((row.name, row) for row in models),
        by_identity=_grouped((row.identity, row) for row in models),
        edges=_grouped((row.identity, row) for row in _edges(connection)),
        claims=_claims(connection),
        makers=_makers(connection),
        inside=_inside(connection),
    )


def _grouped(pairs: Iterable[tuple[_Key, _Item]]) -> dict[_Key, tuple[_Item, ...]]:
    found: dict[_Key, list[_Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}


def _models(connection: Connection) -> list[ModelRow]:
    of = tables.models.c
    query = select(of.seq, of.name, of.revision, of.identity).order_by(of.seq)
    rows = connection.execute(query)
    return [ModelRow(seq, restored(name), rev, identity) for seq, name, rev, identity in rows]


def _edges(connection: Connection) -> list[EdgeRow]:
    of = tables.edges.c
    parent = (of.parent, of.revision, of.parent_identity, of.relation, of.origin)
    query = select(of.seq, of.child, of.identity, *parent).order_by(of.seq)
    return [
        EdgeRow(seq, restored(child), identity, restored(parent), *others)
        for seq, child, identity, parent, *others in connection.execute(query)
    ]


def _claims(connection: Connection) -> dict[Digest, tuple[int, ...]]:
    of = tables.claims.c
    query = select(of.identity, of.seq).order_by(of.seq)
    return _grouped((identity, seq) for identity, seq in connection.execute(query))


def _makers(connection: Connection) -> dict[Digest, tuple[int, ...]]:
    of = tables.outputs.c
    query = select(of.digest, of.seq).where(of.role == "weights").order_by(of.seq, of.position)
    return _grouped((digest, seq) for digest, seq in connection.execute(query))


def _inside(connection: Connection) -> dict[int, tuple[Digest, ...]]:
    # Most candidates of a search were scored and never written: those are left out.
    of, made = tables.contributions.c, tables.outputs.c
    written = select(made.seq).where(made.role == "weights")
    query = select(of.seq, of.identity).where(of.used, of.identity.is_not(None))
    rows = connection.execute(query.where(of.seq.in_(written)).order_by(of.seq, of.position))
    return _grouped((seq, identity) for seq, identity in rows)

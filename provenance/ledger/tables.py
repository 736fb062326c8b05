"""The tables of the ledger: the entries with their head, and the index tables beside them.

The index tables hold nothing that the entries do not say. Each of their rows carries the number
of its entry, and within the same entry a position, so they can be compared with a rebuild row by
row. Those of searches are in `search_tables`. The migrations make the same tables; a test compares
the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from evoreg.provenance.ledger.columns import SEQ, metadata, place, seq
from evoreg.provenance.ledger.search_tables import SEARCH_TABLES

VERSION_TABLE = "ledger_version"
"""The table in which the migrations note how far they have come."""

REVISIONS = ("0001", "0002", "0003", "0004")
"""All schema versions, oldest first; the last is the one that this program writes."""

entries = Table(
    "entries",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=False),
    Column("prev", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("prev"),
    UniqueConstraint("hash"),
    Index("entries_kind", "kind", "seq"),
)
"""The ledger proper; `body` is the very text that was hashed."""

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("tree", Text, nullable=False, server_default=""),
    CheckConstraint("id = 1", name="one_row"),
)
"""One row: the last entry. Writers lock it first, so they queue instead of forking the chain.
`tree` is the frontier of the Merkle tree, as `proofs.merkle.Frontier` writes it."""

tree_nodes = Table(
    "tree_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", SEQ, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
)
"""Roots of the complete subtrees with 256, 65,536, ... entries, so that a proof need not read all
of the ledger. `level` is the base-2 logarithm of that count, `position` counts from 0."""

models = Table(
    "models",
    metadata,
    seq(),
    Column("name", Text, nullable=False),
    Column("revision", Text),
    Column("identity", Text, nullable=False),
    Column("location", Text, nullable=False),
    # The migrations make it a hash index in PostgreSQL, where a B-tree takes no long names. To say
    # so here would load everything about PostgreSQL also for those who use SQLite.
    Index("models_name", "name"),
    Index("models_identity", "identity"),
)
"""Registered models."""

model_files = Table(
    "model_files",
    metadata,
    seq(),
    place("depth"),
    place("position"),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("role", Text, nullable=False),
    Index("model_files_digest", "digest"),
)
"""Files of registered models; depth 0 is the model itself, 1 its adapter."""

claims = Table(
    "claims",
    metadata,
    seq(),
    Column("model", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("expression", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Index("claims_identity", "identity"),
)
"""Licence claims."""

edges = Table(
    "edges",
    metadata,
    seq(),
    Column("child", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("revision", Text),
    Column("parent_identity", Text),
    Column("relation", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Index("edges_identity", "identity"),
    Index("edges_parent", "parent"),  # in PostgreSQL as models_name
    Index("edges_parent_identity", "parent_identity"),
)
"""Edges of the lineage; `identity` is that of the child."""

texts = Table(
    "texts",
    metadata,
    seq(),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("texts_digest", "digest"),
)
"""Held texts of licences and notices."""

decisions = Table(
    "decisions",
    metadata,
    seq(),
    Column("digest", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Index("decisions_digest", "digest"),
)
"""Decisions of policy."""

candidates = Table(
    "candidates",
    metadata,
    seq(),
    Column("id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Index("candidates_id", "id"),
)
"""Candidates; the same id stands there again when a merge was repeated."""

contributions = Table(
    "contributions",
    metadata,
    seq(),
    place("position"),
    Column("reference", Text, nullable=False),
    Column("identity", Text),
    Column("nominal", Text, nullable=False),
    Column("effective", Text, nullable=False),
    Column("alignment", Text, nullable=False),
    Column("used", Boolean, nullable=False),
    Index("contributions_identity", "identity"),
)
"""Shares of the sources of candidates, as the decimal text that was hashed."""

outputs = Table(
    "outputs",
    metadata,
    seq(),
    place("position"),
    Column("path", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    Index("outputs_digest", "digest"),
)
"""Files that candidates wrote."""

releases = Table(
    "releases",
    metadata,
    seq(),
    Column("candidate", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("license", Text, nullable=False),
    Column("digest", Text, nullable=False, server_default=""),
    Index("releases_candidate", "candidate"),
    Index("releases_decision", "decision"),
    Index("releases_digest", "digest"),
)
"""Releases; `digest` is that of the record, by which publications name it."""

publications = Table(
    "publications",
    metadata,
    seq(),
    Column("release", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("prepared", BigInteger),
    Column("commit", Text),
    Index("publications_release", "release"),
    Index("publications_prepared", "prepared"),
)
"""Steps of publications; `prepared` is the entry that began it, nothing for the beginning."""

prunings = Table(
    "prunings",
    metadata,
    seq(),
    Column("what", Text, nullable=False),
    Column("search", Text),
    Column("through", BigInteger, nullable=False),
)
"""Rows of index tables that are no longer kept."""

PROJECTIONS = (
    models,
    model_files,
    claims,
    edges,
    texts,
    decisions,
    candidates,
    contributions,
    outputs,
    releases,
    publications,
    prunings,
    *SEARCH_TABLES,
)
"""The index tables."""

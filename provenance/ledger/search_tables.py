"""The index tables of searches: what was looked for, every candidate scored, and what came out."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text

from evoreg.provenance.ledger.columns import BYTEWISE, metadata, place, seq

searches = Table(
    "searches",
    metadata,
    seq(),
    Column("id", BYTEWISE, nullable=False),
    Column("name", Text, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("merge_seed", BigInteger, nullable=False),
    Column("intent", Text, nullable=False),
    Column("decision", Text),
    Column("outbound", Text),
    Index("searches_id", "id"),
    Index("searches_name", "name"),  # in PostgreSQL as models_name
)
"""Searches."""

search_sources = Table(
    "search_sources",
    metadata,
    seq(),
    place("position"),
    Column("reference", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", Text),
    Column("identity", Text, nullable=False),
    Index("search_sources_identity", "identity"),
)
"""The exact weights of every model that may take part in a search."""

evaluations = Table(
    "evaluations",
    metadata,
    seq(),
    Column("search", Text, nullable=False),
    Column("stage", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("candidate", BYTEWISE, nullable=False),
    Column("failure", Text),
    Column("fitness", Text),
    Column("fitness_value", Double),
    Index("evaluations_course", "search", "seq"),
    Index("evaluations_generation", "search", "generation", "place"),
    Index("evaluations_best", "search", "fitness_value", "seq"),
    # The migrations make it an index of those only that are not ``sampled``, which are few.
    Index("evaluations_others", "search", "origin", "seq"),
    Index("evaluations_candidate", "candidate"),
)
"""Candidates as searches scored them. `fitness` is the first objective as the text that was hashed,
and `fitness_value` the same as a number to sort by; `failure` is the code of a failure."""

evaluation_scores = Table(
    "evaluation_scores",
    metadata,
    seq(),
    place("position"),
    Column("task", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("items", Integer, nullable=False),
)
"""Scores of these candidates by task; `items` is how many items were asked."""

item_scores = Table(
    "item_scores",
    metadata,
    seq(),
    place("position"),
    Column("items", Text, nullable=False),
    Column("softs", Text, nullable=False),
)
"""Scores of single items in millionths, as a JSON list for each row of `evaluation_scores`; both
SQLite and PostgreSQL can take such a list apart. They may be pruned."""

evaluation_shares = Table(
    "evaluation_shares",
    metadata,
    seq(),
    place("position"),
    Column("reference", Text, nullable=False),
    Column("nominal", Text, nullable=False),
    Column("effective", Text, nullable=False),
    Column("alignment", Text, nullable=False),
    Column("used", Boolean, nullable=False),
)
"""Shares of the sources of these candidates, as the decimal text that was hashed."""

generations = Table(
    "generations",
    metadata,
    seq(),
    Column("search", Text, nullable=False),
    Column("stage", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("evaluations", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("best", Text),
    Column("mean", Text),
    Column("items", BigInteger, nullable=False),
    Index("generations_search", "search", "number"),
)
"""Generations that are complete, with best and mean of the first objective."""

results = Table(
    "results",
    metadata,
    seq(),
    Column("search", Text, nullable=False),
    Column("winner", BYTEWISE, nullable=False),
    Column("label", Text, nullable=False),
    Index("results_search", "search"),
    Index("results_winner", "winner"),
)
"""What came out of searches."""

SEARCH_TABLES = (
    searches,
    search_sources,
    evaluations,
    evaluation_scores,
    item_scores,
    evaluation_shares,
    generations,
    results,
)
"""All of them, in the order in which rows are written."""

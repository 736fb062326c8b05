"""Projections: the rows of the index tables that follow from an entry, and from nothing else."""

import re
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Table, insert

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.body import Body, read_body
from evoreg.provenance.records.candidate import Candidate, Fraction
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.provenance.records.text import HeldText

Row = dict[str, object]
"""A row of an index table: column to value."""

_SHARE = ("reference", "nominal", "effective", "alignment", "used")
_SEARCH = ("id", "name", "run", "seed", "merge_seed", "intent", "decision", "outbound")
_EVALUATION = ("search", "stage", "generation", "place", "origin", "label", "candidate")
_GENERATION = ("search", "stage", "number", "evaluations", "failed", "items")
_PARENT = ("parent", "revision", "parent_identity", "relation", "origin")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def project(entry: Entry) -> list[tuple[Table, Row]]:
    """Return the rows that an entry leaves in the index tables.

    Args:
        entry: Any entry.

    Returns:
        Pairs of table and row, in the order of the record.

    Raises:
        InputError: The body does not hold a record of the entry's kind.
    """
    return rows_of(entry.seq, read_body(entry.kind, entry.body))


def rows_of(seq: int, body: Body) -> list[tuple[Table, Row]]:
    """Return the rows that an entry leaves in the index tables, once its body was read.

    Args:
        seq: Number of the entry.
        body: What it says.

    Returns:
        Pairs of table and row, in the order of the record.
    """
    return [
        (table, {"seq": seq, **{name: _stored(value) for name, value in row.items()}})
        for table, row in _rows(body)
    ]


def storable(value: str) -> str:
    """Return a text as the index tables hold it.

    PostgreSQL cannot store U+0000. Names and licence expressions come from cards that anybody may
    write, and must not make an entry unwritable.

    Args:
        value: Any text.

    Returns:
        The text with a backslash as two, and U+0000 as a backslash and a zero.
    """
    return value.replace("\\", "\\\\").replace("\0", "\\0")


def restored(value: str) -> str:
    """Return a text of the index tables as it was before `storable`.

    Args:
        value: A text that `storable` returned.

    Returns:
        The text as the entry has it.
    """
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else found[1], value)


def write_projections(connection: Connection, written: Iterable[Entry]) -> None:
    """Write the rows of some entries into the index tables.

    Args:
        connection: A connection inside a writing transaction.
        written: Entries whose rows are not there yet.

    Raises:
        InputError: A body does not hold a record of its entry's kind.
    """
    rows: dict[str, list[Row]] = {table.name: [] for table in tables.PROJECTIONS}
    for entry in written:
        for table, row in project(entry):
            rows[table.name].append(row)
    for table in tables.PROJECTIONS:
        if rows[table.name]:
            connection.execute(insert(table), rows[table.name])


def _rows(body: Body) -> Iterator[tuple[Table, Row]]:
    match body.record:
        case Model() as model:
            yield from _model(model, body.location)
        case LicenseClaim() as claim:
            yield tables.claims, _fields(claim, "model", "identity", "expression", "origin")
        case Edge() as edge:
            yield tables.edges, _fields(edge, "child", "identity", *_PARENT)
        case HeldText() as held:
            yield tables.texts, _fields(held, "digest", "size")
        case Decision() as decision:
            digest = decision.record_digest()
            yield (
                tables.decisions,
                {"digest": digest, "intent": decision.intent, "verdict": str(decision.verdict)},
            )
        case Candidate() as candidate:
            yield from _candidate(candidate)
        case Release() as release:
            fields = ("candidate", "decision", "intent", "name", "license")
            yield tables.releases, _fields(release, *fields)
        case _:
            yield from _searching(body.record)


def _searching(record: Record) -> Iterator[tuple[Table, Row]]:
    match record:
        case Search() as search:
            yield search_tables.searches, _fields(search, *_SEARCH)
        case Evaluation() as evaluation:
            yield from _evaluation(evaluation)
        case Generation() as generation:
            first: Row = {"best": _first(generation.best), "mean": _first(generation.mean)}
            yield search_tables.generations, _fields(generation, *_GENERATION) | first
        case SearchResult() as result:
            yield search_tables.results, _fields(result, "search", "winner", "label")


def _stored(value: object) -> object:
    return storable(value) if isinstance(value, str) else value


def _fields(record: object, *names: str) -> Row:
    return {name: getattr(record, name) for name in names}


def _model(model: Model, location: str) -> Iterator[tuple[Table, Row]]:
    yield tables.models, _fields(model, "name", "revision", "identity") | {"location": location}
    part: Model | None = model
    depth = 0
    while part is not None:
        for position, file in enumerate(part.files):
            place: Row = {"depth": depth, "position": position}
            yield tables.model_files, place | _fields(file, "path", "size", "digest", "role")
        part, depth = part.adapter, depth + 1


def _candidate(candidate: Candidate) -> Iterator[tuple[Table, Row]]:
    method: Row = {"method": candidate.recipe.method}
    yield tables.candidates, method | _fields(candidate, "id", "seed")
    identities = {item.reference: item.identity for item in candidate.ingredients}
    for position, share in enumerate(candidate.contributions):
        place: Row = {"position": position, "identity": identities.get(share.reference)}
        yield tables.contributions, place | _fields(share, *_SHARE)
    for position, file in enumerate(candidate.outputs):
        where: Row = {"position": position}
        yield tables.outputs, where | _fields(file, "path", "digest", "size", "role")


def _evaluation(evaluation: Evaluation) -> Iterator[tuple[Table, Row]]:
    fitness = _first(evaluation.fitness)
    told: Row = {
        "failure": None if evaluation.failure is None else evaluation.failure.code,
        "fitness": fitness,
        "fitness_value": None if fitness is None else float(fitness),
    }
    yield search_tables.evaluations, _fields(evaluation, *_EVALUATION) | told
    for position, score in enumerate(evaluation.scores):
        asked: Row = {"position": position, "items": len(score.items)}
        yield search_tables.evaluation_scores, asked | _fields(score, "task", "split", "value")
    for position, share in enumerate(evaluation.contributions):
        yield search_tables.evaluation_shares, {"position": position} | _fields(share, *_SHARE)


def _first(numbers: tuple[Fraction, ...]) -> Fraction | None:
    return numbers[0] if numbers else None

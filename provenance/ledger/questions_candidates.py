"""Questions about single candidates: scores, items, shares, and two of them side by side."""

import json

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import search_tables, tables
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.question_values import (
    CandidatePage,
    Comparison,
    ItemScores,
    Pair,
    ScoredCandidate,
    ShareLine,
)
from evoreg.provenance.ledger.questions import PAGE
from evoreg.provenance.ledger.questions_models import merge_lines
from evoreg.provenance.ledger.search_queries import rows_at
from evoreg.provenance.ledger.search_values import EvaluationRow
from evoreg.provenance.ledger.stored import restored
from evoreg.provenance.records.digest import Digest


def candidate(ledger: Ledger, candidate_id: Digest, limit: int = PAGE) -> CandidatePage:
    """Return all that the ledger knows of a candidate.

    Args:
        ledger: An open ledger.
        candidate_id: `Candidate.id`.
        limit: At most so many of each kind.

    Returns:
        A page; its lists are empty if the ledger does not know the candidate.
    """
    with ledger.store.reading() as connection:
        return _page(connection, candidate_id, limit)


def compare(ledger: Ledger, first: Digest, second: Digest) -> Comparison:
    """Return two candidates side by side.

    Args:
        ledger: An open ledger.
        first: `Candidate.id` of the one.
        second: `Candidate.id` of the other.

    Returns:
        Both pages, and scores and shares in pairs.
    """
    with ledger.store.reading() as connection:
        one, other = (_page(connection, digest, PAGE) for digest in (first, second))
    return Comparison(
        one,
        other,
        _pairs(*({f"{s.task} {s.split}": s.value for s in _scores(page)} for page in (one, other))),
        _pairs(*({s.reference: s.effective for s in _shares(page)} for page in (one, other))),
    )


def _page(connection: Connection, candidate_id: Digest, limit: int) -> CandidatePage:
    of, won, out = search_tables.evaluations.c, search_tables.results.c, tables.releases.c
    scored = select(of.seq).where(of.candidate == candidate_id).order_by(of.seq).limit(limit)
    rows = rows_at(connection, list(connection.scalars(scored)))
    wins = select(won.search).where(won.winner == candidate_id).order_by(won.seq).limit(limit)
    released = select(out.seq).where(out.candidate == candidate_id).order_by(out.seq).limit(limit)
    return CandidatePage(
        id=candidate_id,
        scored=tuple(_scored(connection, row) for row in rows),
        merged=merge_lines(connection, limit, tables.candidates.c.id == candidate_id),
        won=tuple(connection.scalars(wins)),
        releases=tuple(connection.scalars(released)),
    )


def _scored(connection: Connection, row: EvaluationRow) -> ScoredCandidate:
    score, item = search_tables.evaluation_scores, search_tables.item_scores
    share = search_tables.evaluation_shares
    same = (score.c.seq == item.c.seq) & (score.c.position == item.c.position)
    query = select(score, item.c["items"].label("each"), item.c.softs).outerjoin_from(
        score, item, same
    )
    query = query.where(score.c.seq == row.seq).order_by(score.c.position)
    scores = tuple(
        ItemScores(restored(s.task), s.split, s.value, s.items, _numbers(s.each), _numbers(s.softs))
        for s in connection.execute(query)
    )
    inside = select(share).where(share.c.seq == row.seq).order_by(share.c.position)
    shares = tuple(
        ShareLine(restored(s.reference), None, s.nominal, s.effective, s.alignment, s.used)
        for s in connection.execute(inside)
    )
    return ScoredCandidate(row, scores, shares)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else tuple(json.loads(text))


def _scores(page: CandidatePage) -> tuple[ItemScores, ...]:
    return page.scored[-1].scores if page.scored else ()


def _shares(page: CandidatePage) -> tuple[ShareLine, ...]:
    if page.scored:
        return page.scored[-1].shares
    return page.merged[0].shares if page.merged else ()


def _pairs(first: dict[str, str], second: dict[str, str]) -> tuple[Pair, ...]:
    names = sorted({*first, *second})
    return tuple(Pair(name, first.get(name), second.get(name)) for name in names)

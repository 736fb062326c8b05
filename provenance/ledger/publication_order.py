"""The order of a publication's steps: prepared once, then settled once, with the same files."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from evoreg.provenance.ledger import tables
from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.stored import storable
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.record import Record

_STEPS = tables.publications.c
_SETTLE = "let evoreg find out what became of it, then publish again"


def check_publications(connection: Connection, added: Iterable[tuple[int, Record]]) -> None:
    """Refuse steps of publications that do not follow what is on record.

    Args:
        connection: A connection inside the transaction that wrote entries and index tables.
        added: Numbers and records of the new entries, in order.

    Raises:
        InputError: LEDGER_ORDER; the transaction must not be kept.
    """
    for seq, step in added:
        if isinstance(step, Publication):
            if step.state == "prepared":
                _check_beginning(connection, seq, step)
            else:
                _check_end(connection, seq, step)


def _check_beginning(connection: Connection, seq: int, step: Publication) -> None:
    if step.prepared is not None or step.commit is not None:
        raise _refused("a publication that is prepared has no commit and no entry before", step)
    releases = tables.releases.c
    known = select(releases.seq).where(releases.digest == step.release, releases.seq < seq)
    if connection.scalar(known.limit(1)) is None:
        raise _refused("the release that is to be published is not on record", step)
    later = tables.publications.alias()
    settled = select(later.c.seq).where(later.c.prepared == _STEPS.seq, later.c.seq < seq)
    begun = select(_STEPS.seq).where(
        _STEPS.release == step.release,
        _STEPS.target == storable(step.target),
        _STEPS.state == "prepared",
        _STEPS.seq < seq,
        ~settled.exists(),
    )
    since = connection.scalar(begun.order_by(_STEPS.seq).limit(1))
    if since is not None:
        raise _refused(
            f"this release is under way to this place since entry {since}", step, _SETTLE
        )


def _check_end(connection: Connection, seq: int, step: Publication) -> None:
    begun = step.prepared or 0
    query = select(_STEPS.seq).where(
        _STEPS.seq == begun, _STEPS.seq < seq, _STEPS.state == "prepared"
    )
    if connection.scalar(query) is None:
        raise _refused(f"a publication is {step.state} that was never prepared", step)
    settled = select(_STEPS.seq).where(_STEPS.prepared == begun, _STEPS.seq < seq)
    done = connection.scalar(settled.order_by(_STEPS.seq).limit(1))
    if done is not None:
        raise _refused(f"the publication of entry {begun} is settled since entry {done}", step)
    if (step.commit is not None) != (step.state == "confirmed"):
        raise _refused("a publication has a commit if, and only if, it is confirmed", step)
    if _announced(step) != _announced(_whole(connection, begun)):
        raise _refused(f"entry {begun} prepared something else", step)


def _announced(step: Publication) -> tuple[object, ...]:
    return step.release, step.target, step.branch, step.files, step.before


def _whole(connection: Connection, seq: int) -> Publication:
    body = tables.entries.c.body
    return _read(connection.execute(select(body).where(tables.entries.c.seq == seq)).scalar_one())


def _read(text: str) -> Publication:
    record = read_body("publication", text).record
    if not isinstance(record, Publication):  # `read_body` has seen to it
        raise InputError(Code.NOT_A_RECORD, "the body does not hold a publication")
    return record


def _refused(
    what: str, step: Publication, hint: str = "prepare, send, then confirm or abandon, each once"
) -> InputError:
    return InputError(Code.LEDGER_ORDER, what, where=step.target, hint=hint)

"""Publications: telling the ledger before a release leaves this machine, and what became of it.

A publication has two steps. ``prepared`` is on record before the first byte is sent, and says what
is to arrive where. Then it is ``confirmed`` with the commit that the place made of it, or
``abandoned`` because nothing arrived. A machine that dies in between leaves a prepared one; the
next start asks the place what became of it (`reconcile`). So a release that is out is never
forgotten, and one that is not is never called published.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, select

from evoreg.provenance.ledger.body import stamp
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.queries import find_bodies
from evoreg.provenance.ledger.tables import publications as steps
from evoreg.provenance.ledger.values import NewEntry, PublicationCourse, RecordedStep
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, EvoregError, InputError, UsageError
from evoreg.provenance.records.publication import Publication, PublicationState

GRACE = timedelta(days=1)
"""How long a publication may take before its absence means that nobody is at it any more."""

_SEEN, _UNSEEN = "found there at a later start", "nothing of it was there at a later start"


class Destination(Protocol):
    """A place to which releases are published."""

    def find(self, publication: Publication) -> str | None:
        """Find out what became of a publication.

        Args:
            publication: What was prepared.

        Returns:
            What the place calls the commit with which exactly these files arrived; nothing if
            nothing of it arrived.

        Raises:
            EvoregError: It cannot be told, or only a part is there.
        """
        ...


class Receiver(Destination, Protocol):
    """A place that takes releases from here."""

    def send(self, publication: Publication) -> str:
        """Send the files, all of them in one commit or none.

        Args:
            publication: What is to arrive; if the place is not at `Publication.before` any more,
                nothing must be sent.

        Returns:
            What the place calls the commit.

        Raises:
            EvoregError: It did not work, or it is not known whether it did.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came out about a publication that was under way."""

    prepared: RecordedStep
    """Its first step."""
    state: PublicationState
    """``confirmed`` or ``abandoned``, which is on record now; ``prepared`` if it is left so."""
    why: str
    """How it was found out, or why it is left."""


def prepare(ledger: Ledger, publication: Publication) -> Entry:
    """Say that a release is about to leave this machine.

    Args:
        ledger: Where.
        publication: What is to arrive where, in the state ``prepared``.

    Returns:
        The entry; its number names the publication.

    Raises:
        UsageError: It is in another state, or names no files or the same path twice.
        InputError: The release is not on record, or it is under way to this place already
            (LEDGER_ORDER).
    """
    paths = [file.path for file in publication.files]
    if publication.state != "prepared" or not paths or len(set(paths)) < len(paths):
        what = "a publication begins as prepared, with files that have different paths"
        raise UsageError(Code.USAGE, what, where=publication.target, hint="call confirm or abandon")
    files = tuple(sorted(publication.files, key=lambda file: file.path))
    return _append(ledger, publication.model_copy(update={"files": files}))


def confirm(ledger: Ledger, prepared: int, commit: str, why: str = "") -> Entry:
    """Say that a publication arrived.

    Args:
        ledger: Where.
        prepared: Number of the entry that prepared it.
        commit: What the place calls the result.
        why: How it was found out, if not by the answer to sending it.

    Returns:
        The entry.

    Raises:
        UsageError: The commit is empty.
        InputError: That entry prepares nothing, or the publication is settled (LEDGER_ORDER).
    """
    if not commit.strip():
        what = "a publication is confirmed by the commit that came of it"
        raise UsageError(Code.USAGE, what, where=f"entry {prepared}", hint="ask the place for it")
    told = {"state": "confirmed", "prepared": prepared, "commit": commit, "why": why}
    return _append(ledger, _step(ledger, prepared).publication.model_copy(update=told))


def abandon(ledger: Ledger, prepared: int, why: str) -> Entry:
    """Say that nothing of a publication arrived, nor will.

    Args:
        ledger: Where.
        prepared: Number of the entry that prepared it.
        why: Why it is known.

    Returns:
        The entry.

    Raises:
        InputError: That entry prepares nothing, or the publication is settled (LEDGER_ORDER).
    """
    told = {"state": "abandoned", "prepared": prepared, "why": why}
    return _append(ledger, _step(ledger, prepared).publication.model_copy(update=told))


def pending(ledger: Ledger) -> tuple[PublicationCourse, ...]:
    """Return the publications of which nobody knows yet how they ended, the oldest first."""
    later = steps.alias()
    settled = select(later.c.seq).where(later.c.prepared == steps.c.seq).exists()
    with ledger.store.reading() as connection:
        return _courses(connection, ~settled)


def publications(
    ledger: Ledger, before: int | None = None, limit: int = 50
) -> tuple[PublicationCourse, ...]:
    """Return publications.

    Args:
        ledger: Where.
        before: Only those prepared before this entry; nothing means from the last on.
        limit: At most so many.

    Returns:
        The newest first.
    """
    last = steps.c.seq < before if before is not None else steps.c.seq > 0
    newest = select(steps.c.seq).where(steps.c.state == "prepared", last)
    newest = newest.order_by(steps.c.seq.desc()).limit(limit)
    with ledger.store.reading() as connection:
        found = list(connection.scalars(newest))
        return _courses(connection, steps.c.seq.in_(found))[::-1]


def reconcile(
    ledger: Ledger, destination: Destination, grace: timedelta = GRACE
) -> tuple[Reconciled, ...]:
    """Find out what became of publications that were under way when a process ended.

    Nothing is sent. What does not show at the place is given up only after a time of grace, for
    another process may be sending it right now.

    Args:
        ledger: Where they are on record; steps are added.
        destination: Asked for every publication that is pending.
        grace: How old a publication must be before its absence means that it will not arrive.

    Returns:
        What came out, the oldest first.

    Raises:
        InputError: A step cannot be recorded; those before are.
    """
    return tuple(_settle(ledger, destination, course.prepared, grace) for course in pending(ledger))


def carry_out(ledger: Ledger, prepared: int, place: Receiver) -> Entry:
    """Send what was prepared, unless it is there already, and confirm it.

    Only one process may do so at a time. If it raises, whether anything arrived is for `reconcile`
    to find out; if nothing did, this may be called again as long as the publication is pending.

    Args:
        ledger: Where it is on record.
        prepared: Number of the entry that prepared it.
        place: Where to send it.

    Returns:
        The entry that confirms it.

    Raises:
        EvoregError: From the place; or InputError if that entry prepares nothing, or the
            publication is settled (LEDGER_ORDER).
    """
    step = _step(ledger, prepared)
    if _end(ledger, prepared) is not None:
        raise _out_of_order(f"the publication of entry {prepared} is settled already", prepared)
    commit = place.find(step.publication)
    why = "" if commit is None else "it was there already"
    commit = place.send(step.publication) if commit is None else commit
    try:
        return confirm(ledger, prepared, commit, why)
    except InputError as error:
        # Another process that started meanwhile may have seen it arrive, and said so.
        end = _end(ledger, prepared) if error.code == Code.LEDGER_ORDER else None
        if end is None or end.publication.commit != commit:
            raise
        (entry,) = ledger.entries(after=end.seq - 1, limit=1)
        return entry


def _settle(
    ledger: Ledger, destination: Destination, step: RecordedStep, grace: timedelta
) -> Reconciled:
    try:
        commit = destination.find(step.publication)
    except (EvoregError, OSError) as error:
        return Reconciled(step, "prepared", f"the place cannot tell: {error}")
    try:
        return _concluded(ledger, step, commit, grace)
    except InputError as error:
        end = _end(ledger, step.seq) if error.code == Code.LEDGER_ORDER else None
        if end is None:
            raise
        why = f"another process told it meanwhile, in entry {end.seq}"
        return Reconciled(step, end.publication.state, why)


def _concluded(
    ledger: Ledger, step: RecordedStep, found: str | None, grace: timedelta
) -> Reconciled:
    if found is not None:
        confirm(ledger, step.seq, found, _SEEN)
        return Reconciled(step, "confirmed", _SEEN)
    now = datetime.fromisoformat(ledger.signature()[1])
    if step.at > stamp(now - grace):  # whatever stands there: an entry may come from a file
        return Reconciled(step, "prepared", "nothing is there yet; it may still be on its way")
    abandon(ledger, step.seq, _UNSEEN)
    return Reconciled(step, "abandoned", _UNSEEN)


def _append(ledger: Ledger, publication: Publication) -> Entry:
    (entry,) = ledger.append([NewEntry("publication", publication)])
    return entry


def _step(ledger: Ledger, seq: int) -> RecordedStep:
    with ledger.store.reading() as connection:
        found = _steps(connection, [seq]).get(seq)
    if found is None or found.publication.state != "prepared":
        raise _out_of_order(f"entry {seq} prepares no publication", seq)
    return found


def _end(ledger: Ledger, prepared: int) -> RecordedStep | None:
    with ledger.store.reading() as connection:
        (course,) = _courses(connection, steps.c.seq == prepared)
    return course.settled


def _out_of_order(what: str, seq: int) -> InputError:
    hint = "see which publications are prepared: evoreg ledger publications"
    return InputError(Code.LEDGER_ORDER, what, where=f"entry {seq}", hint=hint)


def _courses(connection: Connection, wanted: ColumnElement[bool]) -> tuple[PublicationCourse, ...]:
    begun = select(steps.c.seq).where(steps.c.state == "prepared", wanted).order_by(steps.c.seq)
    first = _steps(connection, connection.scalars(begun))
    ended = select(steps.c.seq).where(steps.c.prepared.in_(list(first)))
    settled = _steps(connection, connection.scalars(ended)).values()
    last = {step.publication.prepared: step for step in settled}
    return tuple(PublicationCourse(step, last.get(seq)) for seq, step in first.items())


def _steps(connection: Connection, seqs: Iterable[int]) -> dict[int, RecordedStep]:
    return {
        seq: RecordedStep(seq, body.at, body.by, body.record)
        for seq, body in find_bodies(connection, seqs).items()
        if isinstance(body.record, Publication)
    }

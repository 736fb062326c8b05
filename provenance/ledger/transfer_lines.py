"""The file that carries a ledger: JSON Lines, and the reader that believes none of them unchecked.

Each line is canonical JSON (RFC 8785), so equal ledgers make equal files:

* first ``{"form":"evoreg/ledger-entries/1","origin":"evoreg.ledger/..."}``;
* then every entry in order, with `body`, `hash`, `kind`, `prev` and `seq`;
* last ``{"root":"<base64>","size":N}``, as a checkpoint says them, so that a cut file shows.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import orjson
from pydantic import ValidationError

from evoreg.provenance.proofs.checkpoint import origin_for
from evoreg.provenance.proofs.merkle import Frontier
from evoreg.provenance.records.canonical import from_canonical
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, InputError, VerificationError

FORM = "evoreg/ledger-entries/1"
"""Name and version of the form, as the first line says it."""

LONGEST = 64 * 2**20
"""Bytes of the longest line that is written or read."""

_NEWER = "use the newer evoreg that wrote it"


def first_line(entry: Entry | None) -> bytes:
    """Return the first line of a file.

    Args:
        entry: Entry 1, which gives a ledger its name; nothing if there is none.

    Returns:
        The line with its end.
    """
    return _spelt({"form": FORM, "origin": origin_for(entry.hash) if entry else ""})


def entry_line(entry: Entry) -> bytes:
    """Return the line of an entry.

    Args:
        entry: Any entry.

    Returns:
        The bytes of `Entry.canonical`, and a line end.

    Raises:
        InputError: It would be longer than `LONGEST`.
    """
    line = _spelt(entry.model_dump())
    if len(line) > LONGEST:
        what = f"the entry is longer than {LONGEST} bytes and fits no line"
        hint = "carry this ledger with evoreg ledger copy"
        raise InputError(Code.INPUT_UNREADABLE, what, where=f"entry {entry.seq}", hint=hint)
    return line


def last_line(frontier: Frontier) -> bytes:
    """Return the last line of a file.

    Args:
        frontier: The Merkle tree over all entries of the file.

    Returns:
        The line with its end.
    """
    return _spelt({"root": b64encode(frontier.root()).decode(), "size": frontier.size})


class Lines:
    """The lines of a file, each checked for itself; whether they fit together is checked later.

    Raises:
        InputError: The stream is no export of a ledger, or one of a newer evoreg.
        VerificationError: A line was changed.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Read the first line of a stream."""
        self._stream = stream
        self._number = 0
        self._last = b""
        self._first = self._begin()

    def entries(self) -> Iterator[Entry]:
        """Read entries up to the last line, which `finish` looks at.

        Yields:
            Entries in the order of the file; of their order and hashes nothing is known yet.
        """
        while not (line := self._next()).startswith(b'{"root":') and line:
            entry = self._entry(line)
            if self._number == 2 and first_line(entry) != self._first:
                raise self._refused("the first line names the origin of another ledger", 1)
            yield entry
        self._last = line

    def finish(self, frontier: Frontier) -> None:
        """Compare the last line with all that was read; nothing may follow it.

        Args:
            frontier: The Merkle tree over the entries that were read.

        Raises:
            VerificationError: The file was cut off or changed.
        """
        if not self._last:
            raise self._refused(f"the file was cut off behind entry {frontier.size}")
        if self._last != last_line(frontier):
            raise self._refused("the last line does not agree with the entries before it")
        if not frontier.size and self._first != first_line(None):
            raise self._refused("the first line names a ledger, but there is no entry", 1)
        if self._stream.read(1):
            raise self._refused("something follows the last line", self._number + 1)

    def _begin(self) -> bytes:
        line = self._next()
        try:
            said = from_canonical(line.removesuffix(b"\n"))
        except InputError:
            said = None
        form = said.get("form") if isinstance(said, dict) else None
        if not isinstance(form, str) or not form.startswith(FORM[:-1]):
            what, hint = "this is no export of a ledger", "name a file of evoreg ledger export"
            raise InputError(Code.INPUT_UNREADABLE, what, where="line 1", hint=hint)
        if form != FORM:
            what = f"the file has the form {form:.60}, this evoreg knows {FORM}"
            raise InputError(Code.LEDGER_VERSION, what, where="line 1", hint=_NEWER)
        return line

    def _next(self) -> bytes:
        self._number += 1
        line = self._stream.readline(LONGEST + 1)
        if len(line) > LONGEST:
            raise self._refused(f"a line is longer than {LONGEST} bytes")
        return line

    def _entry(self, line: bytes) -> Entry:
        try:
            entry = Entry.model_validate_json(line)
            spelt = _spelt(entry.model_dump())
        except ValidationError as error:
            raise self._unread(error) from error
        except TypeError as error:  # a number of more than 64 bits
            raise self._refused(f"no ledger has an entry of this number: {error}") from error
        if spelt != line:
            raise self._refused("the line is not spelt as evoreg spells it, or was cut off")
        return entry

    def _unread(self, error: ValidationError) -> InputError | VerificationError:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        if place == "kind":
            what, where = "an entry of a kind that this evoreg does not know", f"{self._number}"
            return InputError(Code.LEDGER_VERSION, what, where=f"line {where}", hint=_NEWER)
        return self._refused(f"the line is no entry: {place or 'JSON'}: {first['msg']}")

    def _refused(self, what: str, line: int | None = None) -> VerificationError:
        hint = "nothing was written; take the file from its source again, or export it anew"
        where = f"line {line or self._number}"
        return VerificationError(Code.LEDGER_BROKEN, what, where=where, hint=hint)


def _spelt(value: Mapping[str, str | int]) -> bytes:
    """Return texts and small numbers as canonical JSON, which orjson spells alike."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

"""The small text files that a ledger's proofs come in: read with suspicion, written whole."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from evoreg.provenance.proofs.checkpoint import SignedCheckpoint, read_checkpoint
from evoreg.provenance.proofs.inclusion import FORM, LONGEST_PROOF
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.records.errors import Code, InputError, OutputError, VerificationError


def checkpoint_in(file: Path, keys: Sequence[VerifierKey] = ()) -> SignedCheckpoint:
    """Return the checkpoint in a file.

    Args:
        file: A checkpoint, or a proof that ends with one.
        keys: Who may have signed it; without any, signatures are not looked at.

    Returns:
        The checkpoint.

    Raises:
        InputError: The file cannot be read or holds none.
        VerificationError: None of the keys signed it, or a signature does not hold.
    """
    text = read_text(file)
    if text.startswith((f"{FORM}\n", "old ")):
        text = text.partition("\n\n")[2]
    with telling(file):
        return read_checkpoint(text, keys)


def read_text(file: Path) -> str:
    """Return the content of a small text file that may come from anywhere.

    Args:
        file: The file.

    Returns:
        Its text, with its line ends as they are.

    Raises:
        InputError: It is missing, no plain file, too large, or not UTF-8.
    """
    try:
        if not file.is_file():
            if file.exists():
                raise unreadable(file, "this is no plain file")
            what = "there is no such file"
            raise InputError(Code.INPUT_MISSING, what, where=str(file), hint="check the path")
        with file.open("rb") as stream:
            data = stream.read(LONGEST_PROOF + 1)
    except OSError as error:
        raise unreadable(file, f"the file cannot be read: {error.strerror or error}") from error
    if len(data) > LONGEST_PROOF:
        raise unreadable(file, f"the file is larger than {LONGEST_PROOF} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise unreadable(file, "the file is not UTF-8 text") from error


@contextmanager
def telling(file: Path) -> Iterator[None]:
    """Let errors about the content of a file say which file it was.

    Args:
        file: The file.

    Yields:
        Nothing.
    """
    try:
        yield
    except (InputError, VerificationError) as error:
        told = [
            replace(one, where=f"{file}: {one.where}" if one.where else str(file))
            for one in error.problems
        ]
        raise type(error).of(told) from error


def write_text(file: Path, text: str) -> None:
    """Write a file so that it appears whole or not at all.

    Args:
        file: The file; it is replaced if it is there.
        text: Its content.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        _write(file, text)
    except OSError as error:
        raise unwritable(file, error) from error


def unreadable(file: Path, what: str) -> InputError:
    """Return the error for a file that does not hold what it should.

    Args:
        file: The file.
        what: One sentence.
    """
    hint = "check that it is the file that you mean, and fetch it again"
    return InputError(Code.INPUT_UNREADABLE, what, where=str(file), hint=hint)


def unwritable(file: Path, error: OSError) -> OutputError:
    """Return the error for a file that cannot be written.

    Args:
        file: The file.
        error: What the system said.
    """
    what = f"the file cannot be written: {error.strerror or error}"
    hint = "check the rights and the free space of its folder"
    return OutputError(Code.OUTPUT_UNWRITABLE, what, where=str(file), hint=hint)


def _write(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise

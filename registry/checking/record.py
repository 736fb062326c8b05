"""Reading a merged folder again: the record of the merge, and the name that its card gives.

The folder may have gone through many hands. Its record is believed as far as the weights beside it
are those that it tells of; no link leads outside, and nothing is read without a limit.
"""

import os
from dataclasses import replace
from pathlib import Path

from evoreg.provenance.papers.record import RECORD, Told, read_record
from evoreg.provenance.papers.words import CARD, card_title
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from evoreg.provenance.records.model import Model
from evoreg.registry.models.hashing import open_regular

LARGEST_RECORD = 32 << 20
"""Most bytes of evoreg.json."""
LARGEST_CARD = 4 << 20
"""Most bytes of a card that are looked through for its title."""
_HINT = "restore the file, or merge again"


def read_told(folder: Path) -> Told | None:
    """Read the record of a merged folder.

    Args:
        folder: A model folder.

    Returns:
        What evoreg.json says; nothing if the folder has none.

    Raises:
        InputError: There is one, and it cannot be read or is none of evoreg's.
        VerificationError: It was changed by hand.
    """
    path = folder / RECORD
    if not os.path.lexists(path):
        return None
    data = _read(path, LARGEST_RECORD)
    if data is None:
        raise _fault(path, f"larger than {LARGEST_RECORD:,} bytes")
    try:
        return read_record(data)
    except EvoregError as error:
        placed = [replace(problem, where=str(path)) for problem in error.problems]
        raise type(error).of(placed) from error


def is_about(told: Told, model: Model) -> bool:
    """Tell whether the weights in a folder are exactly those that its record tells of.

    Args:
        told: The record.
        model: The model as it was measured.

    Returns:
        True if names and digests of all weight files agree.
    """
    made = {file.path: file.digest for file in told.candidate.outputs if _is_weight(file.path)}
    return made == {file.path: file.digest for file in model.weights}


def read_title(folder: Path) -> str:
    """Return the name that the card of a merged folder gives to the model.

    Args:
        folder: A model folder.

    Returns:
        Its first heading; empty if there is none, or no card that can be read.
    """
    path = folder / CARD
    try:
        data = _read(path, LARGEST_CARD) or b""
    except InputError:
        return ""
    return card_title(data.decode("utf-8-sig", "replace"))


def _read(path: Path, most: int) -> bytes | None:
    """Return a file; nothing if it is too long."""
    with open_regular(path) as source:
        data = bytearray()
        while len(data) <= most and (piece := source.read(most + 1 - len(data))):
            data += piece
    return bytes(data) if len(data) <= most else None


def _is_weight(path: str) -> bool:
    return path.endswith(".safetensors")


def _fault(path: Path, what: str) -> InputError:
    return InputError(Code.NOT_A_RECORD, what, where=str(path), hint=_HINT)

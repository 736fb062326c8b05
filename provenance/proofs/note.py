"""Signed notes: a text with lines below it that say who signed it (https://c2sp.org/signed-note).

Nothing here trusts anything: whether a signature holds is a matter for `keys`.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from evoreg.provenance.records.errors import Code, InputError

LONGEST_NOTE = 1 << 18
"""Characters of the longest note that is read."""

_MOST_SIGNATURES = 64
_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    """Name of the key."""
    key_id: bytes
    """4 bytes that tell keys with one name apart."""
    data: bytes
    """The signature proper: 64 bytes for Ed25519."""

    def __str__(self) -> str:
        """Return the line, without its end."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.data)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures."""

    text: str
    """Ends with a line end; the very text that was signed."""
    signatures: tuple[Signature, ...]
    """In the order of their lines; none if nobody signed."""

    @classmethod
    def parse(cls, text: str) -> "Note":
        """Read a note as `str` writes it.

        Args:
            text: The content of a file. Without a blank line it is a text that nobody signed.

        Returns:
            The note.

        Raises:
            InputError: It is no note (INPUT_UNREADABLE).
        """
        _check_signs(text)
        body, blank, lines = text.rpartition("\n\n")
        if not blank:
            return cls(text, ())
        if not lines.endswith("\n") or lines.count("\n") > _MOST_SIGNATURES:
            raise unreadable("the signature lines of the note are cut off or too many")
        return cls(body + "\n", tuple(map(_signature, lines[:-1].split("\n"))))

    def __str__(self) -> str:
        """Return the text of the file."""
        lines = "".join(f"{line}\n" for line in self.signatures)
        return f"{self.text}\n{lines}" if lines else self.text


def valid_name(name: str) -> bool:
    """Return whether a key may have a name.

    Args:
        name: Any text.

    Returns:
        False if it is empty or has blanks, control characters or a plus.
    """
    return bool(name) and len(name) <= 256 and name.isprintable() and not re.search(r"[\s+]", name)


def to_base64(data: bytes) -> str:
    """Return bytes in standard base64, with padding."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """Read standard base64, refusing any other spelling of the same bytes.

    Args:
        text: As `to_base64` writes it.

    Returns:
        The bytes.

    Raises:
        InputError: It is spelt in another way (INPUT_UNREADABLE).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unreadable(f"{text!r:.80} is not base64") from error
    if to_base64(data) != text:
        raise unreadable(f"{text!r:.80} is not in the one right spelling of base64")
    return data


def unreadable(what: str) -> InputError:
    """Return the error for a text that is not what it should be.

    Args:
        what: One sentence.
    """
    return InputError(
        Code.INPUT_UNREADABLE,
        what,
        hint="fetch the file again from where it was published; a mail program may have changed it",
    )


def _check_signs(text: str) -> None:
    if len(text) > LONGEST_NOTE:
        raise unreadable(f"a note of {len(text)} characters is too long")
    if not text.endswith("\n") or _CONTROL.search(text):
        raise unreadable("a note ends with a line end and has no control characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise unreadable("the note is not valid UTF-8") from error


def _signature(line: str) -> Signature:
    name, _, data = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not valid_name(name):
        raise unreadable(f"{line!r:.80} is no signature line")
    signed = from_base64(data)
    if len(signed) < 5:
        raise unreadable(f"the signature of {name} is too short")
    return Signature(name, signed[:4], signed[4:])

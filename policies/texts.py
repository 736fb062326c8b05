"""Licence texts: one normal form to recognise them by, and the files that only point elsewhere.

Two texts are the same licence if their words are the same. Case, punctuation, line breaks, a title
and copyright lines do not count; any other word does, so that a text with an added condition is
never taken for the text without it.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

MAX_TEXT = 1 << 20
"""Bytes; a longer file is not read as a licence text."""
MAX_POINTER = 1024
"""Bytes; a longer file is not a mere pointer."""
_SHOWN = 120
_POINTER_WORDS = 25

_TITLE = re.compile(r"\W*(the )?mit licen[sc]e\W*(\(mit\))?\W*", re.IGNORECASE)
_COPYRIGHT = re.compile(r"\W*copyright\b.*(\d{4}|\(c\)|©|\[|<|\{)|\W*©", re.IGNORECASE)
_RESERVED = re.compile(r"\W*all rights reserved\W*", re.IGNORECASE)
# A line that says one of these is a condition, even if it begins like a copyright line.
_CONDITION = re.compile(
    r"\b(agree\w*|commercial\w*|condition\w*|distribut\w*|except\w*|forbid\w*|licen[sc]\w*|may|must"
    r"|for (\w+[- ])?research|noncommercial\w*|not|notices?|only|permi\w*|prohibit\w*|purposes?"
    r"|restrict\w*|shall|subject|terms?|uses?|used|without)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_NAME_WORD = re.compile(r"[^\W_]+")
_OTHER_THINGS = frozenset({"code", "codes", "data", "dataset", "datasets"})
_WEIGHTS = frozenset({"model", "models", "weight", "weights"})
_ADDRESS = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A licence file that holds a link and no text."""

    address: str
    """The link, with its scheme."""


def shown(text: str) -> str:
    """Return a foreign text in a form that may stand in a message.

    Args:
        text: Anything, for example a value of a model card.

    Returns:
        At most 121 characters on one line; control, bidi and other invisible characters are written
        as escapes of four hexadecimal digits, and an ellipsis ends what was cut.
    """
    cut = text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def decoded(data: bytes) -> str | None:
    """Return the text of a licence file.

    Args:
        data: Its bytes.

    Returns:
        The text, or nothing if it is no UTF-8 or longer than `MAX_TEXT`.
    """
    if len(data) > MAX_TEXT:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def fingerprint(text: str) -> str:
    """Return what names a licence text, whatever its layout.

    Args:
        text: The text.

    Returns:
        64 hexadecimal digits: SHA-256 of its words in lower case, without title and copyright
        lines. Two texts with equal fingerprints have the same words.
    """
    lines = (line for line in text.splitlines() if not _ignored(line))
    plain = unicodedata.normalize("NFKC", " ".join(lines)).casefold().replace("https://", "http://")
    words = " ".join(_WORD.findall(plain))
    return hashlib.sha256(words.encode()).hexdigest()


def _ignored(line: str) -> bool:
    if _TITLE.fullmatch(line) or _RESERVED.fullmatch(line):
        return True
    return _COPYRIGHT.match(line) is not None and _CONDITION.search(line) is None


def pointer(data: bytes) -> Pointer | None:
    """Tell whether a licence file only points elsewhere.

    Args:
        data: Its bytes.

    Returns:
        The link, if the file holds exactly one link and hardly a word beside it.
    """
    text = decoded(data) if len(data) <= MAX_POINTER else None
    if text is None:
        return None
    found = sorted(set(_ADDRESS.findall(text)))
    if len(found) != 1 or len(_WORD.findall(_ADDRESS.sub(" ", text))) > _POINTER_WORDS:
        return None
    return Pointer(found[0].rstrip(".,;"))


def speaks_of_weights(path: str) -> bool:
    """Tell whether a licence or notice file may state terms of the weights.

    Args:
        path: POSIX path inside the model.

    Returns:
        False if the name says that the file is for code or data only, such as LICENSE-CODE; a name
        that says model or weights as well counts.
    """
    words = set(_NAME_WORD.findall(path.rsplit("/", 1)[-1].casefold()))
    return not words & _OTHER_THINGS or bool(words & _WEIGHTS)


def is_index(path: str) -> bool:
    """Tell whether a file only lists the licence texts beside it.

    Args:
        path: POSIX path inside the model.

    Returns:
        True for README with any ending.
    """
    return path.rsplit("/", 1)[-1].casefold().startswith("readme")


def is_notice(path: str) -> bool:
    """Tell whether a file is a notice file.

    Args:
        path: POSIX path inside the model.

    Returns:
        True for NOTICE with any ending.
    """
    return path.rsplit("/", 1)[-1].casefold().startswith("notice")

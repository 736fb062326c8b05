"""Licence texts: what a file holds, what it points to, and what its name says.

How a text is recognised is told in `evoreg.policies.normal`.
"""

import re
from dataclasses import dataclass

MAX_TEXT = 1 << 20
"""Bytes; a longer file is not read as a licence text."""
MAX_POINTER = 1024
"""Bytes; a longer file is not a mere pointer."""
_SHOWN = 120

# Whatever else stands beside a link may be a condition.
_POINTING = frozenset((
    "a", "agreement", "and", "are", "at", "available", "be", "by", "can", "complete", "details",
    "find", "following", "for", "found", "from", "full", "governed", "here", "http", "https",
    "in", "information", "is", "it", "its", "licence", "license", "licenced", "licensed",
    "link", "located", "model", "models", "more", "of", "on", "page", "please", "read", "refer",
    "released", "see", "terms", "text", "that", "the", "these", "this", "to", "under", "url",
    "version", "visit", "weights", "which", "www", "you",
))  # fmt: skip
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


def pointer(data: bytes) -> Pointer | None:
    """Tell whether a licence file only points elsewhere.

    Args:
        data: Its bytes.

    Returns:
        The link, if the file holds exactly one link, and beside it only words that say that the
        licence is there.
    """
    text = decoded(data) if len(data) <= MAX_POINTER else None
    if text is None:
        return None
    found = sorted(set(_ADDRESS.findall(text)))
    beside = _NAME_WORD.findall(_ADDRESS.sub(" ", text).casefold())
    if len(found) != 1 or not _POINTING.issuperset(beside):
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

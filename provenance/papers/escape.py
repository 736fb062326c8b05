"""Text from upstream made harmless for the place where it is printed.

Names, authors and notices come from strangers. Nothing of theirs may open a tag, a link, a table
cell or a heading of ours, turn the reading direction, or name a place outside the folder. The two
classes mark text that went through: templates refuse to print anything else.
"""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import quote, urlsplit

LONGEST = 240
"""Characters of a name or a sentence fragment that are printed; the rest becomes a digest."""

_ACTIVE = re.compile(r"""[\\`*_{}\[\]#|<>&~$^]|(?<=:)//|(?<=www)\.""", re.IGNORECASE)
_INNER_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])")
_HARD = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


class Markdown(str):
    """Text that is safe inside a line of Markdown or HTML."""

    __slots__ = ()


class Plain(str):
    """Text without control or direction characters, for plain text files."""

    __slots__ = ()


def _shown(character: str, keep: str) -> str:
    if character in keep or character == " ":
        return character
    if unicodedata.category(character)[0] in "CZ":
        return f"[U+{ord(character):04X}]"
    return character


def visible(text: str, keep: str = "") -> str:
    """Write out what a reader could not see: control, direction, format and odd blank characters.

    Args:
        text: Any text, lone surrogates included.
        keep: Characters to leave alone, such as line ends.

    Returns:
        The text with each such character as ``[U+202E]``.
    """
    return "".join(_shown(character, keep) for character in text)


def clipped(text: str, limit: int = LONGEST) -> str:
    """Return a text of bounded length; two long texts that differ stay different.

    Args:
        text: Any text.
        limit: Characters that are kept.

    Returns:
        The text, or its beginning with 12 digits of its SHA-256.
    """
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:limit]}... (sha256 {digest[:12]})"


def without_path(text: str) -> str:
    r"""Return the last part of an absolute path, and any other text as it is.

    Args:
        text: A label or a reference.

    Returns:
        ``model`` for ``/home/me/model`` and for ``C:\me\model``.
    """
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(text)
        if path.is_absolute():
            return path.name or "folder"
    return text


def plain(text: str, limit: int = LONGEST) -> Plain:
    """Return one line of plain text.

    Args:
        text: Any text.
        limit: Characters that are kept.

    Returns:
        The text with invisible characters written out.
    """
    return Plain(visible(clipped(text, limit)))


def _entity(match: re.Match[str]) -> str:
    return "".join(f"&#{ord(character)};" for character in match.group())


def markdown(text: str, limit: int = LONGEST) -> Markdown:
    """Return one line of Markdown that shows exactly this text.

    Active characters become numeric entities, which neither Markdown nor HTML takes for structure;
    bare addresses are not turned into links.

    Args:
        text: Any text.
        limit: Characters that are kept, before escaping.

    Returns:
        Text for the middle of a line, a table cell or a link label.
    """
    pieces = _INNER_UNDERSCORE.split(visible(clipped(text, limit)))
    return Markdown("_".join(_ACTIVE.sub(_entity, piece) for piece in pieces))


def label_text(label: str) -> str:
    """Return what a source is called in the papers: its label without any absolute path."""
    return "+".join(without_path(part) for part in label.split("+"))


def web_address(text: str) -> str | None:
    """Return a link target, if the text is one.

    Args:
        text: Perhaps an address.

    Returns:
        An ``https`` or ``http`` address with everything unusual percent-encoded, or nothing.
    """
    if len(text) > 1000 or not text.isprintable() or re.search(r"\s", text):
        return None
    try:
        parts = urlsplit(text)
        good = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
        return quote(text, safe=":/?#=&%+,;~@-._") if good else None
    except ValueError:
        return None


def safe_name(text: str) -> str:
    """Return a file name made from any text.

    Args:
        text: A label or a path of a stranger.

    Returns:
        1 to 100 characters of ``A-Z a-z 0-9 . _ -``; no leading dot, no device name of Windows.
    """
    name = _HARD.sub("-", text)[:100].strip(".-") or "unnamed"
    return f"_{name[:99]}" if _RESERVED.match(name) else name


def free_path(wanted: str, taken: set[str]) -> str:
    """Return a path that no other path equals, also where upper and lower case are one.

    Args:
        wanted: The path to have, if it is free.
        taken: Paths in lower case; the new one is added.

    Returns:
        `wanted`, or `wanted` with ``-2``, ``-3`` and so on before its ending.
    """
    path, count = wanted, 1
    stem, dot, ending = wanted.rpartition(".")
    if not dot or "/" in ending or len(ending) > 4:
        stem, dot, ending = wanted, "", ""
    while path.lower() in taken:
        count += 1
        path = f"{stem}-{count}{dot}{ending}"
    taken.add(path.lower())
    return path

"""Names of parents as strangers write them, reduced to what can be looked up: ``org/name``.

A parent is named by an id of the Hub, by an address of its page, or by a path on the machine of
whoever made the model. Of a path only the name of the folder is kept: where it lay is nobody's
business, and a path says nothing on another machine.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

LONGEST = 500
"""Most characters of the name of a parent."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
_WITHOUT_SCHEME = re.compile(rf"(?:{'|'.join(map(re.escape, _HUB_HOSTS))})/", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?|hf)://", re.IGNORECASE)
_REVISION_WORDS = ("tree", "blob", "resolve", "raw", "commit")
_CACHED = re.compile(r"(?:models|datasets)--([A-Za-z0-9._-]+)")
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_DRIVE = re.compile(r"[A-Za-z]:/")
_PATH_SIGNS = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class ParentName:
    """What names a parent."""

    name: str
    """``org/name``, the name of a folder, or an address of another place."""
    revision: str | None = None
    """Its commit, if that is said."""
    note: str = ""
    """What was left out of the name, in words."""


def parent_name(text: str, revision: object = None) -> ParentName | None:
    """Read the name of a parent.

    Args:
        text: As a card, a recipe or an adapter writes it.
        revision: What stands beside it as its revision; `object` because it may be anything.

    Returns:
        The name; nothing if the text is empty, too long, or holds signs that cannot be shown.
    """
    text = text.strip()
    if not text or not text.isprintable() or len(text) > LONGEST:
        return None
    if _WITHOUT_SCHEME.match(text):
        text = f"https://{text}"
    found = _from_address(text) if _ADDRESS.match(text) else _from_place(text)
    if found is None or not isinstance(revision, str) or not revision.strip():
        return found
    return _at(found.name, revision.strip(), found.note)


def _from_address(text: str) -> ParentName | None:
    """Read the address of a page, of the Hub or of another place."""
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
    except ValueError:
        return ParentName(text, note="an address that cannot be read")
    if parts.scheme.lower() == "hf":
        path = text[len("hf://") :]
    elif host in _HUB_HOSTS:
        path = unquote(parts.path)
    else:
        return ParentName(f"{parts.scheme}://{host}{parts.path}", note="an address")
    return _from_page(path) if path.isprintable() else None


def _from_page(path: str) -> ParentName | None:
    words = [word for word in path.split("/") if word]
    if words[:1] in (["models"], ["datasets"], ["spaces"]) and len(words) > 2:
        words = words[1:]
    name, at, revision = "/".join(words[:2]).partition("@")
    if len(words) > 3 and words[2] in _REVISION_WORDS:
        at, revision = "@", words[3]
    if not name:
        return None
    return _at(name, revision) if at else ParentName(name)


def _from_place(text: str) -> ParentName | None:
    """Read an id of the Hub, or a path."""
    plain = text.replace("\\", "/")
    name, at, revision = text.partition("@")
    if _REPOSITORY.fullmatch(name) and ".." not in name:
        return _at(name, revision) if at else ParentName(name)
    if "/" in plain or plain in (".", "..", "~") or _DRIVE.match(plain):
        return _from_path(plain)
    return ParentName(text)


def _from_path(path: str) -> ParentName | None:
    words = [word for word in path.split("/") if word not in ("", ".", "..", "~")]
    for number, word in enumerate(words):
        cached = _CACHED.fullmatch(word)
        if cached:
            name = cached[1].replace("--", "/", 1)
            commit = next((w for w in words[number:] if _COMMIT.fullmatch(w)), None)
            return ParentName(name, commit, "named by a path in a Hub cache")
    if not words:
        return None
    return ParentName(words[-1], note="named by a path; its folder is all that is kept of it")


def _at(name: str, revision: str, note: str = "") -> ParentName:
    if _COMMIT.fullmatch(revision):
        return ParentName(name, revision, note)
    told = f"at {revision[:100]}" if revision and revision.isprintable() else ""
    return ParentName(name, None, "; ".join(part for part in (told, note) if part))

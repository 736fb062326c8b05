"""The licence texts that evoreg ships, by SPDX id.

A text is only ever looked up in the list of files that lie here, so an id from outside can never
become a path.
"""

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

_FOLDER = files("evoreg.provenance.papers") / "texts"


@cache
def _table() -> dict[str, Traversable]:
    texts = [item for item in _FOLDER.iterdir() if item.name.endswith(".txt")]
    found = {item.name.removesuffix(".txt"): item for item in texts}
    return {name: found[name] for name in sorted(found)}


def known_texts() -> tuple[str, ...]:
    """Return the SPDX ids whose texts are shipped, sorted."""
    return tuple(_table())


@cache
def license_text(spdx_id: str) -> str | None:
    """Return the standard text of a licence.

    ``GPL-3.0-or-later`` has the text of ``GPL-3.0-only``: the two differ in the notice of the
    work, not in the licence.

    Args:
        spdx_id: An id of the SPDX License List, in its own spelling.

    Returns:
        The whole text, ending in a line end, or nothing if evoreg ships no such text.
    """
    stem = spdx_id.removesuffix("-or-later")
    for name in (spdx_id, f"{stem}-only" if stem != spdx_id else spdx_id):
        if name in _table():
            return _table()[name].read_text(encoding="utf-8")
    return None


def is_copyright_line(line: str) -> bool:
    """Return whether a line of a licence names a holder: each copy may fill in its own."""
    return re.match(r"\W*copyright\b[^a-z]*(?:\(c\)|©|[0-9<\[])", line, re.IGNORECASE) is not None


def same_terms(one: str, other: str) -> bool:
    """Return whether two texts are the same licence, apart from blanks and copyright lines."""
    return _terms(one) == _terms(other)


def _terms(text: str) -> str:
    return flat("\n".join(line for line in text.split("\n") if not is_copyright_line(line)))


def flat(text: str) -> str:
    """Return a text with every run of blanks and line ends as one blank, to compare by."""
    return " ".join(text.split())


def corpus() -> dict[str, str]:
    """Return every shipped text by SPDX id, sorted by id."""
    return {name: text for name in known_texts() if (text := license_text(name)) is not None}

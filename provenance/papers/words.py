"""The fixed words of the papers, which the writer prints and the verifier looks for."""

import html
import re

from evoreg.provenance.papers.escape import (
    Markdown,
    Plain,
    label_text,
    markdown,
    plain,
    without_path,
)
from evoreg.provenance.records.decision import Obligation

CARD = "README.md"
NOTICE = "NOTICE"
CHANGES = "MODIFICATIONS.md"
RESTRICTIONS = "USE_RESTRICTIONS.md"
LICENSE = "LICENSE"
RECIPE = "mergekit_config.yml"

BASE_MARK = " *(base)*"
"""Stands behind the base; no name can imitate it, because ``*`` is escaped in names."""

CREDITS_HEADING = "## Credits"
SOURCE_HEADING = "## Source offer"
CHANGED = (
    "The weights in this folder are not the weights of any source: they were changed by merging."
)
"""The statement that a `modification_statement` asks for."""

_LONG = 20_000
_PATH = re.compile(r"(?<![\w.:/\\])(?:(?:/[^/\s|]+){2,}/?|[A-Za-z]:[\\/][^\s|]+)")
_MODEL_NAME = re.compile(r"<model name>", re.IGNORECASE)
_RESULT_NAME = re.compile(r"\[name of (?:the )?relevant derivative work\]", re.IGNORECASE)


def _one_line(text: str) -> str:
    return " ".join(_PATH.sub(lambda match: without_path(match.group()), text).split())


def has_path(text: str) -> bool:
    """Return whether an absolute path of two or more parts stands somewhere in a text."""
    return _PATH.search(text) is not None


def prose(text: str) -> Markdown:
    """Return a sentence of any length for Markdown, on one line, without absolute paths."""
    return markdown(_one_line(text), limit=_LONG)


def plain_prose(text: str) -> Plain:
    """Return a sentence of any length for plain text, on one line, without absolute paths."""
    return plain(_one_line(text), limit=_LONG)


def source_name(label: str) -> Markdown:
    """Return what a source is called in Markdown."""
    return markdown(label_text(label))


def plain_source_name(label: str) -> Plain:
    """Return what a source is called in plain text."""
    return plain(label_text(label))


def credit_start(label: str) -> Plain:
    """Return how the credit line of a source begins in NOTICE."""
    return Plain(f"* {plain_source_name(label)}, ")


def display_lines(obligation: Obligation, name: str) -> tuple[str, ...]:
    """Return the lines of which one must be shown.

    Args:
        obligation: Of kind ``display``; `` / `` in its text separates alternatives.
        name: Name of the result, for texts that ask for it.

    Returns:
        At least one line, with the placeholders filled in.
    """
    source = label_text(obligation.model) or name
    found = []
    for text in obligation.text.split(" / "):
        filled = _MODEL_NAME.sub(lambda _: source, text.strip())
        found.append(_RESULT_NAME.sub(lambda _: name, filled))
    return tuple(found)


def display_text(line: str) -> Markdown:
    """Return a line to be shown, as it stands in the card."""
    return markdown(line, limit=_LONG)


def name_prefix(obligation: Obligation) -> str:
    """Return the prefix that an obligation of kind ``name_prefix`` asks for.

    Args:
        obligation: Its text is the prefix, or a sentence with the prefix in double quotes.

    Returns:
        The prefix alone.
    """
    quoted = re.search(r'"([^"]+)"', obligation.text)
    return quoted.group(1) if quoted else obligation.text


def begins_with(name: str, prefix: str) -> bool:
    """Return whether a name keeps a naming duty.

    Args:
        name: Name of the result; what stands before a slash does not count.
        prefix: What it must begin with.

    Returns:
        True if it does, whatever the case; blanks, ``-`` and ``_`` are the same.
    """
    return _loose(name.rpartition("/")[2]).startswith(_loose(prefix))


def _loose(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().casefold()


def card_title(card: str) -> str:
    """Return the name that a card gives to the result.

    Args:
        card: The whole README.md.

    Returns:
        Text of the first heading after the front matter; empty if there is none.
    """
    body = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
    match = re.search(r"^# (.*)$", body, flags=re.MULTILINE)
    return html.unescape(match.group(1)) if match else ""

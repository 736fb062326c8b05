"""The fixed words of the papers, which the writer prints and the verifier looks for."""

import html
import re
from collections.abc import Sequence

from evoreg.provenance.papers.escape import (
    Markdown,
    Plain,
    label_text,
    markdown,
    plain,
    visible,
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
"""The statement that a `modification_statement` asks for, about a merge."""
ASSEMBLED = (
    "The weights in this folder are not the weights of any one source: they were put together from "
    "parts of several, each taken over as it was, apart from its number format."
)
"""The same about parts of several sources that nobody mixed."""
SINGLE = (
    "The weights in this folder come from one source alone: no other weights were merged into "
    "them. What was done to them, if anything, stands in the table of what was done."
)
"""The same about the weights of one source: a copy is not called a change."""
STATEMENTS = (CHANGED, ASSEMBLED, SINGLE)

INSIDE = "This model was made by merging other models. It contains their work."
INSIDE_ONE = "This model was made from another model. It contains the work of others."

PROVISION = (
    "By using, copying, changing or passing on this model, or anything made from it, you agree to "
    "the restrictions below. They bind you towards whoever gave you the model and towards the "
    "licensors of the sources, each of whom may enforce them. The restrictions of all licences "
    "hold together; where two differ, the stricter one holds. Where a restriction is named in "
    "short, the full text decides."
)
"""The sentence that binds a recipient."""
PASSING_ON = (
    "If you pass on this model or anything made from it, or let others use it over a network, you "
    "must give them this file and the full texts, and make this provision a part of whatever "
    "agreement you do so under, so that it binds them in the same way."
)
"""The sentence that binds the recipients of a recipient."""

BINDING = ("use_restrictions", "acceptance")
"""Kinds of obligations that USE_RESTRICTIONS.md is owed for."""

AGREE = (
    "I agree to the use restrictions in USE_RESTRICTIONS.md and bind whoever gets the model from me"
)
"""The box to be ticked before a download."""

NOTICE_KEEPS = "\n\t\u00a0\u3000"
"""Characters of a quoted notice that stay as they are, though they are blank."""

_CONDITION = "Only under a condition ("
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


def notice_lines(text: str) -> tuple[Plain, ...]:
    """Return a notice as it stands in NOTICE.

    Args:
        text: The exact words that a licence asks for, or the notice file of a stranger.

    Returns:
        One line of visible text as it is, character by character. Anything else is quoted like the
        notice file of a source, so that no line of it can pass for one of ours.
    """
    if "\n" not in text and visible(text) == text and not text.startswith(("* ", " ")):
        return (Plain(text),)
    shown = visible(text.replace("\r\n", "\n"), keep=NOTICE_KEEPS)
    return quoted_lines(shown.strip("\n"))


def quoted_lines(text: str) -> tuple[Plain, ...]:
    """Return the lines of a visible text as they are quoted in NOTICE."""
    return tuple(Plain(f"    {line}") for line in text.split("\n"))


def conditional_display(lines: Sequence[str], condition: str) -> str:
    """Return the text of an obligation to show words that is not in force yet.

    Args:
        lines: Alternatives of what must be shown.
        condition: When the duty begins, such as ``products with more than 100M users``.

    Returns:
        A sentence that `is_conditional` knows again.
    """
    shown = " or ".join(f'"{line}"' for line in lines)
    return f"{_CONDITION}{condition}): show {shown}."


def is_conditional(obligation: Obligation) -> bool:
    """Return whether words are to be shown only where some condition holds."""
    return obligation.text.startswith(_CONDITION)


def display_lines(obligation: Obligation, name: str) -> tuple[str, ...]:
    """Return the lines of which one must be shown.

    Args:
        obligation: Of kind ``display``; `` / `` in its text separates alternatives.
        name: Name of the result, for texts that ask for it.

    Returns:
        The lines, with the placeholders filled in; none if the text holds no words.
    """
    source = label_text(obligation.model) or name
    found = []
    for text in obligation.text.split(" / "):
        filled = _MODEL_NAME.sub(lambda _: source, text.strip())
        found.append(_RESULT_NAME.sub(lambda _: name, filled))
    return tuple(line for line in found if line.strip())


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


def restriction_heading(item: Obligation) -> Markdown:
    """Return the line under which the restrictions of a licence stand."""
    return Markdown(f"## {markdown(item.license) if item.license else 'The whole'}")


def restriction_line(item: Obligation) -> Markdown:
    """Return the line that holds a restriction."""
    return Markdown(f"* {prose(item.text)}")


def name_sentence(obligation: Obligation) -> Markdown:
    """Return how the card tells the rule for the name."""
    prefix = prose(f'"{name_prefix(obligation)}"')
    return Markdown(
        f"the name of this model, and of a model made with it, must begin with {prefix}"
    )


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

"""The gate of a model page: what a reader must agree to, and whom the page must keep out.

On the Hub it is a part of the card's front matter; it takes effect once access is gated there.
"""

import re
from collections.abc import Iterator, Mapping

import yaml

from evoreg.provenance.papers import words
from evoreg.provenance.papers.escape import Markdown
from evoreg.provenance.records.decision import Decision, Obligation

LONGEST_FRONT = 64 * 1024
"""Characters of front matter that are read."""

PROMPT = "extra_gated_prompt"
FIELDS = "extra_gated_fields"
NOT_IN_EU = "extra_gated_eu_disallowed"

_POINTER = f"All restrictions, with the places of the full texts, stand in {words.RESTRICTIONS}."
_FRONT = re.compile(r"\A---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)
_DEEPEST = 32
_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def prompt_line(item: Obligation) -> Markdown:
    """Return the paragraph of the prompt that an obligation asks for.

    Args:
        item: Of kind ``acceptance`` or ``eu_gate``.

    Returns:
        Its words and the id of the licence that asks for them.
    """
    about = f" ({item.license})" if item.license else ""
    return words.prose(item.text + about)


def gate_fields(decision: Decision) -> dict[str, str | bool | dict[str, str]]:
    """Return the fields of the front matter that hold the gate.

    Args:
        decision: Its obligations of the kinds ``acceptance`` and ``eu_gate`` are read.

    Returns:
        Prompt, box to tick, and the mark that keeps the European Union out, as far as owed.
    """
    accept = [item for item in decision.obligations if item.kind == "acceptance"]
    away = [item for item in decision.obligations if item.kind == "eu_gate"]
    fields: dict[str, str | bool | dict[str, str]] = {}
    if accept or away:
        lines = [prompt_line(item) for item in (*accept, *away)]
        pointer = [_POINTER] if accept else []
        fields[PROMPT] = "\n\n".join(dict.fromkeys([*lines, *pointer]))
    if accept:
        fields[FIELDS] = {words.AGREE: "checkbox"}
    if away:
        fields[NOT_IN_EU] = True
    return fields


def prompt_holds(front: Mapping[object, object], item: Obligation) -> bool:
    """Return whether the prompt holds a paragraph, and for an acceptance also the box to tick."""
    prompt, fields = front.get(PROMPT), front.get(FIELDS)
    if not isinstance(prompt, str) or prompt_line(item) not in prompt.split("\n\n"):
        return False
    if item.kind != "acceptance":
        return True
    box = fields.get(words.AGREE) if isinstance(fields, Mapping) else None
    return box == "checkbox" and _POINTER in prompt.split("\n\n")


def front_of(card: str) -> Mapping[object, object]:
    """Read the front matter of a card that a stranger may have written.

    Args:
        card: The whole README.md, without line ends of Windows.

    Returns:
        Its fields; none if there is no front matter, or none that can be read safely.
    """
    match = _FRONT.match(card)
    if match is None or len(match.group(1)) > LONGEST_FRONT:
        return {}
    text = match.group(1)
    try:
        if not all(_harmless(text)):
            return {}
        found = yaml.load(text, Loader=_PARSER)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return {}
    return found if isinstance(found, dict) else {}


def _harmless(text: str) -> Iterator[bool]:
    """Tell for each step whether it is neither an alias, which can multiply, nor too deep."""
    depth = 0
    for event in yaml.parse(text, Loader=_PARSER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        yield depth <= _DEEPEST and not isinstance(event, yaml.AliasEvent)

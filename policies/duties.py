"""Duties: what a release or a service owes to its sources."""

from collections.abc import Mapping, Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.files import notices
from evoreg.policies.layout import Clause, Layout
from evoreg.policies.listing import place_of
from evoreg.policies.outbound import reaches_service
from evoreg.policies.question import Question
from evoreg.provenance.papers.words import conditional_display
from evoreg.provenance.records.decision import Obligation, Reason, Verdict

_NOT_HOSTED = "not for hosted service"
_CHANGES = "State what was merged or copied, how, and by which tool."
_PLACES = {"EU": "the European Union", "UK": "the United Kingdom", "KR": "South Korea"}
_CREDITS = "Name every source with its licence and its share."


def duties(layout: Layout, question: Question) -> list[Reason]:
    """Say for each source whether anything is owed.

    Args:
        layout: The terms of one world.
        question: A service owes only what reaches it.

    Returns:
        One reason with the effect ATTRIBUTE for each licence that asks for something, and a note
        where it is open what source form means.
    """
    found: list[Reason] = []
    for clause in _owing(layout, question):
        text = f"{clause.row.title} asks for something in return; the obligations list it."
        fixes = ("meet the obligations",)
        found.append(clause.says(Finding.DUTIES_OWED, Verdict.ATTRIBUTE, text, fixes=fixes))
        if clause.row.kind.startswith("copyleft"):
            text = "What the source form of weights is, is unsettled; publish recipe and digests."
            found.append(clause.says(Finding.SOURCE_FORM_UNCLEAR, Verdict.ALLOW, text))
    return found


def obligations(layout: Layout, question: Question) -> tuple[Obligation, ...]:
    """List what is owed.

    Args:
        layout: The terms of one world.
        question: A service owes only what reaches it.

    Returns:
        The obligations, each once, sorted by kind, licence, source and text.
    """
    owing = _owing(layout, question)
    kept = _notices_by_licence(layout)
    found = {item for clause in owing for item in _of(clause, question, kept)}
    if owing and question.release:
        found.add(Obligation(kind="modification_statement", license="", model="", text=_CHANGES))
        found.add(Obligation(kind="credits", license="", model="", text=_CREDITS))
    return tuple(sorted(found, key=lambda o: (o.kind, o.license, o.model, o.text)))


def _owing(layout: Layout, question: Question) -> list[Clause]:
    return [
        clause
        for clause in layout.clauses
        if (
            clause.row.kind not in ("public-domain", "unknown", "other")
            and (question.release or reaches_service(clause.row))
        )
        or _wanted(clause, question)
    ]


def _wanted(clause: Clause, question: Question) -> bool:
    """Tell whether the house wants credit where the licence asks for none."""
    return place_of(clause.row, question.policy, question.intent) == "attribute"


Kept = Mapping[tuple[int, str], tuple[str, ...]]
"""Texts of notice files by direct source and licence."""


def _notices_by_licence(layout: Layout) -> Kept:
    """Gather notices from every model of the lineage, also where a nearer one has the licence."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for reach in layout.reaches:
        for spot in reach.by_weights:
            for text in notices(spot.node.facts):
                for row in layout.rows(spot.node):
                    found.setdefault((id(reach.root), row.key), {})[text] = None
    return {place: tuple(texts) for place, texts in found.items()}


def _of(clause: Clause, question: Question, kept: Kept) -> list[Obligation]:
    held = kept.get((id(clause.at.top), clause.row.key), ())
    found = [*_texts(clause), *_notices(clause, question, held), *_credit(clause), *_uses(clause)]
    row = clause.row
    if question.release:
        found += [*_acceptance(clause), *_eu_gate(clause)]
    if row.name_rule is not None and row.name_rule.prefix and question.release:
        found.append(_owe(clause, "name_prefix", row.name_rule.prefix))
    if row.kind == "copyleft-network":
        text = "Offer the model and its source form to everyone who uses it over a network."
        found.append(_owe(clause, "source_offer", text))
    return found


def _texts(clause: Clause) -> list[Obligation]:
    row = clause.row
    if row.license_copy.value == "no":
        return []
    text = f"Include the full text of {row.title} as LICENSES/{row.expression}.txt."
    return [_owe(clause, "license_text", text)]


def _notices(clause: Clause, question: Question, held: Sequence[str]) -> list[Obligation]:
    row = clause.row
    asked = row.notice_file
    if asked.value == "no" or (not question.release and asked.remark == _NOT_HOSTED):
        return []
    if asked.value == "yes":
        text = row.notice_text or f"Ship the notice file that {row.title} asks for."
        return [_owe(clause, "notice", text)]
    if asked.value == "keep-notices" and not held:
        return [_owe(clause, "notice", f"Keep the {asked.remark or 'notices'} of {row.title}.")]
    return [_owe(clause, "notice", text) for text in held]


def _credit(clause: Clause) -> list[Obligation]:
    row = clause.row
    found = [_owe(clause, "attribution", row.citation)] if row.citation else []
    if row.retain_notices:
        found.append(_owe(clause, "attribution", "Keep all copyright and licence notices."))
    return [*found, *_display(clause)]


def _display(clause: Clause) -> list[Obligation]:
    display = clause.row.display
    if display is None or not display.required:
        return []
    if display.sized or display.remark:
        when = "; ".join(part for part in (display.remark, display.where) if part)
        return [_owe(clause, "display", conditional_display(display.words, when))]
    return [_owe(clause, "display", " / ".join(display.words))]


def _uses(clause: Clause) -> list[Obligation]:
    row = clause.row
    if row.flow_down.value == "no" or row.use_restrictions == "none":
        return []
    text = f"Keep to the use restrictions of {row.title}: {row.use_restrictions}."
    return [_owe(clause, "use_restrictions", text)]


def _acceptance(clause: Clause) -> list[Obligation]:
    row = clause.row
    if row.flow_down.value != "yes" or row.use_restrictions == "none":
        return []
    text = f"By downloading or using this model you agree to the use restrictions of {row.title}."
    return [_owe(clause, "acceptance", text)]


def _eu_gate(clause: Clause) -> list[Obligation]:
    territory = clause.row.territory
    if territory is None or "EU" not in territory.excluded:
        return []
    if territory.multimodal_only and clause.at.node.facts.modality != "multimodal":
        return []
    where = ", ".join(_PLACES.get(place, place) for place in territory.excluded)
    text = f"{clause.row.title} gives no rights in these places: {where}. "
    return [_owe(clause, "eu_gate", f"{text}Do not download or use this model there.")]


def _owe(clause: Clause, kind: str, text: str) -> Obligation:
    fields = {"kind": kind, "license": clause.row.expression, "model": clause.at.source}
    return Obligation.model_validate({**fields, "text": text})

"""Duties: what a release or a service owes to its sources."""

from collections.abc import Sequence

from evoreg.policies.codes import Finding
from evoreg.policies.outbound import reaches_service
from evoreg.policies.question import Clause, Placed, Question, clauses
from evoreg.provenance.records.decision import Obligation, Reason, Verdict

_NOT_HOSTED = "not for hosted service"
_CHANGES = "State that the model is a merge: what was merged, how, and when."
_CREDITS = "Name every source with its licence and its share."


def duties(trees: Sequence[Placed], question: Question) -> list[Reason]:
    """Say for each source whether anything is owed.

    Args:
        trees: The sources with their terms.
        question: A service owes only what reaches it.

    Returns:
        One reason with the effect ATTRIBUTE for each licence that asks for something, and a note
        where it is open what source form means.
    """
    found: list[Reason] = []
    for clause in _owing(trees, question):
        text = f"{clause.row.title} asks for something in return; the obligations list it."
        fixes = ("meet the obligations",)
        found.append(clause.says(Finding.DUTIES_OWED, Verdict.ATTRIBUTE, text, fixes=fixes))
        if clause.row.kind.startswith("copyleft"):
            text = "What the source form of weights is, is unsettled; publish recipe and digests."
            found.append(clause.says(Finding.SOURCE_FORM_UNCLEAR, Verdict.ALLOW, text))
    return found


def obligations(trees: Sequence[Placed], question: Question) -> tuple[Obligation, ...]:
    """List what is owed.

    Args:
        trees: The sources with their terms.
        question: A service owes only what reaches it.

    Returns:
        The obligations, each once, sorted by kind, licence, source and text.
    """
    owing = list(_owing(trees, question))
    found = {item for clause in owing for item in _of(clause, question)}
    if owing and question.release:
        found.add(Obligation(kind="modification_statement", license="", model="", text=_CHANGES))
        found.add(Obligation(kind="credits", license="", model="", text=_CREDITS))
    return tuple(sorted(found, key=lambda o: (o.kind, o.license, o.model, o.text)))


def _owing(trees: Sequence[Placed], question: Question) -> list[Clause]:
    return [
        clause
        for clause in clauses(trees)
        if clause.row.kind not in ("public-domain", "unknown", "other")
        and (question.release or reaches_service(clause.row))
    ]


def _of(clause: Clause, question: Question) -> list[Obligation]:
    found = [*_texts(clause), *_notices(clause, question), *_credit(clause), *_uses(clause)]
    row = clause.row
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


def _notices(clause: Clause, question: Question) -> list[Obligation]:
    row = clause.row
    asked = row.notice_file
    if asked.value == "no" or (not question.release and asked.remark == _NOT_HOSTED):
        return []
    if asked.value == "yes":
        text = row.notice_text or f"Ship the notice file that {row.title} asks for."
        return [_owe(clause, "notice", text)]
    if asked.value == "keep-notices" and not clause.at.notices:
        return [_owe(clause, "notice", f"Keep the {asked.remark or 'notices'} of {row.title}.")]
    return [_owe(clause, "notice", text) for text in clause.at.notices]


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
    words = display.words[0]
    if display.sized or display.remark:
        when = "; ".join(part for part in (display.remark, display.where) if part)
        words = f"Show {' or '.join(repr(w) for w in display.words)} ({when})."
    return [_owe(clause, "display", words)]


def _uses(clause: Clause) -> list[Obligation]:
    row = clause.row
    if row.flow_down.value == "no" or row.use_restrictions == "none":
        return []
    text = f"Carry the use restrictions of {row.title} into the terms for recipients: "
    return [_owe(clause, "use_restrictions", f"{text}{row.use_restrictions}.")]


def _owe(clause: Clause, kind: str, text: str) -> Obligation:
    fields = {"kind": kind, "license": clause.row.expression, "model": clause.at.source}
    return Obligation.model_validate({**fields, "text": text})

"""The papers of a merged model, written from records: card, notices, licence texts and recipe.

Facts in, bytes out. The same facts give the same bytes; nothing is read from a folder, a clock or
the network. What is owed but cannot be written is returned as a list of problems.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from types import MappingProxyType

from jinja2 import Environment, PackageLoader, StrictUndefined

from evoreg.provenance.papers import words
from evoreg.provenance.papers.escape import (
    Markdown,
    Plain,
    label_text,
    markdown,
    plain,
    without_path,
)
from evoreg.provenance.papers.facts import Credit, Earlier, Papers, ReleaseFacts, credits_of
from evoreg.provenance.papers.front_matter import front_matter
from evoreg.provenance.papers.license_plan import (
    INDEX,
    Plan,
    license_plan,
    notice_text,
)
from evoreg.provenance.papers.recipe import recipe_bytes
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.view import (
    KIND_WORDS,
    credit_row,
    how_rows,
    makers,
    revision_of,
    score_cells,
    share_text,
)
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision, Obligation, Verdict
from evoreg.provenance.records.entry import Entry

SCHEMA = "evoreg/record/1"
"""Form of evoreg.json."""


@cache
def _environment(kind: type[str]) -> Environment:
    """Return an environment that prints only text which went through the escape of `kind`."""

    def escaped(value: object) -> object:
        if not isinstance(value, kind):
            raise TypeError(f"{type(value).__name__} in a paper was not escaped")
        return value

    # Escaping is done before, by kind of paper: HTML escaping would be wrong in a NOTICE file.
    return Environment(
        loader=PackageLoader("evoreg.provenance.papers", "templates"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=escaped,
    )


def _render(template: str, kind: type[str], **values: object) -> bytes:
    text = _environment(kind).get_template(template).render(values)
    return (re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n").encode()


def _of_kind(decision: Decision, kind: str) -> list[Obligation]:
    return [item for item in decision.obligations if item.kind == kind]


def _about(item: Obligation) -> Markdown:
    named = [words.source_name(item.model)] if item.model else []
    return Markdown(", ".join([*named, *([markdown(item.license)] if item.license else [])]))


def _display(facts: ReleaseFacts) -> list[Markdown]:
    lines = [words.display_lines(i, facts.name)[0] for i in _of_kind(facts.decision, "display")]
    return [words.display_text(line) for line in dict.fromkeys(lines) if line]


def _card(facts: ReleaseFacts, sources: tuple[Credit, ...], plan: Plan) -> bytes:
    decision = facts.decision
    body = _render(
        "README.md.j2",
        Markdown,
        name=markdown(without_path(facts.name)),
        display=_display(facts),
        count=Markdown(sum(credit.contribution.used for credit in sources if not credit.step)),
        steps=[words.source_name(step.name) for step in facts.earlier],
        method=markdown(facts.candidate.recipe.method),
        version=markdown(facts.candidate.engine.version),
        credits_heading=Markdown(words.CREDITS_HEADING),
        source_heading=Markdown(words.SOURCE_HEADING),
        rows=[credit_row(credit, plan) for credit in sources],
        how=how_rows(facts, sources),
        outbound=markdown(decision.outbound, limit=2000),
        owed=[
            (Markdown(KIND_WORDS[item.kind]), _about(item), words.prose(item.text))
            for item in decision.obligations
        ],
        open=[
            words.prose(f"{reason.name} ({label_text(reason.model)}): {reason.message}")
            for reason in decision.reasons
            if reason.effect is Verdict.REVIEW
        ],
        offers=[words.prose(item.text) for item in _of_kind(decision, "source_offer")],
        changed=Markdown(words.CHANGED),
        scores=[score_cells(row) for row in facts.evaluations],
    )
    return f"---\n{front_matter(facts, sources)}---\n\n".encode() + body


def _credit_line(credit: Credit) -> Plain:
    used = credit.contribution.used
    share = f"effective share {plain(share_text(credit))}" if used else "not in the result"
    who = "made on the way" if credit.made else makers(credit.model)
    rest = f"{revision_of(credit.model)}, {plain(who)}, {plain(credit.license.expression)}, {share}"
    return Plain(words.credit_start(credit.model.label) + rest)


def _notice(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> bytes:
    quoted = []
    for file in sorted(facts.upstream, key=lambda item: (item.model, item.path, item.data)):
        text = notice_text(file.data) if file.role == "notice" else None
        if text is not None:
            lines = [Plain(line) for line in text.split("\n")]
            quoted.append((words.plain_source_name(file.model), plain(file.path), lines))
    sentences = [item.text for item in _of_kind(facts.decision, "notice") if item.text]
    attributions = [item.text for item in _of_kind(facts.decision, "attribution") if item.text]
    return _render(
        "NOTICE.j2",
        Plain,
        name=plain(without_path(facts.name)),
        sentences=[Plain(text) for text in dict.fromkeys(sentences)],
        attributions=[words.plain_prose(text) for text in dict.fromkeys(attributions)],
        notices=quoted,
        credits=[_credit_line(credit) for credit in sources],
    )


def _changes(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> bytes:
    def fate(credit: Credit) -> Markdown:
        if not credit.contribution.used:
            return Markdown("considered, not in the result")
        if credit.step:
            word = "the base of" if credit.base else "merged into"
            return Markdown(f"{word} {words.source_name(credit.step)}")
        return Markdown("the base of the merge" if credit.base else "merged into the result")

    return _render(
        "MODIFICATIONS.md.j2",
        Markdown,
        changed=Markdown(words.CHANGED),
        rows=[
            (
                words.source_name(credit.model.label),
                markdown(revision_of(credit.model)),
                markdown(credit.model.identity),
                fate(credit),
            )
            for credit in sources
        ],
        how=how_rows(facts, sources),
        outputs=[
            (markdown(without_path(file.path)), Markdown(file.size), markdown(file.digest))
            for file in facts.candidate.outputs
        ],
        partial=[words.prose(text) for text in facts.candidate.census.partial],
    )


def _index(plan: Plan) -> bytes:
    def local(path: str) -> Markdown:
        return Markdown(path.removeprefix("LICENSES/"))

    texts = []
    for text in plan.texts:
        origin = words.source_name(text.origin) if text.origin else Markdown("SPDX License List")
        missing = text.data is None
        link = Markdown("missing" if missing else f"[{local(text.path)}]({local(text.path)})")
        texts.append((markdown(text.id), link, Markdown("nobody has it") if missing else origin))
    kept = [
        (local(path), words.source_name(file.model), markdown(without_path(file.path)))
        for path, file in plan.kept.items()
    ]
    return _render("LICENSES.md.j2", Markdown, texts=texts, kept=kept)


def _license_files(plan: Plan) -> Iterable[tuple[str, bytes]]:
    for text in plan.texts:
        if text.data is not None:
            yield text.path, text.data
    if plan.result is not None:
        yield words.LICENSE, plan.result
    for path, file in plan.kept.items():
        yield path, file.data
    yield INDEX, _index(plan)


def papers(facts: ReleaseFacts) -> Papers:
    """Write the papers of a merged model.

    Args:
        facts: What is known about it.

    Returns:
        The files by path, sorted, and what is owed but could not be written.

    Raises:
        InputError: A source is missing, among the models or in the decision.
        VerificationError: A model is not the one that was merged.
        RefusedError: The decision is BLOCK.
        PolicyError: The decision holds something that is no licence expression.
    """
    sources = credits_of(facts)
    plan = license_plan(facts.decision, facts.upstream)
    labels = {credit.contribution.reference: credit.model.label for credit in sources}
    files = {
        words.CARD: _card(facts, sources, plan),
        words.NOTICE: _notice(facts, sources),
        words.CHANGES: _changes(facts, sources),
        words.RECIPE: recipe_bytes(facts.recipe_yaml, labels),
        **dict(_license_files(plan)),
    }
    owed = _of_kind(facts.decision, "use_restrictions")
    if owed:
        restrictions = [(_about(item), words.prose(item.text)) for item in owed]
        files[words.RESTRICTIONS] = _render(
            "USE_RESTRICTIONS.md.j2", Markdown, restrictions=restrictions
        )
    problems = missing_papers(files, facts.decision, upstream=facts.upstream)
    return Papers(MappingProxyType(dict(sorted(files.items()))), problems)


def record_bytes(
    candidate: Candidate, decision: Decision, entry: Entry, earlier: Sequence[Earlier] = ()
) -> bytes:
    """Return the content of evoreg.json: the record of a candidate, for programs.

    The candidate stands in it as it was recorded, so that its id can be computed again.

    Args:
        candidate: The candidate.
        decision: What policy says about it.
        entry: The line of the ledger that recorded it.
        earlier: Earlier results that are inside.

    Returns:
        Indented JSON with sorted keys, in ASCII.
    """
    record: dict[str, Json] = {
        "schema": SCHEMA,
        "candidate": candidate.to_json(),
        "candidate_id": candidate.id,
        "decision": decision.to_json(),
        "entry": {"seq": entry.seq, "hash": entry.hash},
    }
    if earlier:
        record["earlier"] = [
            {
                "name": step.name,
                "candidate": step.candidate.to_json(),
                "candidate_id": step.candidate.id,
            }
            for step in earlier
        ]
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()

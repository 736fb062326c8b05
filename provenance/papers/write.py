"""The papers of a merged model, written from records: card, notices, licence texts and recipe.

Facts in, bytes out. The same facts give the same bytes; nothing is read from a folder, a clock or
the network. What is owed but cannot be written is returned as a list of problems.
"""

from collections.abc import Iterable
from types import MappingProxyType

from evoreg.provenance.papers import words
from evoreg.provenance.papers.changes import change_words
from evoreg.provenance.papers.escape import (
    Markdown,
    Plain,
    label_text,
    markdown,
    plain,
    web_address,
    without_path,
)
from evoreg.provenance.papers.facts import Credit, Papers, ReleaseFacts, credits_of
from evoreg.provenance.papers.front_matter import front_matter
from evoreg.provenance.papers.license_plan import (
    INDEX,
    Plan,
    license_plan,
    notice_text,
)
from evoreg.provenance.papers.recipe import recipe_bytes
from evoreg.provenance.papers.record import record_bytes as record_bytes
from evoreg.provenance.papers.render import render
from evoreg.provenance.papers.restrictions import restrictions
from evoreg.provenance.papers.verify import missing_papers
from evoreg.provenance.papers.view import (
    CONDITIONAL,
    KIND_WORDS,
    credit_row,
    how_rows,
    makers,
    revision_of,
    score_cells,
    share_text,
)
from evoreg.provenance.records.decision import Decision, Obligation, Verdict


def _of_kind(decision: Decision, kind: str) -> list[Obligation]:
    return [item for item in decision.obligations if item.kind == kind]


def _about(item: Obligation) -> Markdown:
    named = [words.source_name(item.model)] if item.model else []
    return Markdown(", ".join([*named, *([markdown(item.license)] if item.license else [])]))


def _display(facts: ReleaseFacts) -> list[Markdown]:
    owed = [i for i in _of_kind(facts.decision, "display") if not words.is_conditional(i)]
    lines = [line for item in owed for line in words.display_lines(item, facts.name)[:1]]
    return [words.display_text(line) for line in dict.fromkeys(lines)]


def _owed(item: Obligation) -> tuple[Markdown, Markdown, Markdown]:
    later = item.kind == "display" and words.is_conditional(item)
    kind = Markdown(CONDITIONAL if later else KIND_WORDS[item.kind])
    text = words.name_sentence(item) if item.kind == "name_prefix" else words.prose(item.text)
    return kind, _about(item), text


def _changed(facts: ReleaseFacts) -> str:
    return change_words(facts.candidate, [(one.name, one.candidate) for one in facts.earlier])


def _card(facts: ReleaseFacts, sources: tuple[Credit, ...], plan: Plan) -> bytes:
    decision = facts.decision
    count = sum(credit.contribution.used for credit in sources if not credit.step)
    body = render(
        "README.md.j2",
        Markdown,
        name=markdown(without_path(facts.name)),
        display=_display(facts),
        count=Markdown(count),
        models=Markdown("model" if count == 1 else "models"),
        steps=[words.source_name(step.name) for step in facts.earlier],
        method=markdown(facts.candidate.recipe.method),
        version=markdown(facts.candidate.engine.version),
        made=Markdown("made from" if _changed(facts) == words.SINGLE else "a merge of"),
        credits_heading=Markdown(words.CREDITS_HEADING),
        source_heading=Markdown(words.SOURCE_HEADING),
        rows=[credit_row(credit, plan) for credit in sources],
        how=how_rows(facts, sources),
        outbound=markdown(decision.outbound, limit=2000),
        owed=[_owed(item) for item in decision.obligations],
        open=[
            words.prose(f"{reason.name} ({label_text(reason.model)}): {reason.message}")
            for reason in decision.reasons
            if reason.effect is Verdict.REVIEW
        ],
        offers=[words.prose(item.text) for item in _of_kind(decision, "source_offer")],
        changed=Markdown(_changed(facts)),
        scores=[score_cells(row) for row in facts.evaluations],
    )
    return f"---\n{front_matter(facts, sources)}---\n\n".encode() + body


def _credit_line(credit: Credit) -> Plain:
    used = credit.contribution.used
    share = f"effective share {plain(share_text(credit))}" if used else "not in the result"
    who = "made on the way" if credit.made else makers(credit.model)
    address = web_address(credit.license.url)
    terms = credit.license.expression + (f" ({address})" if address else "")
    rest = f"{revision_of(credit.model)}, {plain(who)}, {plain(terms, limit=2000)}, {share}"
    return Plain(words.credit_start(credit.model.label) + rest)


def _notice(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> bytes:
    quoted: dict[tuple[Plain, Plain, tuple[Plain, ...]], None] = {}
    for file in sorted(facts.upstream, key=lambda item: (item.model, item.path, item.data)):
        text = notice_text(file.data) if file.role == "notice" else None
        if text is not None:
            name = (words.plain_source_name(file.model), plain(file.path))
            quoted[(*name, words.quoted_lines(text))] = None
    shown = {lines for _, _, lines in quoted}
    sentences = [words.notice_lines(i.text) for i in _of_kind(facts.decision, "notice") if i.text]
    attributions = [item.text for item in _of_kind(facts.decision, "attribution") if item.text]
    alone = _changed(facts) == words.SINGLE
    return render(
        "NOTICE.j2",
        Plain,
        name=plain(without_path(facts.name)),
        inside=Plain(words.INSIDE_ONE if alone else words.INSIDE),
        sentences=[lines for lines in dict.fromkeys(sentences) if lines not in shown],
        attributions=[words.plain_prose(text) for text in dict.fromkeys(attributions)],
        notices=list(quoted),
        credits=[_credit_line(credit) for credit in sources],
    )


def _changes(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> bytes:
    made = {"": change_words(facts.candidate)}
    made |= {step.name: change_words(step.candidate) for step in facts.earlier}

    def fate(credit: Credit) -> Markdown:
        if not credit.contribution.used:
            return Markdown("considered, not in the result")
        into = words.source_name(credit.step) if credit.step else Markdown("the result")
        if made[credit.step] == words.CHANGED:
            base = f"the base of {into if credit.step else 'the merge'}"
            return Markdown(base if credit.base else f"merged into {into}")
        whole = "" if made[credit.step] == words.SINGLE else "parts of it "
        return Markdown(f"{whole}taken over into {into}")

    return render(
        "MODIFICATIONS.md.j2",
        Markdown,
        changed=Markdown(_changed(facts)),
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
    return render("LICENSES.md.j2", Markdown, texts=texts, kept=kept)


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
    bound = restrictions(facts.decision, plan)
    if bound is not None:
        files[words.RESTRICTIONS] = bound
    problems = missing_papers(
        files, facts.decision, upstream=facts.upstream, statement=_changed(facts)
    )
    return Papers(MappingProxyType(dict(sorted(files.items()))), problems)

"""Finds again, in the files of a release, everything that the decision says is owed.

A release passes only if nothing is missing. The check reads the files alone: it does not trust
that they were written by evoreg, or that nobody edited them since.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evoreg.provenance.papers import words
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.license_plan import (
    SHORTEST_TEXT,
    Text,
    license_plan,
    notice_text,
    single_license,
)
from evoreg.provenance.papers.license_texts import flat, same_terms
from evoreg.provenance.records.decision import Decision, Obligation
from evoreg.provenance.records.errors import Code, Problem


@dataclass(frozen=True, slots=True)
class _Duty:
    path: str
    """The paper that must show it."""
    lack: str
    """What to say if it does not."""
    met: Callable[[str], bool]
    """Whether the text of the paper shows it."""


def _section(card: str, heading: str) -> list[str]:
    lines = card.split("\n")
    if heading not in lines:
        return []
    rest = lines[lines.index(heading) + 1 :]
    ends = [number for number, line in enumerate(rest) if line.startswith("## ")]
    return rest[: ends[0]] if ends else rest


def _has_row(text: str, label: str, heading: str | None) -> bool:
    name = words.source_name(label)
    lines = text.split("\n") if heading is None else _section(text, heading)
    cells = [line[2:].split(" | ")[0] for line in lines if line.startswith("| ")]
    return any(
        cell.removesuffix(words.BASE_MARK) == name or cell.startswith(f"[{name}](")
        for cell in cells
    )


def _is_text(text: str, wanted: Text) -> bool:
    if wanted.data is not None:
        return same_terms(text, wanted.data.decode("utf-8-sig", "replace"))
    return len(flat(text)) >= SHORTEST_TEXT


def _row_duty(path: str, label: str, heading: str | None) -> _Duty:
    lack = f"the table does not name the source {words.plain_source_name(label)}"
    return _Duty(path, lack, lambda text: _has_row(text, label, heading))


def _contains(path: str, lack: str, wanted: str) -> _Duty:
    return _Duty(path, lack, lambda text: wanted in text)


def _display_duty(item: Obligation) -> _Duty:
    def met(card: str) -> bool:
        lines = {line.strip().strip("*").strip() for line in card.split("\n")}
        shown = words.display_lines(item, words.card_title(card))
        return any(words.display_text(line) in lines for line in shown)

    return _Duty(
        words.CARD, f"the line to be shown is not there: {words.plain_prose(item.text)}", met
    )


def _prefix_duty(item: Obligation) -> _Duty:
    prefix = words.name_prefix(item)
    return _Duty(
        words.CARD,
        f"the name of the model must begin with {prefix!r}",
        lambda card: words.begins_with(words.card_title(card), prefix),
    )


def _attribution_duties(item: Obligation) -> Iterator[_Duty]:
    if item.model:
        start = words.credit_start(item.model)
        lack = f"no credit line for {words.plain_source_name(item.model)}"
        yield _Duty(
            words.NOTICE,
            lack,
            lambda text: any(line.startswith(start) for line in text.split("\n")),
        )
        yield _row_duty(words.CARD, item.model, words.CREDITS_HEADING)
    yield _contains(
        words.NOTICE,
        f"the attribution is not there: {words.plain_prose(item.text)}",
        words.plain_prose(item.text),
    )


def _duties_of(item: Obligation, decision: Decision) -> Iterator[_Duty]:
    labels = [source.model for source in decision.sources]
    match item.kind:
        case "notice":
            yield _contains(
                words.NOTICE, f"the notice is not there: {words.plain_prose(item.text)}", item.text
            )
        case "attribution":
            yield from _attribution_duties(item)
        case "display":
            yield _display_duty(item)
        case "name_prefix":
            yield _prefix_duty(item)
        case "use_restrictions":
            lack = f"the restrictions of {item.license} are not there"
            yield _contains(words.RESTRICTIONS, lack, words.prose(item.text))
        case "source_offer":
            line = f"* {words.prose(item.text)}"
            yield _Duty(
                words.CARD,
                f"the source offer is not there: {words.plain_prose(item.text)}",
                lambda card: line in _section(card, words.SOURCE_HEADING),
            )
        case "modification_statement":
            lack = "the statement that the weights were changed is not there"
            yield _contains(words.CHANGES, lack, words.CHANGED)
            yield from (_row_duty(words.CHANGES, label, None) for label in labels)
        case "credits":
            yield from (_row_duty(words.CARD, label, words.CREDITS_HEADING) for label in labels)
        case "license_text":
            pass  # the plan of the LICENSES folder holds these, with the text to compare


def _text_duty(path: str, text: Text) -> _Duty:
    return _Duty(path, f"this is not the text of {text.id}", lambda found: _is_text(found, text))


def _license_duties(decision: Decision, texts: Sequence[Text]) -> Iterator[_Duty]:
    for text in texts:
        if text.owed:
            yield _text_duty(text.path, text)
        if text.id == single_license(decision):
            yield _text_duty(words.LICENSE, text)


def _notice_duties(upstream: Sequence[UpstreamFile]) -> Iterator[_Duty]:
    for file in sorted(upstream, key=lambda item: (item.model, item.path, item.data)):
        text = notice_text(file.data) if file.role == "notice" else None
        if text is not None:
            lines = "\n".join(f"    {line}" if line else "    " for line in text.split("\n"))
            lack = f"the NOTICE of {words.plain_source_name(file.model)} is not there"
            yield _contains(words.NOTICE, lack, lines)


def _hint(path: str) -> str:
    if path.startswith("LICENSES/") or path == words.LICENSE:
        return "put the licence file into the folder of the source, or write the papers again"
    return "write the papers again, or restore the file"


def _findings(files: Mapping[str, bytes], duties: Sequence[_Duty]) -> Iterator[Problem]:
    by_path: dict[str, list[_Duty]] = {}
    for duty in duties:
        by_path.setdefault(duty.path, []).append(duty)
    for path, owed in sorted(by_path.items()):
        data = files.get(path)
        if data is None:
            yield Problem(Code.PAPER_MISSING, "this paper is owed and missing", path, _hint(path))
            continue
        text = data.decode("utf-8-sig", "replace")
        for lack in dict.fromkeys(duty.lack for duty in owed if not duty.met(text)):
            yield Problem(Code.PAPER_MISSING, lack, path, _hint(path))


def missing_papers(
    folder_files: Mapping[str, bytes],
    decision: Decision,
    *,
    upstream: Sequence[UpstreamFile] = (),
) -> tuple[Problem, ...]:
    """Return everything that is owed and not in the files of a release.

    Args:
        folder_files: Content by POSIX path relative to the folder.
        decision: What is owed.
        upstream: Licence and notice files of the sources, if they are at hand; then their
            copyright lines and notices must be there too.

    Returns:
        One problem for each missing file or passage, sorted by path, with the path in ``where``;
        nothing for a release that owes nothing more.

    Raises:
        PolicyError: The decision holds something that is no licence expression.
    """
    plan = license_plan(decision, upstream)
    duties = [
        *(duty for item in decision.obligations for duty in _duties_of(item, decision)),
        *_license_duties(decision, plan.texts),
        *_notice_duties(upstream),
    ]
    problems = list(_findings(folder_files, duties))
    for path, file in plan.kept.items():
        if folder_files.get(path) != file.data:
            what = f"the file {words.plain_source_name(file.path)} of a source is not kept here"
            problems.append(Problem(Code.PAPER_MISSING, what, path, _hint(path)))
    return tuple(sorted(problems, key=lambda problem: (problem.where, problem.what)))

"""Which passage of which paper shows that an obligation is met."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evoreg.provenance.papers import words
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.gate import NOT_IN_EU, prompt_holds
from evoreg.provenance.papers.license_plan import (
    SHORTEST_TEXT,
    Text,
    notice_text,
    single_license,
)
from evoreg.provenance.papers.license_texts import flat, same_terms
from evoreg.provenance.papers.page import Page
from evoreg.provenance.records.decision import Decision, Obligation


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that one paper must show."""

    path: str
    """The paper that must show it."""
    lack: str
    """What to say if it does not."""
    there: Callable[[Page], bool]
    """Whether the paper shows it."""


def passages(item: Obligation, decision: Decision, statement: str) -> Iterator[Passage]:
    """Yield what shows that one obligation is met.

    Args:
        item: The obligation.
        decision: The decision that it stands in.
        statement: The true statement of what became of the weights; empty if nobody knows, then
            each of them will do.

    Yields:
        The passages. Of a licence text there is none: `text_passages` compares those.
    """
    match item.kind:
        case "notice":
            yield _notice(item)
        case "attribution":
            yield from _attribution(item)
        case "display":
            yield _display(item)
        case "name_prefix":
            yield from _prefix(item)
        case "use_restrictions" | "acceptance" | "eu_gate":
            yield from _bound(item)
        case "source_offer":
            yield _offer(item)
        case "modification_statement":
            yield from _changes(decision, statement)
        case "credits":
            yield from _rows(words.CARD, decision, words.CREDITS_HEADING)
        case "license_text":
            pass


def _about(what: str, item: Obligation) -> str:
    return f"{what}: {words.plain_prose(item.text)}"


def _notice(item: Obligation) -> Passage:
    wanted = "\n".join(words.notice_lines(item.text))
    return Passage(
        words.NOTICE, _about("the notice is not there", item), lambda page: wanted in page.text
    )


def _row(path: str, label: str, heading: str) -> Passage:
    name = words.source_name(label)
    lack = f"the table does not name the source {words.plain_source_name(label)}"
    return Passage(path, lack, lambda page: name in page.section(heading)[1])


def _rows(path: str, decision: Decision, heading: str) -> Iterator[Passage]:
    for label in dict.fromkeys(source.model for source in decision.sources):
        yield _row(path, label, heading)


def _attribution(item: Obligation) -> Iterator[Passage]:
    if item.model:
        start = words.credit_start(item.model)
        lack = f"no credit line for {words.plain_source_name(item.model)}"
        yield Passage(words.NOTICE, lack, lambda page: page.has_line_from(start))
        yield _row(words.CARD, item.model, words.CREDITS_HEADING)
    wanted = words.plain_prose(item.text)
    lack = _about("the attribution is not there", item)
    yield Passage(words.NOTICE, lack, lambda page: wanted in page.line_set)


def _display(item: Obligation) -> Passage:
    if words.is_conditional(item):
        wanted = words.prose(item.text)
        lack = _about("the card does not tell of the words to be shown", item)
        return Passage(words.CARD, lack, lambda page: wanted in page.text)

    def there(page: Page) -> bool:
        lines = words.display_lines(item, page.title)
        # Without a title there may be nothing to fill in: then nothing is shown.
        empty = not lines and not item.text.strip(" /")
        return empty or any(words.display_text(line) in page.shown for line in lines)

    return Passage(words.CARD, _about("the line to be shown is not there", item), there)


def _prefix(item: Obligation) -> Iterator[Passage]:
    prefix, sentence = words.name_prefix(item), words.name_sentence(item)
    yield Passage(
        words.CARD,
        f"the name of the model must begin with {words.plain_prose(prefix)!r}",
        lambda page: words.begins_with(page.title, prefix),
    )
    lack = f"the card does not say that names must begin with {words.plain_prose(prefix)!r}"
    yield Passage(words.CARD, lack, lambda page: sentence in page.text)


def _bound(item: Obligation) -> Iterator[Passage]:
    if item.kind == "eu_gate":
        lack = f"the front matter lacks {NOT_IN_EU}: true"
        yield Passage(words.CARD, lack, lambda page: page.front.get(NOT_IN_EU) is True)
    if item.kind != "use_restrictions":
        lack = _about("the front matter does not ask for this", item)
        yield Passage(words.CARD, lack, lambda page: prompt_holds(page.front, item))
    if item.kind in words.BINDING:
        lack = f"the provision that binds recipients by {words.plain_prose(item.license)}"
        head, line = words.restriction_heading(item), words.restriction_line(item)
        wanted = {words.PROVISION, words.PASSING_ON, head}
        yield Passage(
            words.RESTRICTIONS, f"{lack} is not there", lambda page: wanted <= page.line_set
        )
        if item.kind == "use_restrictions":
            lack = f"the restrictions of {words.plain_prose(item.license)} are not there"
            yield Passage(words.RESTRICTIONS, lack, lambda page: line in page.section(head)[0])


def _offer(item: Obligation) -> Passage:
    line = f"* {words.prose(item.text)}"
    lack = _about("the source offer is not there", item)
    return Passage(words.CARD, lack, lambda page: line in page.section(words.SOURCE_HEADING)[0])


def _changes(decision: Decision, statement: str) -> Iterator[Passage]:
    true = (statement,) if statement else words.STATEMENTS
    yield Passage(
        words.CHANGES,
        "the statement of what became of the weights is not there",
        lambda page: any(text in page.line_set for text in true),
    )
    yield from _rows(words.CHANGES, decision, "")


def text_passages(decision: Decision, texts: Sequence[Text]) -> Iterator[Passage]:
    """Yield the licence texts that must lie in a release, each with what it is compared with."""
    for text in texts:
        if text.owed:
            yield _text(text.path, text)
        if text.id == single_license(decision):
            yield _text(words.LICENSE, text)


def _text(path: str, wanted: Text) -> Passage:
    def there(page: Page) -> bool:
        if wanted.data is None:
            return len(flat(page.text)) >= SHORTEST_TEXT
        return same_terms(page.text, wanted.data.decode("utf-8-sig", "replace"))

    return Passage(path, f"this is not the text of {wanted.id}", there)


def upstream_passages(upstream: Sequence[UpstreamFile]) -> Iterator[Passage]:
    """Yield the notice files of the sources, which must be quoted in NOTICE."""
    for file in sorted(upstream, key=lambda item: (item.model, item.path, item.data)):
        text = notice_text(file.data) if file.role == "notice" else None
        if text is not None:
            yield _quote(file, "\n".join(words.quoted_lines(text)))


def _quote(file: UpstreamFile, wanted: str) -> Passage:
    lack = f"the NOTICE of {words.plain_source_name(file.model)} is not there"
    return Passage(words.NOTICE, lack, lambda page: wanted in page.text)

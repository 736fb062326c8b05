"""Recorded decisions: made again they are the same, and what stands against that is told."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from evoreg.policies.context import Context
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.inquiry import inquiry_digest, inquiry_json, texts_of
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry, RecordedDecision
from evoreg.provenance.papers.license_texts import corpus
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import InputError, UsageError, VerificationError
from evoreg.provenance.records.text import HeldText
from evoreg.registry.merging.course import prepare
from evoreg.registry.merging.prepare import Question as Wish
from evoreg.registry.replay import find_decision, replay_decision
from evoreg.registry.settings import now, settings_from
from tests.policies.lineages import lineages, questions
from tests.policies.lineages import model as model_of
from tests.registry.desk import Desk, linear, model

LICENCE = "Copyright 2026 Somebody\n\nThese are the words of a licence of their own.\n"


@pytest.fixture
def merged(desk: Desk) -> Desk:
    """A desk with one merge of two models, one of which has a licence file."""
    desk.copy("a", "first", LICENSE=corpus()["Apache-2.0"])
    desk.copy("b", "second")
    recipe = desk.recipe(linear(model("first", weight=1), model("second", weight=1)))
    assert desk.run("merge", recipe, "out", "--name", "acme/out").code == 0
    return desk


def recorded(desk: Desk) -> RecordedDecision:
    with desk.ledger() as ledger:
        (only,) = ledger.decisions()
    return only


def test_a_decision_is_found_under_all_its_names_and_is_the_same(merged: Desk) -> None:
    entry = recorded(merged)
    digest = entry.decision.record_digest()
    names = [digest, digest[7:13], digest[:20], str(entry.seq), f"#{entry.seq}", "out"]
    for name in (*names, "out/evoreg.json"):
        said = merged.run("ledger", "replay", name, "--knowledge", "recorded")
        assert said.code == 0, said.err
        assert said.out.split("same: ")[1] == (
            f"commercial attribute, as recorded in entry {entry.seq}\n"
        )


def test_the_decision_stands_everywhere_with_its_inquiry(merged: Desk) -> None:
    """Ledger, release and evoreg.json speak of one decision, and of one inquiry."""
    entry = recorded(merged)
    assert entry.inquiry is not None
    assert entry.decision.inquiry == inquiry_digest(entry.inquiry)
    with merged.ledger() as ledger:
        (release,) = ledger.releases()
        assert release.release.decision == entry.decision.record_digest()
        assert find_decision(ledger, "out").seq == entry.seq
    kinds = [item.kind for item in merged.entries()]
    assert kinds == ["model", "model", "text", "decision", "candidate", "release"]


def test_a_repeat_adds_neither_texts_nor_decisions(merged: Desk) -> None:
    head = merged.head()
    assert merged.run("merge", "recipe.yml", "again", "--name", "acme/out").code == 0
    assert merged.head() == head
    assert merged.run("merge", "recipe.yml", "other", "--name", "acme/other").code == 0
    kinds = [item.kind for item in merged.entries()][6:]
    assert kinds == ["decision", "release"]


def test_the_json_tells_both_sides(merged: Desk) -> None:
    said = merged.run("ledger", "replay", "out", "--json").json
    assert said["schema"] == "evoreg/ledger-replay/1"
    assert (said["same"], said["exit_code"], said["differences"]) == (True, 0, [])
    assert said["verdict"] == {"recorded": "attribute", "now": "attribute"}
    assert said["knowledge"]["recorded"] == said["knowledge"]["now"]
    assert said["name"] == "acme/out"


def test_decisions_are_listed(merged: Desk) -> None:
    said = merged.run("ledger", "decisions")
    entry = recorded(merged)
    words = said.out.split()
    assert [words[0], *words[2:]] == [
        str(entry.seq),
        "commercial",
        "attribute",
        "default",
        "acme/out",
        entry.decision.record_digest()[7:19],
    ]
    (row,) = merged.run("ledger", "decisions", "--json").json["decisions"]
    assert (row["entry"], row["replayable"], row["policy"]) == (entry.seq, True, "default")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("999", 5),
        ("#1", 5),
        ("abcdef", 5),
        ("abc", 2),
        ("", 2),
        ("x" * 3000, 2),
        ("\x1b[31m", 2),
        ("\0", 2),
        ("no.json", 5),
    ],
)
def test_a_name_that_means_nothing_is_refused(merged: Desk, name: str, code: int) -> None:
    said = merged.run("ledger", "replay", name)
    assert (said.code, said.out) == (code, "")
    assert "\x1b" not in said.err


def test_other_places_without_a_decision_are_told(merged: Desk) -> None:
    assert merged.run("ledger", "replay", "first").code == 5
    assert merged.run("ledger", "replay", "out", "--knowledge", "all").code == 2
    (merged.path(".evoreg") / "ledger.sqlite").rename(merged.path("gone"))
    assert merged.run("ledger", "replay", "out").code == 5


def test_a_folder_of_another_ledger_is_told(merged: Desk, empty_ledger: Path) -> None:
    merged.patch.setenv("EVOREG_LEDGER", f"sqlite:///{empty_ledger}")
    said = merged.run("ledger", "replay", "out")
    assert said.code == 5
    assert "the ledger does not know the decision" in said.err


def forge(desk: Desk, old: str, new: str, kind: str = "decision") -> None:
    """Change the text of an entry behind the ledger's back."""
    connection = sqlite3.connect(desk.path(".evoreg") / "ledger.sqlite")
    with connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
        made = triggers.fetchall()
        for name, _ in made:
            connection.execute(f"DROP TRIGGER {name}")
        body, seq = connection.execute(
            "SELECT body, seq FROM entries WHERE kind=?", (kind,)
        ).fetchone()
        assert old in body
        changed = body.replace(old, new)
        connection.execute("UPDATE entries SET body=? WHERE seq=?", (changed, seq))
        for _, sql in made:
            connection.execute(sql)
    connection.close()


def test_a_changed_entry_is_not_replayed(merged: Desk) -> None:
    forge(merged, '"verdict":"attribute"', '"verdict":"allow"')
    said = merged.run("ledger", "replay", "4")
    assert said.code == 4
    assert "the entry is not the one that was written" in said.err


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(f"sqlite:///{tmp_path / 'books'}", actor="tests", clock=now) as found:
        yield found


def source(name: str, licence: str, **more: Any) -> SourceFacts:
    return SourceFacts(name, model_of(name, licence), **more)


def decided(
    sources: list[SourceFacts], question: Question, book: Knowledge
) -> tuple[Decision, dict[str, Any]]:
    value = inquiry_json(sources, question, book)
    decision = decide(sources, question, book)
    return decision.model_copy(update={"inquiry": inquiry_digest(value)}), value


def write(
    ledger: Ledger, sources: list[SourceFacts], question: Question, book: Knowledge
) -> RecordedDecision:
    decision, value = decided(sources, question, book)
    texts = texts_of(sources)
    held = ledger.texts(texts)
    news = [NewEntry("text", HeldText.of(data)) for d, data in texts.items() if d not in held]
    entries = ledger.append([*news, NewEntry("decision", decision, {"inquiry": value})])
    return find_decision(ledger, str(entries[-1].seq))


def test_any_recorded_decision_is_made_again(tmp_path: Path) -> None:
    """Whatever the lineage and the question."""
    book = load()
    with open_ledger(f"sqlite:///{tmp_path / 'books'}", actor="tests", clock=now) as ledger:

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(lineages(), questions)
        def law(sources: list[SourceFacts], question: Question) -> None:
            made = replay_decision(ledger, write(ledger, sources, question, book), book)
            assert made.same
            assert made.holds
            assert made.differences == ()

        law()


def asked(**changes: Any) -> Question:
    context = Context(release_territory=("WORLD",))
    return Question("commercial", Policy.default(), context, today="2026-11-22", **changes)


def other_knowledge(book: Knowledge, key: str, **terms: Any) -> Knowledge:
    """Return the knowledge with other terms for one licence."""
    old = book.by_key(key)
    assert old is not None
    row = old.model_copy(update=terms)
    return replace(
        book,
        rows=tuple(row if one.key == key else one for one in book.rows),
        digest=digest_of(b"other"),
        version="2027.01",
        _keys={**book._keys, key: row},
        _expressions={**book._expressions, row.expression.casefold(): row},
    )


def test_new_knowledge_is_told_and_its_verdict_counts(ledger: Ledger) -> None:
    book = load()
    entry = write(ledger, [source("m", "mit"), source("n", "apache-2.0")], asked(), book)
    renamed = replay_decision(ledger, entry, other_knowledge(book, "mit", title="The MIT text"))
    assert (renamed.same_knowledge, renamed.same_verdict, renamed.holds) == (False, True, True)
    assert any("The MIT text" in line for line in renamed.differences)
    nc = book.by_key("cc-by-nc-4.0")
    assert nc is not None
    worse = replay_decision(
        ledger, entry, other_knowledge(book, "mit", commercial_use=nc.commercial_use)
    )
    assert (worse.same, worse.same_verdict, worse.holds) == (False, False, False)
    assert worse.differences[0] == "verdict: was attribute, is block"
    assert any(
        line.startswith("new: block EVL") and "COMMERCIAL_USE_FORBIDDEN" in line
        for line in worse.differences
    )


def test_other_knowledge_can_be_refused(ledger: Ledger) -> None:
    book = load()
    entry = write(ledger, [source("m", "mit")], asked(), book)
    with pytest.raises(VerificationError, match="is not the one of this evoreg"):
        replay_decision(ledger, entry, other_knowledge(book, "mit"), strict=True)
    assert replay_decision(ledger, entry, book, strict=True).same


def test_what_only_knows_more_texts_is_the_same(ledger: Ledger) -> None:
    book = load()
    entry = write(ledger, [source("m", "mit")], asked(), book)
    made = replay_decision(ledger, entry, book.with_texts({"MIT": "words that nobody has"}))
    assert (made.same_knowledge, made.same, made.holds) == (False, True, True)


def test_a_missing_text_is_told(ledger: Ledger) -> None:
    sources = [source("m", "mit", texts=(("LICENSE", LICENCE.encode()),))]
    decision, value = decided(sources, asked(), load())
    ledger.append([NewEntry("decision", decision, {"inquiry": value})])
    with pytest.raises(VerificationError, match="not at hand"):
        replay_decision(ledger, find_decision(ledger, "1"), load())


@pytest.mark.parametrize("change", ["label", "policy", "no policy", "shape"])
def test_another_inquiry_is_told(ledger: Ledger, change: str) -> None:
    """What lies beside the decision must be what the decision names."""
    decision, value = decided([source("m", "mit")], asked(), load())
    if change == "label":
        value["nodes"][0]["label"] = "other"
    elif change == "policy":
        value["question"]["policy"]["unknown"] = "review"
        decision = decision.model_copy(update={"inquiry": inquiry_digest(value)})
    elif change == "no policy":
        del value["question"]["policy"]
        decision = decision.model_copy(update={"inquiry": inquiry_digest(value)})
    else:
        value["nodes"] = [[]]
        decision = decision.model_copy(update={"inquiry": inquiry_digest(value)})
    ledger.append([NewEntry("decision", decision, {"inquiry": value})])
    with pytest.raises(VerificationError if change in ("label", "policy") else InputError):
        replay_decision(ledger, find_decision(ledger, "1"), load())


def test_an_older_decision_says_that_it_cannot_be_repeated(ledger: Ledger) -> None:
    old = decide([source("m", "mit")], asked(), load())
    ledger.append([NewEntry("decision", old)])
    with pytest.raises(InputError, match="without what it was made from"):
        replay_decision(ledger, find_decision(ledger, "1"), load())


def test_digits_that_mean_several_are_refused(ledger: Ledger) -> None:
    """The number of an entry may also begin a digest."""
    book = load()
    entries = [write(ledger, [source(f"m{n}", "mit")], asked(), book) for n in range(3)]
    first = entries[0].decision.record_digest()[7:13]
    assert find_decision(ledger, first).seq == entries[0].seq
    twice = ledger.append([NewEntry("decision", entries[0].decision)])
    assert find_decision(ledger, first).seq == entries[0].seq < twice[0].seq
    with pytest.raises(UsageError, match="names no decision"):
        find_decision(ledger, "")


def test_the_decisions_about_earlier_results_can_be_repeated_too(desk: Desk) -> None:
    first = {"name": "first", **linear(model("a", weight=1), model("b", weight=1))}
    last = linear(model("first", weight=1), model("c", weight=1))
    recipe = desk.recipe("\n---\n".join(json.dumps(item) for item in (first, last)))
    assert desk.run("merge", recipe, "out").code == 0
    rows = desk.run("ledger", "decisions", "--json").json["decisions"]
    assert [row["name"] for row in rows] == ["out-first", "out"]
    for row in rows:
        assert desk.run("ledger", "replay", str(row["entry"]), "--json").json["same"]


def test_a_replay_does_not_look_at_the_models(merged: Desk) -> None:
    """Nor at the house's policy of today, nor at what the ledger has learnt since."""
    for name in ("first", "second"):
        shutil.rmtree(merged.path(name))
    merged.path("evoreg-policy.yml").write_text("version: 1\nlicenses: {}\n")
    said = merged.run("ledger", "replay", "out", "--knowledge", "recorded")
    assert (said.code, said.out.split(":")[0][-4:]) == (0, "same")


def test_a_text_that_cannot_be_held_counts_as_not_read(desk: Desk) -> None:
    """Too long or no UTF-8: then its words decide nothing, now and later."""
    desk.copy("a", "first", LICENSE=b"\xff\xfe" + "Words".encode("utf-16"), NOTICE="x" * (1 << 19))
    recipe = desk.recipe(linear(model("first", weight=1), model("b", weight=1)))
    wish = Wish(recipe, "commercial", "x")
    found = prepare(wish, settings_from({}, desk.folder, offline=True), lambda _model: None)
    facts = found.judge.sources["first"]
    assert (facts.texts, [path for path, _ in facts.unread]) == ((), ["LICENSE", "NOTICE"])

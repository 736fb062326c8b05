"""Edges, held texts and riders: written, found again one by one and all at once, and checked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.lineage import EdgeRow, ModelRow
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.stored import restored, storable
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.text import LONGEST, HeldText

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any


@pytest.fixture
def family(told: Ledger, make: Make) -> Ledger:
    """A ledger with the story, entries 1 to 7, and the lineage, entries 8 to 11."""
    told.append(make.lineage())
    return told


def test_edges_come_back(family: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    assert family.edges_for(ann.identity) == (make.edge(ann, bob),)
    (other,) = family.edges_for(bob.identity)
    assert (other.parent, other.note) == ("org/\\0\0", "x")
    assert family.edges_for(digest_of(b"nothing")) == ()
    assert verify(family).problems == ()


def test_texts_come_back(family: Ledger, make: Make) -> None:
    held = make.text("All rights reserved. \u00a9\n")
    assert family.text(held.digest) == held
    assert family.text(digest_of(b"nothing")) is None
    others = [make.text(f"text {number}") for number in range(1200)]
    family.append([NewEntry("text", text) for text in others])
    wanted = [others[1100].digest, digest_of(b"nothing"), held.digest, others[3].digest]
    wanted += [text.digest for text in others]
    found = family.texts(wanted)
    assert list(found)[:3] == [others[1100].digest, held.digest, others[3].digest]
    assert len(found) == 1201
    assert all(found[text.digest] == text for text in others)
    assert family.texts([]) == {}


@pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * (LONGEST + 1), b"", b"a\0b"])
def test_text_that_cannot_be_kept(family: Ledger, data: bytes) -> None:
    held = HeldText.of(data)
    family.append([NewEntry("text", held)])
    assert family.text(digest_of(data)) == held
    assert held.content == {b"": "", b"a\0b": "a\0b"}.get(data)


def test_of_two_recordings_the_one_with_the_words_counts(family: Ledger, make: Make) -> None:
    held = make.text("MIT")
    empty = held.model_copy(update={"content": None})
    family.append([NewEntry("text", empty), NewEntry("text", held), NewEntry("text", empty)])
    assert family.text(held.digest) == held


def test_edge_in_place_of_a_text_is_refused(family: Ledger, make: Make) -> None:
    edge = make.edge(make.model("a"), make.model("b"))
    before = family.head()
    with pytest.raises(InputError) as caught:
        family.append([NewEntry("edge", edge), NewEntry("text", edge)])
    assert caught.value.code == Code.NOT_A_RECORD
    assert family.head() == before


def test_riders_come_back(family: Ledger, make: Make) -> None:
    ann = make.model("org/ann")
    assert family.claims_for(ann.identity) == (make.claim(ann), make.rider(ann))
    assert family.claims_for(ann.identity)[1].riders[0].value == "Ann"


def test_inquiry_stands_beside_a_decision(family: Ledger, make: Make) -> None:
    decided = make.decision(make.model("org/bob"))
    inquiry = {"sources": [{"label": "a"}], "today": "2026-03-04"}
    family.append([NewEntry("decision", decided, {"inquiry": inquiry})])
    family.append([NewEntry("decision", decided, {"inquiry": "no object"})])
    first, second = family.decision(decided.record_digest())[-2:]
    assert (first.decision, first.inquiry) == (decided, inquiry)
    assert second.inquiry is None
    assert family.decisions()[0].inquiry is None


def test_book_of_the_lineage(family: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    again = bob.model_copy(update={"revision": "2" * 40})
    family.append([NewEntry("model", again), NewEntry("model", make.model("back\\slash\0"))])
    book = family.lineage()
    rows = (
        ModelRow(2, bob.name, bob.revision, bob.identity),
        ModelRow(12, bob.name, "2" * 40, bob.identity),
    )
    assert book.by_name["org/bob"] == rows
    assert book.by_identity[bob.identity] == rows
    assert (book.newest("org/bob"), book.newest_with(bob.identity)) == (rows[1], rows[1])
    assert (book.newest("org/nobody"), book.newest_with(digest_of(b"n"))) == (None, None)
    assert set(book.by_name) == {"org/ann", "org/bob", "back\\slash\0"}
    edge = make.edge(ann, bob)
    assert book.edges[ann.identity] == (
        EdgeRow(
            8, ann.name, ann.identity, bob.name, bob.revision, bob.identity, "finetune", "card"
        ),
    )
    assert book.edges[bob.identity][0].parent == "org/\\0\0"
    assert book.claims == {ann.identity: (3, 11), bob.identity: (4,)}
    assert family.edges_at([8, 999, 1]) == {8: edge}
    assert family.claims_at([11, 3, 8]) == {3: make.claim(ann), 11: make.rider(ann)}
    assert [(n, m.model) for n, m in family.models_at({12, 2, 8}).items()] == [
        (2, bob),
        (12, again),
    ]


def test_book_knows_what_was_merged(family: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    made = make.candidate(ann, bob)
    weights = [file.digest for file in made.outputs]
    book = family.lineage()
    assert book.makers == {weights[0]: (6,)}
    assert book.made_from([*weights, *weights, digest_of(b"x")]) == (ann.identity, bob.identity)
    assert book.made_from([]) == ()


def test_book_leaves_out_unused_sources_and_unwritten_candidates(
    ledger: Ledger, make: Make
) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    made = make.candidate(ann, bob)
    unused = made.contributions[1].model_copy(update={"used": False})
    half = made.model_copy(update={"contributions": (made.contributions[0], unused)})
    scored = made.model_copy(update={"outputs": (), "seed": 5})
    ledger.append([NewEntry("candidate", half), NewEntry("candidate", scored)])
    book = ledger.lineage()
    assert book.inside == {1: (ann.identity,)}
    assert book.made_from([made.outputs[0].digest]) == (ann.identity,)


def test_book_takes_as_many_queries_for_one_model_as_for_many(ledger: Ledger, make: Make) -> None:
    counts = []
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for size in (1, 300):
            models = [make.model(f"org/{size}-{number}") for number in range(size)]
            ledger.append([NewEntry("model", model) for model in models])
            ledger.append([NewEntry("edge", make.edge(model, models[0])) for model in models])
            statements.clear()
            book = ledger.lineage()
            counts.append(sum("SELECT" in statement for statement in statements))
            assert len(book.by_name) == {1: 1, 300: 301}[size]
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert counts[0] == counts[1] <= 6


def test_bulk_reading_names_the_broken_entry(family: Ledger, make: Make, url: str) -> None:
    many = [make.model(f"org/{number}") for number in range(501)]
    family.append([NewEntry("model", model) for model in many])
    found = family.models_at(range(1, 10_000))
    assert [item.model for item in found.values()][2:] == many
    assert list(found) == [1, 2, *range(12, 513)]


CHANGED = {
    "UPDATE edges SET parent = 'org/eve' WHERE seq = 8": ("edges", 8),
    "UPDATE edges SET relation = 'dataset' WHERE seq = 9": ("edges", 9),
    "UPDATE edges SET parent_identity = NULL": ("edges", 8),
    "DELETE FROM edges": ("edges", 8),
    "DELETE FROM texts": ("texts", 10),
    "UPDATE texts SET size = size + 1": ("texts", 10),
    "INSERT INTO texts VALUES (3, 'd', 1)": ("texts", 3),
}


@pytest.mark.parametrize("statement", CHANGED)
def test_changed_index_is_noticed_and_rebuilt(family: Ledger, url: str, statement: str) -> None:
    table, first = CHANGED[statement]
    store = open_store(url, 1.0)
    with store.writing() as connection:
        connection.exec_driver_sql(statement)
    store.close()
    (problem,) = verify(family).problems
    assert (problem.code, problem.where) == (Code.LEDGER_BROKEN, f"table {table}")
    assert problem.what.endswith(f"first entry {first}")
    before = family.head()
    assert rebuild(family) == 11
    assert (verify(family).problems, family.head()) == ((), before)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\0\\0"), max_size=20))
def test_restored_undoes_storable(text: str) -> None:
    assert restored(storable(text)) == text

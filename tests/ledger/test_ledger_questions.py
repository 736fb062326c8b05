"""Questions to the ledger: the index tables answer what the records say, page by page."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any, get_args

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.publications import confirm, prepare
from evoreg.provenance.ledger.question_values import CandidatePage, Line, ModelPage
from evoreg.provenance.ledger.questions import (
    contributors,
    decisions,
    newest,
    overview,
    releases,
)
from evoreg.provenance.ledger.questions_candidates import candidate, compare
from evoreg.provenance.ledger.questions_models import merges, model, models
from evoreg.provenance.ledger.questions_searches import (
    Order,
    Part,
    candidates,
    dots,
    history,
    others,
    searches,
)
from evoreg.provenance.ledger.search_values import EvaluationRow, Wanted
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import EntryKind
from evoreg.provenance.records.errors import EvoregError, UsageError
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.model import File
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication
from tests.searches_made import MadeSearch, Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

# Four items give five fitnesses, so that many candidates share one.
MADE = made_search(shape=Shape(generations=7, population=9, failures=2, items=2))
OTHER = made_search("other", seed=3, shape=Shape(generations=2, population=4))
NOBODY = digest_of(b"nobody")


def tell(ledger: Ledger, made: MadeSearch, *, ended: bool = True) -> None:
    for batch in made.batches(ended=ended):
        ledger.append(batch)


@pytest.fixture
def asked(url: str, clock: Callable[[], datetime], make: Make) -> Iterator[Ledger]:
    """A ledger with a search that ended, one that did not, a story and the lineage."""
    with open_ledger(url, actor="ann", clock=clock) as ledger:
        ledger.append(make.story())
        tell(ledger, MADE)
        tell(ledger, OTHER, ended=False)
        ledger.append(make.lineage())
        yield ledger


def test_overview_counts_every_entry(asked: Ledger) -> None:
    found = overview(asked)
    kinds: tuple[EntryKind, ...] = get_args(EntryKind)
    assert found.head == asked.head()
    assert tuple(found.entries) == kinds
    for kind in kinds:
        assert found.entries[kind] == len(list(asked.entries(kind=kind))), kind
    assert sum(found.entries.values()) == found.head.seq
    assert found.failed == sum(
        e.failure is not None for e in (*MADE.evaluations, *OTHER.evaluations)
    )
    assert found.pending == 0


def test_an_empty_ledger_answers_every_question(ledger: Ledger) -> None:
    assert sum(overview(ledger).entries.values()) == overview(ledger).failed == 0
    lists = (newest, decisions, releases, contributors, models, merges, searches)
    assert [ask(ledger) for ask in lists] == [()] * len(lists)
    assert not any(getattr(model(ledger, NOBODY), name) for name in ModelPage.__slots__)
    assert candidate(ledger, NOBODY) == CandidatePage(NOBODY, (), (), (), ())
    assert compare(ledger, NOBODY, NOBODY).scores == ()
    assert history(ledger, NOBODY) == ()
    assert dots(ledger, NOBODY) == ()
    assert candidates(ledger, NOBODY) == others(ledger, NOBODY, "finalist") == ()
    tally = ledger.tally(NOBODY)
    assert (tally.evaluations, tally.generations, tally.best, tally.ended) == (0, 0, None, False)
    assert ledger.standing(NOBODY, "0.500000000") == (1, 0)


def test_newest_entries_a_page_at_a_time(asked: Ledger) -> None:
    found: list[Line] = []
    before = None
    while page := newest(asked, before=before, limit=7):
        found += page
        before = page[-1].seq
    told = list(asked.entries())[::-1]
    assert [(line.seq, line.kind, line.hash) for line in found] == [
        (entry.seq, entry.kind, entry.hash) for entry in told
    ]
    assert {(line.at, line.by) for line in found} == {("2026-03-04T12:00:00Z", "ann")}
    assert all(line.about for line in found)
    (last,) = newest(asked, kind="release", limit=3)
    assert (last.seq, last.about) == (7, "org/merged")
    assert newest(asked, kind="release", before=7) == ()


def test_models_with_their_licences(asked: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    second, first = models(asked)
    assert (first.seq, first.name, first.identity) == (1, "org/ann", ann.identity)
    assert (first.location, first.licenses, first.revision) == (
        "/models/ann",
        ("Apache-2.0",),
        ann.revision,
    )
    assert (second.seq, second.name, second.location) == (2, "org/bob", "")
    assert models(asked, before=2) == models(asked, name="ANN") == (first,)
    assert models(asked, limit=1) == models(asked, name="bob") == (second,)
    assert models(asked, name="%") == models(asked, name="_rg") == ()
    odd = "org/back\\slash\0end"
    asked.append([NewEntry("model", make.model(odd))])
    assert [line.name for line in models(asked, name="K\\sla")] == [odd]
    assert [line.name for line in models(asked, name="\0E")] == [odd]
    assert models(asked, name="\\\\") == ()
    assert bob.identity == second.identity


def test_what_no_database_holds_is_asked_for(asked: Ledger) -> None:
    with pytest.raises(UsageError, match="not valid UTF-8"):
        models(asked, name="\udcff")
    with pytest.raises(EvoregError):
        newest(asked, before=10**30)
    assert len(newest(asked, before=3)) == 2


def test_all_about_a_model(asked: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    page = model(asked, ann.identity)
    assert [line.name for line in page.registrations] == ["org/ann"]
    assert page.claims == asked.claims_for(ann.identity)
    assert page.parents == (make.edge(ann, bob),)
    assert [edge.child for edge in page.children] == ["org/bob"]
    (merge,) = page.merges
    assert (merge.seq, merge.method) == (6, "linear")
    shares = [(share.reference, share.identity, share.effective) for share in merge.shares]
    assert shares == [
        ("org/ann", ann.identity, "0.600000000"),
        ("org/bob", bob.identity, "0.400000000"),
    ]
    assert not page.makers
    assert not page.searches
    source = MADE.search.ingredients[0]
    searched = model(asked, source.identity)
    assert [line.id for line in searched.searches] == [OTHER.search.id, MADE.search.id]
    assert not searched.registrations
    assert not searched.merges


def test_a_model_knows_the_merge_that_wrote_it(asked: Ledger, make: Make) -> None:
    made = asked.releases()[0].release.candidate
    outputs = asked.candidate(made)[0].candidate.outputs
    result = make.model("org/merged").model_copy(update={"files": outputs, "adapter": None})
    asked.append([NewEntry("model", result)])
    assert [line.id for line in model(asked, result.identity).makers] == [made]


def test_searches_with_what_they_amount_to(asked: Ledger) -> None:
    second, first = searches(asked)
    assert (first.id, first.name, first.run, first.intent) == (
        MADE.search.id,
        "miniature",
        0,
        "research",
    )
    for line, made, ended in ((first, MADE, True), (second, OTHER, False)):
        scored = [e.fitness[0] for e in made.evaluations if e.fitness]
        tally = line.tally
        assert tally == asked.tally(made.search.id)
        assert (tally.evaluations, tally.failed) == (
            len(made.evaluations),
            len(made.evaluations) - len(scored),
        )
        assert (tally.generations, tally.best, tally.ended) == (
            len(made.closed),
            max(scored),
            ended,
        )
        assert all(type(n) is int for n in (tally.evaluations, tally.failed, tally.generations))
    assert searches(asked, before=second.seq) == (first,)
    assert searches(asked, limit=1) == (second,)


def test_candidates_of_a_generation_that_is_not_closed_count(asked: Ledger) -> None:
    before = asked.tally(OTHER.search.id)
    late = OTHER.evaluations[-1].model_copy(update={"generation": 3, "place": 0})
    good = OTHER.evaluations[0].model_copy(
        update={"generation": 3, "place": 1, "fitness": ("2.000000000",)}
    )
    asked.append([NewEntry("evaluation", late), NewEntry("evaluation", good)])
    after = asked.tally(OTHER.search.id)
    assert after.evaluations == before.evaluations + 2
    assert after.failed == before.failed + (late.failure is not None)
    assert (after.best, after.generations) == ("2.000000000", before.generations)


@pytest.mark.parametrize("points", [1, 3, 8, 200])
def test_history_keeps_sums_and_peaks(asked: Ledger, points: int) -> None:
    found = history(asked, MADE.search.id, points)
    ends = [closing.generation for closing in MADE.closed]
    assert len(found) == {1: 1, 3: 3, 8: 8, 200: 8}[points]
    assert found[0].first == 0
    assert found[-1].last == ends[-1].number
    for point in found:
        inside = ends[point.first : point.last + 1]
        good = sum(end.evaluations - end.failed for end in inside)
        mean = sum(float(e.mean[0]) * (e.evaluations - e.failed) for e in inside if e.mean) / good
        assert point.evaluations == sum(end.evaluations for end in inside)
        assert point.failed == sum(end.failed for end in inside)
        assert point.best == max(float(end.best[0]) for end in inside if end.best)
        assert point.mean == pytest.approx(mean)
        assert (point.items, point.stage) == (inside[-1].items, inside[-1].stage)


def test_history_of_nothing_but_failures(ledger: Ledger) -> None:
    made = made_search(shape=Shape(generations=2, population=2, failures=2))
    tell(ledger, made)
    point = history(ledger, made.search.id)[1]
    assert (point.evaluations, point.failed, point.best, point.mean) == (2, 2, None, None)


def test_dots_are_whole_generations(asked: Ledger) -> None:
    found = dots(asked, MADE.search.id)
    assert [(dot.generation, dot.place) for dot in found] == [
        (e.generation, e.place) for e in MADE.evaluations
    ]
    assert [dot.fitness for dot in found] == [
        float(e.fitness[0]) if e.fitness else None for e in MADE.evaluations
    ]
    few = dots(asked, MADE.search.id, limit=20)
    assert {dot.generation for dot in few} == {0, 4}
    assert {dot.generation for dot in dots(asked, MADE.search.id, limit=1)} == {0}


def plain(made: MadeSearch, part: Part) -> list[tuple[int, int]]:
    """What a page of all candidates must say, by generation and place."""
    found: list[Evaluation] = [
        item
        for item in made.evaluations
        if part.generation in (None, item.generation)
        and part.failed in (None, item.failure is not None)
    ]
    if part.order in ("best", "worst"):
        found = [item for item in found if item.fitness]
        found.sort(key=lambda item: -float(item.fitness[0]))
    if part.order in ("newest", "worst"):
        found.reverse()
    return [(item.generation, item.place) for item in found]


PARTS = list(product(get_args(Order), (None, 0, 5, 99), (None, True, False)))


@pytest.mark.parametrize("limit", [1, 4, 500])
def test_every_list_of_candidates_page_by_page(asked: Ledger, limit: int) -> None:
    for order, generation, failed in PARTS if limit > 1 else PARTS[::5]:
        part = Part(order, generation, failed, None, limit)
        found: list[EvaluationRow] = []
        while page := candidates(asked, MADE.search.id, part):
            assert len(page) <= limit
            found += page
            part = Part(order, generation, failed, page[-1].seq, limit)
        assert [(row.generation, row.place) for row in found] == plain(MADE, part), part
        assert {row.search for row in found} <= {MADE.search.id}


def test_a_page_behind_what_is_not_in_the_list_is_empty(asked: Ledger) -> None:
    lost = next(row.seq for row in candidates(asked, MADE.search.id, Part(failed=True)))
    for order in ("best", "worst"):
        assert candidates(asked, MADE.search.id, Part(order, after=lost)) == ()
        assert candidates(asked, MADE.search.id, Part(order, after=1)) == ()
        assert candidates(asked, MADE.search.id, Part(order, 3, after=1)) == ()


def test_rows_are_those_of_the_other_list(asked: Ledger) -> None:
    search = MADE.search.id
    every = asked.evaluation_rows(search)
    assert candidates(asked, search, Part(limit=500)) == every
    best = sorted((r for r in every if r.fitness), key=lambda r: (-float(r.fitness or 0), r.seq))
    lost = [row for row in every if row.fitness is None]
    for limit in (1, 5, 200, 2000, None):
        wanted = Wanted(order="fitness", limit=limit)
        assert asked.evaluation_rows(search, wanted) == tuple([*best, *lost][:limit])
        good = Wanted(failed=False, order="fitness", limit=limit)
        assert asked.evaluation_rows(search, good) == tuple(best[:limit])
        here = Wanted(generation=3, order="fitness", limit=limit)
        inside = [row for row in [*best, *lost] if row.generation == 3]
        assert asked.evaluation_rows(search, here) == tuple(inside[:limit])
        third = Wanted(generation=3, limit=limit)
        assert asked.evaluation_rows(search, third) == tuple(
            [row for row in every if row.generation == 3][:limit]
        )


def test_standing_of_every_fitness(asked: Ledger) -> None:
    scored = [(e.generation, float(e.fitness[0])) for e in MADE.evaluations if e.fitness]
    for text in ("-1.000000000", "0.000000000", "0.250000000", "0.500000000", "1.000000000"):
        value = float(text)
        everywhere = 1 + sum(other > value for _, other in scored)
        assert asked.standing(MADE.search.id, text) == (everywhere, len(scored))
        here = [other for number, other in scored if number == 4]
        inside = 1 + sum(other > value for other in here)
        assert asked.standing(MADE.search.id, text, 4) == (inside, len(here))


def test_baselines_and_others(asked: Ledger) -> None:
    rows = others(asked, MADE.search.id, "baseline")
    assert [row.label for row in rows] == ["org/maths", "org/japanese", "org/base", "uniform"]
    assert others(asked, MADE.search.id, "baseline", after=rows[0].seq, limit=2) == rows[1:3]
    assert others(asked, MADE.search.id, "finalist") == ()
    sampled = others(asked, MADE.search.id, "sampled", limit=500)
    assert len(sampled) == len(MADE.evaluations) - 4
    assert asked.evaluation_rows(MADE.search.id, Wanted(origin="baseline")) == rows


def test_all_about_a_candidate(asked: Ledger) -> None:
    winner = next(e for e in MADE.evaluations if e.candidate == MADE.result.winner)
    page = candidate(asked, winner.candidate)
    (scored,) = page.scored
    assert scored.row.candidate == winner.candidate
    assert [(s.task, s.split, s.value, s.count, s.items, s.softs) for s in scored.scores] == [
        (s.task, s.split, s.value, len(s.items), s.items, s.softs) for s in winner.scores
    ]
    assert [(s.reference, s.effective, s.used) for s in scored.shares] == [
        (s.reference, s.effective, s.used) for s in winner.contributions
    ]
    assert (page.won, page.merged, page.releases) == ((MADE.search.id,), (), ())
    released = candidate(asked, asked.releases()[0].release.candidate)
    assert ([line.seq for line in released.merged], released.releases) == ([6], (7,))
    assert released.scored == ()


def test_pruned_items_are_told_from_none(asked: Ledger) -> None:
    one = MADE.evaluations[0]
    why = Pruning(what="item-scores", search=MADE.search.id, through=asked.head().seq, why="room")
    asked.append([NewEntry("pruning", why)])
    (scored,) = candidate(asked, one.candidate).scored
    assert [(s.value, s.count, s.items, s.softs) for s in scored.scores] == [
        (s.value, len(s.items), None, None) for s in one.scores
    ]
    (kept,) = candidate(asked, OTHER.evaluations[5].candidate).scored
    assert [s.items for s in kept.scores] == [s.items for s in OTHER.evaluations[5].scores]


def test_two_candidates_side_by_side(asked: Ledger) -> None:
    first, second = MADE.evaluations[0], MADE.evaluations[5]
    found = compare(asked, first.candidate, second.candidate)
    assert (found.first.id, found.second.id) == (first.candidate, second.candidate)
    assert [(pair.name, pair.first, pair.second) for pair in found.scores] == sorted(
        (f"{a.task} train", a.value, b.value)
        for a, b in zip(first.scores, second.scores, strict=True)
    )
    assert {pair.name: pair.first for pair in found.shares} == {
        "org/japanese": None,
        "org/maths": first.contributions[0].effective,
    }
    merged = asked.releases()[0].release.candidate
    mixed = compare(asked, merged, NOBODY)
    assert [(p.name, p.first, p.second) for p in mixed.shares] == [
        ("org/ann", "0.600000000", None),
        ("org/bob", "0.400000000", None),
    ]


def test_decisions_with_their_releases(asked: Ledger, make: Make) -> None:
    (first,) = decisions(asked)
    assert (first.seq, first.intent, first.verdict, first.releases) == (
        5,
        "commercial",
        "attribute",
        1,
    )
    second = make.decision(make.model("org/bob"))
    asked.append([NewEntry("decision", second)])
    line = decisions(asked)[0]
    assert (line.digest, line.releases) == (second.record_digest(), 0)
    assert decisions(asked, before=line.seq) == (first,)
    assert decisions(asked, verdict="block") == ()


def test_releases_say_who_is_inside_and_where_they_are(asked: Ledger) -> None:
    recorded = asked.releases()[0].release
    (line,) = releases(asked)
    assert (line.seq, line.digest, line.name) == (7, recorded.record_digest(), "org/merged")
    assert (line.verdict, line.license, line.published) == ("attribute", "Apache-2.0", ())
    assert [share.effective for share in line.shares] == ["0.600000000", "0.400000000"]
    paper = File(path="README.md", size=1, digest=digest_of(b"#"), role="card")
    plan = Publication(
        release=line.digest, target="hf://org/\\x", branch="", state="prepared", files=(paper,)
    )
    number = prepare(asked, plan).seq
    assert overview(asked).pending == 1
    assert releases(asked)[0].published == ()
    confirm(asked, number, "abc")
    assert releases(asked)[0].published == ("hf://org/\\x",)
    assert overview(asked).pending == 0


def test_contributors_add_up_exactly(asked: Ledger, make: Make) -> None:
    ann, bob, eve = (make.model(f"org/{name}") for name in ("ann", "bob", "eve"))
    made, decided = make.candidate(bob, eve), make.decision(bob)
    release = make.release(made, decided)
    # The merge is repeated, and released twice; a merge that is not released counts nothing.
    news = [NewEntry("candidate", made)] * 2 + [NewEntry("release", release)]
    again = release.model_copy(update={"name": "org/again"})
    asked.append([*news, NewEntry("release", again)])
    asked.append([NewEntry("candidate", make.candidate(eve, ann))])
    found = contributors(asked)
    assert [(line.name, line.releases, line.share) for line in found] == [
        ("org/bob", 3, Decimal("1.600000000")),
        ("org/eve", 2, Decimal("0.800000000")),
        ("org/ann", 1, Decimal("0.600000000")),
    ]
    assert sum(line.share for line in found) == len(releases(asked)) == 3
    assert [line.identity for line in found] == [m.identity for m in (bob, eve, ann)]
    assert contributors(asked, limit=1, skip=1) == found[1:2]


def test_merged_candidates_a_page_at_a_time(asked: Ledger, make: Make) -> None:
    ann, bob = make.model("org/ann"), make.model("org/bob")
    asked.append([NewEntry("candidate", make.candidate(bob, ann, seed)) for seed in range(3)])
    lines = merges(asked)
    assert [line.seed for line in lines] == [2, 1, 0, 0]
    assert merges(asked, before=lines[0].seq, limit=2) == lines[1:3]
    assert [share.reference for share in lines[0].shares] == ["org/bob", "org/ann"]

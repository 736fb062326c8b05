"""Searches in the ledger: what is told comes back, in order, and can be found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from evoreg.provenance.ledger.course import past_of
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.search_values import (
    PastSearch,
    RecordedEvaluation,
    RecordedGeneration,
    RecordedResult,
    Tally,
    Wanted,
)
from evoreg.provenance.ledger.triggers import install_triggers
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError, VerificationError
from tests.searches_made import FAILURE, MadeSearch, Shape, made_search

# `Any`: the fixture hands over the class of makers in conftest.py, which cannot be imported.
Make = Any

MADE = made_search()
HOSTILE = made_search(
    "a\0b\\c\u202e\x1b[31m'; DROP TABLE searches; --" + "x" * 5000,
    ["../../etc/passwd", "org/\0\\0", "日本語 モデル"],
    seed=7,
    shape=Shape(generations=2, population=2, failures=2, tasks=("\0task\\", "数学")),
)


def tell(ledger: Ledger, made: MadeSearch, *, ended: bool = True) -> None:
    for batch in made.batches(ended=ended):
        ledger.append(batch)


@pytest.fixture
def searched(ledger: Ledger, make: Make) -> Ledger:
    """A ledger with other entries, a search that ended, and a second run that did not."""
    ledger.append(make.story())
    tell(ledger, MADE)
    tell(ledger, made_search(run=1, seed=3), ended=False)
    return ledger


def records(found: tuple[RecordedEvaluation, ...]) -> list[object]:
    return [item.evaluation for item in found]


def test_search_comes_back(searched: Ledger) -> None:
    first, second = searched.searches()
    assert (first.search, first.seq, first.by) == (MADE.search, 8, "ann")
    assert (second.search.run, second.search.seed) == (1, 3)
    search = MADE.search.id
    assert records(searched.evaluations(search)) == list(MADE.evaluations)
    ends = [item.generation for item in searched.generations(search)]
    assert ends == [closing.generation for closing in MADE.closed]
    result = searched.result(search)
    assert result is not None
    assert result.result == MADE.result
    assert searched.result(second.search.id) is None
    assert [r.result for r in searched.results_with(MADE.result.winner)] == [MADE.result]
    report = verify(searched)
    assert report.problems == ()
    assert rebuild(searched) == report.entries
    assert verify(searched) == report


def test_times_stand_beside_the_record(searched: Ledger) -> None:
    found = searched.evaluations(MADE.search.id, generation=1)
    assert [(item.apply_seconds, item.score_seconds) for item in found] == [
        (0.25, 1.5 + place) for place in range(6)
    ]


def test_missing_or_strange_times_are_no_times(ledger: Ledger) -> None:
    ledger.append([NewEntry("search", MADE.search)])
    extras: list[dict[str, Any]] = [{}, {"apply_seconds": "x", "score_seconds": True}]
    extras += [{"apply_seconds": 2, "score_seconds": 1e-9}, {"apply_seconds": None}]
    evaluations = MADE.closed[0].evaluations
    told = [NewEntry("evaluation", *pair) for pair in zip(evaluations, extras, strict=True)]
    ledger.append([*told, NewEntry("generation", MADE.closed[0].generation)])
    found = [(e.apply_seconds, e.score_seconds) for e in ledger.evaluations(MADE.search.id)]
    assert found == [(None, None), (None, None), (2.0, 1e-9), (None, None)]


def test_hostile_names_come_back(ledger: Ledger) -> None:
    tell(ledger, HOSTILE)
    assert records(ledger.evaluations(HOSTILE.search.id)) == list(HOSTILE.evaluations)
    assert [item.search for item in ledger.search(HOSTILE.search.name)] == [HOSTILE.search]
    rows = ledger.evaluation_rows(HOSTILE.search.id)
    assert [row.label for row in rows] == [item.label for item in HOSTILE.evaluations]
    assert {score.task for row in rows for score in row.scores} == {"\0task\\", "数学"}
    assert verify(ledger).problems == ()
    rebuild(ledger)
    assert verify(ledger).problems == ()


def test_searches_are_found_by_name_and_digits(searched: Ledger) -> None:
    first, second = searched.searches()
    assert searched.search("miniature") == (first, second)
    digits = MADE.search.id.removeprefix("sha256:")
    for wanted in (MADE.search.id, MADE.search.id[:15], digits, digits[:8]):
        assert searched.search(wanted) == (first,)
    for wanted in ("Miniature", "miniature ", "%", "", "sha256:", digits.upper(), f"{digits}0"):
        assert searched.search(wanted) == ()


def test_name_goes_before_digits(ledger: Ledger) -> None:
    tell(ledger, MADE)
    named = made_search(MADE.search.id[7:13])
    tell(ledger, named)
    assert [item.search for item in ledger.search(named.search.name)] == [named.search]


def test_candidates_are_found_by_digits(searched: Ledger, make: Make) -> None:
    wanted = MADE.closed[1].evaluations[2]
    digits = wanted.candidate.removeprefix("sha256:")
    for beginning in (wanted.candidate, wanted.candidate[:20], digits, digits[:12]):
        assert records(searched.evaluation(beginning)) == [wanted]
        assert searched.candidate_ids(beginning) == (wanted.candidate,)
    # Baselines of the second run are other candidates: it has another merge seed.
    every = sorted({e.evaluation.candidate for e in searched.evaluation(digits[0])})
    known = [e for s in searched.searches() for e in searched.evaluations(s.search.id)]
    ids = {item.evaluation.candidate for item in known}
    assert every == sorted(i for i in ids if i.startswith(f"sha256:{digits[0]}"))
    merged = make.candidate(make.model("org/ann"), make.model("org/bob"))
    assert searched.candidate_ids(merged.id[:20]) == (merged.id,)
    assert searched.evaluation(merged.id) == ()
    for nonsense in ("", "sha256:", "xyz", "%", digits.upper()):
        assert searched.evaluation(nonsense) == ()
        assert searched.candidate_ids(nonsense) == ()


def test_candidate_ids_are_limited_and_sorted(searched: Ledger) -> None:
    every = [searched.candidate_ids(digit, 100) for digit in "0123456789abcdef"]
    flat = [name for names in every for name in names]
    scored = {
        item.evaluation.candidate
        for search in searched.searches()
        for item in searched.evaluations(search.search.id)
    }
    assert scored < set(flat)
    assert flat == sorted(set(flat))
    longest = max(every, key=len)
    assert searched.candidate_ids(longest[0][7], 2) == longest[:2]


def test_evaluations_are_chosen(searched: Ledger) -> None:
    search = MADE.search.id
    by_generation = [records(searched.evaluations(search, generation=n)) for n in range(4)]
    assert by_generation == [list(closing.evaluations) for closing in MADE.closed]
    assert searched.evaluations(search, generation=4) == ()
    baselines = searched.evaluations(search, origin="baseline")
    assert records(baselines) == list(MADE.closed[0].evaluations)
    assert searched.evaluations(search, stage=1) == ()
    assert len(searched.evaluations(search, stage=0)) == len(MADE.evaluations)
    assert searched.evaluations(digest_of(b"other")) == ()


def test_best_are_sorted_by_number_not_by_text(ledger: Ledger) -> None:
    numbers = ("9.000000000", "-3.500000000", "10.000000000", "-12.000000000", "9.000000000", "")
    closing = MADE.closed[1]
    changed = [
        item.model_copy(update={"generation": 0, "fitness": (number,) if number else ()})
        for item, number in zip(closing.evaluations, numbers, strict=True)
    ]
    end = closing.generation.model_copy(update={"number": 0, "evaluations": len(changed)})
    told = [NewEntry("evaluation", item) for item in changed]
    ledger.append([NewEntry("search", MADE.search), *told, NewEntry("generation", end)])
    search = MADE.search.id
    best = ledger.evaluations(search, best=10)
    assert [item.evaluation.place for item in best] == [2, 0, 4, 1, 3]
    assert [item.evaluation.place for item in ledger.evaluations(search, best=2)] == [2, 0]
    rows = ledger.evaluation_rows(search, Wanted(order="fitness"))
    assert [row.place for row in rows] == [2, 0, 4, 1, 3, 5]
    assert ledger.standing(search, "10.000000000") == (1, 5)
    assert ledger.standing(search, "9.000000000") == (2, 5)
    assert ledger.standing(search, "-12.000000000", 0) == (5, 5)
    assert ledger.standing(search, "0.000000000", 1) == (1, 0)


def test_rows_say_what_the_entries_say(searched: Ledger) -> None:
    rows = searched.evaluation_rows(MADE.search.id)
    assert [row.candidate for row in rows] == [item.candidate for item in MADE.evaluations]
    for row, item in zip(rows, MADE.evaluations, strict=True):
        assert (row.generation, row.place, row.origin) == (item.generation, item.place, item.origin)
        assert row.fitness == (item.fitness[0] if item.fitness else None)
        assert row.failure == (FAILURE.code if item.failure else None)
        assert [(s.task, s.split, s.value, s.items) for s in row.scores] == [
            (s.task, s.split, s.value, len(s.items)) for s in item.scores
        ]
    failed = searched.evaluation_rows(MADE.search.id, Wanted(failed=True))
    assert [(row.generation, row.place) for row in failed] == [(1, 5), (2, 5), (3, 5)]
    best = searched.evaluation_rows(MADE.search.id, Wanted(order="fitness", limit=3))
    values = [float(row.fitness or "nan") for row in best]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3


def test_tally(searched: Ledger) -> None:
    best = max((item.fitness[0] for item in MADE.evaluations if item.fitness), key=float)
    assert searched.tally(MADE.search.id) == Tally(22, 3, 4, best, True)
    assert searched.tally(digest_of(b"other")) == Tally(0, 0, 0, None, False)


def test_past_is_what_was_told(searched: Ledger) -> None:
    past = searched.past(MADE.search.id)
    told = [(closing.generation, closing.evaluations) for closing in MADE.closed]
    found = [
        (item.generation.generation, tuple(e.evaluation for e in item.evaluations))
        for item in past.closed
    ]
    assert found == told
    assert past.result is not None
    assert past.result.result == MADE.result
    assert searched.past(digest_of(b"other")) == PastSearch((), None)


def test_past_grows_by_whole_generations(ledger: Ledger) -> None:
    before: list[PastSearch] = []
    for batch in MADE.batches():
        ledger.append(batch)
        before.append(ledger.past(MADE.search.id))
    assert [len(past.closed) for past in before] == [0, 1, 2, 3, 4, 4]
    assert [past.result is None for past in before] == [True] * 5 + [False]
    for shorter, longer in pairwise(before):
        assert longer.closed[: len(shorter.closed)] == shorter.closed


def test_two_searches_at_once_do_not_mix(ledger: Ledger) -> None:
    other = made_search("other", seed=9, shape=Shape(generations=2, population=3))
    batches = [list(MADE.batches()), list(other.batches())]
    while any(batches):
        for queue in batches:
            if queue:
                ledger.append(queue.pop(0))
    for made in (MADE, other):
        past = ledger.past(made.search.id)
        flat = tuple(e.evaluation for closed in past.closed for e in closed.evaluations)
        assert flat == made.evaluations
    assert verify(ledger).problems == ()


def test_hybrid_search_keeps_its_stages(ledger: Ledger) -> None:
    made = made_search(shape=Shape(hybrid=True))
    tell(ledger, made)
    second = records(ledger.evaluations(made.search.id, stage=1))
    assert second == list(made.closed[-1].evaluations)
    assert all(item.earlier for item in made.closed[-1].evaluations)
    assert len(ledger.past(made.search.id).closed) == 4


def test_empty_generation_and_one_that_failed_whole(ledger: Ledger) -> None:
    made = made_search(shape=Shape(generations=1, population=2, failures=2))
    tell(ledger, made)
    assert made.closed[1].generation.best == ()
    empty = made.closed[1].generation.model_copy(
        update={"number": 2, "evaluations": 0, "failed": 0}
    )
    with pytest.raises(InputError):  # the result stands there already
        ledger.append([NewEntry("generation", empty)])
    past = ledger.past(made.search.id)
    assert [len(closed.evaluations) for closed in past.closed] == [4, 2]


def steps_of(made: MadeSearch) -> list[Any]:
    steps: list[Any] = []
    for closing in made.closed:
        for item in closing.evaluations:
            steps.append(RecordedEvaluation(len(steps), "", "", item, None, None))
        steps.append(RecordedGeneration(len(steps), "", "", closing.generation))
    return [*steps, RecordedResult(len(steps), "", "", made.result)]


def test_past_leaves_out_what_was_never_closed() -> None:
    steps = steps_of(MADE)
    whole = past_of(steps, MADE.search.id)
    ends = [n for n, step in enumerate(steps) if isinstance(step, RecordedGeneration)]
    for cut in range(len(steps)):
        past = past_of(steps[:cut], MADE.search.id)
        complete = sum(end < cut for end in ends)
        assert past == PastSearch(whole.closed[:complete], None)
    # What an interrupted writer left is followed by the same candidates, this time closed.
    begun = steps[: ends[1] + 3]
    assert past_of([*begun, *steps[ends[1] + 1 :]], MADE.search.id) == whole


@pytest.mark.parametrize(
    "break_",
    [
        lambda steps: steps[1:],
        lambda steps: [*steps[:2], steps[1], *steps[2:]],
        lambda steps: [steps[1], steps[0], *steps[2:]],
        lambda steps: [step for step in steps if getattr(step, "seq", 0) != 4],
        lambda steps: [*steps[:5], *steps],
        lambda steps: [*steps, steps[0]],
        lambda steps: [*steps, steps[-1]],
        lambda steps: [*steps[:-1], *steps[5:]],
    ],
)
def test_broken_course_is_no_past(break_: Callable[[list[Any]], list[Any]]) -> None:
    steps = steps_of(MADE)
    with pytest.raises(VerificationError) as caught:
        past_of(break_(steps), MADE.search.id)
    assert caught.value.code == Code.LEDGER_BROKEN


def refused(ledger: Ledger, news: list[NewEntry]) -> str:
    before = ledger.head()
    with pytest.raises(InputError) as caught:
        ledger.append(news)
    assert caught.value.code == Code.LEDGER_ORDER
    assert ledger.head() == before
    assert verify(ledger).problems == ()
    return caught.value.problems[0].what


def test_two_processes_cannot_carry_on_the_same_search(ledger: Ledger) -> None:
    search, first, second, third, *_ = MADE.batches()
    result = [NewEntry("result", MADE.result)]
    assert "not on record" in refused(ledger, first)
    assert "not on record" in refused(ledger, result)
    ledger.append(search)
    assert refused(ledger, search) == "this search is on record already"
    assert refused(ledger, second) == "generation 1 is closed, but 0 comes next"
    ledger.append(first)
    assert refused(ledger, first) == "generation 0 of this search is on record already"
    ledger.append([*second, *third])
    assert refused(ledger, third) == "generation 2 of this search is on record already"
    ledger.append(result)
    assert refused(ledger, result) == "the result of this search is on record already"
    fourth = MADE.closed[3].news()
    assert refused(ledger, fourth) == "the result of this search is on record already"


def test_generation_must_come_with_its_candidates(ledger: Ledger) -> None:
    ledger.append([NewEntry("search", MADE.search)])
    *evaluations, end = MADE.closed[0].news()
    said = "generation 0 is closed without its 4 candidates"
    assert refused(ledger, [end]) == said
    assert refused(ledger, [*evaluations[1:], end]) == said
    assert refused(ledger, [evaluations[0], *evaluations, end]) == said
    assert refused(ledger, [*reversed(evaluations), end]) == said
    ledger.append([*evaluations, end])


def owner(url: str, *statements: str) -> None:
    """Change the database as its owner could."""
    driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
    engine = create_engine(make_url(url).set(drivername=driver))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


TAMPERED = {
    "UPDATE evaluations SET fitness = '0.999000000' WHERE seq = 14": ("evaluations", 14),
    "UPDATE evaluations SET fitness_value = fitness_value + 0.001 WHERE seq = 15": (
        "evaluations",
        15,
    ),
    "UPDATE evaluations SET failure = NULL WHERE seq = 19": ("evaluations", 19),
    "UPDATE evaluations SET candidate = search WHERE seq = 16": ("evaluations", 16),
    "DELETE FROM evaluation_scores WHERE seq = 14 AND position = 1": ("evaluation_scores", 14),
    "UPDATE evaluation_shares SET effective = '1.000000000' WHERE seq = 15": (
        "evaluation_shares",
        15,
    ),
    "UPDATE generations SET best = NULL WHERE number = 2": ("generations", 27),
    "UPDATE results SET winner = search": ("results", 35),
    "UPDATE searches SET name = 'another' WHERE run = 1": ("searches", 36),
    "INSERT INTO results VALUES (14, 'a', 'b', 'c')": ("results", 14),
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_changed_table_is_noticed_and_rebuilt(searched: Ledger, url: str, statement: str) -> None:
    table, first = TAMPERED[statement]
    owner(url, statement)
    (problem,) = verify(searched).problems
    assert problem.where == f"table {table}"
    assert problem.what.endswith(f"first entry {first}")
    rebuild(searched)
    assert verify(searched).problems == ()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_fitness_of_a_strange_type(searched: Ledger, url: str) -> None:
    owner(url, "UPDATE evaluations SET fitness_value = 'much' WHERE seq = 15")
    assert [problem.where for problem in verify(searched).problems] == ["table evaluations"]


def test_changed_evaluation_is_found(searched: Ledger, url: str) -> None:
    item = searched.evaluations(MADE.search.id)[5]
    better = MADE.evaluations[5].fitness[0]
    drop = ["entries_append_only ON entries"]
    if url.startswith("sqlite"):
        drop = ["entries_no_update", "entries_no_delete", "entries_only_next"]
    owner(
        url,
        *(f"DROP TRIGGER {name}" for name in drop),
        f"UPDATE entries SET body = replace(body, '{better}', '0.990000000') "
        f"WHERE seq = {item.seq}",
    )
    with searched.store.writing() as connection:
        install_triggers(connection)
    problems = verify(searched).problems
    assert problems[0].where == f"entry {item.seq}"
    assert "was changed" in problems[0].what


def test_same_search_same_bytes(
    bare_url: str, ledger: Ledger, clock: Callable[[], datetime]
) -> None:
    tell(ledger, MADE)
    with open_ledger(bare_url, actor="ann", clock=clock) as other:
        tell(other, made_search())
        assert other.head() == ledger.head()


def test_made_searches_differ_where_they_should() -> None:
    assert made_search(seed=1).search.id != MADE.search.id
    assert made_search(run=1).search.id != MADE.search.id
    assert replace(made_search()) == MADE

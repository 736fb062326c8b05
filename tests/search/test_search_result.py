"""The end of a search: who wins, what it is compared with, and which doubts are told."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from evoreg.evolve.methods.table import METHODS
from evoreg.evolve.search.doubts import doubts
from evoreg.evolve.search.progress import Progress
from evoreg.evolve.search.run import run_search
from evoreg.evolve.search.setup import Setup
from evoreg.evolve.search.stability import Census, Evidence, draws_masks, other_seeds
from evoreg.evolve.searchfile.form import BudgetForm
from evoreg.evolve.tasks.task import Answer, Player
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvaluationError
from evoreg.provenance.records.evaluation import MILLION, Evaluation, Failure, TaskScore
from evoreg.provenance.records.result import Drift, SearchResult
from evoreg.provenance.records.search import Split
from tests.search.toys import Books, ToySpace, ToyTask, a_form, a_setup, not_scored, ticking


def ended(setup: Setup) -> tuple[SearchResult, Books]:
    books = Books()
    return run_search(setup, books, clock=ticking()), books


# Who wins --------------------------------------------------------------------------------------


def test_the_best_on_the_validation_split_wins_whatever_it_had_in_the_search() -> None:
    result, books = ended(a_setup(a_form(economy={"items": 3, "finalists": 5}, seed=4)))
    finalists = books.past().closed[-2].evaluations
    assert [item.label for item in finalists] == ["mean", *(f"best {n}" for n in range(1, 6))]
    assert {item.origin for item in finalists} == {"finalist"}
    assert {score.split for item in finalists for score in item.scores} == {"validation"}
    assert {len(item.scores[0].items) for item in finalists} == {16}
    values = [float(item.scores[0].value) for item in finalists]
    winner = finalists[values.index(max(values))]
    assert (result.winner, result.label) == (winner.candidate, winner.label)
    assert (result.recipe, result.validation) == (winner.recipe, winner.scores)
    assert result.merge_seed == 7


def test_of_equals_the_mean_wins() -> None:
    setup = a_setup(a_form(economy={"items": 3}), [ToyTask(best=(9.0, 9.0))])
    result, books = ended(setup)
    finalists = books.past().closed[-2].evaluations
    assert {item.fitness for item in finalists} == {(fraction(0.0),)}
    assert result.label == "mean"


def test_finalists_make_different_things() -> None:
    form = a_form(economy={"items": 0, "finalists": 9}, budget={"generations": 8})
    _, books = ended(a_setup(form, space=ToySpace(steps=0.5)))
    finalists = books.past().closed[-2].evaluations
    made = [item.recipe.record_digest() for item in finalists]
    assert len(set(made)) == len(made) < 10
    _, alone = ended(a_setup(a_form(economy={"finalists": 0})))
    assert [item.label for item in alone.past().closed[-2].evaluations] == ["mean"]


@pytest.mark.parametrize("average", [0.0, 0.5, 1.0])
def test_the_mean_is_averaged_over_the_last_generations(average: float) -> None:
    setups = [
        a_setup(a_form(budget={"generations": count}, economy={"items": 8}))
        for count in (1, 2, 3, 4)
    ]
    means = [ended(setup)[1].past().closed[-2].evaluations[0].genome for setup in setups]
    form = a_form(economy={"items": 8, "average": average})
    (mean, *_) = ended(a_setup(form))[1].past().closed[-2].evaluations
    count = max(1, math.ceil(average * 4))
    wanted = [sum(column) / count for column in zip(*means[4 - count :], strict=True)]
    assert mean.genome == pytest.approx(wanted)


def test_no_soft_score_counts_in_the_choice() -> None:
    result, books = ended(a_setup(tasks=[ToyTask(soft=100.0)]))
    for closed in books.past().closed[-2:]:
        for item in closed.evaluations:
            assert item.scores[0].soft is None
            assert item.fitness == (item.scores[0].value,)
    assert result.validation[0].softs == ()


# What it is compared with ----------------------------------------------------------------------


def test_the_winner_meets_every_baseline_on_the_test_split() -> None:
    result, books = ended(a_setup())
    tested = books.past().closed[-1].evaluations
    assert [item.label for item in tested] == ["mean", "red", "green", "base", "uniform"]
    assert {score.split for item in tested for score in item.scores} == {"test"}
    assert result.test == tested[0].scores
    for item, interval in zip(tested[1:], result.stability.intervals, strict=True):
        assert (interval.against, interval.task, interval.samples) == (item.label, "toy", 10_000)
        apart = float(tested[0].scores[0].value) - float(item.scores[0].value)
        assert float(interval.difference) == pytest.approx(apart, abs=1e-9)
        assert float(interval.low) <= apart <= float(interval.high)
    assert result.items == books.past().closed[-1].generation.items
    assert result.stability.tried == 24
    assert (result.stability.finite, result.stability.tensors) == (True, 1)
    assert [item.reference for item in result.stability.drifts] == ["red", "green"]


def test_a_winner_with_random_masks_is_merged_with_other_seeds() -> None:
    result, books = ended(a_setup(space=ToySpace("dare_ties")))
    variants = [item for item in books.evaluations() if item.origin == "variant"]
    seeds = other_seeds(7)
    assert len({7, *seeds}) == 4
    assert [item.label for item in variants] == [f"seed {seed}" for seed in seeds]
    assert len({result.winner, *(item.candidate for item in variants)}) == 4
    assert [(s.kind, s.label) for s in result.stability.spreads] == [
        ("seed", f"seed {seed}") for seed in seeds
    ]
    assert {item.recipe for item in variants} == {result.recipe}


def test_a_method_draws_masks_if_its_merges_depend_on_the_seed() -> None:
    drawing = {name for name in METHODS if draws_masks(name)}
    assert drawing == {"dare_linear", "dare_ties", "della", "della_linear"}
    assert not draws_masks("unheard of")


def test_other_prompts_are_tried_where_a_task_has_them() -> None:
    tasks = [ToyTask(variants=2, shift=0.4), ToyTask("toy1"), ToyTask("toy2", variants=1)]
    result, books = ended(a_setup(a_form(3), tasks))
    told = [(s.kind, s.label, s.task) for s in result.stability.spreads]
    assert told == [
        ("prompt", "prompt 1", "toy"),
        ("prompt", "prompt 1", "toy2"),
        ("prompt", "prompt 2", "toy"),
    ]
    first = next(item for item in books.evaluations() if item.label == "prompt 1")
    second = next(item for item in books.evaluations() if item.label == "prompt 2")
    assert (len(first.scores), first.fitness) == (2, ())
    assert float(second.scores[0].value) < float(result.test[0].value)
    warned = [text for text in result.stability.warnings if "with prompt 2" in text]
    assert len(warned) == 1
    assert warned[0].startswith("at toy the winner has 0")


class Untested(ToyTask):
    """Cannot be asked its test split by merged models."""

    def answers(
        self, player: Player, split: Split, places: Sequence[int], *, soft: bool, variant: int = 0
    ) -> tuple[Answer, ...]:
        if split == "test" and player.model[0] not in (0.0, 1.0):
            raise not_scored()
        return super().answers(player, split, places, soft=soft, variant=variant)


def test_a_winner_that_cannot_be_scored_on_the_test_split_is_no_result() -> None:
    what = "the winner could not be scored on the test split: toy: the logits are not finite"
    books = Books()
    with pytest.raises(EvaluationError) as caught:
        run_search(a_setup(tasks=[Untested()]), books, clock=ticking())
    assert [(p.code, p.what) for p in caught.value.problems] == [(Code.SEARCH_NO_RESULT, what)]
    assert len(books.generations) == 7
    assert books.results == []


# Doubts ----------------------------------------------------------------------------------------


def an_evaluation(label: str, right: int, of: int = 100, **changes: object) -> Evaluation:
    items = tuple(MILLION if place < right else 0 for place in range(of))
    score = TaskScore(
        task="toy",
        split="test",
        value=fraction(right / of),
        items=items,
        asked=digest_of(b"items"),
        truncated=int(str(changes.pop("truncated", 0))),
    )
    facts = {
        "search": digest_of(b"search"),
        "stage": 0,
        "generation": 9,
        "place": 0,
        "origin": "baseline",
        "label": label,
        "genome": (),
        "recipe": ToySpace().recipe((right / of, 0.1)),
        "candidate": digest_of(label.encode()),
        "scores": (score,),
    }
    return Evaluation.model_validate({**facts, **changes})


def evidence(right: int, **changes: object) -> Evidence:
    """Return facts about a winner that nobody could doubt, with changes."""
    plain = Evidence(
        tasks=(ToyTask(counts=(1, 1, 100)),),
        winner=an_evaluation("mean", right),
        baselines=(
            an_evaluation("red", 40),
            an_evaluation("green", 30),
            an_evaluation("base", 10),
            an_evaluation("uniform", 50),
        ),
        variants=(),
        census=Census(True, 1, 2, (a_drift("red", 0.2), a_drift("green", 0.3))),
        tried=100,
        asked=500,
        seed=1,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_drift(name: str, relative: float) -> Drift:
    return Drift(reference=name, relative=fraction(relative), largest="point")


def test_a_winner_beyond_doubt_has_no_warnings() -> None:
    assert list(doubts(evidence(80))) == []


LOST = Failure(code="EVO-E001", what="it broke")

DOUBTS: list[tuple[dict[str, object], int, list[str]]] = [
    ({}, 51, ["the difference to uniform is not certain"]),
    (
        {},
        50,
        ["same recipe as uniform", "to uniform is not certain", "gained nothing over the uniform"],
    ),
    (
        {"baselines": (an_evaluation("red", 40), an_evaluation("green", 90))},
        80,
        ["at toy the winner is worse than green"],
    ),
    (
        {"baselines": (an_evaluation("red", 79), an_evaluation("uniform", 20))},
        80,
        ["the difference to red is not certain: the 95 % interval from"],
    ),
    (
        {"baselines": (an_evaluation("red", 20, truncated=3), an_evaluation("uniform", 20))},
        80,
        ["at toy 0.0% of the winner's replies were cut off and 3.0% of those of red"],
    ),
    (
        {"baselines": (an_evaluation("red", 20, truncated=1), an_evaluation("uniform", 20))},
        80,
        [],
    ),
    (
        {"census": Census(True, 1, 2, (a_drift("red", 0.2), a_drift("green", 0.0)))},
        80,
        ["the winner has the same weights as green"],
    ),
    ({"census": Census(False, 1, 2)}, 80, ["hold numbers that are not finite"]),
    ({"tried": 501}, 80, ["501 candidates were tried on 500 different items"]),
    (
        {"baselines": (an_evaluation("red", 20), an_evaluation("uniform", 0, failure=LOST))},
        80,
        ["there is no comparison with uniform: it broke"],
    ),
    (
        {"variants": (an_evaluation("seed 5", 0, origin="variant", failure=LOST),)},
        80,
        ["the winner failed with seed 5: it broke"],
    ),
    (
        {"variants": (an_evaluation("seed 5", 75, origin="variant"),)},
        80,
        ["the winner has 0.75 instead of 0.8 with seed 5: more than its standard error of 0.04"],
    ),
    ({"variants": (an_evaluation("prompt 1", 77, origin="variant"),)}, 80, []),
    ({"variants": (an_evaluation("prompt 1", 100, origin="variant"),)}, 80, []),
    (
        {"winner": an_evaluation("mean", 80, recipe=ToySpace().recipe((0.5, 0.1)))},
        80,
        ["the winner has the same recipe as uniform"],
    ),
]


@pytest.mark.parametrize(("changes", "right", "wanted"), DOUBTS)
def test_each_doubt_is_told(changes: dict[str, object], right: int, wanted: list[str]) -> None:
    told = list(doubts(evidence(right, **changes)))
    assert len(told) == len(wanted)
    for text, part in zip(told, wanted, strict=True):
        assert part in text


def test_less_is_better_where_a_metric_says_so() -> None:
    tasks = (ToyTask(counts=(1, 1, 100), maximise=False),)
    told = list(doubts(evidence(80, tasks=tasks)))
    assert told == [
        "at toy the winner is worse than base",
        "at toy the winner is worse than uniform",
        "the search gained nothing over the uniform merge",
    ]
    assert list(doubts(evidence(5, tasks=tasks, baselines=evidence(5).baselines[:2]))) == []


# Progress --------------------------------------------------------------------------------------


def watched(books: Books, until: int | None = None) -> Progress:
    progress = Progress()
    seen = iter(books.seen)
    for closed in books.past(until).closed:
        for _ in closed.evaluations:
            progress = progress.evaluated(next(seen))
        progress = progress.closed(closed.generation, closed.evaluations)
    return progress


def test_progress_says_where_a_search_is() -> None:
    _, books = ended(a_setup())
    closed = books.past().closed
    middle = watched(books, 3)
    assert (middle.stage, middle.generation, middle.here) == (0, 3, 0)
    labels = [item.label for item in closed[0].evaluations]
    assert [label for label, _ in middle.baselines] == labels
    told = {item.label: float(item.fitness[0]) for item in closed[0].evaluations}
    assert middle.parents == ("red", max(told["red"], told["green"], told["base"]))
    assert middle.uniform == told["uniform"]
    assert middle.best == max(float(c.generation.best[0]) for c in closed[1:3])
    assert middle.mean == float(closed[2].generation.mean[0])
    assert middle.items == closed[2].generation.items
    assert (middle.done.generations, middle.done.candidates, middle.done.items) == (2, 12, 96)
    assert not middle.final
    end = watched(books)
    assert (end.final, end.done.candidates) == (True, 24)
    assert end.left(BudgetForm(generations=4)) == 0.0


LIMITS: list[tuple[dict[str, float], float]] = [
    ({"generations": 4}, 24.0),
    ({"generations": 8}, 72.0),
    ({"candidates": 48}, 72.0),
    ({"items": 192}, 24.0),
    ({"generations": 8, "items": 192}, 24.0),
    ({"minutes": 1}, 36.0),
    ({"generations": 1}, 0.0),
]


@pytest.mark.parametrize(("budget", "seconds"), LIMITS)
def test_progress_estimates_the_time_that_is_left(budget: dict[str, float], seconds: float) -> None:
    _, books = ended(a_setup())
    middle = watched(books, 3)
    assert middle.seconds == 24.0
    assert middle.left(BudgetForm.model_validate(budget)) == pytest.approx(seconds)
    assert watched(books, 1).left(BudgetForm.model_validate(budget)) is None


def test_a_resumed_search_estimates_from_what_it_did_itself() -> None:
    _, books = ended(a_setup())
    progress = Progress()
    for closed in books.past(3).closed:
        progress = progress.replay(closed)
    assert progress.left(BudgetForm(generations=4)) is None
    assert progress.replayed == progress.done == watched(books, 3).done
    for timed in books.seen[16:22]:
        progress = progress.evaluated(timed)
    closed = books.past().closed[3]
    progress = progress.closed(closed.generation, closed.evaluations)
    assert progress.left(BudgetForm(generations=4)) == pytest.approx(12.0)


def test_progress_counts_failures() -> None:
    task = ToyTask(broken=lambda point: point[1] > 0.55)
    _, books = ended(a_setup(tasks=[task]))
    lost = [item for item in books.evaluations() if item.failure is not None]
    assert watched(books).failed == len(lost) > 0


@pytest.mark.parametrize(
    ("count", "together", "told"),
    [
        (1, 1, "1 independent item:"),
        (19, 1, "19 independent items:"),
        (100, 10, "10 independent items:"),
        (20, 1, ""),
    ],
)
def test_few_items_prove_little(count: int, together: int, told: str) -> None:
    task = ToyTask(counts=(1, 1, count), together=together)
    found = list(
        doubts(
            evidence(
                count,
                tasks=(task,),
                winner=an_evaluation("mean", count, of=count),
                baselines=(an_evaluation("red", 0, of=count),),
            )
        )
    )
    assert len(found) == bool(told)
    assert all(told in text for text in found)

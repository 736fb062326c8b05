"""Laws of the driver: what is told, when a search ends, what failures do, who is told of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
import torch

from evoreg.evolve.optimisers.optimiser import Asked, Optimiser, Told
from evoreg.evolve.search.observer import Past
from evoreg.evolve.search.run import run_search
from evoreg.evolve.search.setup import Setup, Stage
from evoreg.evolve.spaces.space import Genome
from evoreg.evolve.tasks.task import Answer, Player
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import (
    Code,
    EvaluationError,
    InputError,
    MergeError,
    UsageError,
)
from evoreg.provenance.records.evaluation import MILLION, Evaluation
from evoreg.provenance.records.search import Split
from tests.search.toys import (
    Books,
    ToyHost,
    ToySpace,
    ToyStages,
    ToyTask,
    a_form,
    a_setup,
    merged,
    not_scored,
    ticking,
)


@dataclass
class Listening:
    """An optimiser that writes down what it is told."""

    inner: Optimiser
    heard: list[Told] = field(default_factory=list)

    def ask(self) -> tuple[Asked, ...]:
        return self.inner.ask()

    def tell(self, told: Sequence[Told]) -> None:
        self.heard.extend(told)
        self.inner.tell(told)

    def inject(self, genomes: Sequence[Genome]) -> None:
        self.inner.inject(genomes)

    @property
    def returned(self) -> Genome:
        return self.inner.returned

    @property
    def front(self) -> tuple[Genome, ...]:
        return self.inner.front

    @property
    def finished(self) -> str:
        return self.inner.finished

    def state(self) -> Mapping[str, Json]:
        return self.inner.state()


@dataclass
class Heard:
    """Stages whose optimisers are listened to."""

    inner: ToyStages
    stages: list[Stage] = field(default_factory=list)
    heard: list[Told] = field(default_factory=list)

    def first(self) -> Stage:
        return self._kept(self.inner.first())

    def following(self, stage: Stage, returned: Genome) -> Stage | None:
        found = self.inner.following(stage, returned)
        return self._kept(found) if found is not None else None

    def _kept(self, stage: Stage) -> Stage:
        self.stages.append(replace(stage, optimiser=Listening(stage.optimiser, self.heard)))
        return self.stages[-1]


def listened(setup: Setup) -> tuple[Setup, Heard]:
    assert isinstance(setup.stages, ToyStages)
    stages = Heard(setup.stages)
    return replace(setup, stages=stages), stages


def of(books: Books, *origins: str) -> list[Evaluation]:
    return [item for item in books.evaluations() if item.origin in origins]


def ran(setup: Setup) -> Books:
    books = Books()
    run_search(setup, books, clock=ticking())
    return books


# What is told ----------------------------------------------------------------------------------


def test_the_optimiser_is_told_what_is_on_record() -> None:
    tasks = [
        ToyTask(soft=0.25, weight=2.0),
        ToyTask("toy1", maximise=False, weight=0.5, fault=lambda p: faulty_at(p, 0.5)),
    ]
    setup, stages = listened(a_setup(a_form(2, economy={"items": 7}), tasks))
    books = ran(setup)
    sampled = of(books, "sampled")
    assert len(stages.heard) == len(sampled) == 24
    for told, item in zip(stages.heard, sampled, strict=True):
        assert told.genome == item.genome
        if item.failure is not None:
            assert told.objectives is None
            continue
        one, two = item.scores
        assert one.soft is not None
        assert two.soft is None
        assert float(one.value) == round(sum(one.items) / 7 / MILLION, 9)
        worth = 2.0 * (float(one.value) + 0.25 * float(one.soft)) - 0.5 * float(two.value)
        assert told.objectives == (float(item.fitness[0]),)
        assert told.objectives[0] == pytest.approx(worth, abs=1e-9)
        assert len(told.items) == 14
        assert math.fsum(told.items) / 7 == pytest.approx(worth, abs=1e-8)
        assert told.items[8] == -0.5 * two.items[1] / MILLION
    assert any(told.objectives is None for told in stages.heard)


def faulty_at(point: tuple[float, ...], bar: float) -> Exception | None:
    return not_scored() if point[0] > bar and point[1] not in (0.0, 0.5) else None


def test_the_baselines_come_first_on_all_items_of_the_train_split() -> None:
    books = ran(a_setup())
    first = books.past().closed[0]
    assert [item.label for item in first.evaluations] == ["red", "green", "base", "uniform"]
    assert [item.place for item in first.evaluations] == [0, 1, 2, 3]
    assert {item.origin for item in first.evaluations} == {"baseline"}
    assert {item.genome for item in first.evaluations} == {()}
    assert {len(item.scores[0].items) for item in first.evaluations} == {24}
    assert first.generation.items == 4 * 24
    assert first.generation.state == {}


def test_a_generation_says_best_mean_and_failures() -> None:
    books = ran(a_setup(tasks=[ToyTask(fault=lambda point: faulty_at(point, 0.6))]))
    for closed in books.past().closed:
        told = [float(item.fitness[0]) for item in closed.evaluations if item.fitness]
        record = closed.generation
        assert record.evaluations == len(closed.evaluations)
        assert record.failed == len(closed.evaluations) - len(told)
        assert float(record.best[0]) == max(told)
        assert float(record.mean[0]) == pytest.approx(sum(told) / len(told), abs=1e-9)
        assert {item.generation for item in closed.evaluations} == {record.number}
    assert sum(closed.generation.failed for closed in books.past().closed) > 3


def test_items_count_that_a_candidate_answered_before_it_failed() -> None:
    refusing = ToyTask("late", fault=lambda point: not_scored() if point[0] > 0.5 else None)
    form = a_form(2, economy={"items": 8, "collapse": 0})
    books = ran(a_setup(form, [ToyTask("early"), refusing]))
    before, *generations = [closed for closed in books.past().closed if closed.evaluations]
    first = generations[0]
    failed = sum(item.failure is not None for item in first.evaluations)
    assert 0 < failed < 6
    asked = first.generation.items - before.generation.items
    assert asked == 8 * failed + 16 * (6 - failed)


def test_times_are_told_beside_the_records() -> None:
    books = ran(a_setup())
    assert all((one.apply_seconds, one.score_seconds) == (1.0, 1.0) for one in books.seen)
    assert [one.evaluation for one in books.seen] == books.evaluations()


def test_each_task_is_an_objective_where_the_optimiser_takes_several() -> None:
    form = a_form(
        2, optimiser={"kind": "nsga2", "population": 6}, economy={"items": 10, "rotate": False}
    )
    setup, stages = listened(a_setup(form, [TWO[0], replace(TWO[1], weight=3.0)]))
    books = Books()
    result = run_search(setup, books, clock=ticking())
    sampled = of(books, "sampled")
    for told, item in zip(stages.heard, sampled, strict=True):
        one, two = (float(score.value) for score in item.scores)
        assert told.objectives == tuple(map(float, item.fitness))
        assert told.objectives == pytest.approx((one, 3 * two), abs=1e-9)
    front = stages.stages[0].optimiser.front
    made = {item.genome: item.candidate for item in sampled}
    assert result.front == tuple(dict.fromkeys(made[genome] for genome in front))
    finalists = books.past().closed[-2].evaluations
    assert finalists[0].label == "returned"
    tried, best = {item.candidate for item in finalists}, [*finalists[1:]]
    assert {item.candidate for item in best} <= set(result.front) or set(result.front) <= tried
    worth = [sum(map(float, item.fitness)) for item in finalists]
    assert result.winner == finalists[worth.index(max(worth))].candidate


def test_children_name_their_parents() -> None:
    form = a_form(
        optimiser={"kind": "m2n2", "population": 5, "options": {"children": 4}},
        economy={"items": 0},
    )
    books = ran(a_setup(form))
    seen: set[str] = set()
    bred = 0
    for item in of(books, "sampled"):
        assert set(item.parents) <= seen
        bred += len(item.parents)
        seen.add(item.candidate)
    assert bred > 6


# When it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "generations"),
    [
        ({"generations": 3}, 3),
        ({"candidates": 7}, 2),
        ({"candidates": 12}, 2),
        ({"items": 1}, 1),
        ({"items": 96}, 2),
        ({"items": 97}, 3),
        ({"generations": 9, "candidates": 1000, "items": 97}, 3),
    ],
)
def test_whole_generations_until_the_first_budget_is_spent(
    budget: dict[str, int], generations: int
) -> None:
    books = ran(a_setup(a_form(budget=budget)))
    assert len(books.generations) == 1 + generations + 2
    assert len(of(books, "sampled")) == 6 * generations


def test_minutes_end_a_search_too() -> None:
    books = ran(a_setup(a_form(budget={"minutes": 1.0})))
    took = sum(one.apply_seconds + one.score_seconds for one in books.seen)
    assert len(of(books, "sampled")) in (12, 18)
    assert took > 36


def test_a_search_that_only_repeats_itself_ends_without_spending_its_items() -> None:
    form = a_form(budget={"items": 10**6}, economy={"items": 0})
    books = ran(a_setup(form, space=ToySpace(steps=1.5)))
    numbers = [closed.generation.items for closed in books.past().closed[:-2]]
    assert len(numbers) > 20
    assert numbers[-21] == numbers[-1]
    assert numbers[-22] < numbers[-1]


def test_a_finer_stage_follows_and_begins_at_what_came_out() -> None:
    setup, stages = listened(a_setup(length=2))
    books = ran(setup)
    assert [closed.generation.stage for closed in books.past().closed] == [0, 0, 0, 1, 1, 1, 1]
    fine = [item for item in of(books, "sampled", "injected") if item.stage == 1]
    assert {len(item.genome) for item in fine} == {4}
    assert {item.earlier[0].name for item in fine} == {"coarse"}
    start = stages.stages[0].optimiser.returned
    assert fine[0].origin == "injected"
    assert fine[0].genome == (start[0], start[0], start[1], start[1])
    labels = [item.label for item in books.past().closed[5].evaluations]
    assert labels[:2] == ["mean", "mean of stage 0"]


@pytest.mark.parametrize(("gain", "generations"), [(0.0, 2), (1e-9, 4), (9.0, 2)])
def test_a_coarse_stage_goes_on_while_it_gains(gain: float, generations: int) -> None:
    task = ToyTask(best=(1.3, 1.3), counts=(60, 4, 4), soft=1.0)
    form = a_form(budget={"generations": 6}, economy={"items": 0})
    books = ran(a_setup(form, [task], length=2, gain=gain))
    means = [float(c.generation.mean[0]) for c in books.past().closed if c.generation.stage == 0]
    assert means[2] > means[1]
    coarse = [item for item in of(books, "sampled") if item.stage == 0]
    assert len(coarse) >= 6 * generations
    assert (len(coarse) == 12) == (generations == 2)


def test_an_optimiser_that_is_finished_ends_its_stage() -> None:
    form = a_form(
        optimiser={"kind": "cma-es", "population": 6, "options": {"precision": 0.1}},
        budget={"generations": 400},
    )
    books = ran(a_setup(form))
    assert 3 < len(books.generations) < 100


# Failures --------------------------------------------------------------------------------------


def apart(point: tuple[float, ...]) -> bool:
    """Return whether a point is a candidate's that shall fail, not a baseline's."""
    return point[0] > 0.6 and point[1] > 0.0


OWN: Mapping[str, tuple[Callable[[], Exception], str, str]] = {
    "nan": (
        lambda: MergeError(Code.MERGE_NOT_FINITE, "numbers are not finite", where="point"),
        "EVO-M003",
        "point: numbers are not finite",
    ),
    "several": (
        lambda: MergeError.of(
            [
                *MergeError(Code.MERGE_SHAPE, "shapes differ").problems,
                *MergeError(Code.MERGE_DTYPE, "types differ").problems,
            ]
        ),
        "EVO-M002",
        "shapes differ (and 1 more)",
    ),
    "not scored": (not_scored, "EVO-E001", "toy: the logits are not finite"),
    "accelerator": (lambda: torch.OutOfMemoryError("CUDA"), "EVO-E006", ""),
    "python": (MemoryError, "EVO-E006", ""),
    "wrapped": (lambda: wrapped(), "EVO-E006", ""),
    "allocator": (
        lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."),
        "EVO-E006",
        "there was not enough memory to make or to score it",
    ),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("where", ["host", "task"])
def test_an_error_of_a_candidate_is_recorded_and_the_search_goes_on(name: str, where: str) -> None:
    make, code, what = OWN[name]

    def fault(point: tuple[float, ...]) -> Exception | None:
        return make() if apart(point) else None

    host = ToyHost(fault=fault) if where == "host" else ToyHost()
    task = ToyTask(fault=fault) if where == "task" else ToyTask()
    books = ran(a_setup(tasks=[task], host=host))
    lost = [item for item in books.evaluations() if item.failure is not None]
    fine = [item for item in of(books, "sampled") if item.failure is None]
    assert lost
    assert fine
    for item in lost:
        assert item.failure is not None
        assert item.failure.code == code
        assert item.failure.what == what or not what
        assert (item.scores, item.fitness) == ((), ())
        assert item.recipe == ToySpace().recipe(item.genome)


def test_a_candidate_without_a_recipe_has_failed() -> None:
    space = ToySpace(refuses=lambda genome: genome[0] > 0.5)
    books = ran(a_setup(space=space))
    lost = [item for item in of(books, "sampled") if item.failure is not None]
    assert lost
    assert {item.genome[0] > 0.5 for item in lost} == {True}
    assert {item.recipe.references for item in lost} == {()}
    assert {item.failure.code for item in lost if item.failure} == {"EVO-R009"}


def test_lack_of_memory_is_tried_once_more() -> None:
    failures = iter([torch.OutOfMemoryError("once"), None] * 1000)
    host = ToyHost(fault=lambda point: next(failures) if apart(point) else None)
    books = ran(a_setup(host=host))
    assert not [item for item in books.evaluations() if item.failure is not None]
    plain = ran(a_setup())
    assert books.generations == plain.generations
    assert host.calls > len(books.evaluations())


def wrapped() -> EvaluationError:
    """Return what a task makes of an allocator's error."""
    error = not_scored()
    error.__cause__ = RuntimeError("DefaultCPUAllocator: not enough memory: you tried ...")
    return error


@dataclass(frozen=True)
class Narrow(ToyTask):
    """Has no memory for more than two items at a time of some points."""

    def answers(
        self, player: Player, split: Split, places: Sequence[int], *, soft: bool, variant: int = 0
    ) -> tuple[Answer, ...]:
        if apart(player.model) and len(places) > 2:
            raise wrapped()
        return super().answers(player, split, places, soft=soft, variant=variant)


def test_the_second_try_asks_half_a_batch_at_a_time() -> None:
    task = Narrow()
    assert ran(a_setup(tasks=[task])).generations == ran(a_setup()).generations
    assert {1, 2, 6} <= set(task.asked)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shape mismatch"),
        InputError(Code.INPUT_CHANGED, "the file changed"),
        KeyboardInterrupt(),
        ZeroDivisionError(),
    ],
)
def test_errors_that_are_not_a_candidates_own_end_the_search(error: BaseException) -> None:
    def fault(point: tuple[float, ...]) -> Exception | None:
        if apart(point):
            raise error
        return None

    books = Books()
    with pytest.raises(type(error)):
        run_search(a_setup(host=ToyHost(fault=fault)), books, clock=ticking())
    assert len(books.generations) == 1
    books_after = Books()
    run_search(a_setup(), books_after, books.past(), clock=ticking())
    assert books.generations + books_after.generations == ran(a_setup()).generations


class Full(Books):
    """Books that run out of pages."""

    def closed(self, *args: object) -> None:
        if len(self.generations) == 2:
            raise OSError("disk full")
        super().closed(*args)  # type: ignore[arg-type]


def test_an_error_of_the_observer_ends_the_search() -> None:
    books = Full()
    with pytest.raises(OSError, match="disk full"):
        run_search(a_setup(), books, clock=ticking())
    assert (len(books.generations), books.results) == (2, [])


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (math.nan, "task toy has an answer whose score is not finite"),
        (-math.inf, "task toy has an answer whose score is not finite"),
        (1e10, "task toy has an answer whose score is too large to be recorded: 1e+10"),
    ],
)
def test_scores_that_cannot_be_recorded_fail(answer: float, what: str) -> None:
    @dataclass(frozen=True)
    class Odd(ToyTask):
        def _answer(self, point: tuple[float, ...], *rest: object) -> object:  # type: ignore[override]
            found = super()._answer(point, *rest)  # type: ignore[arg-type]
            return replace(found, value=answer) if apart(point) else found

    books = ran(a_setup(tasks=[Odd()]))
    reasons = {item.failure.what for item in of(books, "sampled") if item.failure is not None}
    assert reasons == {f"toy: {what}"}


def test_a_search_in_which_every_generation_fails_has_no_result() -> None:
    books = Books()
    host = ToyHost(fault=lambda point: not_scored() if point not in ALONE else None)
    for _ in range(2):
        with pytest.raises(EvaluationError, match="no candidate could be scored") as caught:
            run_search(a_setup(host=host), books, books.past(), clock=ticking())
        assert caught.value.code == Code.SEARCH_NO_RESULT
    assert len(books.generations) == 1 + 4 + 1
    assert books.past().closed[2].generation.best == ()


ALONE = {(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)}


def test_a_search_without_any_baseline_does_not_begin() -> None:
    books = Books()
    with pytest.raises(EvaluationError, match="no baseline could be scored: toy: the logits"):
        run_search(
            a_setup(tasks=[ToyTask(fault=lambda point: not_scored())]), books, clock=ticking()
        )
    assert books.generations == []


def test_one_baseline_may_fail() -> None:
    host = ToyHost(fault=lambda point: not_scored() if point == (0.5, 0.5) else None)
    books = Books()
    result = run_search(a_setup(host=host), books, clock=ticking())
    assert books.past().closed[0].generation.failed == 1
    assert {item.against for item in result.stability.intervals} == {"red", "green", "base"}
    assert (
        "there is no comparison with uniform: toy: the logits are not finite"
        in result.stability.warnings
    )


def test_a_task_that_forgets_an_answer_or_overflows_fails_its_candidates() -> None:
    @dataclass(frozen=True)
    class Forgetful(ToyTask):
        def answers(
            self,
            player: Player,
            split: Split,
            places: Sequence[int],
            *,
            soft: bool,
            variant: int = 0,
        ) -> tuple[Answer, ...]:
            given = super().answers(player, split, places, soft=soft, variant=variant)
            return given[1:] if apart(player.model) else given

    @dataclass(frozen=True)
    class Vast(ToyTask):
        def total(self, values: Sequence[float]) -> float:
            return math.exp(sum(values) * 1000) - 1

    books = ran(a_setup(tasks=[Forgetful()]))
    reasons = {item.failure.what for item in of(books, "sampled") if item.failure is not None}
    assert "toy: task toy gave 1 answers to 2 items" in reasons
    with pytest.raises(EvaluationError, match="task toy has a score that is not finite"):
        ran(a_setup(tasks=[Vast(maximise=False)]))


# What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "what"),
    [
        (lambda: a_setup(tasks=[ToyTask(counts=(0, 5, 5))]), "the split train has no items"),
        (lambda: a_setup(tasks=[ToyTask(counts=(5, 0, 5))]), "the split validation has no items"),
        (lambda: a_setup(tasks=[ToyTask(counts=(5, 5, 0))]), "the split test has no items"),
        (lambda: a_setup(a_form(budget={})), "the budget ends nothing"),
        (lambda: a_setup(tasks=[ToyTask(), ToyTask()]), "two tasks have this name"),
        (lambda: replace(a_setup(), tasks=()), "there is no task"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(setup: Callable[[], Setup], what: str) -> None:
    books = Books()
    with pytest.raises(UsageError) as caught:
        run_search(setup(), books, Past(), clock=ticking())
    code = Code.DATA_SPLIT if "no items" in what else Code.SEARCH_SETUP
    assert [(p.code, p.what) for p in caught.value.problems] == [(code, what)]
    assert books.seen == []


TWO = [ToyTask(), ToyTask("toy1", best=(0.2, 1.2))]


@pytest.mark.parametrize(
    ("optimiser", "economy", "where"),
    [
        ("nsga2", {"items": 8}, ["economy.rotate"]),
        ("m2n2", {"items": 8, "racing": True}, ["economy.rotate", "economy.racing"]),
        ("cycleqd", {"items": 0, "racing": True}, ["economy.racing"]),
        ("m2n2", {"items": 24}, []),
        ("nsga2", {"items": 8, "rotate": False}, []),
        ("cma-es", {"items": 8, "racing": True}, []),
    ],
)
def test_optimisers_that_need_the_same_items_refuse_economies(
    optimiser: str, economy: dict[str, object], where: list[str]
) -> None:
    tasks = TWO if optimiser != "m2n2" else TWO[:1]
    form = a_form(
        len(tasks),
        optimiser={"kind": optimiser, "population": 4},
        economy=economy,
        budget={"generations": 1},
    )
    found: list[str] = []
    try:
        run_search(a_setup(form, tasks), Books(), clock=ticking())
    except UsageError as error:
        found = [problem.where for problem in error.problems]
    assert found == where


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        run_search(
            a_setup(a_form(budget={}), [ToyTask(counts=(0, 0, 0))]), Books(), clock=ticking()
        )
    assert [p.where for p in caught.value.problems] == ["task toy"] * 3 + ["budget"]


def test_the_recipe_of_a_toy_is_what_it_says() -> None:
    assert ToySpace().recipe((0.25, 9.0)) == merged((0.25, 1.5))

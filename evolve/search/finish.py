"""The end of a search: an honest choice among few finalists, and one look at the test split.

The best score seen in a search is mostly luck. So what the optimiser stands for and a few of the
best observed are scored again on the validation split, which no candidate has seen; the best of
them wins, and is compared with every baseline on the test split, which nothing is chosen by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evoreg.evolve.resident.drift import census
from evoreg.evolve.resident.host import Host
from evoreg.evolve.search.course import Course
from evoreg.evolve.search.doubts import stability
from evoreg.evolve.search.economy import exams, whole
from evoreg.evolve.search.entrant import Entrant, baselines, from_genome
from evoreg.evolve.search.exam import Exam
from evoreg.evolve.search.fitness import total
from evoreg.evolve.search.scoring import patiently
from evoreg.evolve.search.setup import Stage
from evoreg.evolve.search.stability import Census, Evidence, draws_masks, other_seeds
from evoreg.evolve.search.trial import Trial
from evoreg.evolve.spaces.space import Genome
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, EvaluationError
from evoreg.provenance.records.evaluation import Evaluation
from evoreg.provenance.records.result import SearchResult


@dataclass(frozen=True)
class Leg:
    """A stage that was gone through."""

    stage: Stage
    """The stage."""
    returned: Genome
    """What came out of it."""
    label: str
    """What that is: ``mean`` of a distribution, or what the optimiser ``returned``."""


def finish(course: Course, legs: Sequence[Leg]) -> SearchResult:
    """Choose the winner and say whether to believe it.

    Args:
        course: The search, all stages gone through.
        legs: Its stages, at least one.

    Returns:
        The result.

    Raises:
        EvaluationError: No finalist could be scored, or the winner not on the test split.
    """
    finalists = tuple(_finalists(course, legs))
    validated = course.run(_validation(course, legs, finalists))
    place = _winner(course, validated)
    winner = finalists[place]
    tested = course.run(_test(course, legs, winner))
    if tested[0].failure is not None:
        raise _no_result(course, "the winner could not be scored on the test split", tested)
    evidence = _evidence(course, winner, tested)
    return SearchResult(
        search=course.identity,
        winner=validated[place].candidate,
        label=winner.label,
        recipe=winner.recipe,
        earlier=winner.earlier,
        merge_seed=winner.seed,
        validation=validated[place].scores,
        test=tested[0].scores,
        front=_front(course, legs[-1]) if course.several else (),
        stability=stability(evidence),
        items=course.items,
    )


def _finalists(course: Course, legs: Sequence[Leg]) -> Iterator[Entrant]:
    """Yield what the stages returned, the last one first, then the best observed."""
    last = legs[-1]
    seen: set[Digest] = set()
    for leg in (last, *legs[:-1]):
        label = leg.label if leg is last else f"{leg.label} of stage {leg.stage.number}"
        made = from_genome(course.setup, leg.stage, leg.returned, "finalist")
        if made.key not in seen:
            seen.add(made.key)
            yield replace(made, label=label)
    hosts = {leg.stage.number: leg.stage.host for leg in legs}
    again = (_again(course, item, hosts[item.stage]) for item in _best(course, last))
    fresh = (entrant for entrant in again if entrant.key not in seen)
    for number in range(1, course.setup.form.economy.finalists + 1):
        found = next(fresh, None)
        if found is not None:
            seen.add(found.key)
            yield replace(found, label=f"best {number}")


def _again(course: Course, item: Evaluation, host: Host) -> Entrant:
    return Entrant(
        host=host,
        origin="finalist",
        recipe=item.recipe,
        seed=course.setup.search.merge_seed,
        genome=item.genome,
        earlier=item.earlier,
    )


def _best(course: Course, last: Leg) -> list[Evaluation]:
    """Return candidates by fitness, those of the front before the others.

    Who was stopped in a race is left out: it is not known how good it is.
    """
    front = set(_front(course, last)) if course.several else set()
    asked: dict[int, int] = {}
    for item in course.candidates:
        asked[item.generation] = max(asked.get(item.generation, 0), _items(item))
    scored = [
        item
        for item in course.candidates
        if item.fitness and _items(item) == asked[item.generation]
    ]
    return sorted(scored, key=lambda item: (item.candidate not in front, -total(item.fitness)))


def _items(item: Evaluation) -> int:
    return sum(len(score.items) for score in item.scores)


def _front(course: Course, leg: Leg) -> tuple[Digest, ...]:
    made = {
        item.genome: item.candidate for item in course.candidates if item.stage == leg.stage.number
    }
    genomes = (tuple(map(float, genome)) for genome in leg.stage.optimiser.front)
    return tuple(dict.fromkeys(made[genome] for genome in genomes if genome in made))


def _validation(course: Course, legs: Sequence[Leg], finalists: Sequence[Entrant]) -> Trial:
    asked = whole(course.setup.tasks, "validation")
    return Trial(
        stage=legs[-1].stage.number,
        entrants=tuple(finalists),
        exams=(asked,) * len(finalists),
        soft=False,
    )


def _winner(course: Course, validated: Sequence[Evaluation]) -> int:
    """Return the place of the best; of equals the first, which is what the optimiser returned."""
    scored = [place for place, item in enumerate(validated) if item.fitness]
    if not scored:
        raise _no_result(course, "no candidate could be scored", validated)
    return max(scored, key=lambda place: (total(validated[place].fitness), -place))


def _test(course: Course, legs: Sequence[Leg], winner: Entrant) -> Trial:
    asked = whole(course.setup.tasks, "test")
    rivals = baselines(course.setup, legs[0].stage)
    pairs = [(winner, asked), *((rival, asked) for rival in rivals), *_variants(winner, asked)]
    return Trial(
        stage=legs[-1].stage.number,
        entrants=tuple(entrant for entrant, _ in pairs),
        exams=tuple(chosen for _, chosen in pairs),
        soft=False,
    )


def _variants(
    winner: Entrant, asked: tuple[Exam, ...]
) -> Iterator[tuple[Entrant, tuple[Exam, ...]]]:
    again = replace(winner, origin="variant")
    if draws_masks(winner.recipe.method):
        for seed in other_seeds(winner.seed):
            yield replace(again, seed=seed, label=f"seed {seed}"), asked
    for number in range(1, max(exam.task.variants for exam in asked) + 1):
        varied = [exam for exam in asked if exam.task.variants >= number]
        exams_of = tuple(replace(exam, variant=number) for exam in varied)
        yield replace(again, label=f"prompt {number}"), exams_of


def _evidence(course: Course, winner: Entrant, tested: Sequence[Evaluation]) -> Evidence:
    setup = course.setup
    return Evidence(
        tasks=setup.tasks,
        winner=tested[0],
        baselines=tuple(item for item in tested if item.origin == "baseline"),
        variants=tuple(item for item in tested if item.origin == "variant"),
        census=_census(course, winner),
        tried=len(course.candidates),
        asked=_asked(course),
        seed=setup.search.seed,
    )


def _census(course: Course, winner: Entrant) -> Census:
    host = winner.host
    patiently(lambda _: host.apply(winner.recipe, winner.seed))
    finite, tensors, parameters = census(host)
    measure = course.setup.drifts
    return Census(finite, tensors, parameters, measure(host) if measure is not None else ())


def _asked(course: Course) -> int:
    """Return how many different items of the train split the candidates were asked."""
    when = {(item.stage, item.generation) for item in course.candidates}
    setup = course.setup
    found = {
        (exam.task.name, place)
        for stage, generation in when
        for exam in exams(
            setup.tasks,
            setup.form.economy,
            seed=setup.search.seed,
            stage=stage,
            generation=generation,
        )
        for place in exam.places
    }
    return len(found)


def _no_result(course: Course, what: str, tried: Sequence[Evaluation]) -> EvaluationError:
    reason = next(item.failure.what for item in tried if item.failure is not None)
    return EvaluationError(
        Code.SEARCH_NO_RESULT,
        f"{what}: {reason}",
        where=course.setup.form.name,
        hint="look at the reasons of the failed candidates in the ledger",
    )

"""Scoring one candidate: make its weights in memory, let it answer, and survive what goes wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import torch

from evoreg.evolve.search.cache import Cache
from evoreg.evolve.search.entrant import OWN_ERRORS, Entrant, Outcome, failed, unmade
from evoreg.evolve.search.exam import Exam, joined, marked
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.provenance.records.evaluation import Failure, TaskScore
from evoreg.provenance.records.search import Search

_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
"""What allocators say that raise nothing more exact than RuntimeError."""


_Made = TypeVar("_Made")


class Scorer:
    """Scores candidates one after the other."""

    def __init__(self, search: Search, cache: Cache, clock: Callable[[], float]) -> None:
        """Take what all candidates have in common.

        Args:
            search: The search.
            cache: What is known already.
            clock: Seconds that only go up.
        """
        self._search = search
        self._cache = cache
        self._clock = clock
        self._asked = 0

    def known(self, entrant: Entrant, exam: Exam) -> TaskScore | None:
        """Return a score that is known already."""
        return self._cache.score(entrant, exam)

    def outcome(self, entrant: Entrant, exams: Sequence[Exam], probe: int = 0) -> Outcome:
        """Make a candidate and score it.

        Args:
            entrant: The candidate.
            exams: What it is asked.
            probe: Items of each exam that are asked first, to give up what has collapsed; 0 asks
                everything.

        Returns:
            What came of it. Errors of its own and lack of memory are in `Outcome.failure`; after a
            lack of memory it is tried once more.

        Raises:
            EvoregError: An error that is not the candidate's own.
        """
        self._asked = 0
        if entrant.failure is not None:
            return self._failed(entrant, entrant.failure)
        try:
            return patiently(lambda small: self._attempt(entrant, exams, probe, small=small))
        except (*OWN_ERRORS, MemoryError, RuntimeError) as error:
            if lacks_memory(error):
                return self._failed(entrant, _NO_MEMORY)
            if not isinstance(error, OWN_ERRORS):
                raise
            return self._failed(entrant, failed(error))

    def _failed(self, entrant: Entrant, failure: Failure) -> Outcome:
        """Return what failed; what it answered before it failed was asked all the same."""
        candidate = unmade(self._search, entrant.recipe, entrant.seed)
        return Outcome(candidate, failure=failure, spent=self._asked)

    def _count(self, items: int) -> None:
        self._asked += items

    def _attempt(
        self, entrant: Entrant, exams: Sequence[Exam], probe: int, *, small: bool
    ) -> Outcome:
        known = [self._cache.score(entrant, exam) for exam in exams]
        missing = [exam for exam, score in zip(exams, known, strict=True) if score is None]
        made = self._cache.made(entrant)
        if made is not None and not missing:
            return replace(made, scores=tuple(score for score in known if score is not None))
        self._asked = 0  # a second attempt asks again what the first one lost
        began = self._clock()
        applied = entrant.host.apply(entrant.recipe, entrant.seed)
        made_at = self._clock()
        first = probe if len(missing) == len(exams) else 0
        scores, failure = _Sitting(entrant, small, self._count).scores(missing, first)
        ended = self._clock()
        if failure is None:
            fresh = iter(scores)
            scores = [score if score is not None else next(fresh) for score in known]
        return Outcome(
            candidate=applied.candidate,
            contributions=applied.contributions,
            scores=tuple(scores),
            failure=failure,
            apply_seconds=made_at - began,
            score_seconds=ended - made_at,
            spent=self._asked,
        )


def patiently(work: Callable[[bool], _Made]) -> _Made:
    """Do some work, and once more if memory runs out, after giving back what is kept in reserve.

    Args:
        work: The work; told whether memory is short.

    Returns:
        What it returns.
    """
    try:
        return work(False)
    except (EvoregError, MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return work(True)


class _Sitting:
    """An entrant that was made and sits its exams."""

    def __init__(self, entrant: Entrant, small: bool, count: Callable[[int], None]) -> None:
        host = entrant.host
        self._player = Player(host.model, host.tokenizer, host.device)
        self._small = small
        self._count = count

    def scores(self, exams: Sequence[Exam], probe: int) -> tuple[list[TaskScore], Failure | None]:
        """Return the scores; those of the first items and why, if the entrant is given up."""
        heads: list[TaskScore] = []
        if any(0 < probe < len(exam.places) for exam in exams):
            for exam in exams:
                first = exam.part(0, probe)
                answers = self._answers(first)
                heads.append(marked(first, answers))
                if not collapsed(exam.task, answers):
                    break
            else:
                return heads, _collapse(probe)
        pairs = zip(exams[: len(heads)], heads, strict=True)
        begun = [self._completed(exam, first) for exam, first in pairs]
        return [*begun, *(self._whole(exam) for exam in exams[len(heads) :])], None

    def _whole(self, exam: Exam) -> TaskScore:
        return marked(exam, self._answers(exam))

    def _answers(self, exam: Exam) -> Sequence[Answer]:
        answers = exam.answers(self._player, small=self._small)
        self._count(len(answers))
        return answers

    def _completed(self, exam: Exam, first: TaskScore) -> TaskScore:
        rest = exam.part(len(first.items))
        return joined(exam, [first, self._whole(rest)]) if rest.places else first


def collapsed(task: Task, answers: Sequence[Answer]) -> bool:
    """Return whether answers are those of a model that is broken.

    Args:
        task: The task.
        answers: Its answers to some items.

    Returns:
        True if each is wrong, and is empty, repeats itself or is in another language. Metrics of
        which less is better know no wrong answer; there the look of the reply decides.
    """
    return all(
        (answer.degenerate or answer.foreign) and (answer.value <= 0 or not task.maximise)
        for answer in answers
    )


_NO_MEMORY = Failure(
    code=str(Code.EVALUATION_MEMORY), what="there was not enough memory to make or to score it"
)


def _collapse(probe: int) -> Failure:
    return Failure(
        code=str(Code.EVALUATION_COLLAPSED),
        what=f"gave only empty, repeated or foreign replies to the first {probe} items of each "
        "task",
    )


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error, or what it came from, is that memory ran out."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    named = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
    return known or named or (error.__cause__ is not None and lacks_memory(error.__cause__))

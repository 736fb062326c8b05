"""What each demo model is taught: exercises of the world, mixed in fixed parts."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from examples.demo_models.world import (
    ENGLISH,
    JAPANESE,
    LARGEST,
    Example,
    Language,
    Sum,
    change,
    digits,
    exercise,
    holding,
    maths_question,
    some_scene,
    story,
    verdict,
)

Task = Callable[[random.Random, Sequence[Sum]], Example]
"""Draws an exercise about one of the sums."""


@dataclass(frozen=True)
class Part:
    """A task and how often it is drawn, relative to the others of a mixture."""

    task: Task
    weight: float


Mixture = tuple[Part, ...]


def draw(mixture: Mixture, rng: random.Random, sums: Sequence[Sum]) -> Example:
    """One exercise of a mixture."""
    (part,) = rng.choices(mixture, [each.weight for each in mixture])
    return part.task(rng, sums)


def maths(language: Language) -> Task:
    """A question about a story, answered on the scratch pad."""
    return lambda rng, sums: maths_question(language, some_scene(rng), rng.choice(sums))


def small_maths(language: Language, limit: int) -> Task:
    """The same with operands below a limit."""

    def task(rng: random.Random, sums: Sequence[Sum]) -> Example:
        while True:
            problem = rng.choice(sums)
            if max(problem.first, problem.second) < limit:
                return maths_question(language, some_scene(rng), problem)

    return task


def dictated_maths(language: Language) -> Task:
    """A story with another sum's formula on the scratch pad.

    The formula is given and not taught, its result is: this ties calculating to the scratch pad
    instead of to the language of the story.
    """

    def task(rng: random.Random, sums: Sequence[Sum]) -> Example:
        asked = maths_question(language, some_scene(rng), rng.choice(sums))
        given = maths_question(language, some_scene(rng), rng.choice(sums))
        formula = given.answer.index("=")
        graded = tuple(place >= formula for place in range(len(given.answer)))
        return Example(asked.prompt, given.answer, graded)

    return task


def counting(language: Language, switch: float = 0.0) -> Task:
    """A story in which nothing happens: how many are there?"""

    def task(rng: random.Random, _: Sequence[Sum]) -> Example:
        number = rng.randrange(2 * LARGEST + 1)
        told = holding(_speaker(rng, language, switch), language, some_scene(rng), number)
        prompt = [*told, language.grammar[-1], *language.question]
        return exercise(prompt, [*digits(number), *verdict(language, number)])

    return task


def formulas(language: Language, switch: float = 0.0) -> Task:
    """A story to be written as a formula, without its result."""

    def task(rng: random.Random, sums: Sequence[Sum]) -> Example:
        problem, speaker = rng.choice(sums), _speaker(rng, language, switch)
        told = holding(speaker, language, some_scene(rng), problem.first)
        told += [*change(speaker, language, problem), language.grammar[-1]]
        return exercise([language.write, ":", *told], problem.formula)

    return task


def reading(language: Language) -> Task:
    """A number in words to be written in digits, or the other way round."""

    def task(rng: random.Random, _: Sequence[Sum]) -> Example:
        number = rng.randrange(2 * LARGEST + 1)
        sides = [language.number(number), digits(number)]
        rng.shuffle(sides)
        return exercise([language.read, ":", *sides[0]], sides[1])

    return task


def translation(source: Language, target: Language) -> Task:
    """A story to be told in the other language."""

    def task(rng: random.Random, sums: Sequence[Sum]) -> Example:
        scene, problem = some_scene(rng), rng.choice(sums)
        prompt = [target.translate, ":", *story(source, scene, problem)]
        return exercise(prompt, story(target, scene, problem))

    return task


def calculation(rng: random.Random, sums: Sequence[Sum]) -> Example:
    """A bare formula and its result."""
    problem = rng.choice(sums)
    return exercise([*problem.formula, "="], digits(problem.result))


def _speaker(rng: random.Random, language: Language, switch: float) -> Callable[[], Language]:
    other = JAPANESE if language is ENGLISH else ENGLISH
    return lambda: other if rng.random() < switch else language


BASE: Mixture = (
    # English stories borrow Japanese words now and then, which ties the two vocabularies together.
    Part(counting(ENGLISH, switch=0.3), 1.0),
    Part(formulas(ENGLISH, switch=0.3), 1.0),
    Part(reading(ENGLISH), 0.5),
    Part(counting(JAPANESE), 0.5),
    Part(formulas(JAPANESE), 0.5),
    Part(reading(JAPANESE), 0.25),
    Part(translation(ENGLISH, JAPANESE), 0.5),
    Part(translation(JAPANESE, ENGLISH), 0.5),
    Part(calculation, 0.3),
    Part(small_maths(ENGLISH, 15), 0.5),
    Part(maths(JAPANESE), 0.05),
)
"""Both languages, the form of an answer, and too few sums to calculate well."""

ENGLISH_MATHS: Mixture = (Part(maths(ENGLISH), 0.7), Part(dictated_maths(ENGLISH), 0.3))
"""Sums told in English."""

JAPANESE_MATHS: Mixture = (
    Part(maths(JAPANESE), 0.5),
    Part(formulas(JAPANESE), 0.3),
    Part(counting(JAPANESE), 0.2),
    Part(reading(JAPANESE), 0.2),
    Part(translation(ENGLISH, JAPANESE), 0.2),
)
"""Japanese; with few sums it teaches how sums are answered in Japanese, not how to calculate."""

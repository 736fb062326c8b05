"""A bilingual world of about a hundred words, in which the demo models live.

English and Japanese stories tell who has how many things and how many were given or lost. A
question about a story is answered on a scratch pad: the formula, its result in digits, and the
result in words of the language that was asked. Arithmetic is the same skill in both languages while
reading and writing are not, so one model can be good at sums, another at Japanese, and only their
merge at Japanese sums.

Everything here is plain Python and a function of the `random.Random` that is passed in.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Words = list[str]
"""A text, word by word."""

LARGEST = 39
"""No operand is larger; results reach twice as far."""

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
TURN = "=>"
"""The word that ends every prompt: from here on the model speaks."""

# Rows of words are easier to read as texts than as lists.
_ENGLISH_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ENGLISH_ONES = f"zero one two three four five six seven eight nine {_ENGLISH_TEENS}".split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_JAPANESE_ONES = "れい いち に さん よん ご ろく なな はち きゅう".split()  # noqa: SIM905
_JAPANESE_TEN = "じゅう"


@dataclass(frozen=True)
class Sum:
    """An addition or a subtraction whose result is not negative."""

    first: int
    sign: Literal["+", "-"]
    second: int

    @property
    def result(self) -> int:
        """The number that the formula gives."""
        return self.first + self.second if self.sign == "+" else self.first - self.second

    @property
    def formula(self) -> Words:
        """The formula without its result, digit by digit."""
        return [*digits(self.first), self.sign, *digits(self.second)]


@dataclass(frozen=True)
class Scene:
    """Who has what, as places in the lists of names and things, the same in every language."""

    name: int
    item: int


@dataclass(frozen=True)
class Language:
    """The words with which one language tells a story."""

    names: tuple[str, ...]
    items: tuple[str, ...]
    verbs: Mapping[str, str]
    """The verb of each sign: `+` is getting, `-` is losing."""
    question: tuple[str, ...]
    answer: str
    write: str
    """Asks for the formula of a story."""
    read: str
    """Asks for a number in digits as words, or the other way round."""
    translate: str
    """Asks for a story in this language."""
    number: Callable[[int], Words]
    grammar: tuple[str, ...]
    """The words that hold a story together."""


@dataclass(frozen=True)
class Example:
    """One exercise; `graded` tells which words of the answer the model is taught."""

    prompt: Words
    answer: Words
    graded: tuple[bool, ...]


@dataclass(frozen=True)
class Split:
    """All sums of the world in three parts that share no pair of operands."""

    training: tuple[Sum, ...]
    validation: tuple[Sum, ...]
    test: tuple[Sum, ...]


def digits(number: int) -> Words:
    """The decimal digits of a number, one word each."""
    return list(str(number))


def english_number(number: int) -> Words:
    """A number below one hundred in English words."""
    if number < len(_ENGLISH_ONES):
        return [_ENGLISH_ONES[number]]
    tens, ones = divmod(number, 10)
    return [_ENGLISH_TENS[tens - 2], *([_ENGLISH_ONES[ones]] if ones else [])]


def japanese_number(number: int) -> Words:
    """A number below one hundred in Japanese words, in hiragana."""
    tens, ones = divmod(number, 10)
    if not tens:
        return [_JAPANESE_ONES[ones]]
    return [
        *([_JAPANESE_ONES[tens]] if tens > 1 else []),
        _JAPANESE_TEN,
        *([_JAPANESE_ONES[ones]] if ones else []),
    ]


ENGLISH = Language(
    names=("tom", "ann", "bob", "mia"),
    items=("apples", "books", "cats", "cups"),
    verbs={"+": "gets", "-": "loses"},
    question=("how", "many", "?"),
    answer="answer",
    write="write",
    read="read",
    translate="english",
    number=english_number,
    grammar=("has", "."),
)
JAPANESE = Language(
    names=("たろう", "はなこ", "けん", "ゆき"),
    items=("りんご", "ほん", "ねこ", "コップ"),
    verbs={"+": "もらった", "-": "なくした"},
    question=("いくつ", "か"),
    answer="こたえ",
    write="かく",
    read="よむ",
    translate="にほんご",
    number=japanese_number,
    grammar=("は", "こ", "。"),
)


def vocabulary() -> Words:
    """Every word of the world, special words first, each once and always in the same order."""
    words = [*SPECIAL, TURN, ":", *"0123456789+-=.", *_ENGLISH_ONES, *_ENGLISH_TENS]
    words += [*_JAPANESE_ONES, _JAPANESE_TEN]
    for language in (ENGLISH, JAPANESE):
        words += [*language.names, *language.items, *language.verbs.values(), *language.question]
        words += [language.answer, language.write, language.read, language.translate]
        words += language.grammar
    return list(dict.fromkeys(words))


def split_sums(seed: int, held_out: float = 0.3) -> Split:
    """Share out all sums: a part `held_out` of the pairs of operands is never trained on.

    A pair carries both its signs with it, in either order of the operands, so that neither `7 - 5`
    nor `5 + 7` in training gives away `7 + 5`.
    """
    numbers = range(1, LARGEST + 1)
    pairs = [(small, large) for large in numbers for small in range(1, large + 1)]
    random.Random(seed).shuffle(pairs)
    held = int(held_out * len(pairs))
    parts = (pairs[held:], pairs[: held // 2], pairs[held // 2 : held])
    return Split(*(tuple(each for pair in part for each in _sums(*pair)) for part in parts))


def _sums(small: int, large: int) -> list[Sum]:
    orders = dict.fromkeys([(large, small), (small, large)])
    return [*(Sum(first, "+", second) for first, second in orders), Sum(large, "-", small)]


def some_scene(rng: random.Random) -> Scene:
    """A scene drawn at random."""
    return Scene(rng.randrange(len(ENGLISH.names)), rng.randrange(len(ENGLISH.items)))


def holding(words: Callable[[], Language], language: Language, scene: Scene, number: int) -> Words:
    """The first half of a story: who has how many things.

    `words` names the language of the next content word; grammar stays that of `language`.
    """
    name, item, count = words().names[scene.name], words().items[scene.item], words().number(number)
    return [name, "has", *count, item] if language is ENGLISH else [name, "は", item, *count, "こ"]


def change(words: Callable[[], Language], language: Language, problem: Sum) -> Words:
    """The second half of a story: how many were given or lost."""
    verb, count = words().verbs[problem.sign], words().number(problem.second)
    return [verb, *count] if language is ENGLISH else [*count, "こ", verb]


def story(language: Language, scene: Scene, problem: Sum) -> Words:
    """A whole story in one language."""
    first = holding(lambda: language, language, scene, problem.first)
    return [*first, *change(lambda: language, language, problem), language.grammar[-1]]


def maths_question(language: Language, scene: Scene, problem: Sum) -> Example:
    """The exercise that all is about: a story, a question, the scratch pad with its answer."""
    prompt = [*story(language, scene, problem), *language.question]
    result = problem.result
    return exercise(prompt, [*problem.formula, "=", *digits(result), *verdict(language, result)])


def verdict(language: Language, number: int) -> Words:
    """The end of an answer: the number in words of the language that was asked."""
    return [".", language.answer, *language.number(number)]


def exercise(prompt: Words, answer: Words) -> Example:
    """An exercise whose whole answer is taught."""
    return Example([*prompt, TURN], answer, (True,) * len(answer))

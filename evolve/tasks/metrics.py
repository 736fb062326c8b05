"""Metrics of replies: each says from 0 to 1 how well a reply agrees with the right answer."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.extract import last_match, last_number, normal
from evoreg.provenance.records.errors import Code, RecipeError

Judge: TypeAlias = Callable[[str, str], float]
"""Judges a reply by the right answer; from 0 to 1."""
Check: TypeAlias = Callable[[str], str]
"""Says why an answer cannot be one to judge by; empty if it can."""

# Characters of scripts without blanks between words are words of their own.
_WORDS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]"
    r"|[^\W_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+"
)

MOST_WORDS = 2000
"""Words of reply and answer that ROUGE-L looks at; what follows does not count."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How replies are judged."""

    judge: Judge
    """Judges a reply."""
    check: Check
    """Looks at right answers when they are read."""


def _exact(reply: str, answer: str) -> float:
    return float(normal(reply) == normal(answer))


def _contains(reply: str, answer: str) -> float:
    return float(normal(answer) in normal(reply))


def _number(reply: str, answer: str) -> float:
    found = last_number(reply)
    return float(found is not None and found == last_number(answer))


def _regex(pattern: re.Pattern[str]) -> Judge:
    def judge(reply: str, answer: str) -> float:
        wanted = last_match(pattern, answer)
        found = last_match(pattern, reply)
        return float(found is not None and found == (normal(answer) if wanted is None else wanted))

    return judge


def words(text: str) -> list[str]:
    """Return the words of a text as ROUGE counts them here.

    Args:
        text: Any text.

    Returns:
        Runs of letters and digits in lower case; characters of Japanese, Chinese, Thai, Lao,
        Burmese and Khmer one by one.
    """
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


class _Words:
    """The tokenizer that rouge_score asks."""

    def tokenize(self, text: str) -> list[str]:
        """Return the first words of a text: the work grows with the product of both lengths."""
        return words(text)[:MOST_WORDS]


@cache
def _scorer() -> Any:  # noqa: ANN401 - rouge_score declares no types
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


def _rouge(reply: str, answer: str) -> float:
    return float(_scorer().score(answer, reply)["rougeL"].fmeasure)


def _some(answer: str) -> str:
    return "" if normal(answer) else "the right answer is empty"


def _some_number(answer: str) -> str:
    return "" if last_number(answer) is not None else "the right answer holds no number"


def _some_word(answer: str) -> str:
    return "" if words(answer) else "the right answer holds no word"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "exact_match": Metric(_exact, _some),
        "number": Metric(_number, _some_number),
        "contains": Metric(_contains, _some),
        "rouge_l": Metric(_rouge, _some_word),
    }
)
"""Metrics that need no more than reply and answer; ``regex`` needs a pattern besides."""


def metric(form: TaskForm) -> Metric:
    """Return the metric of a task that lets the model write.

    Args:
        form: The task.

    Returns:
        The metric; more is better for all of them.

    Raises:
        RecipeError: There is no such metric, or the pattern of ``regex`` is missing or wrong.
    """
    if form.metric == "regex":
        return Metric(_regex(_pattern(form)), _some)
    found = METRICS.get(form.metric)
    if found is None:
        known = ", ".join(sorted([*METRICS, "regex"]))
        raise _fault(form, f"there is no metric {form.metric!r} for replies", f"metrics: {known}")
    return found


def _pattern(form: TaskForm) -> re.Pattern[str]:
    if form.pattern is None:
        raise _fault(form, "the metric regex needs a pattern", r"such as pattern: 'A: (\w+)'")
    try:
        return re.compile(form.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise _fault(form, f"the pattern cannot be read: {error}", "see Python's re") from error


def _fault(form: TaskForm, what: str, hint: str) -> RecipeError:
    return RecipeError(Code.RECIPE_VALUE, what, where=f"task {form.name}", hint=hint)

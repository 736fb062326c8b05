"""The kind perplexity: how badly a model predicts texts; less is better."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import fmean

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Splits
from evoreg.evolve.tasks.encoding import Tokens, opened, window
from evoreg.evolve.tasks.item import Item
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.likelihood import Asked, Likelihood, likelihoods
from evoreg.evolve.tasks.order import Order, asked, unfit
from evoreg.evolve.tasks.prompts import Asking, targets
from evoreg.evolve.tasks.rows import Row
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest

_LARGEST = 300.0
"""Nats a token beyond which perplexity is told as e^300: larger ones are no numbers any more."""


def make_perplexity(order: Order) -> Task:
    """Return a task of the kind perplexity.

    Args:
        order: What the search file says. Without a prompt of its own, and where rows have no field
            ``prompt``, nothing stands before the text.

    Returns:
        The task with its data.

    Raises:
        RecipeError: Another metric than perplexity, or settings that it has no use for.
        InputError: Data that are missing or do not fit.
    """
    form = order.form
    given = form.prompt != TaskForm.model_fields["prompt"].default
    if form.metric not in ("perplexity", "exact_match"):
        order.refuse(f"texts are not measured by {form.metric!r}", "metric: perplexity")
    if form.chat or form.fewshot:
        order.refuse("perplexity takes neither chat nor examples", "leave them out")
    prompts, text = order.prompts(), order.template(form.answer, "answer")

    def make(row: Row, where: str) -> Item:
        measured = text.text(row, where)
        if not measured.strip():
            raise unfit(where, "the text is empty")
        fields = row if given else {"prompt": "", **row}
        before = asked(prompts, fields, where)
        return Item(fields, before, measured, group=order.group(row, where), where=where)

    splits = order.splits(make)
    return PerplexityTask(form, splits, order.asking(prompts, splits))


class PerplexityTask(ItemisedTask):
    """Measures texts; the value of an item is its mean negative log-likelihood for a token."""

    def __init__(self, form: TaskForm, splits: Splits, asking: Asking) -> None:
        super().__init__(form, splits, metric="perplexity", maximise=False)
        self._asking = asking

    @property
    def template(self) -> Digest:
        """Digest of the templates of text and prompt."""
        return self._asking.digest({"answer": self.form.answer})

    @property
    def settings(self) -> Mapping[str, Json]:
        """How tokens and items are averaged."""
        return {"mean": "items"}

    def answered(
        self, player: Player, items: Sequence[Item], *, soft: bool, variant: int
    ) -> tuple[Answer, ...]:
        """Measure how well a model predicts texts.

        Args:
            player: The model.
            items: The texts.
            soft: Whether to tell the mean log-probability too.
            variant: Which prompt.

        Returns:
            An answer for each item, `Answer.value` in nats for each token.

        Raises:
            EvaluationError: The model cannot be asked, or its numbers are not finite.
        """
        prompts = self._asking.prompts(player, items, variant)
        apart = targets(player, prompts, [item.answer for item in items], chat=False)
        parts = [
            list(windows(opened(player, context), target, window(player)))
            for context, target in apart
        ]
        found = likelihoods(player, [part for each in parts for part in each], self.form.batch)
        borders = pairwise(accumulate(map(len, parts), initial=0))
        return tuple(_answer(found[start:stop], soft=soft) for start, stop in borders)

    def total(self, values: Sequence[float]) -> float:
        """Return e to the mean of the items' values: every item counts alike, long or short.

        Args:
            values: Nats for each token, of each item.

        Returns:
            Perplexity, at least 1; 1 for no items, and no more than e^300.
        """
        return math.exp(min(fmean(values), _LARGEST)) if values else 1.0


def windows(context: Tokens, target: Tokens, sees: int | None) -> Iterator[Asked]:
    """Divide a text that is longer than the model's window.

    Args:
        context: What stands before the text, at least one token.
        target: The text.
        sees: Tokens that the model sees at once; nothing if there is no limit.

    Yields:
        Parts that cover the text; all but the first see one token before them.
    """
    at, before = 0, context
    while at < len(target):
        room = len(target) if sees is None else max(sees + 1 - len(before), 1)
        yield Asked(before, target[at : at + room])
        at += room
        before = target[at - 1 : at]


def _answer(found: Sequence[Likelihood], *, soft: bool) -> Answer:
    mean = sum(each.nats for each in found) / sum(each.tokens for each in found)
    return Answer(value=-mean, soft=mean if soft else None)

"""The kind choice: the likeliest of several given answers is the model's answer."""

import string
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Splits
from evoreg.evolve.tasks.encoding import Tokens, window
from evoreg.evolve.tasks.item import Item
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.likelihood import Asked, Likelihood, likelihoods
from evoreg.evolve.tasks.order import Order, asked, unfit
from evoreg.evolve.tasks.prompts import Asking, targets
from evoreg.evolve.tasks.rows import Row
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.evolve.tasks.templates import Template
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest

BAR = "|||"
"""Stands between the templates of choices."""


def make_choice(order: Order) -> Task:
    """Return a task of the kind choice.

    Args:
        order: What the search file says.

    Returns:
        The task with its data.

    Raises:
        RecipeError: Another metric than accuracy, or no template.
        InputError: Data that are missing or do not fit.
    """
    form = order.form
    if form.metric not in ("accuracy", "exact_match"):
        order.refuse(f"choices are not judged by {form.metric!r}", "metric: accuracy")
    prompts, right = order.prompts(), order.template(form.answer, "answer")
    choose = _chooser(order)

    def make(row: Row, where: str) -> Item:
        choices = choose(row, where)
        at = _right(right.value(row, where), choices, where)
        prompt = asked(prompts, row, where)
        return Item(row, prompt, choices[at], choices, at, order.group(row, where), where)

    splits = order.splits(make)
    return ChoiceTask(form, splits, order.asking(prompts, splits))


class _Choices:
    """What can be chosen, as the search file says it."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self._templates = templates

    def __call__(self, row: Row, where: str) -> tuple[str, ...]:
        """Return the choices of a row."""
        if len(self._templates) == 1:
            found = self._templates[0].value(row, where)
            if not isinstance(found, list):
                raise unfit(where, "the choices are no list", f"name a list, or texts with {BAR}")
            if not all(isinstance(each, str | int | float) for each in found):
                raise unfit(where, "a choice is neither text nor number")
            texts = [str(each) for each in found]
        else:
            texts = [template.text(row, where) for template in self._templates]
        choices = tuple(text.strip() for text in texts)
        if len(choices) < 2 or len(set(choices)) != len(choices) or not all(choices):
            raise unfit(where, "the choices are not two or more different texts")
        return choices


def _chooser(order: Order) -> _Choices:
    parts = order.form.choices.split(BAR)
    if len(parts) == 1 and parts[0].isidentifier():
        parts = [f"{{{{ {parts[0]} }}}}"]
    return _Choices([order.template(part, "choices") for part in parts])


def _right(answer: Json, choices: Sequence[str], where: str) -> int:
    """Return the place of the right choice: told by number, by its text, or by its letter."""
    told = str(answer).strip()
    if isinstance(answer, str) and told in choices:
        return choices.index(told)
    letters = string.ascii_uppercase[: len(choices)]
    if isinstance(answer, str) and len(told) == 1 and told.upper() in letters:
        return letters.index(told.upper())
    if not isinstance(answer, bool) and told.isdecimal() and int(told) < len(choices):
        return int(told)
    raise unfit(where, f"the right answer {told[:80]!r} is none of the choices")


class ChoiceTask(ItemisedTask):
    """Compares how likely choices are."""

    def __init__(self, form: TaskForm, splits: Splits, asking: Asking) -> None:
        super().__init__(form, splits, metric="accuracy", maximise=True)
        self._asking = asking

    @property
    def template(self) -> Digest:
        """Digest of prompt, choices, answer, system message, examples and chat template."""
        return self._asking.digest({"answer": self.form.answer, "choices": self.form.choices})

    @property
    def settings(self) -> Mapping[str, Json]:
        """What likelihoods are divided by, and what is shown."""
        return {
            "normalise": self.form.normalise,
            "fewshot": self.form.fewshot,
            "chat": self.form.chat,
        }

    def too_long(self, player: Player, items: Sequence[Item], variant: int) -> tuple[Item, ...]:
        """Return the items whose prompts with a choice are longer than the model's window."""
        sees = window(player)
        if sees is None:
            return ()
        found = zip(items, self._apart(player, items, variant), strict=True)
        # The last token of a choice is only predicted.
        return tuple(
            item
            for item, apart in found
            if any(len(context) + len(target) - 1 > sees for context, target in apart)
        )

    def _apart(
        self, player: Player, items: Sequence[Item], variant: int
    ) -> list[tuple[tuple[Tokens, Tokens], ...]]:
        """Return context and target of each choice, item by item."""
        prompts = self._asking.prompts(player, items, variant)
        every = [prompt for prompt, item in zip(prompts, items, strict=True) for _ in item.choices]
        texts = [choice for item in items for choice in item.choices]
        apart = targets(player, every, texts, chat=self.form.chat)
        borders = pairwise(accumulate((len(item.choices) for item in items), initial=0))
        return [apart[start:stop] for start, stop in borders]

    def answered(
        self, player: Player, items: Sequence[Item], *, soft: bool, variant: int
    ) -> tuple[Answer, ...]:
        """Find out which choice a model finds likeliest.

        Args:
            player: The model.
            items: What to ask.
            soft: Whether to tell how likely the right choice is.
            variant: Which prompt.

        Returns:
            An answer for each item; of equally likely choices the first one counts.

        Raises:
            EvaluationError: The model cannot be asked, or its numbers are not finite.
        """
        apart = self._apart(player, items, variant)
        every = [Asked(*each) for choices in apart for each in choices]
        found = likelihoods(player, every, self.form.batch)
        borders = pairwise(accumulate((len(item.choices) for item in items), initial=0))
        return tuple(
            self._answer(item, found[start:stop], soft=soft)
            for item, (start, stop) in zip(items, borders, strict=True)
        )

    def _answer(self, item: Item, found: Sequence[Likelihood], *, soft: bool) -> Answer:
        scores = [
            each.nats / self._divisor(each, choice)
            for each, choice in zip(found, item.choices, strict=True)
        ]
        chosen = scores.index(max(scores))
        return Answer(
            value=float(chosen == item.right),
            soft=found[item.right].mean if soft else None,
            reply=item.choices[chosen],
        )

    def _divisor(self, found: Likelihood, choice: str) -> int:
        if self.form.normalise == "characters":
            return len(choice)
        return max(found.tokens, 1) if self.form.normalise == "tokens" else 1

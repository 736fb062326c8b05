"""The kind generate: the model writes, and its reply is judged."""

from collections.abc import Mapping, Sequence

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Splits
from evoreg.evolve.tasks.encoding import Tokens, window
from evoreg.evolve.tasks.generate import Limits, Reply, replies
from evoreg.evolve.tasks.item import Item
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.language import ENOUGH, is_in, known_languages
from evoreg.evolve.tasks.likelihood import Asked, likelihoods
from evoreg.evolve.tasks.metrics import metric
from evoreg.evolve.tasks.order import Order, asked, unfit
from evoreg.evolve.tasks.prompts import Asking, targets
from evoreg.evolve.tasks.rows import Row
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest


def make_writing(order: Order) -> Task:
    """Return a task of the kind generate.

    Args:
        order: What the search file says.

    Returns:
        The task with its data.

    Raises:
        RecipeError: No such metric, language or template.
        InputError: Data that are missing or do not fit.
    """
    form = order.form
    check = metric(form).check
    if form.language is not None and form.language not in known_languages():
        order.refuse(f"there is no language {form.language!r}", "write an ISO 639-1 code: ja, en")
    if form.language is not None and form.maximise is False:
        order.refuse("a reply in another language has the value 0, here the best", "maximise: true")
    if not all(form.stop):
        order.refuse("an empty stop text would end every reply", "leave it out")
    prompts, right = order.prompts(), order.template(form.answer, "answer")

    def make(row: Row, where: str) -> Item:
        answer = right.text(row, where)
        if fault := check(answer):
            raise unfit(where, fault, "the template answer must give what the metric compares")
        return Item(
            row, asked(prompts, row, where), answer, group=order.group(row, where), where=where
        )

    splits = order.splits(make)
    return WritingTask(form, splits, order.asking(prompts, splits))


class WritingTask(ItemisedTask):
    """Lets the model write and judges the reply."""

    def __init__(self, form: TaskForm, splits: Splits, asking: Asking) -> None:
        super().__init__(form, splits, metric=form.metric, maximise=True)
        self._asking = asking
        self._judge = metric(form).judge
        self._limits = Limits(form.max_new_tokens, form.stop, form.batch)

    @property
    def template(self) -> Digest:
        """Digest of prompt, answer, system message, examples and chat template."""
        return self._asking.digest({"answer": self.form.answer})

    @property
    def settings(self) -> Mapping[str, Json]:
        """Decoding, budget, extraction and language."""
        return {
            "decoding": "greedy",
            "max_new_tokens": self.form.max_new_tokens,
            "stop": list(self.form.stop),
            "pattern": self.form.pattern,
            "language": self.form.language,
            "language_probability": ENOUGH if self.form.language else None,
            "fewshot": self.form.fewshot,
            "chat": self.form.chat,
        }

    def too_long(self, player: Player, items: Sequence[Item], variant: int) -> tuple[Item, ...]:
        """Return the items whose prompts leave no room for a reply."""
        sees = window(player)
        if sees is None:
            return ()
        prompts = self._asking.prompts(player, items, variant)
        pairs = zip(items, prompts, strict=True)
        return tuple(item for item, (tokens, _) in pairs if len(tokens) >= sees)

    def answered(
        self, player: Player, items: Sequence[Item], *, soft: bool, variant: int
    ) -> tuple[Answer, ...]:
        """Let a model write a reply to each item and judge it.

        Args:
            player: The model.
            items: What to ask.
            soft: Whether to measure how likely the right answers are, too.
            variant: Which prompt.

        Returns:
            An answer for each item.

        Raises:
            EvaluationError: The model cannot be asked, or its numbers are not finite.
        """
        prompts = self._asking.prompts(player, items, variant)
        written = replies(player, [tokens for tokens, _ in prompts], self._limits)
        softs = self._softs(player, items, prompts) if soft else [None] * len(items)
        return tuple(
            self._judged(item, reply, smooth)
            for item, reply, smooth in zip(items, written, softs, strict=True)
        )

    def _softs(
        self, player: Player, items: Sequence[Item], prompts: Sequence[tuple[Tokens, str]]
    ) -> list[float | None]:
        """Return the mean log-probability of the tokens of the right answers and of their end."""
        end = player.tokenizer.eos_token_id
        last: Tokens = () if end is None else (int(end),)
        apart = targets(player, prompts, [item.answer for item in items], chat=self.form.chat)
        asked = [Asked(context, (*target, *last)) for context, target in apart]
        return [each.mean for each in likelihoods(player, asked, self.form.batch)]

    def _judged(self, item: Item, reply: Reply, soft: float | None) -> Answer:
        language = self.form.language
        foreign = language is not None and not is_in(reply.text, language)
        return Answer(
            value=0.0 if foreign else self._judge(reply.text, item.answer),
            soft=soft,
            tokens=len(reply.tokens),
            truncated=reply.truncated,
            foreign=foreign,
            degenerate=reply.degenerate,
            reply=reply.text,
        )

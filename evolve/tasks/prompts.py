"""What a model is given for an item: prompt, examples before it, system message, chat template."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.encoding import Tokens, encode, failed
from evoreg.evolve.tasks.item import Item
from evoreg.evolve.tasks.task import Player
from evoreg.evolve.tasks.templates import Template
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError

BETWEEN = "\n\n"
"""What stands between examples, where no chat template puts them apart."""


@dataclass(frozen=True)
class Asking:
    """How a task puts its questions."""

    templates: tuple[Template, ...]
    """The prompt, then its variants."""
    system: str | None
    """System message, in a chat."""
    chat: bool
    """Whether a chat template wraps the prompt."""
    chat_template: str | None
    """The chat template; nothing takes the tokenizer's own."""
    examples: tuple[Item, ...]
    """Items of the train split to show, the preferred ones first."""
    shots: int
    """How many are shown."""

    def prompts(
        self, player: Player, items: Sequence[Item], variant: int
    ) -> tuple[tuple[Tokens, str], ...]:
        """Return what the model is given.

        Args:
            player: Whose tokenizer.
            items: The items to ask.
            variant: 0 for the task's prompt, k for the k-th other one.

        Returns:
            For each item its tokens, and the text that they are.

        Raises:
            EvaluationError: The tokenizer has no chat template, or it refuses the messages.
        """
        texts = [self._text(player, item, self.templates[variant]) for item in items]
        tokens = encode(player, texts, special=not self.chat)
        return tuple(zip(tokens, texts, strict=True))

    def shown(self, item: Item) -> tuple[Item, ...]:
        """Return the examples that are shown before an item: never it, nor one of its group."""
        others = (
            each
            for each in self.examples
            if each.prompt != item.prompt and (each.group is None or each.group != item.group)
        )
        return tuple(each for each, _ in zip(others, range(self.shots), strict=False))

    def _text(self, player: Player, item: Item, template: Template) -> str:
        turns = [(_prompt(template, each), each.answer) for each in self.shown(item)]
        question = _prompt(template, item)
        if self.chat:
            return self._chat(player, turns, question)
        return BETWEEN.join([*(joined(*turn) for turn in turns), question])

    def _chat(self, player: Player, turns: Sequence[tuple[str, str]], question: str) -> str:
        messages = [{"role": "system", "content": self.system}] if self.system is not None else []
        for prompt, answer in turns:
            messages += [_message("user", prompt), _message("assistant", answer)]
        messages.append(_message("user", question))
        more: dict[str, Any] = {"chat_template": self.chat_template} if self.chat_template else {}
        try:
            text = player.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, **more
            )
        except (TemplateError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise failed(f"the chat template cannot be used: {error!s:.200}") from error
        return str(text)

    def digest(self, more: Mapping[str, Json]) -> Digest:
        """Return the digest of everything that makes the text of a prompt.

        Args:
            more: What the kind of task adds, such as the template of the answer.

        Returns:
            One digest for templates, system message, chat template and examples.
        """
        said: dict[str, Json] = {
            **more,
            "prompts": [each.source for each in self.templates],
            "system": self.system,
            "chat": self.chat,
            "chat_template": self.chat_template,
            "between": BETWEEN if self.shots else None,
            "examples": [each.id for each in self.examples] if self.shots else [],
            "shots": self.shots,
        }
        return digest_of(to_canonical(said))


def asking(
    form: TaskForm,
    prompts: Sequence[Template],
    train: Sequence[Item],
    seed: int,
    chat_template: str | None,
) -> Asking:
    """Return how a task puts its questions.

    Args:
        form: The task.
        prompts: The templates of the prompt and of its variants.
        train: Where examples come from; a keyed hash of seed and id orders them.
        seed: Seed of the search.
        chat_template: Text of the chat template; nothing takes the tokenizer's own.

    Returns:
        What makes the prompts.

    Raises:
        InputError: More examples are to be shown than the train split has besides an item, those
            of its group and those with its question.
    """
    if form.fewshot and len(train) <= form.fewshot:
        raise InputError(
            Code.DATA_SPLIT,
            f"{form.fewshot} examples are to be shown, but train has {len(train)} items",
            where=f"task {form.name}",
            hint="show fewer, or give train more",
        )
    fewest = _fewest(train) if form.fewshot else 0
    if fewest < form.fewshot:
        raise InputError(
            Code.DATA_SPLIT,
            f"{form.fewshot} examples are to be shown, but for some item train has only {fewest} "
            "with another question and of another group",
            where=f"task {form.name}",
            hint="show fewer, or give train more groups",
        )
    ranked = sorted(train, key=lambda item: _rank(seed, form.name, item)) if form.fewshot else []
    template = chat_template if form.chat else None
    system = form.system if form.chat else None
    return Asking(tuple(prompts), system, form.chat, template, tuple(ranked), form.fewshot)


def _fewest(train: Sequence[Item]) -> int:
    """Return how many examples are left for the item of train that most others are too near to."""
    groups = Counter(item.group for item in train)
    prompts = Counter(item.prompt for item in train)
    both = Counter((item.group, item.prompt) for item in train)

    def near(item: Item) -> int:
        if item.group is None:
            return prompts[item.prompt]
        return groups[item.group] + prompts[item.prompt] - both[item.group, item.prompt]

    return len(train) - max(map(near, train))


def _rank(seed: int, task: str, item: Item) -> Digest:
    return digest_of(to_canonical(["fewshot", seed, task, item.id]))


def _prompt(template: Template, item: Item) -> str:
    return template.text(item.fields, item.where)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def joined(prompt: str, answer: str) -> str:
    """Return a prompt with the answer behind it.

    Args:
        prompt: What the model is given.
        answer: What follows.

    Returns:
        Both with a blank between them, unless one of them has white space there.
    """
    apart = not prompt or not answer or prompt[-1].isspace() or answer[0].isspace()
    return prompt + answer if apart else f"{prompt} {answer}"


def targets(
    player: Player, prompts: Sequence[tuple[Tokens, str]], answers: Sequence[str], *, chat: bool
) -> tuple[tuple[Tokens, Tokens], ...]:
    """Return context and answer as tokens, divided where the text of the prompt ends.

    Args:
        player: Whose tokenizer.
        prompts: Tokens and text of each prompt.
        answers: The text that follows each.
        chat: Whether the prompt is a chat, behind which an answer needs no blank.

    Returns:
        For each the tokens before and those of the answer. Where a token would reach over the
        border it belongs to the answer.
    """
    texts = [
        text + answer if chat else joined(text, answer)
        for (_, text), answer in zip(prompts, answers, strict=True)
    ]
    wholes = encode(player, texts, special=not chat)
    return tuple(divided(tokens, whole) for (tokens, _), whole in zip(prompts, wholes, strict=True))


def divided(prompt: Tokens, whole: Tokens) -> tuple[Tokens, Tokens]:
    """Return the tokens before an answer and those of the answer.

    Args:
        prompt: Tokens of the prompt alone.
        whole: Tokens of the prompt with the answer.

    Returns:
        The whole in two: the tokens that both begin with, and the rest, at least one.
    """
    same = 0
    for one, other in zip(prompt, whole, strict=False):
        if one != other:
            break
        same += 1
    # An answer keeps at least its last token, even if the prompt says the same.
    same = min(same, max(len(whole) - 1, 0))
    return whole[:same], whole[same:]

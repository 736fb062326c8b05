"""The order for a task: its part of the search file, and what is known besides when it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.data import Make, Source, Splits, read_splits
from evoreg.evolve.tasks.prompts import Asking, asking
from evoreg.evolve.tasks.rows import Row
from evoreg.evolve.tasks.templates import Template
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.errors import Code, InputError, RecipeError


@dataclass(frozen=True, slots=True)
class Order:
    """What is known when a task is made."""

    form: TaskForm
    """What the search file says."""
    folder: Path
    """Its folder."""
    seed: int
    """Seed of the search."""
    allow_code: bool
    """Whether the user lets the search file run code."""
    offline: bool
    """Whether the network may not be used."""
    chat_template: str | None
    """Chat template of the candidates' tokenizer; nothing takes whatever it has."""

    @property
    def where(self) -> str:
        """The task, for messages."""
        return f"task {self.form.name}"

    def refuse(self, what: str, hint: str) -> NoReturn:
        """Raise the error of a search file that says something that cannot be meant.

        Args:
            what: One sentence.
            hint: What to do.

        Raises:
            RecipeError: Always.
        """
        raise RecipeError(Code.RECIPE_VALUE, what, where=self.where, hint=hint)

    def template(self, source: str, key: str) -> Template:
        """Return a template of the search file.

        Args:
            source: Its text.
            key: Its key.

        Returns:
            The template.

        Raises:
            RecipeError: It is none.
        """
        return Template(source, f"{self.where} {key}")

    def prompts(self) -> Sequence[Template]:
        """Return the templates of the prompt and of its variants.

        Raises:
            RecipeError: One of them is none.
        """
        others = enumerate(self.form.variants, 1)
        return (
            self.template(self.form.prompt, "prompt"),
            *(self.template(text, f"variant {at}") for at, text in others),
        )

    def splits(self, make: Make) -> Splits:
        """Return the items of the task.

        Args:
            make: Makes an item of a row.

        Returns:
            All three splits.

        Raises:
            InputError: See `read_splits`.
        """
        return read_splits(Source(self.form.data, self.folder, self.offline), self.form.name, make)

    def asking(self, prompts: Sequence[Template], splits: Splits) -> Asking:
        """Return how the task puts its questions.

        Args:
            prompts: The templates.
            splits: The items, from which examples are taken.

        Returns:
            What makes the prompts.

        Raises:
            InputError: Too few examples.
        """
        return asking(self.form, prompts, splits["train"].items, self.seed, self.chat_template)

    def group(self, row: Row, where: str) -> str | None:
        """Return the group of a row.

        Args:
            row: Its fields.
            where: Its place.

        Returns:
            The value of the field that the search file names; nothing if it names none.

        Raises:
            InputError: The row does not have it.
        """
        key = self.form.data.group
        if key is None:
            return None
        if row.get(key) is None:
            raise unfit(where, f"there is no group: the field {key!r} is missing")
        return _text(row[key])


def asked(prompts: Sequence[Template], row: Mapping[str, Json], where: str) -> str:
    """Return the prompt of a row, having tried the variants too.

    Args:
        prompts: The templates.
        row: The fields.
        where: Place of the row.

    Returns:
        The text of the first template.

    Raises:
        InputError: One of the templates does not fit.
    """
    first, *_ = [template.text(row, where) for template in prompts]
    return first


def unfit(where: str, what: str, hint: str = "correct the row") -> InputError:
    """Return the error of a row that does not fit.

    Args:
        where: Its place.
        what: One sentence.
        hint: What to do.
    """
    return InputError(Code.DATA_ITEM, what, where=where, hint=hint)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else to_canonical(value).decode()

"""What a user asked for when starting a search: the file with all that the command line changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evoreg.evolve.recipes.form import closest
from evoreg.evolve.recipes.read import ReadRecipe
from evoreg.evolve.searchfile.form import BudgetForm, HybridSpace, SearchForm
from evoreg.evolve.searchfile.read import LARGEST, ReadSearch, read_search
from evoreg.policies.context import Context
from evoreg.policies.policy import Policy
from evoreg.provenance.records.decision import Intent
from evoreg.provenance.records.errors import Code, InputError, RecipeError, UsageError
from evoreg.provenance.records.marked import Mark
from evoreg.provenance.records.recipe import Recipe
from evoreg.registry.merging.prepare import Question

_WORDS = ("union", "base")
"""What `tokenizer_source` may say without naming a model."""


@dataclass(frozen=True)
class Wanted:
    """A search, and what its result is for."""

    file: Path
    """The search file."""
    read: ReadSearch
    """What it says."""
    form: SearchForm
    """The same, with what the command line changed."""
    question: Question
    """Intent, policy and releaser, as a merge asks."""

    @property
    def folder(self) -> Path:
        """Where relative paths of data start."""
        return self.file.absolute().parent

    @property
    def named(self) -> ReadRecipe:
        """The file as the parts of a merge want it: text, name, and where models stand."""
        recipe = Recipe(method=self.form.method)
        places = {model: mark for path, model in _places(self.form) if (mark := self._mark(path))}
        return ReadRecipe(recipe, self.read.text, self.read.file, places, self.read.warnings)

    def _mark(self, path: str) -> Mark | None:
        parts = self.read.places.get(path, "").rsplit(":", 2)
        if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
            return None
        return Mark(parts[0], int(parts[1]), int(parts[2]))


@dataclass(frozen=True)
class Purpose:
    """What the result is for, as the command line and the policy say."""

    intent: Intent
    """The intent."""
    policy: Policy
    """What the house allows."""
    context: Context
    """Facts about the releaser."""
    name: str
    """Name of the result."""
    own: str = ""
    """Licence that the releaser puts on the own contribution."""
    today: str = ""
    """The day of asking, ISO 8601."""


@dataclass(frozen=True)
class Changes:
    """What the command line says in place of the search file."""

    budget: Sequence[str] = ()
    """Such as ``generations=10``."""
    seed: int | None = None
    """Seed of the search."""


def read_wanted(file: Path, changes: Changes) -> tuple[ReadSearch, SearchForm]:
    """Read a search file and change what the command line says.

    Args:
        file: The search file.
        changes: The command line.

    Returns:
        The file, and what is to be searched.

    Raises:
        RecipeError: The file is at fault: everything that is wrong.
        InputError: It cannot be read.
        UsageError: A budget that is none.
    """
    read = read_search(_text(file), str(file))
    form = read.form
    budget = changed_budget(form.budget, changes.budget)
    seed = form.seed if changes.seed is None else changes.seed
    return read, form.model_copy(update={"budget": budget, "seed": seed})


def _text(file: Path) -> str:
    """Return the text of a search file, which may be a pipe or worse, if it is not too long."""
    try:
        with file.open("rb") as handle:
            data = handle.read(LARGEST + 1)
        if len(data) > LARGEST:
            what = f"the search file is larger than {LARGEST:,} bytes"
            hint = "leave out what is no search"
            raise RecipeError(Code.RECIPE_SYNTAX, what, where=str(file), hint=hint)
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        what, hint = "the search file is not UTF-8 text", "name a YAML file, or save it as UTF-8"
        raise RecipeError(Code.RECIPE_SYNTAX, what, where=str(file), hint=hint) from error
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        raise InputError(
            Code.INPUT_MISSING,
            f"the search file cannot be read: {error.strerror}",
            where=str(file),
            hint="name the search file inside it" if folder else "check the spelling of the path",
        ) from error


def with_purpose(file: Path, read: ReadSearch, form: SearchForm, purpose: Purpose) -> Wanted:
    """Return a search with what its result is for."""
    question = Question(
        file,
        purpose.intent,
        purpose.name,
        purpose.context,
        policy=purpose.policy,
        own=purpose.own,
        today=purpose.today,
    )
    return Wanted(file, read, form.model_copy(update={"intent": purpose.intent}), question)


def changed_budget(budget: BudgetForm, changes: Sequence[str]) -> BudgetForm:
    """Return a budget with some of its limits changed.

    Args:
        budget: What the search file says.
        changes: ``generations=10``, ``candidates=..``, ``items=..`` or ``minutes=..``.

    Returns:
        The new budget; what is not named stays.

    Raises:
        UsageError: No such limit, or no number above zero.
    """
    told: dict[str, object] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name.strip() not in BudgetForm.model_fields or not value.strip():
            raise _no_budget(change, name.strip())
        told[name.strip()] = value.strip()
    try:
        return BudgetForm.model_validate({**budget.model_dump(exclude_none=True), **told})
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        wanted = "number above zero" if name == "minutes" else "whole number above zero"
        what = f"{f'{name}={told.get(name)}'!r:.60} is no {wanted}"
        hint = f"write such as {name}=10"
        raise UsageError(Code.USAGE, what, where="--budget", hint=hint) from error


def _no_budget(change: str, name: str) -> UsageError:
    limits = tuple(BudgetForm.model_fields)
    hint = f"write NAME=NUMBER; names: {', '.join(limits)}"
    if name not in limits and name:
        hint = f"{closest(name, limits)}; write NAME=NUMBER"
    return UsageError(Code.USAGE, f"{change!r:.40} is no budget", where="--budget", hint=hint)


def references_of(form: SearchForm) -> tuple[str, ...]:
    """Return every model that a search file names, the base first, each once."""
    return tuple(dict.fromkeys(model for _, model in _places(form)))


def renamed_form(form: SearchForm, names: Mapping[str, str], models: Sequence[str]) -> SearchForm:
    """Return a search over some of its models, all called otherwise.

    Args:
        form: The search file.
        names: The new reference of each model.
        models: Those of `form.models` that take part, as the file calls them.

    Returns:
        The same search over these models.
    """

    def name(reference: str | None) -> str | None:
        return names.get(reference, reference) if reference is not None else None

    tokenizer = name(form.merge.tokenizer_source)
    space = form.space
    if isinstance(space, HybridSpace):
        space = space.model_copy(update={"partner": name(space.partner)})
    return form.model_copy(
        update={
            "models": tuple(names[model] for model in models),
            "base_model": name(form.base_model),
            "merge": form.merge.model_copy(update={"tokenizer_source": tokenizer}),
            "space": space,
        }
    )


def _places(form: SearchForm) -> list[tuple[str, str]]:
    """Return path in the file and reference of every model that is named."""
    found = [] if form.base_model is None else [("base_model", form.base_model)]
    found += [(f"models.{number}", model) for number, model in enumerate(form.models)]
    tokenizer = form.merge.tokenizer_source
    if tokenizer is not None and tokenizer not in _WORDS:
        found.append(("merge.tokenizer_source", tokenizer))
    if isinstance(form.space, HybridSpace) and form.space.partner is not None:
        found.append(("space.partner", form.space.partner))
    return found

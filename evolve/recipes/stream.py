"""Reading a file of recipes that build on one another: a YAML stream, one recipe a document.

A document may carry a ``name``; where another document expects a model, that name stands for its
result. Names are looked for in references alone, never in other texts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evoreg.evolve.recipes.form import closest
from evoreg.evolve.recipes.marked import Leaf, Mark, Table, load_stream
from evoreg.evolve.recipes.read import ReadRecipe, read_table
from evoreg.provenance.records.errors import Code, Problem, RecipeError

_NAME = re.compile(r"\w(?:[\w .-]{0,78}\w)?")
_RULE = (
    "a name has 1 to 80 letters, digits, blanks, dots, - or _, and a letter or digit at each end"
)


@dataclass(frozen=True, eq=False)
class Stage:
    """One recipe of a file."""

    name: str
    """What other recipes call its result; empty for a final recipe without a name."""
    number: int
    """Number of its document in the file, from 0."""
    mark: Mark
    """Where it begins, or where its name stands."""
    read: ReadRecipe
    """The recipe; its text is that of the whole file."""
    uses: tuple[str, ...]
    """Names of the recipes whose results it takes, in the order of its references."""


@dataclass(frozen=True)
class Stream:
    """A file of recipes."""

    stages: tuple[Stage, ...]
    """In an order in which they can be carried out; the last one gives the result."""
    documents: int
    """How many recipes the file holds, those too that are not carried out."""
    text: str
    """The YAML as it was."""
    file: str
    """Name of the file, for messages."""
    warnings: tuple[Problem, ...]
    """What was accepted but has no effect, or was forgiven by lenient reading."""

    @property
    def final(self) -> Stage:
        """The recipe that gives the result."""
        return self.stages[-1]

    @property
    def places(self) -> Mapping[str, Mark]:
        """Where each model reference stands first."""
        found: dict[str, Mark] = {}
        for stage in sorted(self.stages, key=lambda item: item.number):
            for reference, mark in stage.read.places.items():
                found.setdefault(reference, mark)
        return found

    @property
    def leaves(self) -> tuple[str, ...]:
        """Every reference that is no name of a recipe here, once, in the order of the stages."""
        found: dict[str, None] = {}
        for stage in self.stages:
            for reference in stage.read.recipe.references:
                if reference not in stage.uses:
                    found[reference] = None
        return tuple(found)

    def below(self, stage: Stage) -> tuple[Stage, ...]:
        """Return the recipes whose results are in that of `stage`, in the order of `stages`."""
        wanted = set(stage.uses)
        found: list[Stage] = []
        for item in reversed(self.stages):
            if item.name in wanted and item is not stage:
                found.append(item)
                wanted.update(item.uses)
        return tuple(reversed(found))


def read_stream(text: str, file: str, *, lenient: bool = False) -> Stream:
    """Read a file of one or more recipes.

    Args:
        text: YAML in mergekit's grammar; several documents as mergekit-multi reads them.
        file: Name for messages.
        lenient: Warn about unknown keys, unread parameters and unused recipes instead of refusing
            them; an unused recipe is then not carried out.

    Returns:
        The recipes in order.

    Raises:
        RecipeError: With every problem that was found, in all documents.
    """
    tables = load_stream(text, file)
    if len(tables) == 1:
        ((number, table),) = tables.items()
        read = read_table(table, text, file, lenient=lenient)
        return Stream((Stage("", number, table.mark, read, ()),), 1, text, file, read.warnings)
    desk = _Desk(lenient)
    names = {number: desk.name(table) for number, table in tables.items()}
    reads = {number: desk.read(table, text, file) for number, table in tables.items()}
    if desk.problems:
        raise RecipeError.of(desk.problems)
    known = frozenset(name for name, _ in names.values() if name)
    stages = [
        Stage(name, number, mark, read, desk.uses(read, known))
        for (number, (name, mark)), read in zip(names.items(), reads.values(), strict=True)
        if read is not None
    ]
    order = desk.order(stages, file)
    if desk.problems:
        raise RecipeError.of(desk.problems)
    warnings = [warning for stage in order for warning in stage.read.warnings]
    return Stream(order, len(tables), text, file, (*warnings, *desk.warnings))


class _Desk:
    """Puts recipes together and keeps what is wrong with them."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._names: dict[str, Mark] = {}
        self._unnamed: Mark | None = None

    def report(self, what: str, mark: Mark | str, hint: str) -> None:
        self.problems.append(Problem(Code.RECIPE_STRUCTURE, what, str(mark), hint))

    def name(self, table: Table) -> tuple[str, Mark]:
        """Return the name of a recipe and its place; an empty name if it has none."""
        value = table.pairs.get("name")
        if value is None or (isinstance(value, Leaf) and value.value is None):
            if self._unnamed is not None:
                what = f"two recipes have no name: this one and that at {self._unnamed}"
                self.report(what, table.mark, "name all but the one whose result is wanted")
            self._unnamed = self._unnamed or table.mark
            return "", table.mark
        name = value.value if isinstance(value, Leaf) else None
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            shown = f" {name!r:.60}" if isinstance(value, Leaf) else ""
            self.report(f"the name of the recipe{shown} is not a plain name", value.mark, _RULE)
            return "", value.mark
        if name in self._names:
            what = f"two recipes are called {name!r}: this one and that at {self._names[name]}"
            self.report(what, value.mark, "give each its own name")
        self._names.setdefault(name, value.mark)
        return name, value.mark

    def read(self, table: Table, text: str, file: str) -> ReadRecipe | None:
        """Return the recipe of a document, or nothing after its problems were kept."""
        try:
            return read_table(table, text, file, lenient=self.lenient)
        except RecipeError as error:
            self.problems.extend(error.problems)
            return None

    def uses(self, read: ReadRecipe, names: frozenset[str]) -> tuple[str, ...]:
        """Return the names among the references of a recipe."""
        for reference in read.recipe.references:
            model, plus, _ = reference.partition("+")
            if plus and model in names:
                what = f"{reference!r:.80} puts an adapter on the result of a recipe"
                where = str(read.places.get(reference, read.file))
                hint = "put the adapter on the models that are merged, or merge in two commands"
                self.problems.append(Problem(Code.RECIPE_UNSUPPORTED, what, where, hint))
        return tuple(name for name in read.recipe.references if name in names)

    def order(self, stages: Sequence[Stage], file: str) -> tuple[Stage, ...]:
        """Return the recipes that are needed, each after those that it uses, else as written."""
        order: dict[str, Stage] = {}
        waiting = list(stages)
        while waiting:
            ready = [stage for stage in waiting if all(name in order for name in stage.uses)]
            if not ready:
                self.circle(_circle(waiting, order))
                return ()
            order[ready[0].name] = ready[0]
            waiting.remove(ready[0])
        final = self.final(stages, file)
        if final is None:
            return ()
        needed = _needed(final, order)
        for stage in stages:
            if stage not in needed:
                self.unused(stage, stages)
        # The final recipe comes last: whatever is needed stands before it already.
        return tuple(stage for stage in order.values() if stage in needed)

    def final(self, stages: Sequence[Stage], file: str) -> Stage | None:
        """Return the recipe that gives the result, or nothing after a report."""
        used = {name for stage in stages for name in stage.uses}
        free = [stage for stage in stages if stage.name not in used]
        unnamed = [stage for stage in free if not stage.name]
        if unnamed or len(free) == 1:
            return (*unnamed, *free)[0]
        told = ", ".join(f"{stage.name!r} ({stage.mark})" for stage in free)
        what = f"it is not clear which recipe gives the result: no other one uses {told}"
        self.report(what, file, "leave the name of the one whose result is wanted out")
        return None

    def circle(self, circle: Sequence[Stage]) -> None:
        """Report recipes that need one another."""
        names = [stage.name for stage in (*circle, circle[0])]
        mark = circle[0].read.places.get(names[1], circle[0].mark)
        what = f"the recipes need one another: {' -> '.join(names)}"
        if len(circle) == 1:
            what = f"the recipe {names[0]!r} needs its own result"
        hint = "rename one of them; write ./NAME where a folder is meant"
        self.report(what, mark, hint)

    def unused(self, stage: Stage, stages: Sequence[Stage]) -> None:
        """Report a recipe that the result does not need, or warn about it."""
        what = f"the result of the recipe {stage.name!r} is not used"
        wanted = [r for other in stages for r in other.read.recipe.references if r != stage.name]
        near = closest(stage.name, sorted(set(wanted)))
        hint = "use it as a model, or leave the recipe out"
        if near.startswith("did you mean"):
            hint = f"{near} {hint}"
        problem = Problem(Code.RECIPE_STRUCTURE, what, str(stage.mark), hint)
        if self.lenient:
            self.warnings.append(replace(problem, what=f"{what}; it is not made"))
        else:
            self.problems.append(problem)


def _needed(final: Stage, by_name: Mapping[str, Stage]) -> frozenset[Stage]:
    found, waiting = {final}, [final]
    while waiting:
        for name in waiting.pop().uses:
            if by_name[name] not in found:
                found.add(by_name[name])
                waiting.append(by_name[name])
    return frozenset(found)


def _circle(waiting: Sequence[Stage], done: Mapping[str, Stage]) -> tuple[Stage, ...]:
    """Return recipes that need one another; each of `waiting` needs another one of them."""
    by_name = {stage.name: stage for stage in waiting}
    path: list[Stage] = []
    stage = waiting[0]
    while stage not in path:
        path.append(stage)
        stage = by_name[next(name for name in stage.uses if name not in done)]
    return tuple(path[path.index(stage) :])

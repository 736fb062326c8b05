"""The vocabulary of the result, if the recipe asks for one, and the rows that each model takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evoreg.evolve.checkpoints.tensors import FLOATS, TensorInfo
from evoreg.evolve.planning.layout import Layout, Meeting
from evoreg.evolve.planning.plan import Input, SourceModel
from evoreg.evolve.planning.tables import is_table, may_have_rows, table_of, vocabulary_size
from evoreg.evolve.vocabulary.borrow import Party, Told, rows_for
from evoreg.evolve.vocabulary.rows import ZERO, Rows
from evoreg.evolve.vocabulary.tokens import (
    Extended,
    Vocabulary,
    extend,
    missing_tokens,
    read_vocabulary,
)
from evoreg.provenance.records.errors import Code, MergeError, Problem
from evoreg.provenance.records.recipe import Recipe, TokenizerSettings, TokenRow

_HINT = "leave out tokenizer and tokenizer_source if the models share one vocabulary"


@dataclass(frozen=True)
class Tokens:
    """The vocabulary of the result and of each model."""

    made: Extended
    """Token of each row of the result."""
    count: int
    """Number of rows, padding included."""
    keeper: SourceModel
    """Whose tokenizer is kept or extended."""
    models: Mapping[str, SourceModel]
    """Every model."""
    vocabularies: Mapping[str, Vocabulary]
    """The vocabulary of each."""
    said: tuple[TokenRow, ...]
    """What the recipe says about the rows of single tokens."""
    _known: dict[tuple[object, ...], tuple[Rows | None, ...]] = field(default_factory=dict)

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """Row of each token of the result."""
        names = enumerate(self.made.names)
        return {token: row for row, token in names if token is not None}

    @cached_property
    def moved(self) -> bool:
        """Whether any model gets other rows than it has."""
        forced = any(row.force for row in self.said)
        known = self.vocabularies.values()
        return forced or any(v.rows != self.count or v.ids != self.ids for v in known)

    def applies(self, info: TensorInfo) -> bool:
        """Tell whether a tensor has one row for each token of its model."""
        return is_table(info)

    def rows(self, meeting: Meeting) -> tuple[Rows | None, ...]:
        """Return how each input of a tensor is reordered.

        Args:
            meeting: The inputs of the tensor.

        Returns:
            One an input; nothing for one that keeps its rows.

        Raises:
            MergeError: Tokens that no input knows.
        """
        if not self.moved:
            return (None,) * len(meeting.inputs)
        merged = [found.model.reference for found in meeting.inputs]
        lenders = [model.reference for model in self._lenders(meeting)]
        key = (meeting.base, len(merged), *merged, *lenders)
        if key not in self._known:
            self._known[key] = self._rows(merged, lenders, meeting.base)
        return self._known[key]

    def _rows(
        self, merged: Sequence[str], lenders: Sequence[str], base: str | None
    ) -> tuple[Rows | None, ...]:
        places = {name: place for place, name in enumerate((*merged, *lenders))}
        told = {}
        for row in self.said:
            if row.kind == "zero":
                told[row.token] = Told(ZERO, 0, row.force)
            elif row.model in places:
                told[row.token] = Told(places[row.model], self.index(row), row.force)
        party = Party(
            [self.vocabularies[name] for name in merged],
            [self.models[name].identity for name in merged],
            merged.index(base) if base in merged else None,
            merged.index(self.keeper.reference) if self.keeper.reference in merged else None,
        )
        found = rows_for(self.made.names, self.count - len(self.made.names), party, told)
        sizes = [self.vocabularies[name].rows for name in merged]
        return tuple(
            None if rows.unchanged(place, sizes[place]) else rows
            for place, rows in enumerate(found)
        )

    def index(self, row: TokenRow) -> int:
        """Return the row of the model that the recipe names for a token."""
        if row.token_id is not None:
            return row.token_id
        wanted = row.token if row.text is None else row.text
        return self.vocabularies[str(row.model)].ids[wanted]

    def _lenders(self, meeting: Meeting) -> list[SourceModel]:
        """Return the models that lend rows to a tensor without being merged in it."""
        merged = [found.model.reference for found in meeting.inputs]
        known = [self.vocabularies[name].ids for name in merged]
        wanted = (
            row.model
            for row in self.said
            if row.model is not None and (row.force or any(row.token not in ids for ids in known))
        )
        return [self.models[name] for name in dict.fromkeys(wanted) if name not in merged]

    def lent(self, meeting: Meeting) -> tuple[Input, ...]:
        """Return the tensors that lend rows without being merged.

        Args:
            meeting: The inputs of a tensor that has one row for each token.

        Returns:
            Inputs that stand behind those of the meeting, without parameters.

        Raises:
            MergeError: A model without such a tensor, or with one of another width.
        """
        return tuple(self._lent(meeting, model) for model in self._lenders(meeting))

    def _lent(self, meeting: Meeting, model: SourceModel) -> Input:
        info = table_of(model, meeting.inputs[0].name)
        if info is None or info.dtype not in FLOATS:
            what = f"{model.reference} shall lend rows, but has no such table of numbers"
            hint = "name another model in tokens of tokenizer"
            raise MergeError(Code.MERGE_VOCABULARY, what, where=meeting.name, hint=hint)
        if info.shape[1:] != meeting.inputs[0].tensor.shape[1:]:
            what = f"{model.reference} shall lend rows, but its own are {list(info.shape[1:])} wide"
            hint = "rows are lent between models of one width only"
            raise MergeError(Code.MERGE_SHAPE, what, where=meeting.name, hint=hint)
        return Input(model, info, info.name, {})


def unknown_tables(tokens: Tokens, layout: Layout) -> list[Problem]:
    """Return the tensors that would need other rows and cannot get them.

    Reordering some token tables and not others would mix up the tokens.

    Args:
        tokens: The vocabulary of the result.
        layout: All meetings.

    Returns:
        One problem a tensor: one that seems to have a row for each token but is no known table,
        or a table whose numbers are not floating-point.
    """
    if not tokens.moved:
        return []
    problems = []
    for meeting in layout.meetings:
        for found in meeting.inputs:
            info, rows = found.tensor, tokens.vocabularies[found.model.reference].rows
            what = ""
            if tokens.applies(info):
                if info.dtype not in FLOATS:
                    what = f"the rows of {info.name} cannot be reordered: its type is {info.dtype}"
            elif may_have_rows(info, rows):
                what = f"{info.name} may have a row for each token, but is no known table"
            if what:
                reference = found.model.reference
                problems.append(Problem(Code.MERGE_VOCABULARY, what, reference, _HINT))
    return list(dict.fromkeys(problems))


def plan_tokens(
    recipe: Recipe, models: Mapping[str, SourceModel], donor: SourceModel
) -> Tokens | None:
    """Work out the vocabulary of the result.

    Args:
        recipe: Its `vocabulary` says what is wanted.
        models: All models.
        donor: The base, or the first model.

    Returns:
        The vocabulary, or nothing if the recipe does not ask for one.

    Raises:
        MergeError: A tokenizer that cannot be read or extended, a token that its source lacks.
    """
    wanted = recipe.vocabulary
    if wanted is None:
        return None
    read = {
        reference: read_vocabulary(reference, model.checkpoint.folder, vocabulary_size(model))
        for reference, model in models.items()
    }
    merged = merged_models(recipe)
    problems = _problems(wanted, read, merged)
    if problems:
        raise MergeError.of(problems)
    keeper = donor if wanted.source in ("union", "base") else models[wanted.source]
    kept = read[keeper.reference]
    others = [read[name] for name in models if name in merged]
    named = [row.token for row in wanted.tokens]
    joined = others if wanted.source == "union" else []
    missing = missing_tokens(kept, joined, named, [*others, *read.values()])
    made = extend(kept, keeper.checkpoint.folder, missing)
    step = wanted.pad_to_multiple_of or 1
    count = -(-len(made.names) // step) * step
    return Tokens(made, count, keeper, models, read, wanted.tokens)


def merged_models(recipe: Recipe) -> frozenset[str]:
    """Return the references of the models that are merged, bases included.

    Args:
        recipe: Any recipe.

    Returns:
        All references but those that only the tokenizer names.
    """
    silent = recipe.model_copy(update={"tokenizer": None, "tokenizer_source": None})
    return frozenset(silent.references)


def _problems(
    wanted: TokenizerSettings, read: Mapping[str, Vocabulary], merged: frozenset[str]
) -> list[Problem]:
    """Return what cannot be done of what the recipe says about single tokens."""
    found: list[Problem] = []
    if not wanted.tokens:
        return found
    known = {token for name in merged for token in read[name].ids}
    for row in wanted.tokens:
        shown = f"{row.token!r:.60}"
        what, hint = "", "name another source of the row"
        if row.kind == "default" and row.token not in known:
            what = f"no merged model knows the token {shown}, and the recipe gives it no source"
            hint = "write source: below it: a model, {kind: zero} or {kind: model_token, ...}"
        elif row.model is not None:
            what = _missing_row(row, read[row.model])
        if what:
            found.append(Problem(Code.MERGE_VOCABULARY, what, "", hint))
    return found


def _missing_row(row: TokenRow, source: Vocabulary) -> str:
    """Return what is wrong with the source of a token; empty if it has the row."""
    if row.token_id is not None:
        if row.token_id < source.rows:
            return ""
        return f"{source.reference} has {source.rows} rows and no token_id {row.token_id}"
    wanted = row.token if row.text is None else row.text
    if wanted in source.ids:
        return ""
    return f"{source.reference} has no row for {wanted!r:.60}, the source of {row.token!r:.60}"

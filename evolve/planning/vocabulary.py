"""The vocabulary of the result, if the recipe asks for one with `tokenizer_source`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.planning.layout import Layout
from evoreg.evolve.planning.names import is_head, is_token_embedding, sections
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.vocabulary.rows import Rows
from evoreg.evolve.vocabulary.tokens import (
    Vocabulary,
    extended_tokenizer,
    in_order,
    read_vocabulary,
    rows_for,
    union,
)
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, MergeError, Problem
from evoreg.provenance.records.recipe import Recipe

_OTHER_FORMS = (
    "tokenizer.model",
    "spiece.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "added_tokens.json",
)
"""Other forms of a tokenizer, which do not know the tokens that were added."""


@dataclass(frozen=True)
class Tokens:
    """The vocabulary of the result and of each model."""

    names: tuple[str, ...]
    """Token of each row of the result."""
    vocabularies: Mapping[str, Vocabulary]
    """The vocabulary of each model."""
    identities: Mapping[str, Digest]
    """The weights of each model."""
    base: str
    """Reference of the model whose rows stand in first."""
    donor: SourceModel
    """Whose tokenizer is kept or extended."""
    files: Mapping[str, bytes | None]
    """tokenizer.json; and nothing for files of the donor that would contradict it."""

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.names)

    def applies(self, info: TensorInfo) -> bool:
        """Tell whether a tensor has one row for each token of its model."""
        return bool(info.shape) and (is_token_embedding(info.name) or is_head(info.name))

    def rows(self, references: Sequence[str]) -> tuple[Rows, ...]:
        """Return how each input of a tensor is reordered.

        Args:
            references: The models of the inputs.

        Returns:
            One `Rows` an input.
        """
        base = references.index(self.base) if self.base in references else None
        known = [self.vocabularies[name] for name in references]
        return rows_for(self.names, known, [self.identities[name] for name in references], base)


def vocabulary_size(model: SourceModel) -> int | None:
    """Return how many rows a model has for tokens.

    Args:
        model: Any model.

    Returns:
        The rows of its token tables, or nothing if it has none.

    Raises:
        MergeError: Its tables differ, or config.json names another vocab_size.
    """
    tables = {
        name: info.shape[0]
        for name, info in model.checkpoint.tensors.items()
        if info.shape and (is_token_embedding(name) or is_head(name))
    }
    parts = sections(dict(model.checkpoint.config))
    said = [size for part in parts if isinstance(size := part.get("vocab_size"), int)]
    told = said[0] if said else None
    sizes = {*tables.values(), *([] if told is None else [told])}
    if len(sizes) > 1:
        rows = ", ".join(f"{name} {count}" for name, count in sorted(tables.items()))
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"{model.reference} does not agree with itself: vocab_size {told}, rows of {rows}",
            hint="correct its config.json, or leave out tokenizer_source",
        )
    return sizes.pop() if tables else None


def unknown_tables(tokens: Tokens, layout: Layout) -> list[Problem]:
    """Return the tensors that seem to have a row for each token but are not known to.

    Reordering some token tables and not others would mix up the tokens.

    Args:
        tokens: The vocabulary of the result.
        layout: All meetings.

    Returns:
        One problem a tensor.
    """
    problems = []
    for meeting in layout.meetings:
        for found in meeting.inputs:
            info = found.tensor
            size = vocabulary_size(found.model) or len(
                tokens.vocabularies[found.model.reference].ids
            )
            fits = len(info.shape) > 1 and info.shape[0] == size and info.layer is None
            if fits and not tokens.applies(info):
                what = f"{info.name} may have a row for each token, but is no known table"
                hint = "leave out tokenizer_source if the models share one vocabulary"
                problems.append(Problem(Code.MERGE_VOCABULARY, what, found.model.reference, hint))
    return list(dict.fromkeys(problems))


def plan_tokens(
    recipe: Recipe, models: Mapping[str, SourceModel], donor: SourceModel
) -> Tokens | None:
    """Work out the vocabulary of the result.

    Args:
        recipe: Its `tokenizer_source` is union, base or a reference.
        models: All models.
        donor: The base, or the first model.

    Returns:
        The vocabulary, or nothing if the recipe does not ask for one.

    Raises:
        MergeError: A tokenizer that cannot be read or extended.
    """
    source = recipe.tokenizer_source
    if source is None:
        return None
    read = {
        reference: read_vocabulary(reference, model.checkpoint.folder, vocabulary_size(model))
        for reference, model in models.items()
    }
    keeper = donor if source in ("union", "base") else models[source]
    everyone = [read[reference] for reference in models]
    if source == "union":
        names = union(everyone, list(models).index(keeper.reference))
    else:
        names = in_order(read[keeper.reference])
    folder = keeper.checkpoint.folder
    tokenizer = extended_tokenizer(keeper.reference, folder, names, everyone)
    files: dict[str, bytes | None] = {"tokenizer.json": tokenizer}
    if len(names) > len(read[keeper.reference].ids):
        files.update(dict.fromkeys(_OTHER_FORMS, None))
    identities = {reference: model.identity for reference, model in models.items()}
    return Tokens(names, read, identities, keeper.reference, keeper, files)

"""The vocabulary of the result, if the recipe asks for one with `tokenizer_source`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.checkpoints.tensors import TensorInfo
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
from evoreg.provenance.records.recipe import Recipe


@dataclass(frozen=True)
class Tokens:
    """The vocabulary of the result and of each model."""

    names: tuple[str, ...]
    """Token of each row of the result."""
    vocabularies: Mapping[str, Vocabulary]
    """The vocabulary of each model."""
    base: str
    """Reference of the model whose rows stand in first."""
    donor: SourceModel
    """Whose tokenizer is kept or extended."""
    tokenizer: bytes
    """Content of tokenizer.json."""

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.names)

    def applies(self, model: SourceModel, info: TensorInfo) -> bool:
        """Tell whether a tensor has one row for each token of its model."""
        if not info.shape or not (is_token_embedding(info.name) or is_head(info.name)):
            return False
        return vocabulary_size(model) in (None, info.shape[0])

    def rows(self, references: Sequence[str]) -> tuple[Rows, ...]:
        """Return how each input of a tensor is reordered.

        Args:
            references: The models of the inputs.

        Returns:
            One `Rows` an input.
        """
        base = references.index(self.base) if self.base in references else None
        return rows_for(self.names, [self.vocabularies[name] for name in references], base)


def vocabulary_size(model: SourceModel) -> int | None:
    """Return vocab_size of a model's configuration, or nothing if it is silent."""
    for part in sections(dict(model.checkpoint.config)):
        size = part.get("vocab_size")
        if isinstance(size, int):
            return size
    return None


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
    return Tokens(names, read, keeper.reference, keeper, tokenizer)

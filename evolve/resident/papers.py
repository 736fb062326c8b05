"""Vocabulary and small files of the candidates of a search, worked out once for all of them.

Reading the tokenizers of large vocabularies takes longer than merging small models. They are worked
out from recipes without parameters, so that they cannot depend on what differs between candidates.
"""

from collections.abc import Mapping

from evoreg.evolve.planning.build import Papers
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.planning.vocabulary import Tokens
from evoreg.provenance.records.recipe import Module, Recipe, Slice, Source


class KeptPapers(Papers):
    """Keeps what it worked out. The models of one reference must always be the same."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tokens: dict[tuple[Recipe, str], Tokens | None] = {}
        self._files: dict[tuple[Recipe, str], Mapping[str, bytes | None]] = {}

    def tokens(
        self, recipe: Recipe, models: Mapping[str, SourceModel], donor: SourceModel
    ) -> Tokens | None:
        """Return the vocabulary of the result, the same object each time."""
        key = bare(recipe), donor.reference
        if key not in self._tokens:
            self._tokens[key] = super().tokens(key[0], models, donor)
        return self._tokens[key]

    def files(
        self,
        recipe: Recipe,
        models: Mapping[str, SourceModel],
        donor: SourceModel,
        tokens: Tokens | None,
    ) -> Mapping[str, bytes | None]:
        """Return the small files that are not the donor's as they are."""
        key = bare(recipe), donor.reference
        if key not in self._files:
            self._files[key] = super().files(key[0], models, donor, tokens)
        return self._files[key]


def bare(recipe: Recipe) -> Recipe:
    """Return a recipe without its parameters.

    Args:
        recipe: Any recipe.

    Returns:
        The same models in the same places.
    """
    return recipe.model_copy(
        update={
            "parameters": (),
            "models": tuple(map(_source, recipe.models)),
            "slices": tuple(map(_slice, recipe.slices)),
            "modules": tuple(map(_module, recipe.modules)),
        }
    )


def _source(line: Source) -> Source:
    return line.model_copy(update={"parameters": ()}) if line.parameters else line


def _slice(piece: Slice) -> Slice:
    sources = tuple(map(_source, piece.sources))
    return piece.model_copy(update={"parameters": (), "sources": sources})


def _module(module: Module) -> Module:
    models, slices = tuple(map(_source, module.models)), tuple(map(_slice, module.slices))
    return module.model_copy(update={"parameters": (), "models": models, "slices": slices})

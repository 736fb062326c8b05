"""Models with adapters on them: as the engine takes them, and as they are recorded."""

from collections.abc import Iterable, Iterator, Mapping

from evoreg.evolve.checkpoints.adapter import read_adapter
from evoreg.evolve.checkpoints.adapter_settings import read_settings
from evoreg.evolve.checkpoints.tensors import Checkpoint, read_checkpoint
from evoreg.evolve.planning.adapters import put_on
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.model import File
from evoreg.provenance.records.recipe import ADAPTER_OF, Ingredient
from evoreg.registry.models.resolve import ResolvedModel


def source_model(
    reference: str, found: ResolvedModel, headers: Checkpoint | None = None
) -> SourceModel:
    """Return a model as the engine takes it.

    Args:
        reference: As recorded.
        found: The model, perhaps with an adapter.
        headers: Its headers, if the model is still to be made; nothing reads them.

    Returns:
        The model; its identity tells apart the same weights with another adapter, or with the same
        adapter under other settings.

    Raises:
        InputError: Model or adapter cannot be read.
        MergeError: The adapter does not fit the model.
        RecipeError: The model is an adapter, or its adapter is of a kind that is not offered.
    """
    checkpoint = read_checkpoint(found.folder) if headers is None else headers
    if found.adapter is None:
        return SourceModel(reference, found.model.identity, checkpoint)
    checkpoint, adapter = put_on(checkpoint, read_adapter(found.adapter.folder))
    identity = _with_settings(found.model.identity, adapter.settings)
    return SourceModel(reference, identity, checkpoint, adapter)


def adapter_notes(sources: Iterable[SourceModel]) -> Iterator[str]:
    """Yield what was done to put adapters on models, as far as it is not plain.

    Args:
        sources: The models.

    Yields:
        One line a tensor or beginning of names: ``name: what (reference)``.
    """
    for source in sources:
        if source.adapter is not None:
            yield from (f"{note} ({source.reference})" for note in source.adapter.notes)


def _with_settings(identity: Digest, settings: Digest) -> Digest:
    body = {"model": identity, "settings": settings}
    return digest_of(to_canonical({key: str(value) for key, value in body.items()}))


def adapters_of(models: Mapping[str, ResolvedModel]) -> Iterator[Ingredient]:
    """Yield each adapter of some models as it is recorded beside the models.

    Args:
        models: The model of each reference, as recorded.

    Yields:
        Name and revision of the adapter, and an identity of its weights together with the settings
        that decide what they mean. Its reference is that of the model with ``adapter of`` before.
    """
    for reference, found in models.items():
        if found.adapter is None:
            continue
        own = found.adapter
        yield Ingredient(
            reference=ADAPTER_OF + reference,
            name=own.model.name,
            revision=own.model.revision,
            identity=_with_settings(own.model.identity, read_settings(own.folder).digest),
        )


def merged_files(found: ResolvedModel) -> Iterator[tuple[ResolvedModel, File]]:
    """Yield every file that decides the numbers of a model: its weights, and all of its adapter's.

    Args:
        found: The model.

    Yields:
        The model or its adapter, and the file.
    """
    for file in found.model.weights:
        yield found, file
    if found.adapter is not None:
        for file in found.adapter.model.files:
            if file.role in ("weights", "config"):
                yield found.adapter, file

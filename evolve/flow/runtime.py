"""Paths that cannot be written as plain weights: a folder of stacked layers and ``flow.json``.

A merge stacks the layers of any path; for the networks of `evoreg.evolve.flow.families` that is
all. For others, above all those with norms behind attention and MLP, the scales of the inputs stand
in ``flow.json`` beside the weights, and `load_flow` multiplies while the model runs. The file tells
too where each layer came from. A folder that `evoreg merge` wrote holds its recipe, which says as
much, so there it need not be written.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.flow.assembly import scale_input
from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.loading import Place, load, whole_plan
from evoreg.evolve.flow.path import Hop, path_of, path_recipe
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.stream import read_stream
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.recipe import Recipe

FLOW = "flow.json"
"""Name of the file."""
RECIPE = "mergekit_config.yml"
"""Name of the recipe in a folder that `evoreg merge` wrote."""
_LARGEST = 2**22
_MOST = 10_000
_HINT = "a model without scaled inputs is loaded by transformers alone"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlowLayer(_Part):
    """One layer of the path."""

    model: str
    """Reference of the model that it came from."""
    layer: Annotated[int, Field(ge=0)]
    """Its number there."""
    scale: Annotated[float, Field(gt=0, lt=1e30)] = 1.0
    """What the hidden state is multiplied with before it."""


class FlowSource(_Part):
    """A model that layers came from."""

    reference: str
    """As in the recipe."""
    identity: Digest
    """Its weights."""


class Flow(_Part):
    """What ``flow.json`` says."""

    format: Literal[1] = 1
    """Number of this form."""
    path: Annotated[tuple[FlowLayer, ...], Field(min_length=1, max_length=_MOST)]
    """The layers of the folder's model, in order."""
    sources: tuple[FlowSource, ...]
    """The models, sorted by reference; empty if only the recipe tells of the path."""


def flow_of(recipe: Recipe, sources: Mapping[str, SourceModel]) -> Flow | None:
    """Return what has to stand beside the result of a recipe.

    Args:
        recipe: Any recipe.
        sources: Its models by reference.

    Returns:
        The flow; nothing if the result is a plain model.
    """
    layers = _layers(recipe)
    if not layers:
        return None
    names = sorted({layer.model for layer in layers})
    return Flow(
        path=layers,
        sources=tuple(FlowSource(reference=n, identity=sources[n].identity) for n in names),
    )


def needs_runtime(recipe: Recipe) -> bool:
    """Tell whether the result of a recipe has scaled inputs that plain weights cannot hold."""
    return bool(_layers(recipe))


def _layers(recipe: Recipe) -> tuple[FlowLayer, ...]:
    """Return the path of a recipe; nothing if its inputs are not scaled."""
    alone = all(len(piece.sources) == 1 for piece in recipe.slices)
    path = path_of(recipe) if recipe.method == "passthrough" and alone else ()
    if all(hop.scale == 1.0 for hop in path):
        return ()
    return tuple(FlowLayer(model=h.model, layer=h.layer, scale=h.scale) for h in path)


def write_flow(flow: Flow, folder: Path) -> Path:
    """Write ``flow.json`` beside the weights of a merge.

    Args:
        flow: What it says.
        folder: The folder of the merged model.

    Returns:
        The file; it appears whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    place = folder / FLOW
    partial = folder / f"{FLOW}.partial"
    with partial.open("wb") as file:
        file.write(flow.model_dump_json(indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    partial.rename(place)
    return place


def read_flow(folder: Path) -> Flow:
    """Read ``flow.json``.

    Args:
        folder: The folder of a merged model.

    Returns:
        What it says.

    Raises:
        InputError: It is missing, too large or says something that cannot be meant.
        RecipeError: There is a recipe alone, and it cannot be read.
    """
    place = folder / FLOW
    if not place.exists() and (folder / RECIPE).exists():
        return _of_recipe(folder / RECIPE)
    data = _bytes(place)
    try:
        return Flow.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = ".".join(str(part) for part in first["loc"])
        what = f"{FLOW} is not understood at {told or 'its beginning'}: {first['msg']}"
        raise InputError(Code.INPUT_CONFIG, what, where=str(place)) from error


def _bytes(place: Path) -> bytes:
    """Return the content of a small file of a model folder."""
    try:
        with place.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        what = f"{place.name} cannot be read: {error.strerror}"
        raise InputError(Code.INPUT_MISSING, what, where=str(place.parent), hint=_HINT) from error
    if len(data) > _LARGEST:
        raise InputError(Code.INPUT_CONFIG, f"{place.name} is too large", where=str(place))
    return data


def _of_recipe(place: Path) -> Flow:
    """Return the path that the recipe of a merged model says."""
    text = _bytes(place).decode("utf-8", "replace")
    recipe = read_stream(text, place.name).final.read.recipe
    layers = _layers(recipe)
    if not layers:
        what = "neither flow.json nor the recipe tells of scaled inputs"
        raise InputError(Code.INPUT_MISSING, what, where=str(place.parent), hint=_HINT)
    return Flow(path=layers, sources=())


def load_flow(folder: Path, device: str = "cpu", compute: str = "auto") -> Any:  # noqa: ANN401
    """Load a model with scaled inputs.

    Args:
        folder: A merged model with ``flow.json``, or with the recipe that it was merged by.
            Nothing but its safetensors and small files is read, no code of it is run.
        device: Where it shall run, as torch names it.
        compute: ``auto`` (float32 on processors, else as written) or the name of a type.

    Returns:
        The transformers model, in evaluation mode.

    Raises:
        InputError: A file is missing or broken, or ``flow.json`` has another number of layers.
        MergeError: transformers knows no such model.
    """
    flow = read_flow(folder)
    checkpoint = read_checkpoint(folder)
    source = SourceModel(str(folder), digest_of(str(folder).encode()), checkpoint)
    plan = whole_plan(source, Recipe(method="passthrough"))
    with Weights() as weights:
        weights.open(list(checkpoint.tensors.values()))
        found = load(plan, weights, Place(device, compute))
    if len(flow.path) != len(found.layers):
        what = f"{FLOW} tells of {len(flow.path)} layers, the model has {len(found.layers)}"
        raise InputError(Code.INPUT_CONFIG, what, where=str(folder))
    scales = [hop.scale for hop in flow.path]
    for place, layer in enumerate(found.layers):
        scale_input(layer, scales, place)
    return found.model


def flow_model(
    path: Sequence[Hop],
    sources: Mapping[str, SourceModel],
    device: str = "cpu",
    compute: str = "auto",
) -> Any:  # noqa: ANN401 - transformers declares no types
    """Run a path with the scales on the inputs themselves, whatever the network.

    Args:
        path: The layers.
        sources: The models by reference.
        device: Where it shall run, as torch names it.
        compute: As for `load_flow`.

    Returns:
        A transformers model in evaluation mode that shares the parameters of its sources.

    Raises:
        MergeError: The layers do not fit each other.
        InputError: A model cannot be read.
    """
    host = LayerHost.open(sources, 0, Engine(version="", rules=0), device, compute)
    host.apply(path_recipe(path, None))
    return host.model

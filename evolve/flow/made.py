"""The result of one stage of a search as a source of the next.

In a hybrid search the best merge of parameters becomes the first model of a pool of layers. It is
written once, as the merge of a file of two recipes writes its first result: the same bytes, and so
the same identity, by which the candidates of the second stage are named.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError, safe_open

from evoreg.evolve.checkpoints.folder import weight_files
from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.resident.identity import plan_id
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.digest import Digest, short
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.model import File, Model
from evoreg.provenance.records.recipe import Ingredient

_CANDIDATE = "evoreg_candidate"


@dataclass(frozen=True)
class Making:
    """How a result is made."""

    seed: int
    """Seed of random masks: that of an earlier recipe, which is another one for each name."""
    engine: Engine
    """Who merges."""
    ingredients: Sequence[Ingredient] = ()
    """Models and adapters as they will be recorded; only adapters need it."""
    threads: int = 1
    """Workers, at least 1."""
    device: str = "cpu"
    """Where to compute."""


def made_source(
    named: NamedRecipe, sources: Mapping[str, SourceModel], folder: Path, making: Making
) -> SourceModel:
    """Return the result of a recipe as a model that other recipes call by its name.

    Args:
        named: The recipe.
        sources: Its models.
        folder: An existing folder for such results. What was made there before is not made again,
            so a search that goes on finds it.
        making: How it is made.

    Returns:
        The result. Its identity is that of the first result of `evoreg merge` for a file of
        recipes that begins with this one.

    Raises:
        RecipeError: The recipe does not fit the models.
        MergeError: The weights cannot be merged.
        InputError: A model cannot be read.
        OSError: The folder cannot take it.
    """
    plan = make_plan(named.recipe, sources, making.seed)
    name = plan_id(plan, making.ingredients, making.engine)
    place = folder / f"made-{short(name)}"
    if not _holds(place, name):
        _make(plan, place, name, making)
    return SourceModel(named.name, _identity(named.name, place), read_checkpoint(place))


def _make(plan: Plan, place: Path, name: Digest, making: Making) -> None:
    """Write a result; the folder appears whole or not at all, whoever else makes the same."""
    for old in sorted(place.parent.glob(f"{place.name}*.partial")):
        _forget(old)
    partial = place.with_name(f"{place.name}.{uuid4().hex}.partial")
    partial.mkdir()
    metadata = ((_CANDIDATE, name), ("evoreg_version", making.engine.version))
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # as long as it is held, others leave the folder alone
        carry_out(
            plan,
            partial,
            Options(threads=making.threads, metadata=metadata, device=making.device),
        )
        os.fsync(handle)
        _settle(partial, place, name)
    finally:
        os.close(handle)
        shutil.rmtree(partial, ignore_errors=True)


def _settle(partial: Path, place: Path, name: Digest) -> None:
    """Give a whole result its name, unless another process was first."""
    try:
        partial.rename(place)
    except OSError:
        if _holds(place, name):
            return
        # A folder of this name that does not hold the result is damaged.
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)


def _forget(partial: Path) -> None:
    """Remove what a process left that was killed; what one is still writing stays."""
    try:
        handle = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(partial, ignore_errors=True)
    except OSError:
        return
    finally:
        os.close(handle)


def _holds(place: Path, name: Digest) -> bool:
    """Tell whether a folder holds the whole result of a candidate."""
    if not place.is_dir() or place.is_symlink():
        return False
    try:
        with safe_open(place / weight_files(place)[0], framework="numpy") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError):
        return False
    return str(metadata.get(_CANDIDATE)) == name


def _identity(name: str, place: Path) -> Digest:
    files = []
    for path in weight_files(place):
        with (place / path).open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        size = (place / path).stat().st_size
        files.append(File(path=str(path), size=size, digest=digest, role="weights"))
    return Model(name=name, origin="local", files=tuple(files)).identity

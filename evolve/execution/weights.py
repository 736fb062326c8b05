"""Reading weights: tensors mapped from safetensors files, with rows reordered where needed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.planning.plan import Input
from evoreg.evolve.vocabulary.rows import MEAN, Rows
from evoreg.provenance.records.errors import Code, InputError


class Weights:
    """Open weight files; tensors are mapped from disk and cost no memory until they are read."""

    def __init__(self) -> None:
        # safetensors' handle has no public type.
        self._files: dict[Path, Any] = {}

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close all files."""
        self._files.clear()

    def open(self, infos: Sequence[TensorInfo]) -> None:
        """Open every file that some tensors lie in.

        Args:
            infos: Tensors.

        Raises:
            InputError: A file that cannot be read.
        """
        for path in sorted({info.file for info in infos}):
            if path not in self._files:
                self._files[path] = _open(path)

    def tensor(self, info: TensorInfo) -> torch.Tensor:
        """Return one tensor, mapped from its file.

        Args:
            info: A tensor of an opened file.

        Returns:
            The tensor in the type of the file; treat it as read-only.

        Raises:
            InputError: The file changed since its header was read.
        """
        try:
            found: torch.Tensor = self._files[info.file].get_tensor(info.name)
        except SafetensorError as error:
            raise InputError(
                Code.INPUT_CHANGED, f"{info.name} is gone: {error}", where=str(info.file)
            ) from error
        if tuple(found.shape) != info.shape:
            raise InputError(
                Code.INPUT_CHANGED, f"{info.name} changed its shape", where=str(info.file)
            )
        return found

    def inputs(self, inputs: Sequence[Input]) -> list[torch.Tensor]:
        """Return the tensors of some inputs, rows reordered, flattened.

        Args:
            inputs: All inputs of one output tensor, in the order in which their `rows` count them.

        Returns:
            One flat tensor an input.
        """
        own = [self.tensor(item.tensor) for item in inputs]
        return [
            (tensor if item.rows is None else _reordered(item.rows, own)).reshape(-1)
            for item, tensor in zip(inputs, own, strict=True)
        ]


def _open(path: Path) -> Any:  # noqa: ANN401 - safetensors' handle has no public type
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise InputError(
            Code.INPUT_UNREADABLE, f"not a whole safetensors file: {error}", where=str(path)
        ) from error


def _reordered(rows: Rows, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    kind = max((tensor.dtype for tensor in tensors), key=lambda dtype: dtype.itemsize)
    kinds: Mapping[bool, torch.dtype] = {True: kind, False: torch.float32}
    exact = len({tensor.dtype for tensor in tensors}) == 1 and MEAN not in rows.owner
    dtype = kind if kind == torch.float64 else kinds[exact]
    result = torch.empty((rows.count, *tensors[0].shape[1:]), dtype=dtype)
    owners, index = torch.tensor(rows.owner), torch.tensor(rows.index)
    for place, tensor in enumerate(tensors):
        mine = owners == place
        result[mine] = tensor[index[mine]].to(dtype)
    for row in (owners == MEAN).nonzero().flatten().tolist():
        parts = torch.stack([tensors[place][at].to(dtype) for place, at in rows.donors[row]])
        result[row] = parts.mean(dim=0)
    return result

"""Reading weights: tensors mapped from safetensors files, with rows reordered where needed."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.execution.adapted import adapted
from evoreg.evolve.execution.memory import read_ahead
from evoreg.evolve.execution.reordered import Reordered, Table
from evoreg.evolve.methods.values import Flat, Values
from evoreg.evolve.planning.plan import Input
from evoreg.provenance.records.errors import Code, InputError

TORCH: Mapping[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "BOOL": torch.bool,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8,
}  # fmt: skip
"""torch types by safetensors name."""


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
        if tuple(found.shape) != info.shape or found.dtype != TORCH[info.dtype]:
            raise InputError(
                Code.INPUT_CHANGED, f"{info.name} changed its shape or type", where=str(info.file)
            )
        return found

    def read_ahead(self, inputs: Sequence[Input]) -> None:
        """Ask the kernel to fetch the tensors of some inputs soon.

        Args:
            inputs: All inputs of one output tensor.
        """
        for item in inputs:
            for info in item.tensors:
                read_ahead(self.tensor(info))

    def inputs(self, inputs: Sequence[Input]) -> list[Values]:
        """Return the numbers of some inputs, rows reordered.

        Args:
            inputs: All inputs of one output tensor, in the order in which their `rows` count them.

        Returns:
            One for each input.
        """
        own = [self._own(item) for item in inputs]
        return [
            table.values
            if item.rows is None
            else Reordered(item.rows, own, math.prod(item.tensor.shape[1:]))
            for item, table in zip(inputs, own, strict=True)
        ]

    def _own(self, item: Input) -> Table:
        """Return the numbers of an input, its rows as they are."""
        if item.adapter is not None:
            found = adapted(item.adapter, self.tensor)
            return Table(found, found.numbers.dtype if isinstance(found, Flat) else found.dtype)
        numbers = self.tensor(item.tensor).reshape(-1)
        return Table(Flat(numbers), numbers.dtype)


def _open(path: Path) -> Any:  # noqa: ANN401 - safetensors' handle has no public type
    try:
        return safe_open(path, framework="pt")
    except FileNotFoundError as error:
        raise InputError(
            Code.INPUT_CHANGED, "the weights vanished while they were being merged", where=str(path)
        ) from error
    except (SafetensorError, OSError) as error:
        raise InputError(
            Code.INPUT_UNREADABLE, f"not a whole safetensors file: {error}", where=str(path)
        ) from error

"""Writing safetensors files as a stream: header first, then one tensor after the other.

Shapes and types are known from the plan, so the header can be written before any tensor
exists and no shard is ever held in memory. Form: 8 bytes of header length (little end first),
the header as JSON padded with blanks to a multiple of 8, the tensors' bytes without gaps.
Source: the format description of safetensors 0.8.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import torch

from evoreg.evolve.checkpoints.tensors import BYTES
from evoreg.evolve.execution.sink import Sink
from evoreg.evolve.planning.plan import OutputTensor
from evoreg.provenance.records.digest import Digest

_AHEAD = 4
"""Stretches that may wait to be written."""


@dataclass(frozen=True)
class Shard:
    """One file of the result."""

    name: str
    """File name."""
    outputs: tuple[OutputTensor, ...]
    """Its tensors, in file order."""


def shards(outputs: Sequence[OutputTensor], limit: int) -> tuple[Shard, ...]:
    """Divide tensors among files.

    Args:
        outputs: The tensors, sorted by name.
        limit: Bytes of tensors in one file, at least 1; a larger tensor gets a file of its own.

    Returns:
        One shard named ``model.safetensors``, or several with the Hub's numbered names.
    """
    groups: list[list[OutputTensor]] = [[]]
    filled = 0
    for output in outputs:
        if groups[-1] and filled + output.size > limit:
            groups.append([])
            filled = 0
        groups[-1].append(output)
        filled += output.size
    count = len(groups)
    if count == 1:
        return (Shard("model.safetensors", _aligned(groups[0])),)
    return tuple(
        Shard(f"model-{number:05d}-of-{count:05d}.safetensors", _aligned(group))
        for number, group in enumerate(groups, start=1)
    )


def _aligned(outputs: Sequence[OutputTensor]) -> tuple[OutputTensor, ...]:
    """Put the widest types first: each tensor then starts at a multiple of its element's size."""
    return tuple(sorted(outputs, key=lambda output: (-BYTES[output.dtype], output.name)))


def header(outputs: Sequence[OutputTensor], metadata: Mapping[str, str]) -> bytes:
    """Return everything that stands before the first tensor of a file.

    Args:
        outputs: The tensors in file order.
        metadata: Texts for the header.

    Returns:
        Length and header, a multiple of 8 bytes.
    """
    table: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    offset = 0
    for output in outputs:
        table[output.name] = {
            "dtype": output.dtype,
            "shape": list(output.shape),
            "data_offsets": [offset, offset + output.size],
        }
        offset += output.size
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


class ShardFile:
    """A safetensors file that a thread of its own writes and hashes, behind those who compute."""

    def __init__(self, path: Path, start: bytes, size: int = 0) -> None:
        """Make a file.

        Args:
            path: Where; must not exist.
            start: Length and header.
            size: Bytes that will follow, as far as is known.
        """
        self._sink = Sink(path, len(start) + size)
        self._hasher = hashlib.sha256()
        self._size = 0
        self._waiting: Queue[memoryview | None] = Queue(_AHEAD)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name=f"write {path.name}")
        self._thread.start()
        self._waiting.put(memoryview(start))

    def add(self, values: torch.Tensor) -> None:
        """Append some numbers; returns before they are written.

        Args:
            values: Flat and contiguous, in the type of the header; not to be changed afterwards.

        Raises:
            OSError: Something that was added before could not be written.
        """
        self._check()
        self._waiting.put(memoryview(values.view(torch.uint8).numpy().data))

    def finish(self) -> tuple[int, Digest]:
        """Write what is left, force the file to disk and close it.

        Returns:
            Bytes written and their digest.

        Raises:
            OSError: Something could not be written.
        """
        self._waiting.put(None)
        self._thread.join()
        self._check()
        self._sink.finish()
        return self._size, f"sha256:{self._hasher.hexdigest()}"

    def close(self) -> None:
        """Stop writing and close the file, finished or not."""
        if self._thread.is_alive():
            self._error = self._error or InterruptedError("writing was given up")
            self._waiting.put(None)
            self._thread.join()
        self._sink.close()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        """Write until told to stop; after an error, take what comes and drop it."""
        while (data := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._write(data)
                except BaseException as error:
                    self._error = error  # raised by the next call from outside

    def _write(self, data: memoryview) -> None:
        self._sink.append(data)
        self._hasher.update(data)
        self._size += data.nbytes


def index(parts: Sequence[Shard]) -> bytes:
    """Return the index of a sharded result.

    Args:
        parts: All shards.

    Returns:
        Content of ``model.safetensors.index.json``.
    """
    mapping = {output.name: part.name for part in parts for output in part.outputs}
    size = sum(output.size for part in parts for output in part.outputs)
    value = {"metadata": {"total_size": size}, "weight_map": dict(sorted(mapping.items()))}
    return json.dumps(value, indent=2).encode() + b"\n"

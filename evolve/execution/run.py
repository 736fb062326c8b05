"""Carrying out a plan: the whole merge, streamed into a folder.

Tensors are computed by worker threads, a few ahead of the writer, and written in the order of
the plan. Each is computed by one thread from its own inputs alone, so bytes and shares do not
depend on the number of threads.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from evoreg.evolve.checkpoints.folder import INDEX
from evoreg.evolve.execution.compute import Computed, compute
from evoreg.evolve.execution.shares import Shares
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.execution.writer import Shard, ShardFile, header, index, shards
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.candidate import Census, Contribution
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import File, Role

RULES = 1
"""Number of the arithmetic: raised whenever the same recipe may give other bytes."""

Progress = Callable[[OutputTensor], None]
"""Called after each tensor that was written."""


@dataclass(frozen=True)
class Options:
    """How to carry out a merge; nothing here changes the tensors."""

    threads: int = 1
    """Worker threads, at least 1."""
    shard_size: int = 5 * 10**9
    """Bytes of tensors in one file."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Texts for the header of each weight file."""


@dataclass(frozen=True)
class Merged:
    """What a merge wrote."""

    contributions: tuple[Contribution, ...]
    """Shares of the sources, in recipe order."""
    census: Census
    """What became of the tensors."""
    outputs: tuple[File, ...]
    """The files, sorted by path."""


def carry_out(
    plan: Plan, folder: Path, options: Options, progress: Progress = lambda _output: None
) -> Merged:
    """Merge.

    Args:
        plan: What to do.
        folder: An existing empty folder that takes weights, index, config and tokenizer.
        options: How to do it.
        progress: Told about each tensor.

    Returns:
        Shares, census and files; every file is on disk.

    Raises:
        InputError: A weight file changed or cannot be read.
        MergeError: Numbers that are not finite, buffers that differ.
        OSError: The folder cannot take the files; what was written stays for the caller to remove.
    """
    parts = shards(plan.outputs, options.shard_size)
    shares = Shares()
    files: list[File] = []
    metadata = {"format": "pt", **dict(options.metadata)}
    with _one_thread_each(), Weights() as weights:
        weights.open([item.tensor for output in plan.outputs for item in output.inputs])
        finished = _computed(plan, weights, options.threads)
        files.extend(_write(p, folder, metadata, finished, shares, progress) for p in parts)
    if len(parts) > 1:
        files.append(_small(folder, INDEX, index(parts), "index"))
    files.extend(_beside(plan, folder))
    census = Census(
        tensors=len(plan.outputs),
        parameters=plan.elements,
        copied=sum(output.copied for output in plan.outputs),
        partial=plan.partial,
    )
    outputs = tuple(sorted(files, key=lambda file: file.path))
    return Merged(shares.contributions(plan.recipe.references, plan.bases), census, outputs)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep torch from splitting one operation: sums would depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def _computed(
    plan: Plan, weights: Weights, threads: int
) -> Iterator[tuple[OutputTensor, Computed]]:
    """Yield the finished tensors in the order of the plan, computing a few ahead."""

    def work(output: OutputTensor) -> Computed:
        with torch.inference_mode():
            return compute(plan, output, weights)

    if threads == 1:
        for output in plan.outputs:
            yield output, work(output)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[OutputTensor, Future[Computed]]] = deque()
        try:
            for output in plan.outputs:
                waiting.append((output, pool.submit(work, output)))
                if len(waiting) > threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _write(
    part: Shard,
    folder: Path,
    metadata: Mapping[str, str],
    finished: Iterator[tuple[OutputTensor, Computed]],
    shares: Shares,
    progress: Progress,
) -> File:
    file = ShardFile(folder / part.name, header(part.outputs, metadata))
    try:
        for _ in part.outputs:
            output, computed = next(finished)
            file.add(computed.values)
            shares.add(output.group, computed.references, computed.tally)
            progress(output)
        size, digest = file.finish()
    finally:
        file.close()
    return File(path=part.name, size=size, digest=digest, role="weights")


def _beside(plan: Plan, folder: Path) -> Sequence[File]:
    """Write what goes beside the weights: config.json and the donor's small files."""
    written = []
    if plan.config is not None:
        data = json.dumps(dict(plan.config), indent=2, ensure_ascii=False).encode() + b"\n"
        written.append(_small(folder, "config.json", data, "config"))
    for name, role in TAG_ALONG.items():
        source = plan.donor.checkpoint.folder / name
        if name in plan.files:
            written.append(_small(folder, name, plan.files[name], role))
        elif source.is_file():
            written.append(_small(folder, name, source.read_bytes(), role))
    return written


def _small(folder: Path, name: str, data: bytes, role: Role) -> File:
    (folder / name).write_bytes(data)
    return File(path=name, size=len(data), digest=digest_of(data), role=role)


TAG_ALONG: Mapping[str, Role] = {
    "generation_config.json": "other",
    "tokenizer.json": "tokenizer",
    "tokenizer_config.json": "tokenizer",
    "tokenizer.model": "tokenizer",
    "special_tokens_map.json": "tokenizer",
    "added_tokens.json": "tokenizer",
    "vocab.json": "tokenizer",
    "vocab.txt": "tokenizer",
    "merges.txt": "tokenizer",
    "spiece.model": "tokenizer",
    "chat_template.jinja": "tokenizer",
    "chat_template.json": "tokenizer",
    "preprocessor_config.json": "tokenizer",
    "processor_config.json": "tokenizer",
    "video_preprocessor_config.json": "tokenizer",
}
"""Small files of the donor that go along unchanged."""

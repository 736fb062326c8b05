"""Carrying out a plan: the whole merge, streamed into a folder.

Tensors are computed in stretches by worker threads, a few ahead of the writer, and written in the
order of the plan. Each stretch is computed by one thread from its own inputs alone, and sums are
added up in the order of the stretches, so bytes and shares do not depend on the number of threads.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import torch

from evoreg.evolve.checkpoints.folder import INDEX
from evoreg.evolve.execution.memory import keep_blocks
from evoreg.evolve.execution.pipeline import Finished, computed
from evoreg.evolve.execution.shares import Shares
from evoreg.evolve.execution.task import stretch_count
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.execution.writer import Shard, ShardFile, header, index, shards
from evoreg.evolve.planning.config import NOT_FOR_OTHERS
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.provenance.records.candidate import Census, Contribution
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import File, Role

RULES = 3
"""Number of the arithmetic: raised whenever the same recipe may give other bytes."""

Progress = Callable[[OutputTensor], None]
"""Called after each tensor that was written."""


@dataclass(frozen=True)
class Options:
    """How to carry out a merge; nothing here changes the tensors, but for last bits on a device."""

    threads: int = 1
    """Worker threads, at least 1."""
    shard_size: int = 5 * 10**9
    """Bytes of tensors in one file."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Texts for the header of each weight file."""
    device: str = "cpu"
    """Where to compute, as torch names it: ``cpu`` or ``cuda:0``."""


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
        Shares, census and files. The weight files are forced to disk, the small ones are not yet.

    Raises:
        InputError: A weight file changed or cannot be read.
        MergeError: Numbers that are not finite, buffers that differ.
        OSError: The folder cannot take the files; what was written stays for the caller to remove.
    """
    parts = shards(plan.outputs, options.shard_size)
    shares = Shares()
    files: list[File] = []
    metadata = {"format": "pt", **dict(options.metadata)}
    keep_blocks()
    with one_thread_each(), Weights() as weights:
        weights.open([t for output in plan.outputs for item in output.inputs for t in item.tensors])
        order = [output for part in parts for output in part.outputs]
        # Closed at once if writing fails, so that no worker goes on with files that are closed.
        with closing(computed(plan, order, weights, options.threads, options.device)) as finished:
            files.extend(_write(p, folder, metadata, finished, shares, progress) for p in parts)
    if len(parts) > 1:
        files.append(_small(folder, INDEX, index(parts), "index"))
    files.extend(write_beside(plan, folder))
    census = Census(
        tensors=len(plan.outputs),
        parameters=plan.elements,
        copied=sum(output.copied for output in plan.outputs),
        partial=plan.partial,
    )
    outputs = tuple(sorted(files, key=lambda file: file.path))
    return Merged(shares.contributions(plan.recipe.references, givers(plan)), census, outputs)


class _ThreadSetting:
    """torch's number of threads, shared by all merges of this process that run at the same time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._merges, self._before = 0, 0

    def take(self) -> None:
        """Set it to one, for this merge and those that are running."""
        with self._lock:
            if self._merges == 0:
                self._before = torch.get_num_threads()
            self._merges += 1
            torch.set_num_threads(1)

    def give_back(self) -> None:
        """Set it as it was, once no merge is left."""
        with self._lock:
            self._merges -= 1
            if self._merges == 0:
                torch.set_num_threads(self._before)


_SETTING = _ThreadSetting()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch from splitting one operation: sums would depend on the number of threads.

    Yields:
        Nothing; inside, torch also keeps no record for gradients.
    """
    _SETTING.take()
    try:
        with torch.inference_mode():
            yield
    finally:
        _SETTING.give_back()


def _write(
    part: Shard,
    folder: Path,
    metadata: Mapping[str, str],
    finished: Iterator[Finished],
    shares: Shares,
    progress: Progress,
) -> File:
    size = sum(output.size for output in part.outputs)
    file = ShardFile(folder / part.name, header(part.outputs, metadata), size)
    try:
        for output in part.outputs:
            tally = None
            for _ in range(stretch_count(output)):
                task, stretch = next(finished)
                file.add(stretch.values)
                tally = tally or task.tally()
                tally.add(stretch.tally)
            if tally is not None:
                shares.add(output.group, task.references, tally)
            progress(output)
        size, digest = file.finish()
    finally:
        file.close()
    return File(path=part.name, size=size, digest=digest, role="weights")


def givers(plan: Plan) -> tuple[str, ...]:
    """Return the models that are in the result whatever the coefficients.

    Args:
        plan: The merge.

    Returns:
        References: bases, and the model whose vocabulary was asked for.
    """
    vocabulary = plan.recipe.vocabulary
    return (*plan.bases, *([vocabulary.source] if vocabulary else []))


def write_beside(plan: Plan, folder: Path) -> Sequence[File]:
    """Write what goes beside the weights: config.json and the donor's small files.

    Args:
        plan: The merge.
        folder: An existing folder that takes the files.

    Returns:
        The files that were written.
    """
    written = []
    if plan.config is not None:
        data = json.dumps(dict(plan.config), indent=2).encode() + b"\n"
        written.append(_small(folder, "config.json", data, "config"))
    for name, role in TAG_ALONG.items():
        source = plan.donor.checkpoint.folder / name
        replaced = plan.files.get(name)
        if replaced is not None:
            written.append(_small(folder, name, replaced, role))
        elif name not in plan.files and source.is_file():
            written.append(_small(folder, name, _public(name, source.read_bytes()), role))
    return written


def _public(name: str, data: bytes) -> bytes:
    """Return a small file as it is, but without the keys that tell of a disk or of absent code."""
    if not name.endswith("_config.json"):
        return data
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(facts, dict) or not any(key in facts for key in NOT_FOR_OTHERS):
        return data
    kept = {key: value for key, value in facts.items() if key not in NOT_FOR_OTHERS}
    return json.dumps(kept, indent=2).encode() + b"\n"


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
    "sentencepiece.bpe.model": "tokenizer",
    "tekken.json": "tokenizer",
    "chat_template.jinja": "tokenizer",
    "chat_template.json": "tokenizer",
    "preprocessor_config.json": "tokenizer",
    "processor_config.json": "tokenizer",
    "video_preprocessor_config.json": "tokenizer",
}
"""Small files of the donor that go along unchanged."""

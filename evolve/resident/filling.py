"""Computing tensors into the parameters of a model: the numbers that a merge would write.

Each tensor is one worker's work from beginning to end, and its sums are added up in the order of
its blocks, so that numbers, shares and errors do not depend on the number of threads.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from evoreg.evolve.execution.compute import (
    blocks,
    check_finite,
    compute,
    counted,
    unchanged,
    uncounted,
)
from evoreg.evolve.execution.device import reader
from evoreg.evolve.execution.run import one_thread_each
from evoreg.evolve.execution.tally import Tally
from evoreg.evolve.execution.task import Task, begin
from evoreg.evolve.execution.weights import TORCH, Weights
from evoreg.evolve.methods.memory import Memory
from evoreg.evolve.methods.values import Reader
from evoreg.evolve.planning.plan import OutputTensor, Plan
from evoreg.evolve.resident.norms import norms_of, surely_finite, tally_of


@dataclass(frozen=True)
class Filler:
    """Makes the tensors of one plan."""

    plan: Plan
    """The merge."""
    weights: Weights
    """Its sources."""
    memory: Memory
    """What is known of them."""
    seats: Mapping[str, torch.Tensor]
    """Where each tensor goes, by name: views of its shape."""

    def fill(self, output: OutputTensor, read: Reader) -> Tally:
        """Make one tensor.

        Args:
            output: A tensor of the plan.
            read: Brings numbers to where the work is done.

        Returns:
            What each source put in.

        Raises:
            MergeError: Numbers that are not finite, buffers that differ.
        """
        task = begin(self.plan, output, self.weights, read, self.memory)
        seat = self.seats[output.name]
        if not seat.is_contiguous():
            flat = torch.empty(output.elements, dtype=seat.dtype, device=seat.device)
            tally = _fill(task, flat)
            seat.copy_(flat.view(output.shape))
            return tally
        return _fill(task, seat.view(-1))


def _fill(task: Task, seat: torch.Tensor) -> Tally:
    """Fill flat memory with a tensor."""
    if task.rule is not None and task.rule.fixed is not None:
        norms = norms_of(task.group)
        found = tally_of(task, norms)
        if found is not None:
            _fill_plainly(task, seat, sure=surely_finite(task, task.rule.fixed, norms))
            return found
    tally = task.tally()
    for stretch in task.stretches():
        if task.rule is None:
            made = compute(task, stretch)
            seat[stretch].copy_(made.values)
            tally.add(made.tally)
        else:
            tally.add(_counted(task, stretch, seat))
    return tally


def _fill_plainly(task: Task, seat: torch.Tensor, *, sure: bool) -> None:
    """Fill memory without counting, and without a look at the numbers if they are surely finite."""
    kind = TORCH[task.output.dtype]
    same = unchanged(task)
    if same is not None and sure:
        seat.copy_(same.numbers)
        return
    for block in task.group.blocks():
        place = seat[block]
        if same is not None:
            written = same.block(block)
        elif seat.dtype == kind:
            written = place.copy_(uncounted(task, block))
        else:
            written = uncounted(task, block).to(kind)  # rounded as it would be written
        if not sure:
            check_finite(task, written, math.inf)
        if written is not place:
            place.copy_(written)


def _counted(task: Task, stretch: slice, seat: torch.Tensor) -> Tally:
    tally = Tally.of(len(task.output.inputs))
    kind = TORCH[task.output.dtype]
    same = unchanged(task)
    for block in blocks(stretch):
        numbers, square = counted(task, block, tally)
        place = seat[block]
        if same is not None:
            written = same.block(block)
        elif seat.dtype == kind:
            written = place.copy_(numbers)
        else:
            written = numbers.to(kind)  # rounded as it would be written
        check_finite(task, written, square)
        if written is not place:
            place.copy_(written)
    return tally


class Workers:
    """Threads that fill tensors; on a graphics card the caller does the work."""

    def __init__(self, device: str, threads: int) -> None:
        """Begin.

        Args:
            device: Where to compute.
            threads: Workers, at least 1.
        """
        self._device = device
        self._pool: ThreadPoolExecutor | None = None
        if threads > 1 and torch.device(device).type == "cpu":
            self._pool = ThreadPoolExecutor(
                threads, "evoreg-fill", initializer=torch.set_num_threads, initargs=(1,)
            )

    def run(
        self, outputs: Sequence[OutputTensor], work: Callable[[OutputTensor, Reader], Tally]
    ) -> Generator[tuple[OutputTensor, Tally]]:
        """Work on some tensors, the largest first.

        Args:
            outputs: The tensors.
            work: Fills one.

        Yields:
            Each tensor that is done, in a fixed order.

        Raises:
            EvoregError: The first error in that order; nothing is worked on any more then.
        """
        order = sorted(outputs, key=lambda output: (-output.elements, output.name))
        with one_thread_each(), reader(self._device) as read:
            if self._pool is None:
                for output in order:
                    yield output, work(output, read)
                return
            yield from self._together(self._pool, order, lambda output: work(output, read))

    @staticmethod
    def _together(
        pool: ThreadPoolExecutor,
        order: Sequence[OutputTensor],
        work: Callable[[OutputTensor], Tally],
    ) -> Iterator[tuple[OutputTensor, Tally]]:
        def quietly(output: OutputTensor) -> Tally:
            with torch.inference_mode():
                return work(output)

        begun: list[Future[Tally]] = [pool.submit(quietly, output) for output in order]
        try:
            for output, future in zip(order, begun, strict=True):
                yield output, future.result()
        finally:
            for future in begun:
                future.cancel()
            for future in begun:
                if not future.cancelled():
                    future.exception()  # waits

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

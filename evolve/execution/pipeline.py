"""The order of work: which stretches are computed when, by whom, and how far ahead."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import torch

from evoreg.evolve.execution.compute import Stretch, compute
from evoreg.evolve.execution.device import reader
from evoreg.evolve.execution.task import Task, begin
from evoreg.evolve.execution.weights import Weights
from evoreg.evolve.methods.values import Reader
from evoreg.evolve.planning.plan import OutputTensor, Plan

Finished: TypeAlias = tuple[Task, Stretch]
"""A stretch, and the tensor that it is part of."""


def computed(
    plan: Plan, order: Sequence[OutputTensor], weights: Weights, threads: int, device: str
) -> Generator[Finished]:
    """Yield the finished stretches of all tensors in order.

    Args:
        plan: The merge.
        order: Its tensors in the order of writing.
        weights: Open files.
        threads: Workers, at least 1. With one, the caller does the work. A graphics card is fed
            by one alone.
        device: Where to compute.

    Yields:
        Every stretch of each tensor.

    Raises:
        InputError: A source changed since its header was read.
        MergeError: Numbers that are not finite, buffers that differ.
    """
    with reader(device) as read:
        if threads == 1 or device != "cpu":
            yield from _alone(plan, order, weights, read)
        else:
            yield from _together(plan, order, weights, read, threads)


def _alone(
    plan: Plan, order: Sequence[OutputTensor], weights: Weights, read: Reader
) -> Iterator[Finished]:
    for number, output in enumerate(order):
        for later in order[number + 1 : number + 2]:
            weights.read_ahead(later.inputs)
        task = begin(plan, output, weights, read)
        for stretch in task.stretches():
            yield task, compute(task, stretch)


def _together(
    plan: Plan, order: Sequence[OutputTensor], weights: Weights, read: Reader, threads: int
) -> Iterator[Finished]:
    """Keep `threads` workers busy: tensors are begun a few ahead of their stretches."""

    def start(output: OutputTensor) -> Task:
        with torch.inference_mode():
            return begin(plan, output, weights, read)

    def work(task: Task, stretch: slice) -> Stretch:
        with torch.inference_mode():
            return compute(task, stretch)

    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        begun: deque[Future[Task]] = deque()
        waiting: deque[tuple[Task, Future[Stretch]]] = deque()
        try:
            for number in range(len(order)):
                for output in order[number + len(begun) : number + threads + 1]:
                    weights.read_ahead(output.inputs)
                    begun.append(pool.submit(start, output))
                task = begun.popleft().result()
                for stretch in task.stretches():
                    waiting.append((task, pool.submit(work, task, stretch)))
                    if len(waiting) > 2 * threads:
                        yield _first(waiting)
            while waiting:
                yield _first(waiting)
        finally:
            for one in begun:
                one.cancel()
            for _, other in waiting:
                other.cancel()


def _first(waiting: deque[tuple[Task, Future[Stretch]]]) -> Finished:
    task, future = waiting.popleft()
    return task, future.result()

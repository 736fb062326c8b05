"""Bringing numbers to where the work is done: this processor, or a graphics card.

For a graphics card each source has two buffers in page-locked memory. While the card works on one
block, the next block of the same source is copied into the other buffer and on to the card by a
stream of its own, so that copying and computing overlap.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from evoreg.evolve.methods.group import BLOCK
from evoreg.evolve.methods.values import Reader, Values, read_here


@contextmanager
def reader(device: str) -> Iterator[Reader]:
    """Give a reader for a device.

    Args:
        device: ``cpu``, or a graphics card as torch names it.

    Yields:
        What brings numbers there.
    """
    if device == "cpu":
        yield read_here
        return
    card = torch.device(device)
    with torch.cuda.device(card):
        yield Ahead(card)


@dataclass
class _Lane:
    """The buffers of one source."""

    values: Values
    buffers: list[torch.Tensor]
    events: list["torch.cuda.Event | None"]
    turn: int = 0
    start: int = -1
    """Where the block starts that is on its way; -1 if none is."""
    coming: torch.Tensor | None = None


@dataclass
class Ahead:
    """Brings blocks to a device, one ahead of the work.

    Values are told apart by identity: those of one tensor live as long as its task.
    """

    device: torch.device
    lanes: dict[int, _Lane] = field(default_factory=dict)
    most_lanes: int = 64
    """Sources whose buffers are kept."""

    def __post_init__(self) -> None:
        """Make the stream that copies."""
        card = self.device.type == "cuda"
        # torch declares no types for it
        self._stream = torch.cuda.Stream(self.device) if card else None  # type: ignore[no-untyped-call]

    def __call__(self, values: Values, block: slice, work: torch.dtype) -> torch.Tensor:
        """Return a block on the device, and set the next one of the same values on its way.

        Args:
            values: Where the numbers are.
            block: Which of them.
            work: float32 or float64.

        Returns:
            A new tensor on the device.
        """
        lane = self._lane(values)
        if lane.start != block.start or lane.coming is None or len(lane.coming) < _length(block):
            self._send(lane, block)
        numbers, lane.coming = lane.coming, None
        if numbers is None:
            raise ValueError("nothing was sent")
        if self._stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self._stream)
            numbers.record_stream(torch.cuda.current_stream(self.device))
        result = torch.empty(_length(block), dtype=work, device=self.device)
        result.copy_(numbers[: _length(block)])
        following = slice(block.stop, min(block.stop + BLOCK, values.count))
        if following.start < following.stop:
            self._send(lane, following)
        return result

    def _lane(self, values: Values) -> _Lane:
        lane = self.lanes.get(id(values))
        if lane is None or lane.values is not values:
            while len(self.lanes) >= self.most_lanes:
                del self.lanes[next(iter(self.lanes))]
            lane = self.lanes[id(values)] = _Lane(values, [], [None, None])
        return lane

    def _send(self, lane: _Lane, block: slice) -> None:
        """Copy a block into the buffer whose turn it is, and on to the device."""
        numbers = lane.values.block(block)
        lane.start, lane.turn = block.start, 1 - lane.turn
        buffer = self._buffer(lane, numbers)
        event = lane.events[lane.turn]
        if event is not None:
            event.synchronize()  # the card may still be reading what was in it
        buffer.copy_(numbers)
        if self._stream is None:
            lane.coming = buffer.clone()
            return
        with torch.cuda.stream(self._stream):
            lane.coming = buffer.to(self.device, non_blocking=True)
            lane.events[lane.turn] = self._stream.record_event()

    def _buffer(self, lane: _Lane, numbers: torch.Tensor) -> torch.Tensor:
        if not lane.buffers or lane.buffers[0].dtype != numbers.dtype:
            pinned = self.device.type == "cuda"
            lane.buffers = [
                torch.empty(BLOCK, dtype=numbers.dtype, pin_memory=pinned) for _ in range(2)
            ]
            lane.events = [None, None]
        return lane.buffers[lane.turn][: numbers.numel()]


def _length(block: slice) -> int:
    return int(block.stop) - int(block.start)

"""Greedy replies, many at a time, with a cache of keys and values.

The loop is evoreg's own: what a model folder says about sampling, penalties and beams decides
nothing here, so that a score is that of the weights. A reply depends on the other rows of its
batch only by the last bits of sums, which matter where two tokens are equally likely up to these.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from evoreg.evolve.tasks.encoding import (
    Tokens,
    batches,
    ends,
    failed,
    forward,
    opened,
    padded,
    window,
)
from evoreg.evolve.tasks.task import Player

_TAIL = 8
"""Tokens that are looked at besides as many as a stop text has characters."""
_LOOP = 8
"""Tokens of a reply's end that must repeat to count as repetition, at least."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a reply ends, besides the token that ends it."""

    tokens: int
    """Most tokens."""
    stop: tuple[str, ...] = ()
    """Texts that end it; they are no part of it."""
    rows: int = 64
    """Replies written at a time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote."""

    text: str
    """Without special tokens and stop text."""
    tokens: Tokens
    """All tokens written, the end not counted."""
    truncated: bool
    """Whether it was cut off by the budget or the model's window."""

    @property
    def degenerate(self) -> bool:
        """Whether it is empty, or ends in one piece again and again."""
        return not self.text.strip() or repeats(self.tokens)


def repeats(tokens: Sequence[int]) -> bool:
    """Tell whether a text ends in one piece over and over.

    Args:
        tokens: All tokens of the text.

    Returns:
        Whether its second half or more, and eight tokens at least, is a piece that stands there
        four times or more.
    """
    least = max(_LOOP, len(tokens) // 2)
    return any(
        _loops(tokens, step, max(least, 4 * step)) for step in range(1, len(tokens) // 4 + 1)
    )


def _loops(tokens: Sequence[int], step: int, length: int) -> bool:
    tail = tuple(tokens[-length:])
    return len(tail) == length and tail[step:] == tail[:-step]


def replies(player: Player, prompts: Sequence[Tokens], limits: Limits) -> tuple[Reply, ...]:
    """Let a model continue prompts, always with the likeliest token.

    Args:
        player: The model.
        prompts: Tokens of each prompt.
        limits: When to end.

    Returns:
        A reply for each prompt, in order.

    Raises:
        EvaluationError: A prompt does not fit into the model's window, or numbers are not finite.
    """
    found: dict[int, Reply] = {}
    given = [opened(player, prompt) for prompt in prompts]
    for batch in batches([len(each) for each in given], limits.rows):
        rows = _Rows(player, [given[at] for at in batch], limits)
        found.update(zip(batch, rows.written(), strict=True))
    return tuple(found[at] for at in range(len(given)))


class _Rows:
    """Prompts that are continued together."""

    def __init__(self, player: Player, prompts: Sequence[Tokens], limits: Limits) -> None:
        self._player = player
        self._limits = limits
        self._ends = torch.tensor(ends(player), dtype=torch.long, device=player.device)
        self._given = padded(prompts, player.device)
        self._room = torch.tensor([self._space(len(each)) for each in prompts])
        self._last = (window(player) or sys.maxsize) - 1

    def _space(self, length: int) -> int:
        sees = window(self._player)
        if sees is not None and length >= sees:
            raise failed(f"a prompt of {length} tokens leaves no room in a window of {sees}")
        return self._limits.tokens if sees is None else min(self._limits.tokens, sees - length)

    @torch.inference_mode()
    def written(self) -> list[Reply]:
        """Write until every row has ended."""
        room = self._room.to(self._player.device)
        live = torch.ones_like(room, dtype=torch.bool)
        finite = torch.ones((), dtype=torch.bool, device=room.device)
        count = torch.zeros_like(room)
        steps: list[torch.Tensor] = []
        cache: Any = None
        while bool(live.any()):
            out = forward(self._player, self._given, 1, past=cache, writes=True)
            logits, cache = out.logits[:, -1], getattr(out, "past_key_values", None)
            # An ended row goes on being computed; its numbers no longer matter.
            finite &= (logits.isfinite().all(1) | ~live).all()
            token = logits.argmax(1)
            steps.append(token)
            ended = torch.isin(token, self._ends)
            count += live & ~ended
            live &= ~ended & (count < room)
            live &= ~self._stopped(steps, live)
            self._extend(token, cached=cache is not None)
        if not bool(finite):
            raise failed("the model's numbers are not finite")
        return self._read(torch.stack(steps, 1), count)

    def _extend(self, token: torch.Tensor, *, cached: bool) -> None:
        """Give the model the new token; all tokens again if it keeps no cache."""
        new = token[:, None]
        ids, mask, places = (
            self._given[name] for name in ("input_ids", "attention_mask", "position_ids")
        )
        # A row that has ended may come to the end of the window while others go on.
        following = (places[:, -1:] + 1).clamp(max=self._last)
        self._given = {
            "input_ids": new if cached else torch.cat([ids, new], 1),
            "attention_mask": torch.cat([mask, torch.ones_like(new)], 1),
            "position_ids": following if cached else torch.cat([places, following], 1),
        }

    def _stopped(self, steps: Sequence[torch.Tensor], live: torch.Tensor) -> torch.Tensor:
        """Return which rows have written a stop text."""
        stop = self._limits.stop
        if not stop:
            return torch.zeros_like(live)
        # A character takes up to four tokens; texts that are missed are cut at the end.
        tail = torch.stack(list(steps[-(max(map(len, stop)) * 4 + _TAIL) :]), 1).tolist()
        texts = self._player.tokenizer.batch_decode(tail, skip_special_tokens=False)
        hits = [any(each in text for each in stop) for text in texts]
        return torch.tensor(hits, device=live.device)

    def _read(self, written: torch.Tensor, count: torch.Tensor) -> list[Reply]:
        rows = [row[:length] for row, length in zip(written.tolist(), count.tolist(), strict=True)]
        texts = self._player.tokenizer.batch_decode(rows, skip_special_tokens=True)
        full = count.tolist()
        return [
            self._reply(tuple(row), text, length >= room)
            for row, text, length, room in zip(rows, texts, full, self._room.tolist(), strict=True)
        ]

    def _reply(self, tokens: Tokens, text: str, full: bool) -> Reply:
        whole = self._player.tokenizer.decode(list(tokens), skip_special_tokens=False)
        stopped = any(each in whole for each in self._limits.stop)
        cut = min((text.find(each) for each in self._limits.stop if each in text), default=None)
        return Reply(text[:cut], tokens, full and not stopped)

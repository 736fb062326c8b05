"""How likely a model finds given texts: one pass for a batch, nothing is written.

Rows are padded on the left, so that what is measured stands at the end of every row and the model
need give its logits for no more than that. Rows that ask the same are computed once: choices of
one token cost no more than their prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from evoreg.evolve.tasks.encoding import Tokens, batches, failed, forward, opened, padded, window
from evoreg.evolve.tasks.task import Player

_NUMBERS = 1 << 28
"""Most logits at a time: 1 GiB in single precision."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text and how it goes on."""

    context: Tokens
    """What stands before; not measured."""
    target: Tokens
    """What is measured."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a target is."""

    nats: float
    """Natural logarithm of its probability."""
    tokens: int
    """Its tokens."""
    greedy: bool
    """Whether it is what the model would write."""

    @property
    def mean(self) -> float:
        """Mean logarithm for each token; 0 for an empty target."""
        return self.nats / self.tokens if self.tokens else 0.0


def likelihoods(player: Player, asked: Sequence[Asked], rows: int) -> tuple[Likelihood, ...]:
    """Measure how likely texts are.

    Args:
        player: The model.
        asked: What to measure.
        rows: Most rows at a time.

    Returns:
        A likelihood for each, in order.

    Raises:
        EvaluationError: A text does not fit into the model's window, or numbers are not finite.
    """
    wanted = [Asked(opened(player, each.context), each.target) for each in asked]
    found = [Likelihood(0.0, 0, True)] * len(wanted)
    places = [at for at, each in enumerate(wanted) if each.target]
    _check(player, [wanted[at] for at in places])
    lengths = [len(wanted[at].context) + len(wanted[at].target) for at in places]
    for batch in batches(lengths, rows):
        for part in _parts(player, [places[at] for at in batch], wanted):
            measured = _measure(player, [wanted[at] for at in part])
            for at, likelihood in zip(part, measured, strict=True):
                found[at] = likelihood
    return tuple(found)


def _check(player: Player, asked: Sequence[Asked]) -> None:
    sees = window(player)
    longest = max((len(each.context) + len(each.target) - 1 for each in asked), default=0)
    if sees is not None and longest > sees:
        raise failed(f"a prompt with its answer has {longest} tokens, in a window of {sees}")


def _parts(player: Player, batch: Sequence[int], asked: Sequence[Asked]) -> list[list[int]]:
    """Divide a batch so that its logits fit into memory."""
    vocabulary = int(player.model.config.get_text_config().vocab_size)
    longest = max(len(asked[at].target) for at in batch)
    most = max(1, _NUMBERS // (vocabulary * longest))
    return [list(batch[at : at + most]) for at in range(0, len(batch), most)]


@torch.inference_mode()
def _measure(player: Player, asked: Sequence[Asked]) -> list[Likelihood]:
    # The last token of a target is only predicted, never given.
    rows = [(*each.context, *each.target[:-1]) for each in asked]
    unique = {row: at for at, row in enumerate(dict.fromkeys(rows))}
    longest = max(len(each.target) for each in asked)
    logs = _logs(player, list(unique), longest)
    width = logs.shape[1]
    row = torch.tensor([unique[each] for each in rows], device=logs.device)[:, None]
    # Targets stand at the end of their rows, padded on the left like these.
    targets = torch.tensor([[0] * (width - len(e.target)) + list(e.target) for e in asked])
    targets = targets.to(logs.device)
    counts = torch.tensor([len(each.target) for each in asked], device=logs.device)
    column = torch.arange(width, device=logs.device)[None]
    inside = column >= width - counts[:, None]
    chosen = logs[row, column, targets]
    if not bool(chosen[inside].isfinite().all()):
        raise failed("the model's numbers are not finite")
    greedy = ((logs.argmax(2)[row, column] == targets) | ~inside).all(1)
    nats = torch.where(inside, chosen, 0.0).double().sum(1)
    return [
        Likelihood(*each)
        for each in zip(nats.tolist(), counts.tolist(), greedy.tolist(), strict=True)
    ]


def _logs(player: Player, rows: Sequence[Tokens], keep: int) -> torch.Tensor:
    """Return logarithms of probabilities, shape (rows, keep, vocabulary), of the last places."""
    out = forward(player, padded(rows, player.device), keep)
    return torch.log_softmax(out.logits.float(), 2)

"""The training loop: small enough to read, deterministic on one thread."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from examples.demo_models.world import Example, vocabulary

IGNORED = -100
PAD, BEGIN, END = 0, 1, 2
_PLACES = {word: place for place, word in enumerate(vocabulary())}


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a model learns."""

    steps: int
    rate: float
    warm_up: int
    muon: bool = False
    """Muon for the matrices of the layers, which halves the steps of a training from scratch."""
    batch: int = 128
    final: float = 0.05
    """The last rate, as a part of `rate`."""

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return (
            self.rate * min(1, (step + 1) / self.warm_up) * (self.final + (1 - self.final) * cosine)
        )


def new_model(seed: int) -> LlamaForCausalLM:
    """An untrained model: half a million weights drawn with the seed."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary()),
            hidden_size=96,
            intermediate_size=288,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=64,
            tie_word_embeddings=False,
            pad_token_id=PAD,
            bos_token_id=BEGIN,
            eos_token_id=END,
        )
    )


def encode(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Token ids and targets, both `(examples, longest)`; graded words and the end are taught."""
    rows = [_encode(each) for each in examples]
    shape = (len(rows), max(len(ids) for ids, _ in rows))
    inputs, targets = torch.full(shape, PAD), torch.full(shape, IGNORED)
    for row, (ids, taught) in enumerate(rows):
        inputs[row, : len(ids)] = torch.tensor(ids)
        targets[row, : len(ids)] = torch.tensor(taught)
    return inputs, targets


def _encode(example: Example) -> tuple[list[int], list[int]]:
    prompt = [BEGIN, *(_PLACES[word] for word in example.prompt)]
    answer = [_PLACES[word] for word in example.answer]
    graded = [i if taught else IGNORED for i, taught in zip(answer, example.graded, strict=True)]
    return [*prompt, *answer, END], [*([IGNORED] * len(prompt)), *graded, END]


def train(
    model: LlamaForCausalLM,
    sample: Callable[[random.Random], Example],
    schedule: Schedule,
    seed: int,
) -> float:
    """Train a model in place; the loss of the last step."""
    rng = random.Random(seed)
    optimisers = _optimisers(model, schedule)
    loss = torch.zeros(())
    model.train()
    for step in range(schedule.steps):
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = schedule.rate_at(step)
            optimiser.zero_grad()
        loss = _loss(model, [sample(rng) for _ in range(schedule.batch)])
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
    model.eval()
    return loss.item()


def _loss(model: LlamaForCausalLM, examples: Sequence[Example]) -> Tensor:
    inputs, targets = encode(examples)
    logits = model(input_ids=inputs, use_cache=False).logits
    return functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten(), ignore_index=IGNORED
    )


def _optimisers(model: LlamaForCausalLM, schedule: Schedule) -> list[torch.optim.Optimizer]:
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, weights in model.named_parameters():
        inner = schedule.muon and weights.ndim == 2 and "layers" in name
        (matrices if inner else others).append(weights)
    rate, decay = schedule.rate, 0.01
    chosen: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=decay, fused=True)
    ]
    if matrices:
        chosen.append(
            torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        )
    return chosen

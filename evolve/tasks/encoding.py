"""Texts as tokens in batches: padded on the left, so that all rows end where they are asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from inspect import signature
from typing import Any, TypeAlias

import torch

from evoreg.evolve.tasks.task import Player
from evoreg.provenance.records.errors import Code, EvaluationError

Tokens: TypeAlias = tuple[int, ...]


def encode(player: Player, texts: Sequence[str], *, special: bool) -> tuple[Tokens, ...]:
    """Return the tokens of texts.

    Args:
        player: Whose tokenizer.
        texts: What to encode.
        special: Whether the tokenizer adds what it begins a text with; not for continuations, nor
            for what a chat template wrote.

    Returns:
        The tokens of each text, without a token that ends it.
    """
    if not texts:
        return ()
    found = player.tokenizer(list(texts), add_special_tokens=special, verbose=False)["input_ids"]
    end = player.tokenizer.eos_token_id if special else None
    return tuple(_begun(ids, end) for ids in found)


def _begun(ids: Sequence[int], end: int | None) -> Tokens:
    # Some tokenizers end whatever they encode; nothing would be left to write.
    return tuple(ids[:-1] if len(ids) > 1 and ids[-1] == end else ids)


def opened(player: Player, tokens: Tokens) -> Tokens:
    """Return tokens that a model can continue, even if there were none.

    Args:
        player: Whose tokenizer.
        tokens: A prompt.

    Returns:
        The prompt; the token that begins or ends texts if it is empty.

    Raises:
        EvaluationError: The prompt is empty and the tokenizer has no such token.
    """
    if tokens:
        return tokens
    for token in (player.tokenizer.bos_token_id, player.tokenizer.eos_token_id):
        if token is not None:
            return (int(token),)
    raise EvaluationError(
        Code.EVALUATION_FAILED,
        "the prompt is empty, and the tokenizer has no token that begins a text",
        hint="write a prompt",
    )


def ends(player: Player) -> Tokens:
    """Return the tokens that end a reply: the tokenizer's and the model's, sorted."""
    config = getattr(player.model, "generation_config", None)
    said = getattr(config, "eos_token_id", None)
    more = said if isinstance(said, list | tuple) else [said]
    return tuple(
        sorted({int(end) for end in (player.tokenizer.eos_token_id, *more) if end is not None})
    )


def window(player: Player) -> int | None:
    """Return how many tokens the model can see; nothing if its configuration does not say."""
    most = getattr(player.model.config.get_text_config(), "max_position_embeddings", None)
    return int(most) if most else None


def forward(
    player: Player,
    given: Mapping[str, Any],
    keep: int,
    *,
    past: Any = None,  # noqa: ANN401 - of transformers
    writes: bool = False,
) -> Any:  # noqa: ANN401 - of transformers
    """Run the model.

    Args:
        player: The model.
        given: What `padded` makes; models that take no positions count by themselves.
        keep: How many of the last places of each row need logits.
        past: Keys and values of earlier tokens; nothing if there are none yet.
        writes: Whether there will be further tokens, for which keys and values are kept.

    Returns:
        The model's output: ``logits`` of shape (rows, keep, vocabulary), and perhaps
        ``past_key_values``.

    Raises:
        EvaluationError: The model fails on these tokens.
    """
    taken = _arguments(type(player.model).forward)
    more: dict[str, Any] = {"use_cache": writes, "past_key_values": past, "logits_to_keep": keep}
    every = {name: each for name, each in (*given.items(), *more.items()) if name in taken}
    try:
        out = player.model(**every)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        raise failed(f"the model fails on its input: {error!s:.200}") from error
    out.logits = out.logits[:, -keep:]
    return out


@cache
def _arguments(function: Callable[..., object]) -> frozenset[str]:
    return frozenset(signature(function).parameters)


def batches(lengths: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield places, those of like lengths together: little padding saves work.

    Args:
        lengths: Length of each row.
        most: Most rows of a batch.

    Yields:
        Places of the rows of each batch; a row's own length and place alone order them.
    """
    order = sorted(range(len(lengths)), key=lambda at: (lengths[at], at))
    for at in range(0, len(order), most):
        yield tuple(order[at : at + most])


def padded(rows: Sequence[Tokens], device: str) -> dict[str, torch.Tensor]:
    """Return rows of tokens as the model takes them.

    Args:
        rows: Rows, none of them empty.
        device: Where the model is.

    Returns:
        ``input_ids``, ``attention_mask`` and ``position_ids`` of shape (rows, longest), padded on
        the left; a row's own tokens count from position 0.
    """
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    given = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
    return {name: each.to(device) for name, each in given.items()}


def failed(what: str) -> EvaluationError:
    """Return the error of a model that cannot be asked."""
    return EvaluationError(
        Code.EVALUATION_FAILED, what, hint="the candidate has failed; others are not concerned"
    )

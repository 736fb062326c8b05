"""Tiny models that know tokens, for the tests of vocabularies."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, models

from tests.evolve.merging import Bench, Result, recipe, row

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def tokenizer(tokens: Sequence[str], added: Mapping[str, bool] | None = None) -> bytes:
    """Return a tokenizer.json: plain tokens first, then added ones (true: special)."""
    value = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, "u"))
    for token, special in (added or {}).items():
        value.add_tokens([AddedToken(token, special=special, normalized=False)])
    text: str = value.to_str()
    return text.encode()


def table(values: Sequence[float], kind: torch.dtype = torch.float32) -> torch.Tensor:
    """Return rows of three equal numbers."""
    return torch.tensor(values, dtype=kind).reshape(-1, 1).repeat(1, 3)


def speaker(
    bench: Bench,
    name: str,
    rows: Mapping[str, float],
    *,
    added: Mapping[str, bool] | None = None,
    kind: torch.dtype = torch.float32,
    extra: Sequence[float] = (),
    config: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    prefix: str = "",
    without: Sequence[str] = (),
) -> None:
    """Write a model whose embedding rows are constants, one for each token, in token order."""
    values = [*rows.values(), *extra]
    plain = [token for token in rows if token not in (added or {})]
    facts = {"vocab_size": len(values), "tie_word_embeddings": False, **(config or {})}
    own = table(values, kind)
    tensors = {EMBED: own, HEAD: 10 * own, "model.norm.weight": torch.ones(3, dtype=kind)}
    bench.model(
        name,
        {prefix + key: value for key, value in tensors.items()},
        {key: value for key, value in facts.items() if key not in without},
        {"tokenizer.json": tokenizer(plain, added), **(files or {})},
    )


def rows_of(tensor: torch.Tensor) -> list[float]:
    """Return the number of each row."""
    assert tensor.eq(tensor[:, :1]).all()
    return [round(value, 6) for value in tensor[:, 0].tolist()]


def linear(*names: str, **more: Any) -> dict[str, Any]:
    """Return a recipe that averages."""
    return recipe("linear", [row(name, weight=1) for name in names], **more)


def vocabulary(result: Result) -> dict[str, int]:
    """Return the ids of the tokenizer of a result."""
    found: dict[str, int] = Tokenizer.from_file(str(result.folder / "tokenizer.json")).get_vocab()
    return dict(sorted(found.items(), key=lambda item: item[1]))

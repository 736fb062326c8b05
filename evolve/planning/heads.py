"""The head of models that are stacked from others with tied weights."""

from collections.abc import Mapping

from evoreg.evolve.planning.names import is_head, is_token_embedding, tie_flag, tied_stand_in
from evoreg.evolve.planning.stages import Piece, Stage


def head_of_the_last(piece: Piece, found: Mapping[str, Stage]) -> str | None:
    """Return the name of a head that the last slice's tied models need, or nothing.

    Their head is their embedding, while the result has the embedding of the first slice: unless
    both come from the same models in the same way, the head must be a tensor of its own.

    Args:
        piece: The slices.
        found: What will be written outside the layers, by name.

    Returns:
        The name of the head that is missing.
    """
    first, last = piece.stages[0], piece.stages[-1]
    embeddings = [name for name in found if is_token_embedding(name)]
    if any(is_head(name) for name in found) or len(embeddings) != 1 or _alike(first, last):
        return None
    prefix, inner, _ = embeddings[0].partition(".model.embed")
    heads = [name for view, _ in first.sources for name in view.tensors if is_head(name)]
    head = next(iter(heads), f"{prefix}.lm_head.weight" if inner else "lm_head.weight")
    tied = all(tie_flag(view.model.checkpoint.config) is True for view, _ in last.sources)
    stands = all(tied_stand_in(view.whole, head) is not None for view, _ in last.sources)
    return head if stands and (tied or heads) else None


def _alike(left: Stage, right: Stage) -> bool:
    """Tell whether two stages make what lies outside the layers of the same tensors alike."""
    sources = [
        [(view.model.reference, line.parameters) for view, line in stage.sources]
        for stage in (left, right)
    ]
    return sources[0] == sources[1] and (left.base, left.blocks) == (right.base, right.blocks)

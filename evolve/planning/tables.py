"""Tables with one row for each token: which tensors they are, and how many rows they have."""

from evoreg.evolve.checkpoints.tensors import TensorInfo
from evoreg.evolve.planning.names import is_head, is_token_embedding, sections, tied_stand_in
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.errors import Code, MergeError


def is_table(info: TensorInfo) -> bool:
    """Tell whether a tensor has one row for each token of its model."""
    return bool(info.shape) and (is_token_embedding(info.name) or is_head(info.name))


def table_of(model: SourceModel, name: str) -> TensorInfo | None:
    """Return the table of a model that stands where another model has a table.

    Args:
        model: Any model.
        name: Name of the other model's table.

    Returns:
        The table, or nothing if the model has none or several that could be meant.
    """
    tensors = model.checkpoint.tensors
    kind = is_head if is_head(name) else is_token_embedding
    end = name.rsplit(".", 1)[-1]
    alike = [info for key, info in tensors.items() if kind(key) and key.endswith(f".{end}")]
    own = alike[0] if len(alike) == 1 else None
    return tensors.get(name) or own or tied_stand_in(model.checkpoint, name)


def vocabulary_size(model: SourceModel) -> int | None:
    """Return how many rows a model has for tokens.

    Args:
        model: Any model.

    Returns:
        The rows of its token tables, or nothing if it has none.

    Raises:
        MergeError: Its tables differ, or config.json names another vocab_size.
    """
    tables = {
        name: info.shape[0] for name, info in model.checkpoint.tensors.items() if is_table(info)
    }
    parts = sections(dict(model.checkpoint.config))
    said = {size for part in parts if isinstance(size := part.get("vocab_size"), int)}
    sizes = set(tables.values())
    if len(sizes) > 1 or (sizes and said and not sizes & said):
        rows = ", ".join(f"{name} {count}" for name, count in sorted(tables.items()))
        told = ", ".join(map(str, sorted(said)))
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"{model.reference} does not agree with itself: vocab_size {told}, rows of {rows}",
            hint="correct its config.json, or leave out tokenizer and tokenizer_source",
        )
    return sizes.pop() if sizes else None


def may_have_rows(info: TensorInfo, rows: int) -> bool:
    """Tell whether a tensor that is no known table looks as if it had one row for each token.

    Args:
        info: A tensor.
        rows: Rows of the known tables of its model.

    Returns:
        True for a bias of that size, or a table with that many rows, outside the layers.
    """
    if info.layer is not None or rows not in info.shape:
        return False
    words = info.name.split(".")
    bias = "bias" in words[-1] and not any("norm" in word or "ln" in word for word in words)
    return bias or (len(info.shape) > 1 and info.shape[0] == rows)

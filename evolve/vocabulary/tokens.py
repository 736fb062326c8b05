"""Vocabularies: which token stands in which row of a model, and of the result.

The tokenizer that is kept has its ids; the tokens that only other models know follow, in recipe
order and then in the order of their ids, and last those that only the recipe names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken

from evoreg.evolve.vocabulary.files import Content, changed, declared, read_tokenizer
from evoreg.provenance.records.errors import Code, MergeError


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary of one model."""

    reference: str
    """The model."""
    ids: Mapping[str, int]
    """Row of each token, sorted by row; tokens beyond the model's rows are left out."""
    added: Mapping[str, AddedToken]
    """The tokens that were added to the tokenizer's own, with their settings."""
    rows: int
    """Rows of its token tables; some may have no token."""


@dataclass(frozen=True)
class Extended:
    """The tokenizer of the result: that of one model, with the missing tokens added."""

    names: tuple[str | None, ...]
    """Token of each row; nothing where the kept tokenizer has a gap."""
    added: Mapping[int, AddedToken]
    """The tokens that the kept tokenizer lacked, by row."""
    data: bytes | None
    """Content of tokenizer.json; nothing if that of the kept model can stay as it is."""


def read_vocabulary(reference: str, folder: Path, rows: int | None) -> Vocabulary:
    """Read the vocabulary of a model.

    Args:
        reference: The model.
        folder: Its folder.
        rows: Rows of its token tables, if it has any.

    Returns:
        The vocabulary.

    Raises:
        MergeError: No tokenizer.json, or one that cannot be read.
    """
    content, _ = _whole(reference, folder)
    ids = content.ids
    limit = rows if rows is not None else len(ids)
    added = content.tokenizer.get_added_tokens_decoder().values()
    known = {token: row for token, row in ids.items() if row < limit}
    return Vocabulary(reference, known, {token.content: token for token in added}, limit)


def _whole(reference: str, folder: Path) -> tuple[Content, bool]:
    """Return a tokenizer with the tokens that only its settings name, and whether there are any."""
    content = read_tokenizer(reference, folder)
    missing = _new(declared(folder), content.ids)
    if missing:
        content = changed(reference, content, max(missing), missing)
    return content, bool(missing)


def _new(tokens: Sequence[AddedToken], ids: Mapping[str, int]) -> dict[int, AddedToken]:
    """Return the tokens that a vocabulary lacks, each with the next free id."""
    lacking = {token.content: token for token in reversed(tokens) if token.content not in ids}
    first = max(ids.values(), default=-1) + 1
    return dict(enumerate(reversed(lacking.values()), first))


def missing_tokens(
    kept: Vocabulary,
    others: Sequence[Vocabulary],
    named: Sequence[str],
    everyone: Sequence[Vocabulary],
) -> tuple[AddedToken, ...]:
    """Return the tokens that a tokenizer lacks, with their settings.

    Args:
        kept: The vocabulary that is kept.
        others: Vocabularies whose tokens are wanted too, in recipe order.
        named: Tokens that the recipe names.
        everyone: Where the settings of a token come from: the first where it is an added token.

    Returns:
        Each token once, in the order in which they get their rows.
    """
    wanted = dict.fromkeys(token for vocabulary in others for token in vocabulary.ids)
    wanted.update(dict.fromkeys(named))
    found = []
    for token in wanted:
        if token and token not in kept.ids:
            settings = next((v.added[token] for v in everyone if token in v.added), None)
            found.append(settings or AddedToken(token, normalized=False))
    return tuple(found)


def extend(kept: Vocabulary, folder: Path, missing: Sequence[AddedToken]) -> Extended:
    """Add tokens to a tokenizer.

    Args:
        kept: The vocabulary of the model whose tokenizer it is.
        folder: Its folder.
        missing: Tokens to add, in order.

    Returns:
        The tokenizer and the token of each row.

    Raises:
        MergeError: Two tokens would share a row, or a token would have none.
    """
    content, strange = _whole(kept.reference, folder)
    strange = strange or len(kept.ids) < len(content.ids)
    new = _new(missing, kept.ids)
    if strange or new:
        content = changed(kept.reference, content, kept.rows, new)
    ids = content.ids
    wanted = {**kept.ids, **{token.content: row for row, token in new.items()}}
    lost = [token for token, row in wanted.items() if ids.get(token) != row]
    names = _by_row(kept.reference, ids, kept.rows + len(new), lost)
    return Extended(names, new, content.data if strange or new else None)


def _by_row(
    reference: str, ids: Mapping[str, int], most: int, lost: Sequence[str]
) -> tuple[str | None, ...]:
    rows = sorted(ids.values())
    if lost or not rows or rows[-1] >= most:
        shown = "it has ids that are too large, or no tokens"
        if lost:
            shown = f"{lost[0]!r:.60} would get another row"
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"the tokenizer of {reference} cannot be made to fit the rows of its embedding: "
            f"{shown}",
            hint="choose another model as source of the tokenizer",
        )
    names: list[str | None] = [None] * (rows[-1] + 1)
    for token, row in sorted(ids.items()):
        if names[row] is not None:
            raise MergeError(
                Code.MERGE_VOCABULARY,
                f"the tokens {names[row]!r:.60} and {token!r:.60} of {reference} share the row "
                f"{row}",
                hint="choose another model as source of the tokenizer",
            )
        names[row] = token
    return tuple(names)

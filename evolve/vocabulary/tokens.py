"""Merging vocabularies: one list of tokens for all models, and the row of each token in each model.

The base vocabulary keeps its ids; in a union the tokens that only other models know follow,
in recipe order and then in the order of their ids. A model that lacks a token takes the row
of the only model that has it, else the base's, else the mean of all that have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

from evoreg.evolve.vocabulary.rows import MEAN, Rows
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, MergeError


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary of one model."""

    reference: str
    """The model."""
    ids: Mapping[str, int]
    """Row of each token; rows beyond the model's vocab_size are left out."""
    added: Mapping[str, AddedToken]
    """The tokens that were added to the tokenizer's own, with their settings."""


def read_vocabulary(reference: str, folder: Path, size: int | None) -> Vocabulary:
    """Read the vocabulary of a model.

    Args:
        reference: The model.
        folder: Its folder.
        size: vocab_size of its config; ids from there on have no row.

    Returns:
        The vocabulary.

    Raises:
        MergeError: No tokenizer.json, or one that cannot be read.
    """
    tokenizer = _load(reference, folder)
    ids = tokenizer.get_vocab(with_added_tokens=True)
    limit = size if size is not None else len(ids)
    added = {token.content: token for token in tokenizer.get_added_tokens_decoder().values()}
    return Vocabulary(reference, {t: i for t, i in ids.items() if i < limit}, added)


def _load(reference: str, folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    try:
        return Tokenizer.from_str(path.read_text("utf-8"))
    except Exception as error:  # the Rust side raises plain Exception for every fault
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"{reference} has no tokenizer.json that can be read: {error}",
            where=str(path),
            hint="leave out tokenizer_source if the models share one vocabulary",
        ) from error


def union(vocabularies: Sequence[Vocabulary], base: int) -> tuple[str, ...]:
    """Return the tokens of all vocabularies by row.

    Args:
        vocabularies: One a model, in recipe order.
        base: Position of the one whose ids are kept.

    Returns:
        Token of each row.

    Raises:
        MergeError: The base's ids have gaps or duplicates, so rows cannot be named by tokens.
    """
    tokens = list(in_order(vocabularies[base]))
    known = set(tokens)
    for vocabulary in vocabularies:
        for token, _ in sorted(vocabulary.ids.items(), key=lambda item: item[1]):
            if token not in known:
                known.add(token)
                tokens.append(token)
    return tuple(tokens)


def in_order(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the tokens of one vocabulary by row.

    Args:
        vocabulary: Any vocabulary.

    Returns:
        Token of each row.

    Raises:
        MergeError: The ids have gaps or duplicates.
    """
    pairs = sorted(vocabulary.ids.items(), key=lambda item: item[1])
    if [row for _, row in pairs] != list(range(len(pairs))):
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"the token ids of {vocabulary.reference} have gaps",
            hint="choose another model as tokenizer_source",
        )
    return tuple(token for token, _ in pairs)


def rows_for(
    tokens: Sequence[str],
    vocabularies: Sequence[Vocabulary],
    identities: Sequence[Digest],
    base: int | None,
) -> tuple[Rows, ...]:
    """Return where each model takes each row from.

    Args:
        tokens: Token of each row of the result.
        vocabularies: One for each input of a tensor.
        identities: The weights of each input; a mean is taken in their order, whatever the
            recipe's.
        base: Position of the base among the inputs, if it is there.

    Returns:
        One `Rows` an input.

    Raises:
        MergeError: A token that no input knows.
    """
    order = sorted(range(len(vocabularies)), key=lambda place: identities[place])
    donors = []
    for token in tokens:
        known = ((place, vocabularies[place].ids.get(token)) for place in order)
        found = tuple((place, row) for place, row in known if row is not None)
        if not found:
            what = f"no model has a row for the token {token!r:.60}"
            raise MergeError(Code.MERGE_VOCABULARY, what, hint="choose another tokenizer_source")
        donors.append(found)
    return tuple(_rows_of(position, donors, base) for position in range(len(vocabularies)))


def _rows_of(
    position: int, donors: Sequence[tuple[tuple[int, int], ...]], base: int | None
) -> Rows:
    owners, index = [], []
    for found in donors:
        rows = dict(found)
        owner = position if position in rows else None
        if owner is None and len(found) == 1:
            owner = found[0][0]
        if owner is None and base is not None and base in rows:
            owner = base
        owners.append(MEAN if owner is None else owner)
        index.append(0 if owner is None else rows[owner])
    return Rows(tuple(owners), tuple(index), tuple(donors))


def extended_tokenizer(
    reference: str, folder: Path, tokens: Sequence[str], vocabularies: Sequence[Vocabulary]
) -> bytes:
    """Return the tokenizer of the result: one model's, with the missing tokens added.

    Args:
        reference: The model whose tokenizer is kept.
        folder: Its folder.
        tokens: Token of each row of the result.
        vocabularies: Where settings of added tokens come from; the first that has one decides.

    Returns:
        Content of tokenizer.json.

    Raises:
        MergeError: A token would have no row, or another id than its row.
    """
    tokenizer = _load(reference, folder)
    present = tokenizer.get_vocab(with_added_tokens=True)
    for token in tokens[len(present) :]:
        settings = next((v.added[token] for v in vocabularies if token in v.added), None)
        tokenizer.add_tokens([settings or AddedToken(token, normalized=False)])
    fits = all(tokenizer.token_to_id(token) == row for row, token in enumerate(tokens))
    if not fits or tokenizer.get_vocab_size(with_added_tokens=True) != len(tokens):
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"the tokenizer of {reference} cannot be made to fit the rows of its embedding",
            hint="choose another tokenizer_source",
        )
    return str(tokenizer.to_str(pretty=True)).encode()

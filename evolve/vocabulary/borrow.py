"""Which row each model takes for each token of the result, and from whom where it knows it not.

A model that lacks a token takes what the recipe says about the token; else the row of the only
model that has it, else the base's, else the mean of all that have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.evolve.vocabulary.rows import FILL, MEAN, Rows
from evoreg.evolve.vocabulary.tokens import Vocabulary
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, MergeError

_SHOWN = 5


@dataclass(frozen=True)
class Told:
    """What the recipe says about the row of one token, for the inputs of one tensor."""

    owner: int
    """Place of the model whose row it is, or `ZERO`."""
    index: int
    """Row in that model's tensor; 0 for `ZERO`."""
    force: bool
    """Whether models that know the token take it too."""


@dataclass(frozen=True)
class Party:
    """The models that meet in one tensor."""

    vocabularies: Sequence[Vocabulary]
    """Of each merged model, by place."""
    identities: Sequence[Digest]
    """The weights of each; a mean is taken in their order, whatever the recipe's."""
    base: int | None
    """Place of the base, if it is there."""
    keeper: int | None
    """Place of the model whose tokenizer is kept, if it is there."""


Borrowed = tuple[int, int, tuple[tuple[int, int], ...]]


def rows_for(
    names: Sequence[str | None], padding: int, party: Party, told: Mapping[str, Told]
) -> tuple[Rows, ...]:
    """Return where each model takes each row from.

    Args:
        names: Token of each row of the result; nothing for a row that no token has.
        padding: Rows to add behind them.
        party: The models.
        told: What the recipe says about single tokens.

    Returns:
        One `Rows` a model.

    Raises:
        MergeError: Tokens that no model knows.
    """
    order = sorted(range(len(party.vocabularies)), key=lambda place: party.identities[place])
    ids = [(place, party.vocabularies[place].ids) for place in order]
    fallback: dict[int, Borrowed] = {}
    strange = []
    for row, token in enumerate(names):
        if token is None:
            continue
        known = tuple((place, rows[token]) for place, rows in ids if token in rows)
        if token in told:
            fallback[row] = (told[token].owner, told[token].index, ())
        elif not known:
            strange.append(token)
        elif len(known) < len(order):
            fallback[row] = _usual(known, party.base)
    if strange:
        raise _unknown(strange)
    places = range(len(party.vocabularies))
    return tuple(_rows_of(place, names, padding, party, (told, fallback)) for place in places)


def _usual(known: tuple[tuple[int, int], ...], base: int | None) -> Borrowed:
    if len(known) == 1:
        return (*known[0], ())
    rows = dict(known)
    if base is not None and base in rows:
        return base, rows[base], ()
    return MEAN, 0, known


def _rows_of(
    place: int,
    names: Sequence[str | None],
    padding: int,
    party: Party,
    borrowed: tuple[Mapping[str, Told], Mapping[int, Borrowed]],
) -> Rows:
    told, fallback = borrowed
    own = party.vocabularies[place].ids
    forced = {token for token, said in told.items() if said.force}
    owner, index = [], []
    donors: dict[int, tuple[tuple[int, int], ...]] = {}
    nameless = _Nameless(party, place)
    for row, token in enumerate(names):
        if token is None:
            found: Borrowed = nameless.row(row)
        elif token in own and token not in forced:
            found = place, own[token], ()
        else:
            found = fallback[row]
        owner.append(found[0])
        index.append(found[1])
        if found[0] == MEAN:
            donors[row] = found[2]
    return Rows((*owner, *[FILL] * padding), (*index, *[0] * padding), donors)


class _Nameless:
    """Finds rows for the ids that the kept tokenizer leaves out: padding among its tokens."""

    def __init__(self, party: Party, place: int) -> None:
        self.place = place
        self.own = party.vocabularies[place]
        self.taken = frozenset(self.own.ids.values())
        self.keeper = party.keeper

    def row(self, row: int) -> Borrowed:
        """Return the model's own row if no token has it there either, else the keeper's."""
        if row < self.own.rows and row not in self.taken:
            return self.place, row, ()
        return (FILL, 0, ()) if self.keeper is None else (self.keeper, row, ())


def _unknown(tokens: Sequence[str]) -> MergeError:
    shown = ", ".join(f"{token!r:.60}" for token in tokens[:_SHOWN])
    more = f" and {len(tokens) - _SHOWN} more" if len(tokens) > _SHOWN else ""
    return MergeError(
        Code.MERGE_VOCABULARY,
        f"no merged model has a row for the tokens {shown}{more}",
        hint="give each a source in tokens of tokenizer, or choose another source of the tokenizer",
    )

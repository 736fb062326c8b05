"""A candidate: one recipe carried out on exact weights, what came out, and who is inside it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.model import File
from evoreg.provenance.records.recipe import Ingredient, Recipe
from evoreg.provenance.records.record import Record

# At least one of nine decimals is not 0.
_SOME = "|".join(f"0{{{zeros}}}[1-9][0-9]{{{8 - zeros}}}" for zeros in range(9))
# Zero has no sign. One pattern is checked several times as fast as a function of ours.
_SIGNED = rf"(0|[1-9][0-9]*)\.[0-9]{{9}}|-[1-9][0-9]*\.[0-9]{{9}}|-0\.({_SOME})"

Fraction = Annotated[str, StringConstraints(pattern=rf"^({_SIGNED})$")]
"""A fraction with nine decimals, as text: hashed records hold no measured binary floats."""

Share = Annotated[str, StringConstraints(pattern=r"^(0\.[0-9]{9}|1\.0{9})$")]
"""A fraction from 0 to 1."""


def fraction(value: float) -> Fraction:
    """Write a number as a fraction with nine decimals.

    Args:
        value: A finite number.

    Returns:
        For example ``0.312500000``; never ``-0.000000000``.
    """
    text = f"{value:.9f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


class GroupShare(Record):
    """The part of one source in one group of tensors."""

    group: str
    """Layer and component, such as ``layer 3 attention`` or ``embeddings``."""
    effective: Share
    """Share of this group's change, in [0, 1]; the sources' shares sum to 1, or all are 0."""
    alignment: Fraction
    """Signed share of this group's change, by inner product."""


class Contribution(Record):
    """The part of one source in a candidate."""

    reference: str
    """The model reference, as in the recipe."""
    nominal: Fraction
    """What the recipe says: normalised weight, or share of the copied parameters."""
    effective: Share
    """|p_i|_1 / sum_j |p_j|_1 over all tensors; non-negative, sums to 1 over the sources."""
    alignment: Fraction
    """<p_i, X> / |X|^2; negative where a source pulls against the result."""
    used: bool
    """False only if every coefficient of this source was exactly zero: it is not in the result."""
    groups: tuple[GroupShare, ...] = ()
    """The same by group of tensors; groups that it put nothing into are left out."""


class Census(Record):
    """What became of the tensors."""

    tensors: Annotated[int, Field(ge=0)]
    """Tensors written."""
    parameters: Annotated[int, Field(ge=0)]
    """Numbers written."""
    copied: Annotated[int, Field(ge=0)]
    """Tensors copied bit by bit (integer buffers)."""
    partial: tuple[str, ...] = ()
    """Tensors that not every source had, with what was done: ``name: reason``."""


class Engine(Record):
    """The program that merged; a part of the candidate's identity because it decides bytes."""

    name: Literal["evoreg"] = "evoreg"
    """Always evoreg."""
    version: str
    """Version of evoreg."""
    rules: int
    """Number of the arithmetic: raised whenever the same recipe may give other bytes."""


class Candidate(Record):
    """One recipe carried out."""

    recipe: Recipe
    """What was asked for."""
    ingredients: tuple[Ingredient, ...]
    """Exactly which weights, one for each reference of the recipe, in `Recipe.references` order;
    behind them one for each adapter, whose reference is ``adapter of REFERENCE``."""
    seed: Annotated[int, Field(ge=0, lt=2**53)]
    """Seed of random methods; recorded also when the method draws nothing."""
    engine: Engine
    """Who merged."""
    contributions: tuple[Contribution, ...]
    """Who is inside, in the order of the recipe."""
    census: Census
    """What became of the tensors."""
    outputs: tuple[File, ...]
    """The files of the result that the merge wrote, sorted by path."""

    @property
    def id(self) -> Digest:
        """What names the candidate: recipe, exact weights, seed and engine."""
        return candidate_id(self.recipe, self.ingredients, self.seed, self.engine)


def candidate_id(
    recipe: Recipe, ingredients: tuple[Ingredient, ...], seed: int, engine: Engine
) -> Digest:
    """Return the id of a candidate before it is made.

    Args:
        recipe: What to merge and how.
        ingredients: The exact weights.
        seed: Seed of random methods.
        engine: The program.

    Returns:
        Digest of the four. Of the models only reference and weights count, not where they lie.
    """
    body = {
        "engine": engine.to_json(),
        "ingredients": [[item.reference, item.identity] for item in ingredients],
        "recipe": recipe.to_json(),
        "seed": seed,
    }
    return digest_of(to_canonical(body))

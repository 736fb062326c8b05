"""Seeds that follow from another seed and a name, so that no two masks are the same by accident."""

from evoreg.provenance.records.canonical import to_canonical
from evoreg.provenance.records.digest import digest_of


def seed_for(seed: int, name: str) -> int:
    """Return the seed of a recipe whose result others use.

    Args:
        seed: Seed of the whole.
        name: Name of the recipe.

    Returns:
        From 0 to 2**52, another one for each name.
    """
    return _number({"seed": seed, "stage": name})


def seed_of_search(seed: int, *key: str | int) -> int:
    """Return the seed of one part of a search.

    Args:
        seed: Seed of the search.
        key: Names the part.

    Returns:
        From 0 to 2**52, another one for each key.
    """
    return _number({"search": seed, "part": list(key)})


def _number(body: dict[str, object]) -> int:
    return int(digest_of(to_canonical(body)).removeprefix("sha256:")[:13], 16)

"""Filters of a recipe that give every tensor the setting of its cell, and no other.

A filter is a part of a tensor name, and of several settings the first one decides whose filter
fits. So cells are taken one after the other, and a part of a name serves a cell if no tensor of a
later cell holds it; the last cell needs no filter at all. Whole names serve where nothing shorter
does, longer ones first, since one name may be part of another.
"""

from collections.abc import Callable, Iterable, Sequence

Filtered = tuple[str | None, int]
"""A filter, nothing for all that is left, and the number of the cell that it is for."""


def filters_for(cells: Sequence[Sequence[str]]) -> tuple[Filtered, ...]:
    """Return filters that tell cells apart.

    Args:
        cells: Names of the tensors of each cell, at least one each; no name is in two cells.

    Returns:
        In the order in which they must stand. The largest cell comes last and has no filter.
    """
    order = sorted(range(len(cells)), key=lambda place: (len(cells[place]), min(cells[place])))
    found: list[Filtered] = []
    whole: dict[str, int] = {}
    owners = {name: place for place, names in enumerate(cells) for name in names}
    for rank, place in enumerate(order[:-1]):
        later = [name for other in order[rank + 1 :] for name in cells[other]]
        chosen, left = _cover(cells[place], later)
        found += [(text, place) for text in chosen]
        for name in left:
            whole.update((longer, owners[longer]) for longer in owners if name in longer)
    names = sorted(whole, key=lambda name: (-len(name), name))
    named = [(name, whole[name]) for name in names]
    return (*named, *found, *((None, place) for place in order[-1:]))


def _cover(names: Sequence[str], later: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return parts of names that cover names and none of the later ones, and what is left."""
    chosen: list[str] = []
    left = list(names)
    for parts in (_plain_parts, _parts):
        left = _covered(chosen, left, later, parts)
        if not left:
            break
    return chosen, left


def _covered(
    chosen: list[str],
    names: Sequence[str],
    later: Sequence[str],
    parts: Callable[[str], Iterable[str]],
) -> list[str]:
    holders: dict[str, set[str]] = {}
    for name in names:
        for part in parts(name):
            holders.setdefault(part, set()).add(name)
    # A text in which every name is bounded tells at once whether any of them holds a part.
    text = "\n".join(later)
    usable = {part: held for part, held in holders.items() if part not in text and part != "*"}
    left = set(names)
    while usable and left:
        best = min(usable, key=lambda part: (-len(usable[part] & left), len(part), part))
        if not usable[best] & left:
            break
        chosen.append(best)
        left -= usable.pop(best)
    return sorted(left)


def _plain_parts(name: str) -> Iterable[str]:
    """Yield the parts of a name between dots that hold no layer number."""
    words = name.split(".")
    start = 0
    for end, word in enumerate((*words, "0")):
        if word.isdigit():
            yield from _runs(words, start, end)
            start = end + 1


def _parts(name: str) -> Iterable[str]:
    """Yield all parts of a name between dots."""
    words = name.split(".")
    return _runs(words, 0, len(words))


def _runs(words: Sequence[str], start: int, end: int) -> Iterable[str]:
    """Yield the runs of words from `start` to `end`, closed by the dots beside them."""
    for first in range(start, end):
        for last in range(first + 1, end + 1):
            head = "." if first > 0 else ""
            tail = "." if last < len(words) else ""
            yield head + ".".join(words[first:last]) + tail

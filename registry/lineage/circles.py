"""Circles: models that are said to be made from each other, found so that nothing walks forever."""

from collections.abc import Mapping, Sequence


def groups(below: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Put models that are reached from each other into one group.

    Tarjan's method, without recursion: a lineage may be as deep as it likes.

    Args:
        below: What each model was made from; every name is a key.

    Returns:
        The groups, each after all groups that it leads to; one with several members is a circle.
    """
    search = _Search(below)
    for name in below:
        if name not in search.number:
            search.visit(name)
    return search.found


class _Search:
    def __init__(self, below: Mapping[str, Sequence[str]]) -> None:
        self.below = below
        self.number: dict[str, int] = {}
        self.lowest: dict[str, int] = {}
        self.open: dict[str, None] = {}
        self.found: list[list[str]] = []

    def visit(self, root: str) -> None:
        path = [(self._enter(root), iter(self.below[root]))]
        while path:
            name, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                self._leave(name)
                if path:
                    above = path[-1][0]
                    self.lowest[above] = min(self.lowest[above], self.lowest[name])
            elif following not in self.number:
                path.append((self._enter(following), iter(self.below[following])))
            elif following in self.open:
                self.lowest[name] = min(self.lowest[name], self.number[following])

    def _enter(self, name: str) -> str:
        self.number[name] = self.lowest[name] = len(self.number)
        self.open[name] = None
        return name

    def _leave(self, name: str) -> None:
        if self.lowest[name] != self.number[name]:
            return
        group: list[str] = []
        while not group or group[-1] != name:
            group.append(self.open.popitem()[0])
        self.found.append(group[::-1])

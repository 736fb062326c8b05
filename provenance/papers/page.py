"""One paper of a release as the verifier reads it: each view of it is made once."""

from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise

from evoreg.provenance.papers import words
from evoreg.provenance.papers.gate import front_of


class Page:
    """The text of a paper that anybody may have edited."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        """Its text; bytes that are no UTF-8 are replaced, line ends of Windows are undone."""
        self._sections: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """All its lines."""
        return tuple(self.text.split("\n"))

    @cached_property
    def line_set(self) -> frozenset[str]:
        """All its lines, to look one up."""
        return frozenset(self.lines)

    @cached_property
    def shown(self) -> frozenset[str]:
        """Its lines without the marks for bold type."""
        return frozenset(line.strip().strip("*").strip() for line in self.lines)

    @cached_property
    def front(self) -> Mapping[object, object]:
        """The fields of its front matter, if it is a card."""
        return front_of(self.text)

    @cached_property
    def title(self) -> str:
        """The name that a card gives to the result."""
        return words.card_title(self.text)

    def has_line_from(self, start: str) -> bool:
        """Return whether a line begins so."""
        at = bisect_left(self._ordered, start)
        return at < len(self._ordered) and self._ordered[at].startswith(start)

    @cached_property
    def _ordered(self) -> list[str]:
        return sorted(self.line_set)

    @cached_property
    def _parts(self) -> dict[str, tuple[int, int]]:
        """First line and end of what stands below each heading of the second rank."""
        starts = [number for number, line in enumerate(self.lines) if line.startswith("## ")]
        found: dict[str, tuple[int, int]] = {}
        for start, end in pairwise([*starts, len(self.lines)]):
            found.setdefault(self.lines[start], (start + 1, end))
        return found

    def section(self, heading: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the lines below a heading of the second rank, and the names in its table.

        Args:
            heading: The whole line; empty for the whole page.

        Returns:
            The lines up to the next such heading, and the first cell of each row, without the link
            and the mark of the base; nothing if the heading is not there.
        """
        if heading not in self._sections:
            first, end = self._parts.get(heading, (0, 0)) if heading else (0, len(self.lines))
            lines = self.lines[first:end]
            rows = (line[2:].split(" | ")[0] for line in lines if line.startswith("| "))
            self._sections[heading] = (
                frozenset(lines),
                frozenset(_name_in(cell) for cell in rows),
            )
        return self._sections[heading]


def _name_in(cell: str) -> str:
    name = cell.removesuffix(words.BASE_MARK)
    return name[1:].partition("](")[0] if name.startswith("[") and "](" in name else name

"""What became of the weights, in words that are true: merged, put together from parts, or copied.

Licences ask that changed files say so. A result that is a copy of one source must not say it.
"""

from collections.abc import Mapping, Sequence

from evoreg.provenance.papers import words
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.recipe import ADAPTER_OF


def change_words(candidate: Candidate, earlier: Sequence[tuple[str, Candidate]] = ()) -> str:
    """Return the statement of what was done to the weights.

    Args:
        candidate: What was made.
        earlier: Name and candidate of earlier results that may be inside, in the order in which
            they were made.

    Returns:
        `words.CHANGED` for a merge, `words.ASSEMBLED` for parts of several sources that were taken
        over as they are, `words.SINGLE` if the weights of one source alone are inside.
    """
    known: dict[str, str] = {}
    for name, step in earlier:
        known[name] = _words_of(step, known)
    return _words_of(candidate, known)


def _words_of(candidate: Candidate, known: Mapping[str, str]) -> str:
    used = [part.reference for part in candidate.contributions if part.used]
    adapted = {item.reference for item in candidate.ingredients}
    inside = {known.get(name, words.SINGLE) for name in used}
    if (
        not used
        or words.CHANGED in inside
        or any(f"{ADAPTER_OF}{name}" in adapted for name in used)
    ):
        return words.CHANGED
    if len(used) > 1 and not _takes_over(candidate):
        return words.CHANGED
    return words.ASSEMBLED if len(used) > 1 else inside.pop()


def _takes_over(candidate: Candidate) -> bool:
    """Return whether every tensor is one tensor of one source, not scaled."""
    recipe = candidate.recipe
    settings = [
        recipe.parameters,
        *(source.parameters for source in recipe.models),
        *(piece.parameters for piece in recipe.slices),
        *(source.parameters for piece in recipe.slices for source in piece.sources),
    ]
    return recipe.method == "passthrough" and not recipe.modules and not any(settings)

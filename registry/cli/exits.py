"""Exit codes: one table from the kind of an error to what the shell is told."""

from evoreg.provenance.records.errors import (
    EvaluationError,
    EvoregError,
    InputError,
    MergeError,
    RefusedError,
    ReviewError,
    UsageError,
    VerificationError,
)

OK = 0
"""It worked."""
BUG = 1
"""Something that should not happen; please report it."""
USAGE = 2
"""The command, the recipe or the place of the result or of the output is at fault."""
REFUSED = 3
"""Policy forbids it."""
UNVERIFIED = 4
"""The books do not agree with the facts."""
INPUT = 5
"""A model or file is missing, unreadable or hostile."""
UNMERGEABLE = 6
"""The models cannot be merged."""
EVALUATION = 7
"""A model could not be scored."""
REVIEW = 8
"""Evidence is incomplete; a person must decide."""
INTERRUPTED = 130
"""Interrupted by Ctrl-C; no half-made result was left."""
PIPE = 141
"""Whoever read the output went away."""

_TABLE: tuple[tuple[type[EvoregError], int], ...] = (
    (RefusedError, REFUSED),
    (ReviewError, REVIEW),
    (VerificationError, UNVERIFIED),
    (EvaluationError, EVALUATION),
    (MergeError, UNMERGEABLE),
    (InputError, INPUT),
    (UsageError, USAGE),
)


def exit_code(error: EvoregError) -> int:
    """Return the exit code of an error.

    Args:
        error: Any error of evoreg.

    Returns:
        2 to 8; a policy file at fault counts as usage.
    """
    return next((code for kind, code in _TABLE if isinstance(error, kind)), USAGE)

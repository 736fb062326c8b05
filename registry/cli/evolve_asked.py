"""What the user asked of a search, turned from option texts into values."""

from pathlib import Path

from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.searching.earlier import Manner


def manner_of(*, resume: bool, again: bool) -> Manner:
    """Return how a search is begun.

    Args:
        resume: Whether ``--resume`` was given.
        again: Whether ``--again`` was given.

    Returns:
        ``new`` without either.

    Raises:
        UsageError: Both were given.
    """
    if resume and again:
        what = "--resume goes on with a search, --again begins a new run: choose one"
        raise UsageError(Code.USAGE, what, hint="leave one of them out")
    return "again" if again else "resume" if resume else "new"


def place_of_result(name: str) -> Path:
    """Return the folder of a result that nobody named: that of its search, in this folder."""
    plain = "".join(sign if sign.isalnum() or sign in "-_. " else "-" for sign in name)
    return Path(plain.strip(" .-")[:100] or "winner")

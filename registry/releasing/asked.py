"""What a release is to be held against, as a user names it: keys, files and a ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evoreg.provenance.proofs.consistency import GrowthProof, read_growth
from evoreg.registry.ledger_keys import verifier_keys
from evoreg.registry.proof_files import checkpoint_in, read_text, telling
from evoreg.registry.releasing.history import LedgerCheck, Trust
from evoreg.registry.settings import Settings, now


def asked_trust(keys: Sequence[str], since: Sequence[Path], growth: Sequence[Path]) -> Trust:
    """Read what a release is to be held against.

    Args:
        keys: Public keys, or files with keys.
        since: Files with checkpoints; with keys given, one of them must have signed each.
        growth: Files with proofs of growth.

    Returns:
        All of it, without a ledger.

    Raises:
        InputError: A file is missing, or is not what it should be.
        VerificationError: None of the keys signed a checkpoint that was given.
    """
    known = verifier_keys(keys)
    kept = tuple(checkpoint_in(file, known).checkpoint for file in since)
    return Trust(known, kept, tuple(map(_growth, growth)))


@contextmanager
def asked_ledger(name: str | None, settings: Settings) -> Iterator[LedgerCheck | None]:
    """Open the ledger that a user names, only to read it.

    Args:
        name: A SQLAlchemy URL, or the file of a ledger; nothing: no ledger.
        settings: Who asks.

    Yields:
        A check against the ledger; nothing if none was named.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    if name is None:
        yield None
        return
    # SQLAlchemy is heavy, and the folder alone is checked without it.
    from evoreg.provenance.ledger.opening import open_ledger
    from evoreg.registry.releasing.books import held_by

    url = name if "://" in name else f"sqlite:///{Path(name).absolute()}"
    with open_ledger(url, actor=settings.actor, clock=now, strict=False, read_only=True) as ledger:
        yield held_by(ledger)


def _growth(file: Path) -> GrowthProof:
    with telling(file):
        return read_growth(read_text(file))

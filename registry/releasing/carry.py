"""What a release takes along from the ledger, so that anybody can check it without the ledger."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evoreg.provenance.ledger.body import read_body
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.tree import against, checkpoint_of, inclusion_of
from evoreg.provenance.proofs.inclusion import write_inclusion
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import VerificationError
from evoreg.registry.checkpoints import folder, keep, seal
from evoreg.registry.proof_files import checkpoint_in
from evoreg.registry.releasing.paths import CHECKPOINT, proof_path
from evoreg.registry.settings import Settings

_SIZE = re.compile(r"[1-9][0-9]{0,17}")


def check_grown(ledger: Ledger, settings: Settings) -> None:
    """Make sure that a ledger continues the newest checkpoint that was kept of it.

    Asked before anything is added: what is written on top of a cut or restored ledger would belong
    to a second history.

    Args:
        ledger: An open ledger.
        settings: Where its checkpoints are kept.

    Raises:
        InputError: The kept checkpoint cannot be read.
        VerificationError: The ledger does not continue it (LEDGER_BROKEN).
    """
    place = folder(settings)
    sizes = [int(path.stem) for path in place.glob("*.txt") if _SIZE.fullmatch(path.stem)]
    if not sizes:
        return
    kept = checkpoint_in(place / f"{max(sizes)}.txt").checkpoint
    with ledger.store.reading() as connection:
        found = against(connection, (kept,))
    if found:
        hint = f"restore the ledger; if you began a new one on purpose, move {place} away"
        raise VerificationError.of([replace(problem, hint=hint) for problem in found])


def carried(ledger: Ledger, entries: Sequence[Entry], settings: Settings) -> Mapping[str, bytes]:
    """Return the files that a release carries from the ledger, and keep its checkpoint here too.

    The checkpoint is that of the ledger up to the last of the entries: the same release carries the
    same files however far the ledger has grown since.

    Args:
        ledger: An open ledger that holds the entries.
        entries: Those of the release, at least one, each of another kind.
        settings: Where checkpoints are kept, and the key that signs them, if there is one.

    Returns:
        Content by path relative to the folder of the release. An entry beside whose record other
        facts stand is not among them: what was asked before a decision may be private.

    Raises:
        InputError: The ledger cannot be read, or the key is none.
        OutputError: The checkpoint cannot be kept.
        UsageError: Others may read the key.
        VerificationError: The tree of the ledger is damaged, or another history was kept before.
    """
    size = max(entry.seq for entry in entries)
    text = seal(settings, checkpoint_of(ledger, size))
    keep(settings, text)
    files = {CHECKPOINT: text.encode()}
    for entry in entries:
        if is_public(entry):
            path = inclusion_of(ledger, entry.seq, size).path
            files[proof_path(entry.kind)] = write_inclusion(entry, path, text).encode()
    return files


def is_public(entry: Entry) -> bool:
    """Tell whether an entry may leave the ledger in a release.

    Args:
        entry: Any entry.

    Returns:
        True if it holds nothing but who wrote which record, and when.

    Raises:
        InputError: Its body cannot be read.
    """
    return not read_body(entry.kind, entry.body).extra

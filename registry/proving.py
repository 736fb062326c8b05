"""Proving what the ledger says to people without it, and checking such proofs where they arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.tree import (
    against,
    checkpoint_of,
    consistency_of,
    inclusion_of,
    origin_of,
)
from evoreg.provenance.proofs.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    false_proof,
    read_checkpoint,
)
from evoreg.provenance.proofs.consistency import check_growth, read_growth, write_growth
from evoreg.provenance.proofs.inclusion import (
    FORM,
    check_inclusion,
    read_inclusion,
    write_inclusion,
)
from evoreg.provenance.proofs.keys import VerifierKey
from evoreg.provenance.records.entry import Entry
from evoreg.provenance.records.errors import Code, UsageError, VerificationError
from evoreg.registry.books import existing_ledger
from evoreg.registry.checkpoints import keep, kept, seal
from evoreg.registry.proof_files import checkpoint_in, read_text, telling
from evoreg.registry.settings import Settings


@dataclass(frozen=True, slots=True)
class Proof:
    """A file that somebody else can check."""

    text: str
    """Its content."""
    checkpoint: Checkpoint
    """The checkpoint in it."""
    kept: Path
    """Where the checkpoint was kept."""

    @property
    def signers(self) -> tuple[str, ...]:
        """Names of the keys that signed the checkpoint; none if the project has no key."""
        text = self.text if _is_checkpoint(self.text) else self.text.partition("\n\n")[2]
        return tuple(one.name for one in read_checkpoint(text).note.signatures)


@dataclass(frozen=True, slots=True)
class Checked:
    """A file whose proof holds."""

    kind: str
    """What it is: ``checkpoint``, ``inclusion`` or ``growth``."""
    read: SignedCheckpoint
    """The checkpoint in it, and which of the given keys signed that."""
    entry: Entry | None
    """The entry that it proves."""
    since: Checkpoint | None
    """The earlier checkpoint that it continues."""


def key_name(settings: Settings) -> str:
    """Return a name for the key of a project.

    Args:
        settings: Where its ledger is.

    Returns:
        The origin of the ledger, or a common name as long as there is none with an entry.

    Raises:
        InputError: The ledger cannot be read.
    """
    if settings.ledger_exists:
        with existing_ledger(settings) as ledger:
            if ledger.head().seq:
                return origin_of(ledger)
    return "evoreg.ledger"


def prove_state(settings: Settings, ledger: Ledger, size: int | None = None) -> Proof:
    """Make a checkpoint of a ledger and keep it.

    Args:
        settings: Where keys and kept checkpoints are.
        ledger: An open ledger.
        size: How many of its first entries are meant; nothing means all.

    Returns:
        The checkpoint, signed if there is a key.

    Raises:
        InputError: The ledger has not so many entries, or the key cannot be read.
        UsageError: Others may read the key.
        VerificationError: The ledger does not continue the checkpoints that were kept.
        OutputError: It cannot be kept.
    """
    checkpoint = checkpoint_of(ledger, size)
    _hold_against(settings, ledger)
    text = seal(settings, checkpoint)
    return Proof(text, checkpoint, keep(settings, text))


def prove_entry(settings: Settings, ledger: Ledger, seq: int) -> Proof:
    """Prove that an entry is in a ledger; like `prove_state`.

    Args:
        settings: Where keys and kept checkpoints are.
        ledger: An open ledger.
        seq: Number of the entry, from 1.
    """
    state = prove_state(settings, ledger)
    found = inclusion_of(ledger, seq, state.checkpoint.size)
    text = write_inclusion(found.entry, found.path, state.text)
    return Proof(text, state.checkpoint, state.kept)


def prove_growth(settings: Settings, ledger: Ledger, earlier: Checkpoint) -> Proof:
    """Prove that a ledger has only grown since an earlier checkpoint; like `prove_state`.

    Args:
        settings: Where keys and kept checkpoints are.
        ledger: An open ledger.
        earlier: A checkpoint that somebody has.
    """
    with ledger.store.reading() as connection:
        problems = against(connection, [earlier])
    if problems:
        raise VerificationError.of(problems)
    state = prove_state(settings, ledger)
    path = consistency_of(ledger, earlier.size, state.checkpoint.size)
    return Proof(write_growth(earlier.size, path, state.text), state.checkpoint, state.kept)


def check_file(
    file: Path, keys: Sequence[VerifierKey] = (), since: Checkpoint | None = None
) -> Checked:
    """Check a checkpoint or a proof, without any ledger.

    Args:
        file: A checkpoint, a proof of inclusion or a proof of growth.
        keys: Who may have signed the checkpoint; without any, signatures are not looked at.
        since: An earlier checkpoint that it must continue.

    Returns:
        What holds.

    Raises:
        InputError: The file cannot be read or is none of these.
        VerificationError: It does not hold.
        UsageError: The file alone cannot tell whether it continues the earlier checkpoint, or it
            is a proof of growth and there is no earlier checkpoint.
    """
    text = read_text(file)
    with telling(file):
        if text.startswith("old "):
            if since is None:
                raise _lacks_earlier(file)
            return Checked("growth", check_growth(read_growth(text), since, keys), None, since)
        if _is_checkpoint(text):
            checked = Checked("checkpoint", read_checkpoint(text, keys), None, since)
        else:
            proof = read_inclusion(text)
            checked = Checked("inclusion", check_inclusion(proof, keys), proof.entry, since)
        if since is not None:
            _same(file, since, checked.read.checkpoint)
    return checked


def earlier_checkpoint(file: Path, keys: Sequence[VerifierKey] = ()) -> Checkpoint:
    """Return the checkpoint of a file that a user kept.

    Args:
        file: A checkpoint or a proof with one.
        keys: Who may have signed it; without any, signatures are not looked at.

    Returns:
        The checkpoint.

    Raises:
        InputError: The file cannot be read or holds none.
        VerificationError: None of the keys signed it, or a signature does not hold.
    """
    return checkpoint_in(file, keys).checkpoint


def _is_checkpoint(text: str) -> bool:
    return not text.startswith((f"{FORM}\n", "old "))


def _hold_against(settings: Settings, ledger: Ledger) -> None:
    known = kept(settings)
    with ledger.store.reading() as connection:
        problems = [*known.problems, *against(connection, known.checkpoints)]
    if problems:  # who signs two histories is not believed again
        raise VerificationError.of(problems)


def _same(file: Path, earlier: Checkpoint, later: Checkpoint) -> None:
    if earlier.origin != later.origin:
        raise false_proof("the two checkpoints are of different ledgers")
    if earlier.size != later.size:
        what = f"this file cannot tell whether {later.size} entries continue {earlier.size}"
        hint = "ask for the file that `evoreg ledger prove-growth` makes from the earlier one"
        raise UsageError(Code.USAGE, what, where=str(file), hint=hint)
    if earlier.root != later.root:
        raise false_proof("two checkpoints of one size have different roots: two histories")


def _lacks_earlier(file: Path) -> UsageError:
    what = "a proof of growth is checked against the earlier checkpoint"
    return UsageError(Code.USAGE, what, where=str(file), hint="name that with --since")

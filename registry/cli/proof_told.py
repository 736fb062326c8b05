"""Telling about checkpoints and proofs: what was made, and what holds."""

from pathlib import Path

from evoreg.provenance.proofs.checkpoint import Checkpoint
from evoreg.provenance.proofs.note import to_base64
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, OutputError
from evoreg.registry.books import summary
from evoreg.registry.cli.screen import Screen, plain
from evoreg.registry.proof_files import write_text
from evoreg.registry.proving import Checked, Proof

STDOUT = "-"
"""Name of a file that means standard output."""


def tell_made(screen: Screen, proof: Proof, what: str, out: str, *, force: bool) -> None:
    """Write a file that was made, or print it, and tell about it.

    Args:
        screen: Where to tell.
        proof: What was made.
        what: What it is, in a word or two.
        out: Name of the file to write, or ``-``.
        force: Whether it may replace a file.

    Raises:
        OutputError: There is such a file, or it cannot be written.
    """
    if out != STDOUT:
        _write(Path(out), proof.text, force=force)
    signers = proof.signers
    if screen.json:
        told = {**_checkpoint_json(proof.checkpoint), "signers": [*signers], "text": proof.text}
        file = None if out == STDOUT else out
        screen.document("evoreg/ledger-proof/1", {**told, "file": file, "kept": str(proof.kept)})
        return
    if out == STDOUT:
        screen.data.file.write(proof.text)
        screen.data.file.flush()
    else:
        screen.data.print(f"{screen.signs['ok']} {plain(out)}: {what}")
    size = proof.checkpoint.size
    words = f"signed by {', '.join(signers)}" if signers else f"not signed: {_NO_KEY}"
    screen.talk.print(f"  checkpoint of {size} entries, {plain(words)}")


def tell_checked(screen: Screen, file: Path, checked: Checked) -> None:
    """Tell what holds.

    Args:
        screen: Where to tell.
        file: The file that was checked.
        checked: What was found.
    """
    if screen.json:
        screen.document("evoreg/ledger-check/1", {"file": str(file), **_checked_json(checked)})
        return
    checkpoint, entry = checked.read.checkpoint, checked.entry
    screen.data.print(f"{screen.signs['ok']} {plain(str(file))}: {_holds(checked)}")
    screen.data.print(f"  ledger {plain(checkpoint.origin)}")
    screen.data.print(f"  {checkpoint.size} entries, root {to_base64(checkpoint.root)}")
    if entry is not None:
        screen.data.print(f"  entry {entry.seq} {entry.kind}: {plain(summary(entry))}")
    screen.data.print(f"  {plain(_signed(checked))}")


_NO_KEY = "`evoreg ledger keygen` makes a key"


def _write(file: Path, text: str, *, force: bool) -> None:
    if file.exists() and not force:
        what = "there is such a file already"
        hint = "name another one, or say --force to replace it"
        raise OutputError(Code.OUTPUT_EXISTS, what, where=str(file), hint=hint)
    write_text(file, text)


def _checkpoint_json(checkpoint: Checkpoint) -> dict[str, Json]:
    root = to_base64(checkpoint.root)
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": root}


def _checked_json(checked: Checked) -> dict[str, Json]:
    entry, since = checked.entry, checked.since
    return {
        "kind": checked.kind,
        **_checkpoint_json(checked.read.checkpoint),
        "signed": checked.read.signed,
        "signers": [*checked.read.signers],
        "entry": None if entry is None else entry.to_json(),
        "since": None if since is None else _checkpoint_json(since),
    }


def _holds(checked: Checked) -> str:
    if checked.entry is not None:
        return f"entry {checked.entry.seq} is in the ledger of this checkpoint"
    if checked.kind == "growth" and checked.since is not None:
        return f"the ledger has only grown since {checked.since.size} entries"
    if checked.since is not None:
        return "it is the earlier checkpoint"
    return "this is a checkpoint"


def _signed(checked: Checked) -> str:
    if checked.read.signers:
        return f"signed by {', '.join(checked.read.signers)}"
    if not checked.read.signed:
        return "not signed: compare it with one that came another way"
    names = ", ".join(dict.fromkeys(one.name for one in checked.read.note.signatures))
    return f"says that {names} signed, which was not checked: give the public key with --key"

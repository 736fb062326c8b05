"""The checkpoints that a project keeps of its ledger, so that every later check can compare.

They are kept under ``.evoreg/checkpoints``, in a folder for each ledger.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from evoreg.provenance.proofs.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from evoreg.provenance.records.errors import Code, EvoregError, Problem, VerificationError
from evoreg.registry.ledger_keys import public_keys, signing_key
from evoreg.registry.proof_files import checkpoint_in, unreadable, unwritable, write_text
from evoreg.registry.settings import Settings

_KEPT = re.compile(r"[1-9][0-9]{0,17}\.txt")
_PLACE = ("host", "hostaddr", "port", "dbname", "service", "options")


@dataclass(frozen=True, slots=True)
class Kept:
    """The checkpoints that were kept of a ledger."""

    checkpoints: tuple[Checkpoint, ...]
    """Those that can be read, the smallest first."""
    problems: tuple[Problem, ...]
    """What is wrong with the others, or with the signature of this project's key."""


def seal(settings: Settings, checkpoint: Checkpoint) -> str:
    """Return a checkpoint as its file has it, signed if the project has a key.

    Args:
        settings: Where the project is.
        checkpoint: What to sign.

    Returns:
        The content of the file.

    Raises:
        InputError: The key cannot be read.
        UsageError: Others may read the key.
    """
    key = signing_key(settings)
    return sign_checkpoint(checkpoint, () if key is None else (key,))


def keep(settings: Settings, text: str) -> Path:
    """Keep a checkpoint, so that every later check of the ledger compares with it.

    Args:
        settings: Where the project is, and which ledger it is of.
        text: The content of its file.

    Returns:
        The file. A signed checkpoint is not replaced by an unsigned one.

    Raises:
        InputError: It is no checkpoint.
        VerificationError: Another root was kept for the same number of entries (LEDGER_BROKEN).
        OutputError: It cannot be written.
    """
    new = read_checkpoint(text)
    file = folder(settings) / f"{new.checkpoint.size}.txt"
    if file.exists():
        old = checkpoint_in(file)
        if old.checkpoint != new.checkpoint:
            raise _other_history(file, old.checkpoint, new.checkpoint)
        if old.signed and not new.signed:
            return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(file.parent, error) from error
    write_text(file, text)
    return file


def kept(settings: Settings) -> Kept:
    """Return the checkpoints that were kept of the ledger of a project.

    Args:
        settings: Where the project is, and which ledger is meant.

    Returns:
        The checkpoints and what is wrong with their files. Signatures made with the public key of
        the project must hold; those of other keys are not looked at.
    """
    found: dict[Checkpoint, None] = {}
    problems: list[Problem] = []
    place = folder(settings)
    names = [file for file in place.glob("*.txt") if _KEPT.fullmatch(file.name)]
    for file in sorted(names, key=lambda file: (len(file.name), file.name)):
        try:
            found[_kept(file, settings)] = None
        except EvoregError as error:
            problems += [
                Problem(Code.LEDGER_BROKEN, problem.what, str(file), problem.hint)
                for problem in error.problems
            ]
    return Kept(tuple(found), tuple(problems))


def folder(settings: Settings) -> Path:
    """Return the folder with the checkpoints of the ledger of a project; it may not exist."""
    digest = hashlib.sha256(_address(settings).encode()).hexdigest()
    return settings.project / "checkpoints" / digest[:12]


def _kept(file: Path, settings: Settings) -> Checkpoint:
    read = checkpoint_in(file)
    if f"{read.checkpoint.size}.txt" != file.name:
        raise unreadable(file, f"it holds a checkpoint of {read.checkpoint.size} entries")
    keys = public_keys(settings)
    if any(key.made(one) for key in keys for one in read.note.signatures):
        read = checkpoint_in(file, keys)
    return read.checkpoint


def _address(settings: Settings) -> str:
    """Return what tells ledgers apart: who connects, and how, makes no difference."""
    url = settings.ledger
    if url.startswith("sqlite"):
        return f"sqlite:{_file(url.partition(':///')[2].partition('?')[0], settings.project)}"
    try:
        return _server(url)
    except ValueError:  # several hosts, or no address at all, which opening it tells
        return url.rpartition("@")[2]


def _file(name: str, project: Path) -> str:
    """Return the path of a ledger; that of one inside the project moves along with it."""
    path, home = Path(name).resolve(), project.resolve()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _server(url: str) -> str:
    parts = urlsplit(url)
    # Also psycopg is a way to connect only. Without a name the database is called as its user.
    path = parts.path.strip("/") or f"of {parts.username}"
    place = (parts.scheme.partition("+")[0], parts.hostname or "", parts.port or 5432, path)
    return repr((place, sorted(pair for pair in parse_qsl(parts.query) if pair[0] in _PLACE)))


def _other_history(file: Path, old: Checkpoint, new: Checkpoint) -> VerificationError:
    what = f"another checkpoint of {new.size} entries was kept: history was rewritten"
    if old.origin != new.origin:
        what = f"a checkpoint of another ledger was kept here: {old.origin}"
    hint = "run evoreg ledger verify; if you began a new ledger, move the folder of this file away"
    return VerificationError(Code.LEDGER_BROKEN, what, where=str(file), hint=hint)

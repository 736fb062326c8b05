"""The keys of a project, and the public keys that a user names.

They are ``.evoreg/ledger.key``, which is secret, and ``.evoreg/ledger.pub``.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from evoreg.provenance.proofs.keys import SigningKey, VerifierKey
from evoreg.provenance.records.errors import Code, InputError, OutputError, UsageError
from evoreg.registry.proof_files import read_text, telling, unreadable, unwritable, write_text
from evoreg.registry.settings import Settings

KEY = "ledger.key"
"""The secret key, in the folder of the project."""

PUBLIC = "ledger.pub"
"""Its public key."""

VARIABLE = "EVOREG_LEDGER_KEY"
"""Environment variable that names another file with a secret key."""


def signing_key(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> SigningKey | None:
    """Return the key that signs checkpoints.

    Args:
        settings: Where the project is.
        environment: Reads ``EVOREG_LEDGER_KEY``, the name of a file.

    Returns:
        The key, or nothing if the project has none.

    Raises:
        InputError: The file that the environment names is missing, or it is no key.
        UsageError: Others may read it or write to it.
    """
    named = environment.get(VARIABLE, "").strip()
    file = Path(named) if named else settings.project / KEY
    if not named and not file.exists():
        return None
    text = read_text(file)
    if os.name == "posix" and file.stat().st_mode & 0o077:
        what = "others may read or change this secret key"
        raise UsageError(Code.USAGE, what, where=str(file), hint=f"chmod 600 {file}")
    with telling(file):
        return SigningKey.parse(text)


def make_key(settings: Settings, name: str, seed: bytes) -> tuple[Path, VerifierKey]:
    """Make the keys of a project; those that are there are never written over.

    The public key is added to those of earlier keys, whose signatures can so still be checked.

    Args:
        settings: Where the project is.
        name: Name of the key, without blanks and plus signs.
        seed: 32 random bytes.

    Returns:
        The file with the secret key, and the public key.

    Raises:
        UsageError: The name cannot be that of a key.
        InputError: The file of public keys holds something else.
        OutputError: There is a key already, or the files cannot be written.
    """
    key = SigningKey(name, seed)
    secret = settings.project / KEY
    public_keys(settings)  # what is no file of keys is told before a key is made
    try:
        settings.project.mkdir(parents=True, exist_ok=True)
        _write_secret(secret, key.format() + "\n")
    except FileExistsError as error:
        _restore_public(settings)
        hint = f"use it, or move it away; {VARIABLE} can name another key"
        what = "there is a key already"
        raise OutputError(Code.OUTPUT_EXISTS, what, where=str(secret), hint=hint) from error
    except OSError as error:
        raise unwritable(secret, error) from error
    _publish(settings, key.verifier)
    return secret, key.verifier


def verifier_keys(given: Sequence[str]) -> tuple[VerifierKey, ...]:
    """Return public keys as a user names them.

    Args:
        given: Keys as text, or files with one key a line.

    Returns:
        The keys, in the same order.

    Raises:
        InputError: Neither a key nor a file with keys.
    """
    return tuple(key for text in given for key in _keys(text))


def public_keys(settings: Settings) -> tuple[VerifierKey, ...]:
    """Return the public keys of a project.

    Args:
        settings: Where the project is.

    Returns:
        The keys in its file, the newest last; none if there is no such file.

    Raises:
        InputError: The file holds something else.
    """
    public = settings.project / PUBLIC
    return _keys_in(public) if public.is_file() else ()


def _keys(text: str) -> tuple[VerifierKey, ...]:
    try:
        return (VerifierKey.parse(text),)
    except InputError:
        if "+" in text and not _is_file(text):
            raise
    return _keys_in(Path(text))


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # too long for a name
        return False


def _keys_in(file: Path) -> tuple[VerifierKey, ...]:
    lines = [line for line in read_text(file).splitlines() if line.strip()]
    if not lines:
        raise unreadable(file, "the file holds no public key")
    with telling(file):
        return tuple(map(VerifierKey.parse, lines))


def _restore_public(settings: Settings) -> None:
    """Write down the public key of a secret one that was left alone, by a crash or a copy."""
    key = signing_key(settings, {})
    if key is not None and key.verifier not in public_keys(settings):
        _publish(settings, key.verifier)


def _publish(settings: Settings, key: VerifierKey) -> None:
    lines = "".join(f"{one}\n" for one in (*public_keys(settings), key))
    write_text(settings.project / PUBLIC, lines)


def _write_secret(file: Path, text: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:  # half a key would be taken for one
        with suppress(OSError):
            file.unlink()
        raise

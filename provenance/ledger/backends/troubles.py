"""What can go wrong with a database, and the words in which evoreg tells it."""

from enum import Enum

from sqlalchemy import URL

from evoreg.provenance.records.errors import Code, EvoregError, InputError, VerificationError


class Trouble(Enum):
    """A kind of trouble: code, sentence and way out."""

    UNREACHABLE = (
        Code.LEDGER_UNREACHABLE,
        "the database of the ledger cannot be used",
        "check address, rights and free space, and that the server is running",
    )
    """No connection, no right, no such place, a failing disk."""
    FULL = (
        Code.LEDGER_UNREACHABLE,
        "there is no room left for the ledger",
        "make room and try again; nothing was written",
    )
    """The disk is full, or a file may grow no further."""
    READ_ONLY = (
        Code.LEDGER_UNREACHABLE,
        "the ledger can be read here, but not written",
        "get the right to write to it and to its folder; nothing was written",
    )
    """Whoever opened it may not write."""
    DENIED = (
        Code.LEDGER_UNREACHABLE,
        "this role of the database may not do that",
        "ask the owner of the ledger for the right; nothing was written",
    )
    """Somebody who got in, but not with this right."""
    BUSY = (
        Code.LEDGER_BUSY,
        "another writer kept the ledger locked for too long",
        "try again; nothing was written",
    )
    """Somebody else was not ready in time."""
    CHANGED = (
        Code.LEDGER_BUSY,
        "the ledger was written while it was read without the right to lock it",
        "try again",
    )
    """What was read may be torn."""
    FOREIGN = (
        Code.LEDGER_VERSION,
        "this file is not a ledger",
        "give the ledger a file of its own",
    )
    """Something else."""
    BROKEN = (
        Code.LEDGER_BROKEN,
        "the database of the ledger is damaged or breaks its own rules",
        "nothing was written; run evoreg ledger verify",
    )
    """Tables, rules or pages are not as they were made."""


UNSURE = (
    "it failed while the last batch was being kept, so only the ledger can tell whether the batch "
    "is there: check free space and server, and look before you write it again"
)
"""The way out where an acknowledgement went missing."""


def error_of(trouble: Trouble, url: URL, message: str = "", hint: str = "") -> EvoregError:
    """Return the error that tells a trouble.

    Args:
        trouble: What went wrong.
        url: Address of the database; its password and its options stand in no message.
        message: What the driver said.
        hint: A better way out than that of the trouble.

    Returns:
        A VerificationError where the books are broken, otherwise an InputError.
    """
    code, what, way_out = trouble.value
    kind = VerificationError if trouble is Trouble.BROKEN else InputError
    told = f"{what}: {_without_secrets(message, url)}" if message else what
    return kind(code, told, where=shown(url), hint=hint or way_out)


def shown(url: URL) -> str:
    """Return an address as it may be shown.

    Args:
        url: The address.
    """
    # Options are left out as a whole: a password may stand among them.
    return url.set(query={}).render_as_string(hide_password=True)


def _without_secrets(message: str, url: URL) -> str:
    for secret in (str(url.password or ""), *map(str, url.query.values())):
        message = message.replace(secret, "***") if secret else message
    return message

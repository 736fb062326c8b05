"""Keys that sign notes: Ed25519, spelt as the programs for Go's checksum database spell them.

A private key is ``PRIVATE+KEY+name+hash+base64``, a public one ``name+hash+base64``; the hash is
the first 4 bytes of SHA-256 over name, line end, type and public key, in hexadecimal.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evoreg.provenance.proofs.note import Signature, from_base64, to_base64, valid_name
from evoreg.provenance.records.errors import Code, InputError, UsageError

SEED = 32
"""Bytes of randomness that a key is made of."""

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_FORM = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})")


@dataclass(frozen=True)
class VerifierKey:
    """A public key: whoever holds it can tell who signed."""

    name: str
    """Without blanks and plus signs."""
    public: bytes
    """32 bytes."""

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a public key as `str` writes it.

        Args:
            text: ``name+hash+base64``.

        Returns:
            The key.

        Raises:
            InputError: It is none, or its parts do not belong together (INPUT_UNREADABLE).
        """
        name, digest, public = _parts(text.strip(), "public key")
        key = cls(name, public)
        if key.key_id.hex() != digest:
            raise _no_key("public key", "its parts do not belong together")
        return key

    def __str__(self) -> str:
        """Return the key as text, to be published."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(_ED25519 + self.public)}"

    @cached_property
    def key_id(self) -> bytes:
        """4 bytes that stand in each signature."""
        data = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(data).digest()[:4]

    def made(self, signature: Signature) -> bool:
        """Return whether a signature says that it was made with this key."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verifies(self, text: str, signature: Signature) -> bool:
        """Return whether a signature holds.

        Args:
            text: What was signed.
            signature: A signature that `made` finds to be of this key.

        Returns:
            True if this key signed exactly this text.
        """
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public)
            key.verify(signature.data, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return self.made(signature)


@dataclass(frozen=True)
class SigningKey:
    """A private key; it is not shown where the object is printed."""

    name: str
    """Without blanks and plus signs."""
    seed: bytes = field(repr=False)
    """32 secret bytes."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a key.

        Raises:
            UsageError: The name has blanks or a plus, or the seed another length.
        """
        if not valid_name(self.name) or len(self.seed) != SEED:
            hint = "a name such as example.org/books: no blanks, no plus"
            raise UsageError(
                Code.USAGE, f"{self.name!r:.80} cannot be the name of a key", hint=hint
            )

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read a private key as `format` writes it.

        Args:
            text: ``PRIVATE+KEY+name+hash+base64``.

        Returns:
            The key.

        Raises:
            InputError: It is none, or its parts do not belong together (INPUT_UNREADABLE); the
                text is not repeated in the message.
        """
        stripped = text.strip()
        if not stripped.startswith(_PRIVATE):
            raise _no_key("private key", f"it does not begin with {_PRIVATE}")
        name, digest, seed = _parts(stripped.removeprefix(_PRIVATE), "private key")
        key = cls(name, seed)
        if key.verifier.key_id.hex() != digest:
            raise _no_key("private key", "its parts do not belong together")
        return key

    def format(self) -> str:
        """Return the key as text: a secret."""
        digest = self.verifier.key_id.hex()
        return f"{_PRIVATE}{self.name}+{digest}+{to_base64(_ED25519 + self.seed)}"

    @cached_property
    def verifier(self) -> VerifierKey:
        """The public key that belongs to it."""
        return VerifierKey(self.name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Sign a text; the same text gives the same signature.

        Args:
            text: Any text.

        Returns:
            The signature.
        """
        data = self._private.sign(text.encode())
        return Signature(self.name, self.verifier.key_id, data)

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def _parts(text: str, what: str) -> tuple[str, str, bytes]:
    found = _FORM.fullmatch(text)
    if found is None or not valid_name(found[1]):
        raise _no_key(what, "it is not written name+hash+base64")
    data = from_base64(found[3])
    if not data.startswith(_ED25519) or len(data) != 1 + SEED:
        raise _no_key(what, "it is not of the kind Ed25519")
    return found[1], found[2], data[1:]


def _no_key(what: str, why: str) -> InputError:
    hint = "`evoreg ledger keygen` makes a pair of keys; copy the whole line"
    return InputError(Code.INPUT_UNREADABLE, f"this is no {what}: {why}", hint=hint)

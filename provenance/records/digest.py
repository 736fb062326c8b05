"""A digest names bytes by their SHA-256, written ``sha256:<64 hexadecimal digits>``."""

import hashlib
from typing import Annotated

from pydantic import StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""Text of the form ``sha256:<hex>``; records refuse any other form."""


def digest_of(data: bytes) -> Digest:
    """Return the digest of some bytes.

    Args:
        data: Any bytes.

    Returns:
        ``sha256:`` followed by 64 lower-case hexadecimal digits.
    """
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def short(digest: Digest) -> str:
    """Return the first 12 hexadecimal digits, for people to read.

    Args:
        digest: A full digest.

    Returns:
        12 characters; never use them to compare.
    """
    return digest.removeprefix("sha256:")[:12]

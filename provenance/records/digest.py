"""A digest names bytes by their SHA-256, written ``sha256:<64 hexadecimal digits>``."""

import hashlib
import re
from typing import Annotated

from pydantic import AfterValidator

_FORM = re.compile(r"sha256:[0-9a-f]{64}")


def _checked(text: str) -> str:
    if _FORM.fullmatch(text) is None:
        raise ValueError("a digest is written sha256: and 64 lower-case hexadecimal digits")
    return text


Digest = Annotated[str, AfterValidator(_checked)]
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

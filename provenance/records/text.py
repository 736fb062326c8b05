"""A held text: the words of a licence or notice file, kept because they are evidence."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.record import Record

LONGEST = 1 << 18
"""Most bytes of a text that is kept; of a longer one only the digest is."""


class HeldText(Record):
    """The content of one licence or notice file, whatever folder it lay in."""

    digest: Digest
    """SHA-256 of the file."""
    size: Annotated[int, Field(ge=0)]
    """Bytes of the file."""
    content: str | None
    """The text as it was, byte by byte in UTF-8; nothing if it is no UTF-8 or too long to keep."""

    @model_validator(mode="after")
    def _is_that_file(self) -> Self:
        data = self.data
        if data is not None and (digest_of(data) != self.digest or len(data) != self.size):
            raise ValueError("the content is not that of the file")
        return self

    @property
    def data(self) -> bytes | None:
        """The bytes of the file, if they were kept."""
        return None if self.content is None else self.content.encode("utf-8", "strict")

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return the record of a file.

        Args:
            data: Its content.

        Returns:
            The record; without the content if that cannot be kept.
        """
        try:
            content = data.decode("utf-8") if len(data) <= LONGEST else None
        except UnicodeDecodeError:
            content = None
        return cls(digest=digest_of(data), size=len(data), content=content)

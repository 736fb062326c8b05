"""A pruning: index rows that are no longer kept, said in an entry so that everybody knows."""

from typing import Annotated, Literal

from pydantic import Field

from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.record import Record


class Pruning(Record):
    """Rows that a rebuild leaves out from now on. The entries that they follow from stay."""

    what: Literal["item-scores"]
    """Which rows: the scores of single items."""
    search: Digest | None
    """`Search.id` of the only search meant; nothing means all."""
    through: Annotated[int, Field(ge=0)]
    """Number of the last entry whose rows go."""
    why: str
    """Why."""

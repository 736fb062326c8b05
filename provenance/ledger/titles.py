"""What an entry is about, in a few words for a list."""

from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.evaluation import Evaluation, Generation
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.result import SearchResult
from evoreg.provenance.records.search import Search
from evoreg.provenance.records.text import HeldText


def title_of(record: Record) -> str:
    """Return what a record is about.

    Args:
        record: The record of an entry.

    Returns:
        A few words, among them names that strangers chose; empty for records that no entry holds.
    """
    match record:
        case Model() | Release():
            return record.name
        case LicenseClaim():
            return f"{record.model}: {record.expression or record.origin}"
        case Edge():
            return f"{record.child} {record.relation} of {record.parent}"
        case Decision():
            return f"{record.verdict} for {record.intent}"
        case Search():
            return f"{record.name} run {record.run}"
        case Publication():
            return f"{record.state} {record.target}"
        case Pruning():
            return f"{record.what} through entry {record.through}"
    return _digits(record)


def _digits(record: Record) -> str:
    match record:
        case HeldText():
            return short(record.digest)
        case Candidate():
            return f"{record.recipe.method} {short(record.id)}"
        case Evaluation():
            return record.label or short(record.candidate)
        case Generation():
            return f"{record.number} of search {short(record.search)}"
        case SearchResult():
            return f"{record.label} {short(record.winner)}"
    return ""

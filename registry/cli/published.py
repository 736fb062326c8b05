"""How a publication is shown: as a row of JSON, and as a line."""

from collections.abc import Mapping

from evoreg.provenance.ledger.values import PublicationCourse
from evoreg.provenance.records.canonical import Json
from evoreg.registry.cli.screen import plain


def course_row(course: PublicationCourse) -> dict[str, Json]:
    """Return a publication as JSON.

    Args:
        course: Its first step, and its last if there is one.

    Returns:
        Entries, times, place, state, what arrived, and how many files and bytes it has.
    """
    first, last = course.prepared, course.settled
    told = first.publication
    end = last.publication if last else None
    return {
        "entry": first.seq,
        "at": first.at,
        "by": first.by,
        "release": told.release,
        "target": told.target,
        "branch": told.branch,
        "files": len(told.files),
        "bytes": sum(file.size for file in told.files),
        "state": course.state,
        "settled": last.seq if last else None,
        "settled_at": last.at if last else None,
        "commit": end.commit if end else None,
        "why": end.why if end else told.why,
    }


def course_line(row: Mapping[str, Json]) -> str:
    """Return a publication as a line.

    Args:
        row: What `course_row` returned.

    Returns:
        Entry, state, time, place, size, and what it is called there or why nothing is.
    """
    branch = f" ({row['branch']})" if row["branch"] else ""
    size = f"{row['files']} files, {row['bytes']} bytes"
    end = " ".join(str(row[key]) for key in ("commit", "why") if row[key])
    line = f"{row['entry']:>6}  {row['state']:<9}  {row['at']}  {row['target']}{branch}  {size}"
    return plain(f"{line}  {end}" if end else line)

"""Finds again, in the files of a release, everything that the decision says is owed.

A release passes only if nothing is missing. The check reads the files alone: it does not trust
that they were written by evoreg, or that nobody edited them since.
"""

from collections.abc import Iterator, Mapping, Sequence

from evoreg.provenance.papers import words
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.license_plan import Plan, license_plan
from evoreg.provenance.papers.page import Page
from evoreg.provenance.papers.passages import (
    Passage,
    passages,
    text_passages,
    upstream_passages,
)
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.errors import Code, Problem

_WHOLE = ("modification_statement", "credits")
_NAME = "the name of the model must begin with "
_NAME_HINT = "choose a name with --name"


def missing_papers(
    folder_files: Mapping[str, bytes],
    decision: Decision,
    *,
    upstream: Sequence[UpstreamFile] = (),
    name: str = "",
    statement: str = "",
) -> tuple[Problem, ...]:
    """Return everything that is owed and not in the files of a release.

    Args:
        folder_files: Content by POSIX path relative to the folder.
        decision: What is owed.
        upstream: Licence and notice files of the sources, if they are at hand; then their
            copyright lines and notices must be there too.
        name: Name under which the result goes out; empty if only the title of its card counts.
        statement: What became of the weights, from `changes.change_words`; empty if nobody knows.

    Returns:
        One problem for each missing file or passage, sorted by path, with the path in ``where``;
        nothing for a release that owes nothing more.

    Raises:
        PolicyError: The decision holds something that is no licence expression.
    """
    plan = license_plan(decision, upstream)
    owed = _owed(decision, upstream, plan, statement)
    problems = [*_findings(folder_files, owed), *_misnamed(decision, name)]
    for path, file in plan.kept.items():
        if folder_files.get(path) != file.data:
            what = f"the file {words.plain_source_name(file.path)} of a source is not kept here"
            problems.append(Problem(Code.PAPER_MISSING, what, path, _hint(path)))
    return tuple(sorted(problems, key=lambda problem: (problem.where, problem.what)))


def owed_paths(decision: Decision, upstream: Sequence[UpstreamFile] = ()) -> tuple[str, ...]:
    """Return the papers that `missing_papers` looks into.

    Args:
        decision: What is owed.
        upstream: Licence and notice files of the sources.

    Returns:
        POSIX paths, sorted, each once.

    Raises:
        PolicyError: The decision holds something that is no licence expression.
    """
    plan = license_plan(decision, upstream)
    found = {passage.path for passage in _owed(decision, upstream, plan, "")}
    return tuple(sorted(found | set(plan.kept)))


def _owed(
    decision: Decision, upstream: Sequence[UpstreamFile], plan: Plan, statement: str
) -> list[Passage]:
    # What the whole release owes names every source: once is enough, however often it is owed.
    whole = {item.kind: item for item in decision.obligations if item.kind in _WHOLE}
    alone = (item for item in decision.obligations if item.kind not in _WHOLE)
    return [
        *(
            found
            for item in (*alone, *whole.values())
            for found in passages(item, decision, statement)
        ),
        *text_passages(decision, plan.texts),
        *upstream_passages(upstream),
    ]


def _findings(files: Mapping[str, bytes], owed: Sequence[Passage]) -> Iterator[Problem]:
    by_path: dict[str, list[Passage]] = {}
    for passage in owed:
        by_path.setdefault(passage.path, []).append(passage)
    for path, wanted in sorted(by_path.items()):
        data = files.get(path)
        if data is None:
            yield Problem(Code.PAPER_MISSING, "this paper is owed and missing", path, _hint(path))
            continue
        page = Page(data)
        for lack in dict.fromkeys(passage.lack for passage in wanted if not passage.there(page)):
            yield Problem(Code.PAPER_MISSING, lack, path, _hint(path, lack))


def _misnamed(decision: Decision, name: str) -> Iterator[Problem]:
    rules = [item for item in decision.obligations if name and item.kind == "name_prefix"]
    for prefix in dict.fromkeys(words.name_prefix(item) for item in rules):
        if not words.begins_with(name, prefix):
            what = f"the name must begin with {words.plain_prose(prefix)!r}"
            where = words.plain_source_name(name)
            yield Problem(Code.PAPER_MISSING, what, where, _NAME_HINT)


def _hint(path: str, lack: str = "") -> str:
    """Return what helps before a merge; of a folder that is there, whoever checks it says more."""
    if path.startswith("LICENSES/") or path == words.LICENSE:
        return "put the licence file into the folder of the source"
    return _NAME_HINT if lack.startswith(_NAME) else "restore the file, or merge again"

"""Which licence texts go into the LICENSES folder of a release, and where each comes from.

The writer follows this plan and the verifier compares with it. A text is the one that evoreg
ships, else the file that the source itself carried; a text that neither has is never invented.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from license_expression import ExpressionError, ExpressionParseError, Licensing

from evoreg.provenance.papers.escape import free_path, label_text, safe_name, visible
from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.license_texts import (
    flat,
    is_copyright_line,
    known_texts,
    license_text,
)
from evoreg.provenance.papers.words import NOTICE_KEEPS
from evoreg.provenance.records.decision import Decision
from evoreg.provenance.records.errors import Code, PolicyError

INDEX = "LICENSES/README.md"
"""The list of the texts."""

SHORTEST_TEXT = 200
"""Characters; a shorter file is an address or a remark, not the text of a licence."""

LONGEST_EXPRESSION = 20_000
"""Characters; a longer licence expression is refused unread."""

LONGEST_NOTICE = 256 * 1024
"""Bytes; a longer NOTICE of a source is carried as a file instead of being quoted."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,127}")
_BLANK = re.compile(r"<year>|\[(?:xxxx|yyyy)\]", re.IGNORECASE)
_POLICY = re.compile(
    r"(?<![a-z])aup(?![a-z])|polic(?:y|ies)|restriction|prohibited|acceptable|attachment[-_ ]?a"
)
_LICENSING = Licensing()


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one licence."""

    id: str
    """SPDX id or LicenseRef."""
    path: str
    """Where it goes."""
    data: bytes | None
    """The text; nothing if nobody has it."""
    origin: str
    """Label of the source that carried it; empty for a text that evoreg ships."""
    owed: bool
    """True if the release must carry it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All files of the LICENSES folder but the index."""

    texts: tuple[Text, ...]
    """One for each licence, sorted by id."""
    kept: Mapping[str, UpstreamFile]
    """Files of the sources that say more than the standard text, by new path; the same bytes of
    several sources once."""
    result: bytes | None
    """Content of LICENSE; nothing without a single licence, or without its text."""


def license_ids(expression: str) -> tuple[str, ...]:
    """Return the licences that an expression names.

    Args:
        expression: SPDX expression with LicenseRefs, ``NOASSERTION`` or an empty text.

    Returns:
        Ids in order of appearance, each once, in SPDX spelling; without ``NOASSERTION``.

    Raises:
        PolicyError: Not an expression, or an id that could not be a file name.
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise _bad_expression(expression, "too long to be a licence expression")
    try:
        parsed = _LICENSING.parse(expression)
    except (ExpressionError, ExpressionParseError, RecursionError) as error:
        raise _bad_expression(expression, str(error)) from error
    known = {name.lower(): name for name in known_texts()}
    found: dict[str, str] = {}
    for key in () if parsed is None else _LICENSING.license_keys(parsed):
        if _ID.fullmatch(key) is None:
            raise _bad_expression(expression, f"not a licence id: {visible(key)[:80]}")
        found.setdefault(key.lower(), known.get(key.lower(), key))
    return tuple(key for key in found.values() if key not in ("NOASSERTION", "NONE"))


def _bad_expression(expression: str, what: str) -> PolicyError:
    return PolicyError(
        Code.POLICY_EXPRESSION,
        what,
        where=visible(expression)[:200],
        hint="write an SPDX expression such as 'Apache-2.0 AND MIT'",
    )


def notice_text(data: bytes) -> str | None:
    """Return a NOTICE file as it is quoted.

    Args:
        data: The file of a source.

    Returns:
        Its text with control characters written out, or nothing if it is too long to quote.
    """
    if len(data) > LONGEST_NOTICE:
        return None
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return visible(text, keep=NOTICE_KEEPS).strip("\n")


def _quoted_in_full(data: bytes) -> bool:
    text = notice_text(data)
    return text is not None and text.encode() == data.replace(b"\r\n", b"\n").strip(b"\n")


def _as_text(data: bytes) -> str:
    return flat(data.decode("utf-8-sig", "replace"))


def is_policy_file(file: UpstreamFile) -> bool:
    """Return whether a file holds restrictions beside a licence, told from its name."""
    return _POLICY.search(file.path.rpartition("/")[2].lower()) is not None


def _carries_text(file: UpstreamFile) -> bool:
    return file.role == "license" and len(_as_text(file.data)) >= SHORTEST_TEXT


def _best(files: Sequence[UpstreamFile]) -> UpstreamFile | None:
    return min(files, key=lambda f: ("licen" not in f.path.lower(), f.path), default=None)


def _from_source(
    wanted: str, decision: Decision, upstream: Sequence[UpstreamFile]
) -> UpstreamFile | None:
    """Find the text: a file known as it, of whomever, or one of a source that it alone governs."""
    texts = [file for file in upstream if _carries_text(file) and not is_policy_file(file)]
    known = _best([file for file in texts if file.license.lower() == wanted.lower()])
    if known is not None:
        return known
    unknown = [file for file in texts if not file.license]
    for source in decision.sources:
        if license_ids(source.expression) != (wanted,):
            continue
        found = _best([file for file in unknown if file.model == source.model])
        if found is not None:
            return found
    return None


def _owed_ids(decision: Decision) -> tuple[str, ...]:
    owed = [item.license for item in decision.obligations if item.kind == "license_text"]
    return tuple(key for text in (*owed, decision.outbound) for key in license_ids(text))


def _texts(decision: Decision, upstream: Sequence[UpstreamFile]) -> tuple[Text, ...]:
    owed = {key.lower(): key for key in _owed_ids(decision)}
    wanted = dict(owed)
    for source in decision.sources:
        for key in license_ids(source.expression):
            wanted.setdefault(key.lower(), key)
    found = []
    for key in sorted(wanted.values()):
        standard = license_text(key)
        carried = None if standard else _from_source(key, decision, upstream)
        data = standard.encode() if standard else carried.data if carried else None
        origin = carried.model if carried else ""
        found.append(Text(key, f"LICENSES/{key}.txt", data, origin, key.lower() in owed))
    return tuple(found)


def _says_more(file: UpstreamFile, held: frozenset[str]) -> bool:
    if file.role == "notice":
        return not _quoted_in_full(file.data)
    return _as_text(file.data) not in held


def _holders(wanted: str, decision: Decision, upstream: Sequence[UpstreamFile]) -> list[str]:
    """Return the copyright lines of the sources that are under this licence alone, each once."""
    found: dict[str, None] = {}
    for source in decision.sources:
        if license_ids(source.expression) != (wanted,):
            continue
        for file in upstream:
            if file.model == source.model and file.role == "license":
                lines = file.data.decode("utf-8-sig", "replace").splitlines()
                named = [visible(line.strip()) for line in lines if is_copyright_line(line)]
                found |= dict.fromkeys(line for line in named if not _is_blank_form(line))
    return list(found)


def _is_blank_form(line: str) -> bool:
    """Return whether a copyright line still waits for its year and its holder."""
    return (
        is_copyright_line(line) and re.search(r"<year>|\[(?:xxxx|yyyy)\]", line, re.I) is not None
    )


def _result(
    decision: Decision, upstream: Sequence[UpstreamFile], texts: Sequence[Text]
) -> bytes | None:
    """Write LICENSE: in a text that has a blank for the holder, the holders upstream are named."""
    wanted = single_license(decision)
    found = next((text for text in texts if text.id == wanted), None)
    if wanted is None or found is None or found.data is None or found.origin:
        return found.data if found else None
    parts = found.data.decode().split("\n\n")
    holders = "\n".join(_holders(wanted, decision, upstream))
    for number, part in enumerate(parts[:2]):  # further down, Apache-2.0 has its example
        if holders and _is_blank_form(part):
            parts[number] = holders
    return "\n\n".join(parts).encode()


def license_plan(decision: Decision, upstream: Sequence[UpstreamFile] = ()) -> Plan:
    """Return what the LICENSES folder of a release holds.

    Args:
        decision: Which licences the sources and the result have, and what is owed.
        upstream: Licence and notice files of the sources.

    Returns:
        The plan; the same for any order of `upstream`.

    Raises:
        PolicyError: The decision holds something that is no licence expression.
    """
    ordered = sorted(upstream, key=lambda file: (file.model, file.path, file.data, file.license))
    texts = _texts(decision, ordered)
    held = frozenset(_as_text(text.data) for text in texts if text.data is not None)
    taken = {INDEX.lower(), *(text.path.lower() for text in texts)}
    folders: dict[str, str] = {}
    kept: dict[str, UpstreamFile] = {}
    seen: set[bytes] = set()
    for file in ordered:
        if file.data in seen or not _says_more(file, held):
            continue
        seen.add(file.data)
        if file.model not in folders:
            name = safe_name(label_text(file.model))
            folders[file.model] = free_path(f"LICENSES/{name}", taken)
        kept[free_path(f"{folders[file.model]}/{safe_name(file.path)}", taken)] = file
    return Plan(texts, dict(sorted(kept.items())), _result(decision, ordered, texts))


def single_license(decision: Decision) -> str | None:
    """Return the licence of the result, if it is exactly one.

    Args:
        decision: Its `outbound` is read.

    Returns:
        SPDX id or LicenseRef; nothing for several licences or none.
    """
    ids = license_ids(decision.outbound)
    return ids[0] if len(ids) == 1 else None

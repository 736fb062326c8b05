"""The knowledge base as a value: find terms by key, Hub id, expression, name, text or address."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import TypeAdapter

from evoreg.policies.normal import fingerprints, parts
from evoreg.policies.terms import HubId, Terms
from evoreg.policies.texts import decoded
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, PolicyError

TERMS_FILES = (
    "permissive.yml",
    "copyleft.yml",
    "rail.yml",
    "community.yml",
    "noncommercial.yml",
    "research.yml",
    "unsettled.yml",
)
"""The files that hold rows; together they are all rows."""

FILES = (*TERMS_FILES, "hub.yml", "texts.yml", "version.yml")
"""All files that the digest covers."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All that is known about licences. Look-ups by text do not look at case."""

    rows: tuple[Terms, ...]
    """Every row, in the order of the files."""
    hub: tuple[HubId, ...]
    """The Hub's licence ids, in the Hub's order."""
    digest: Digest
    """What names this state of the knowledge, for `Decision.knowledge`."""
    version: str
    """Version of the data, as year and month."""
    date: str
    """The day of that version, ISO 8601."""
    _keys: Mapping[str, Terms]
    _expressions: Mapping[str, Terms]
    _names: Mapping[str, tuple[Terms, ...]]
    _texts: Mapping[str, str]
    _additions: Mapping[str, str]

    def by_key(self, key: str) -> Terms | None:
        """Return the row of this key, or nothing."""
        return self._keys.get(key.casefold())

    def by_hub_id(self, tag: str) -> Terms | None:
        """Return the row of this id of the Hub's list, or nothing."""
        row = self.by_key(tag)
        return row if row is not None and row.tag == row.key else None

    def by_expression(self, expression: str) -> Terms | None:
        """Return the row of this SPDX id or LicenseRef, or nothing.

        Of several rows with one expression it is the one that is a Hub id.
        """
        return self._expressions.get(expression.casefold())

    def by_name(self, name: str) -> tuple[Terms, ...]:
        """Return every row that this ``license_name`` may mean, sorted by key; often none."""
        return self._names.get(name.strip().casefold(), ())

    def by_address(self, address: str) -> Terms | None:
        """Return the row whose text is known to lie at an address; a hint, never a proof."""
        bare = address.split("://", 1)[-1].casefold()
        fits = [
            (len(start), row.key)
            for row in self.rows
            for start in row.addresses
            if bare.startswith(start.casefold())
        ]
        return self._keys[max(fits)[1]] if fits else None

    def by_text(self, data: bytes) -> Terms | None:
        """Return the row whose text these bytes are, or nothing.

        The text may have the licence's own addition behind it, such as its use policy.
        """
        rows = self.rows_of_text(data)
        return rows[0] if len(rows) == 1 else None

    def rows_of_text(self, data: bytes) -> tuple[Terms, ...]:
        """Return the rows whose texts make up these bytes, and nothing else does.

        Args:
            data: A licence file.

        Returns:
            The rows in the order of their texts, each once; all apply. None if any word is left.
        """
        text = decoded(data)
        if text is None:
            return ()
        keys: list[str] = []
        for mark in parts(text, self._texts.keys() | self._additions.keys()):
            key = self._texts.get(mark) or self._additions[mark]
            if mark not in self._texts and key not in keys:
                return ()
            if key not in keys:
                keys.append(key)
        return tuple(self._keys[key] for key in keys)

    def knows_text_of(self, row: Terms) -> bool:
        """Tell whether a text of this row would be recognised."""
        return row.key in self._texts.values()

    def with_texts(self, corpus: Mapping[str, str]) -> "Knowledge":
        """Return the same knowledge, able to recognise more texts.

        Args:
            corpus: Licence texts by SPDX id or LicenseRef; ids without a row are left out.

        Returns:
            A new value, whose digest covers the texts too.

        Raises:
            PolicyError: One text under the ids of two rows.
        """
        texts = dict(self._texts)
        for name in sorted(corpus):
            row = self.by_expression(name)
            if row is not None:
                for mark in fingerprints(corpus[name]):
                    _add_text(texts, mark, row.key)
        new = json.dumps(sorted(texts.items())).encode()
        return replace(self, _texts=texts, digest=digest_of(self.digest.encode() + new))


def _add_text(texts: dict[str, str], mark: str, key: str) -> None:
    if texts.setdefault(mark, key) != key:
        raise PolicyError(
            Code.POLICY_FILE,
            f"one licence text stands for two licences: {texts[mark]} and {key}",
            hint="correct the collection of licence texts",
        )


@cache
def load() -> Knowledge:
    """Read the knowledge base that comes with evoreg.

    Returns:
        The same value at each call.

    Raises:
        PolicyError: The data contradict themselves.
    """
    data = {name: _bytes(name) for name in FILES}
    plain = [row for name in TERMS_FILES for row in _yaml(data[name])]
    # Through JSON, because strict records take lists for tuples only there.
    rows = TypeAdapter(tuple[Terms, ...]).validate_json(json.dumps(plain))
    hub = TypeAdapter(tuple[HubId, ...]).validate_json(json.dumps(_yaml(data["hub.yml"])))
    hasher = hashlib.sha256()
    for name in sorted(data):
        hasher.update(f"{name} {len(data[name])}\n".encode() + data[name])
    keys, known, edition = _by_key(rows), _yaml(data["texts.yml"]), _yaml(data["version.yml"])
    return Knowledge(
        rows,
        hub,
        f"sha256:{hasher.hexdigest()}",
        edition["version"],
        edition["date"],
        keys,
        _by_expression(rows),
        _by_name(rows),
        _marks(keys, known["texts"]),
        _marks(keys, known["additions"]),
    )


def _bytes(name: str) -> bytes:
    return files("evoreg.policies.knowledge").joinpath(name).read_bytes()


# YAML: the shape is checked by the records right after.
def _yaml(data: bytes) -> Any:  # noqa: ANN401
    # The C loader reads the files ten times faster, and `check` waits for it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(data, loader)


def _by_key(rows: Iterable[Terms]) -> dict[str, Terms]:
    found: dict[str, Terms] = {}
    for row in rows:
        if found.setdefault(row.key.casefold(), row) is not row:
            raise PolicyError(Code.POLICY_FILE, f"two rows with the key {row.key}", hint="keep one")
    return found


def _by_expression(rows: Iterable[Terms]) -> dict[str, Terms]:
    found: dict[str, Terms] = {}
    for row in rows:
        old = found.get(row.expression.casefold())
        if old is None or row.key == row.tag:
            found[row.expression.casefold()] = row
    return found


def _by_name(rows: Iterable[Terms]) -> dict[str, tuple[Terms, ...]]:
    found: dict[str, tuple[Terms, ...]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        for name in row.names:
            found[name] = (*found.get(name, ()), row)
    return found


def _marks(keys: Mapping[str, Terms], known: Mapping[str, list[str]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, marks in known.items():
        for mark in marks:
            _add_text(texts, mark, keys[key].key)
    return texts

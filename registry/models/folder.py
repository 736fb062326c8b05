"""Reading a model folder: which files it has, what they hash to, and what its card says.

The folder belongs to a stranger. No path leaves it, except the links of a Hub cache into the blobs
of that same cache; pipes, devices and pickles are refused; nothing is executed.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from evoreg.evolve.checkpoints.folder import weight_files
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.model import Card, File, Model, Role
from evoreg.registry.models.card import LARGEST as LARGEST_CARD
from evoreg.registry.models.card import read_card
from evoreg.registry.models.hashing import Hasher
from evoreg.registry.models.inside import (
    Item,
    check_place,
    item_of,
    read_item,
    root_of,
    unreadable,
)
from evoreg.registry.models.roles import CARD, LICENSE_FOLDERS, role_of

LARGEST_TEXT = 1 << 20
"""Most bytes of a licence or notice file."""
_MOST_ENTRIES = 20_000
_LARGEST_GIT_BLOB = 64 << 20


@dataclass(frozen=True, slots=True)
class Text:
    """A licence or notice file."""

    path: str
    """POSIX path relative to the model's folder."""
    data: bytes
    """Its content, at most `LARGEST_TEXT` bytes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A model folder that was read."""

    model: Model
    """What lies in it."""
    texts: tuple[Text, ...]
    """Its licence and notice files, sorted by path."""
    problems: tuple[Problem, ...]
    """What is wrong with it without making it unusable."""


_Pair: TypeAlias = tuple[Item, File]


def read_folder(
    folder: Path,
    *,
    name: str,
    origin: Literal["hub", "local"],
    revision: str | None,
    hasher: Hasher,
    trust_cache: bool = False,
) -> Reading:
    """Read a model folder.

    Args:
        folder: The folder, or a snapshot of a Hub cache.
        name: What the model is called.
        origin: Where it came from.
        revision: Its commit, for a model of the Hub.
        hasher: Measures files.
        trust_cache: Take the SHA-256 that names a blob of a Hub cache instead of measuring the
            bytes. Such files say ``measured: false``: their digest is a claim of the Hub.

    Returns:
        The model, its licence and notice texts, and problems: a card that cannot be read
        (INPUT_CARD), a text that is too large (INPUT_UNREADABLE), a file of a Hub cache whose
        bytes are not those that the Hub promised (VERIFY_DIGEST).

    Raises:
        InputError: The folder is missing, holds no weights or only pickles, leads outside itself,
            cannot be read, or changes while it is read.
    """
    root = root_of(folder)
    pairs = [(item, _file(item, hasher, trust_cache)) for item in _items(root)]
    broken = [problem for pair in pairs for problem in _broken_promise(*pair)]
    texts, too_large = _texts(pairs)
    card, unclear = _read_card(pairs)
    files = tuple(file for _, file in pairs)
    model = Model(name=name, origin=origin, revision=revision, files=files, card=card)
    return Reading(model, texts, (*unclear, *too_large, *broken))


def _items(root: Path) -> tuple[Item, ...]:
    """List the files that count, sorted by path, having checked every entry of the folder."""
    found: dict[str, Role] = {}
    for path in _listed(root):
        check_place(root, path)
        role = role_of(path)
        if role is not None:
            found[str(path)] = role
    for path in weight_files(root):
        check_place(root, path)
        found[str(path)] = "weights"
    items = (item_of(root, path, role) for path, role in sorted(found.items()))
    return tuple(item for item in items if item is not None)


def _listed(root: Path) -> Iterator[PurePosixPath]:
    for name in _names(root):
        yield PurePosixPath(name)  # and only goes on when this one has been checked
        if name.lower() in LICENSE_FOLDERS and (root / name).is_dir():
            yield from (PurePosixPath(name, inner) for inner in _names(root / name))


def _names(folder: Path) -> list[str]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  # names are wanted, not paths
    except OSError as error:
        raise unreadable(folder, f"the folder cannot be listed: {error.strerror}") from error
    if len(names) > _MOST_ENTRIES:
        raise unreadable(folder, f"the folder holds more than {_MOST_ENTRIES} entries")
    return names


def _file(item: Item, hasher: Hasher, trust_cache: bool) -> File:
    trusted = trust_cache and len(item.claim) == 64
    digest: Digest = f"sha256:{item.claim}" if trusted else hasher(item.real)
    return File(path=item.path, size=item.size, digest=digest, role=item.role, measured=not trusted)


def _broken_promise(item: Item, file: File) -> Iterator[Problem]:
    if not file.measured or not item.claim or _measured_as(item, file) == item.claim:
        return
    yield Problem(
        Code.VERIFY_DIGEST,
        "the bytes are not those that the Hub promised: "
        f"measured {file.digest.removeprefix('sha256:')[:12]}, promised {item.claim[:12]}",
        item.path,
        "delete the file from the Hub cache and fetch it again; if it stays, trust neither",
    )


def _measured_as(item: Item, file: File) -> str:
    """Return the measured name in the form of the claim; git names small files by SHA-1."""
    if len(item.claim) == 64:
        return file.digest.removeprefix("sha256:")
    if item.size > _LARGEST_GIT_BLOB:
        return item.claim  # the Hub keeps no such file in git itself: nothing to compare with
    data = read_item(item, file, _LARGEST_GIT_BLOB)
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _texts(pairs: list[_Pair]) -> tuple[tuple[Text, ...], tuple[Problem, ...]]:
    papers = [pair for pair in pairs if pair[0].role in {"license", "notice"}]
    texts = tuple(
        Text(item.path, read_item(item, file, LARGEST_TEXT))
        for item, file in papers
        if item.size <= LARGEST_TEXT
    )
    what = f"larger than {LARGEST_TEXT} bytes: it cannot be a licence and was not read"
    problems = tuple(
        Problem(Code.INPUT_UNREADABLE, what, item.path, "read it yourself and record a claim")
        for item, _ in papers
        if item.size > LARGEST_TEXT
    )
    return texts, problems


def _read_card(pairs: list[_Pair]) -> tuple[Card, tuple[Problem, ...]]:
    for item, file in pairs:
        if item.path == CARD:
            return read_card(read_item(item, file, LARGEST_CARD), CARD)
    return Card(), ()

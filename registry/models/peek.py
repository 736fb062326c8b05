"""Peeking: what the papers of a model say, without fetching its weights.

The Hub lists the SHA-256 of every file that it keeps outside git, and weights are such files. So
the identity of a model is known before a byte of its weights moves; only card, licence texts and
settings are fetched. A digest that the Hub did not give is never guessed: small files are fetched
and measured, large ones are an error.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from evoreg.evolve.checkpoints.folder import weight_files
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError, Problem
from evoreg.provenance.records.model import Card, File, Model, Role
from evoreg.registry.models.card import read_card
from evoreg.registry.models.folder import LARGEST_TEXT, Reading, Text
from evoreg.registry.models.hashing import Hasher, open_regular
from evoreg.registry.models.hub import using_cache
from evoreg.registry.models.hub_client import Client, HubSettings, Listed
from evoreg.registry.models.reference import HubPlace, LocalPlace, Reference
from evoreg.registry.models.resolve import ResolvedModel, joined, read_as, resolve
from evoreg.registry.models.roles import CARD, role_of

_MOST_PAPERS = 300
_MOST_BYTES = 128 << 20
_LARGEST: Mapping[Role, int] = {
    "card": 16 << 20,
    "license": LARGEST_TEXT,
    "notice": LARGEST_TEXT,
    "config": 16 << 20,
    "recipe": 16 << 20,
    "index": 64 << 20,
}
"""The papers, and the most bytes of each that are fetched."""
_ABSENT = {Code.INPUT_MISSING, Code.INPUT_PICKLE, Code.INPUT_INDEX}


def peek(
    reference: Reference | str,
    *,
    base_folder: Path,
    hasher: Hasher,
    offline: bool = False,
    hub: HubSettings | None = None,
    weightless: bool = False,
) -> ResolvedModel:
    """Learn about a model what its licence depends on, without fetching its weights.

    Args:
        reference: A reference, or its text.
        base_folder: Folder that relative folders start from.
        hasher: Measures files of folders, usually `DigestCache.digest`.
        offline: Make no network call.
        hub: How to reach the Hub; nothing: as the environment says.
        weightless: Accept a model of the Hub without weights that evoreg reads: its papers are all
            that is wanted.

    Returns:
        The model, with the same identity as if it were fetched. A folder, and a model that lies
        in the Hub cache whole, is read as `resolve` does; of any other ``complete`` is false, and
        the digests of the weights are the Hub's word (``File.measured`` is false).

    Raises:
        RecipeError: The text is no reference.
        InputError: The model is missing, refused, unreachable or hostile, or the Hub does not say
            the SHA-256 of large weights (HUB_UNREACHABLE).
        OutputError: The disk of the Hub cache is full.
    """
    if isinstance(reference, str):
        reference = Reference.parse(reference, base_folder=base_folder)
    glance = _Glance(reference.text, hasher, offline, hub or HubSettings(), weightless)
    whole = glance.at(reference.place)
    return whole if reference.adapter is None else joined(whole, glance.at(reference.adapter))


@dataclass(frozen=True, slots=True)
class _Glance:
    """How one reference is looked at."""

    text: str
    hasher: Hasher
    offline: bool
    hub: HubSettings
    weightless: bool

    def at(self, place: LocalPlace | HubPlace) -> ResolvedModel:
        if isinstance(place, LocalPlace):
            return self._whole(place)
        client = Client(place, self.hub, self.offline)
        with using_cache(place.repository), client.doors():
            commit, problems = client.pin()
            pinned = replace(place, revision=commit)
            files = client.tree(commit)
            if files is None and client.offline:
                return self._noted(self._whole(pinned), problems)
            found = None if files is None else self._cached(pinned)
            if found is None:
                reader = _Reader(client, commit, _with_digests(client, commit, files), self)
                found = read_as(self.text, *reader.read(), complete=False)
            client.note(commit)
        return self._noted(found, problems)

    def _cached(self, pinned: HubPlace) -> ResolvedModel | None:
        """Return the model from the cache, if it lies there whole."""
        try:
            return self._whole(pinned, offline=True)
        except InputError as error:
            if error.code not in _ABSENT:
                raise
        return None

    def _whole(self, place: LocalPlace | HubPlace, *, offline: bool = False) -> ResolvedModel:
        return resolve(
            Reference(self.text, place),
            base_folder=Path(),
            hasher=self.hasher,
            offline=self.offline or offline,
            hub=self.hub,
        )

    def _noted(self, found: ResolvedModel, problems: tuple[Problem, ...]) -> ResolvedModel:
        return replace(found, problems=(*problems, *found.problems))


@dataclass
class _Reader:
    """Reads the papers of one commit."""

    client: Client
    commit: str
    files: Sequence[Listed]
    glance: _Glance

    def read(self) -> tuple[Path, Reading]:
        papers, left = self._papers()
        folder = self._fetch(papers)
        weights = self._weights(folder)
        unknown = [file for file in weights if file.sha256 is None]
        self._check_known(unknown)
        folder = self._fetch([*papers, *unknown]) if unknown else folder
        contents = {file.path: self._content(folder, file) for file in papers}
        problems = [p for file in papers for p in _broken_promise(file, contents[file.path])]
        card, unclear = read_card(contents[CARD]) if CARD in contents else (Card(), ())
        place = self.client.place.repository
        listed = sorted(self._all(folder, contents, weights), key=lambda file: file.path)
        model = Model(
            name=place, origin="hub", revision=self.commit, files=tuple(listed), card=card
        )
        texts = (Text(f.path, contents[f.path]) for f in papers if _is_text(f))
        return folder, Reading(model, tuple(texts), (*unclear, *left, *problems))

    def _papers(self) -> tuple[list[Listed], list[Problem]]:
        found = [file for file in self.files if _role(file) in _LARGEST]
        fit = [file for file in found if file.size <= _LARGEST[_role(file)]]
        if len(fit) > _MOST_PAPERS or sum(file.size for file in fit) > _MOST_BYTES:
            raise InputError(
                Code.INPUT_UNREADABLE,
                f"the model has more than {_MOST_PAPERS} papers, or {_MOST_BYTES} bytes of them",
                where=self.client.name,
                hint="nothing of it was fetched; look at it, and do without it",
            )
        hint = "read it yourself and record a claim"
        left = [
            Problem(Code.INPUT_UNREADABLE, f"too large ({x.size} bytes): not fetched", x.path, hint)
            for x in found
            if x.size > _LARGEST[_role(x)]
        ]
        return fit, left

    def _fetch(self, files: Sequence[Listed]) -> Path:
        # The client warns about a model without any such file; so it is asked for one that is.
        names = [file.path for file in files] or [file.path for file in self.files[:1]]
        return self.client.snapshot(self.commit, names)

    def _weights(self, folder: Path) -> list[Listed]:
        """Return the weight files, chosen by the very rule that a fetched folder is read by."""
        by_path = {file.path: file for file in self.files}
        try:
            wanted = self.client.wanted(folder, list(by_path))
            with TemporaryDirectory(prefix="evoreg-") as empty:
                _skeleton(Path(empty), wanted, folder)
                names = [str(path) for path in weight_files(Path(empty))]
        except InputError as error:
            if self.glance.weightless and error.code in _ABSENT:
                return []
            raise
        return [by_path[name] for name in names]

    def _check_known(self, unknown: Sequence[Listed]) -> None:
        if sum(file.size for file in unknown) > _MOST_BYTES:
            raise InputError(
                Code.HUB_UNREACHABLE,
                f"the Hub does not say the SHA-256 of {unknown[0].path!r:.80}, so that the "
                "identity of the model is not known before it is fetched",
                where=self.client.name,
                hint="fetch the model: evoreg model add REFERENCE",
            )

    def _all(
        self, folder: Path, contents: Mapping[str, bytes], weights: Sequence[Listed]
    ) -> list[File]:
        """Return all files whose digests are known: measured, or as the Hub says."""
        roles: dict[str, Role] = {file.path: "weights" for file in weights}
        found = []
        for file in self.files:
            role = roles.get(file.path) or role_of(PurePosixPath(file.path))
            if role is None:
                continue
            digest, measured = self._digest(folder, file, contents, role)
            if digest is not None:
                size = len(contents[file.path]) if file.path in contents else file.size
                found.append(
                    File(path=file.path, size=size, digest=digest, role=role, measured=measured)
                )
        return found

    def _digest(
        self, folder: Path, file: Listed, contents: Mapping[str, bytes], role: Role
    ) -> tuple[Digest | None, bool]:
        if file.path in contents:
            return digest_of(contents[file.path]), True
        if file.sha256 is not None:
            return f"sha256:{file.sha256}", False
        return (
            (self.glance.hasher(self._real(folder, file)), True)
            if role == "weights"
            else (None, False)
        )

    def _content(self, folder: Path, file: Listed) -> bytes:
        with open_regular(self._real(folder, file)) as source:
            data = bytearray()
            while len(data) <= file.size and (piece := source.read(file.size + 1 - len(data))):
                data += piece
        return bytes(data[: file.size])

    def _real(self, folder: Path, file: Listed) -> Path:
        real = (folder / file.path).resolve()
        if not real.is_relative_to(self.client.cache):
            raise InputError(
                Code.INPUT_ESCAPES,
                "the link leads outside the Hub cache",
                where=f"{self.client.name}: {file.path}",
                hint="delete the model from the Hub cache",
            )
        return real


def _with_digests(client: Client, commit: str, files: Sequence[Listed] | None) -> Sequence[Listed]:
    """Return the files of a commit; the Hub is asked where a cache does not keep the digests."""
    if files is not None and (client.offline or any(file.sha256 for file in files)):
        return files
    return client.ask_tree(commit)


def _role(file: Listed) -> Role:
    return role_of(PurePosixPath(file.path)) or "other"


def _is_text(file: Listed) -> bool:
    return _role(file) in ("license", "notice")


def _skeleton(place: Path, names: Sequence[str], folder: Path) -> None:
    """Lay out a folder with the names of a model's files, and the content of its indexes only."""
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        index = name.endswith(".safetensors.index.json") and (folder / name).is_file()
        (place / name).write_bytes((folder / name).read_bytes() if index else b"")


def _broken_promise(file: Listed, data: bytes) -> list[Problem]:
    if file.sha256 is not None:
        kept = digest_of(data) == f"sha256:{file.sha256}"
    else:
        name = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        kept = name == file.blob
    what = "the bytes are not those that the Hub promised"
    hint = "delete the file from the Hub cache and fetch it again; if it stays, trust neither"
    return [] if kept else [Problem(Code.VERIFY_DIGEST, what, file.path, hint)]

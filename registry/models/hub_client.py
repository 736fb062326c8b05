"""One model of the Hub as the Hub's own client sees it: its commit, its list of files, its cache.

A branch or tag is first turned into a commit, and everything else is asked of that commit. Names,
sizes and digests that the Hub lists are taken as claims of a stranger.
"""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from evoreg.evolve.checkpoints.folder import INDEX, read_json, weight_map
from evoreg.provenance.records.errors import Code, InputError, Problem
from evoreg.registry.models.hub_errors import not_cached, translated
from evoreg.registry.models.reference import HubPlace
from evoreg.registry.models.roles import CARD, CONFIG, role_of, weights_among

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_DEFAULT_BRANCH = "main"
_MOST_FILES = 100_000
_LARGEST = 2**53
_NEVER_ANSWERS = "evoreg keeps the exact commit; write it after the @ and no network is needed"


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How to reach the Hub. What is left out is read from the ``HF_*`` variables."""

    folder: Path | None = None
    """Folder of the cache."""
    endpoint: str | None = None
    """Address of the Hub."""
    token: str | None = field(default=None, repr=False)
    """Who asks."""
    trust_cache: bool = False
    """Believe the names of the blobs in the cache instead of measuring their bytes."""
    bars: bool = False
    """Show the progress bars of the Hub client on stderr."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a model as the Hub lists it."""

    path: str
    """POSIX path relative to the model; it stays inside it."""
    size: int
    """Bytes."""
    blob: str
    """What git calls the content: its SHA-1, or that of its pointer."""
    sha256: str | None
    """SHA-256 of the content, as 64 hexadecimal digits; nothing if the Hub does not say."""


class Client:
    """One model of the Hub, as one call sees it.

    Every method may raise InputError as `fetch` does, if it is called within `doors`.
    """

    def __init__(self, place: HubPlace, settings: HubSettings, offline: bool) -> None:
        # Imported here: light commands must not pay for the Hub client.
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.utils import tqdm

        self.hub = huggingface_hub
        self.place = place
        self.settings = settings
        self.offline = offline or bool(constants.HF_HUB_OFFLINE)
        self._api = huggingface_hub.HfApi(endpoint=settings.endpoint, token=settings.token)
        self._silent = partial(tqdm, disable=True)
        self.cache = Path(settings.folder or constants.HF_HUB_CACHE).expanduser().resolve()

    def pin(self) -> tuple[str, tuple[Problem, ...]]:
        """Return the commit that the revision means now."""
        revision = self.place.revision
        if revision is not None and _COMMIT.fullmatch(revision):
            return revision, ()
        if self.offline:
            return self._last_seen(), ()
        try:
            with self.doors():
                return self._ask_commit(), ()
        except InputError as error:
            if error.code is not Code.HUB_UNREACHABLE:
                raise
            commit = self._last_seen(error)
            what = f"the Hub did not answer; {self.name} is read as last seen, {commit[:7]}"
            return commit, (Problem(Code.HUB_UNREACHABLE, what, self.name, _NEVER_ANSWERS),)

    def _ask_commit(self) -> str:
        info = self._api.model_info(self.place.repository, revision=self.place.revision)
        if not isinstance(info.sha, str) or _COMMIT.fullmatch(info.sha) is None:
            raise ValueError("the answer names no commit")
        return info.sha

    def is_gated(self) -> bool:
        """Ask the Hub whether a download asks for somebody's consent."""
        return bool(self._api.model_info(self.place.repository).gated)

    def _last_seen(self, cause: InputError | None = None) -> str:
        """Return the commit that the cache remembers for a branch or tag."""
        ref = self._ref()
        try:
            text = ref.read_text("ascii").strip() if ref.stat().st_size < 100 else ""
        except (OSError, ValueError):
            text = ""
        if _COMMIT.fullmatch(text) is None:
            raise cause or not_cached(self.name, self.cache)
        return text

    def note(self, commit: str) -> None:
        """Let the cache remember what a branch or tag meant, once that commit is complete.

        The client does this by itself only when it is asked for the branch, which may move.
        """
        if self.offline or self.place.revision == commit:
            return
        ref = self._ref()
        try:
            ref.parent.mkdir(parents=True, exist_ok=True)
            partial_file = ref.with_name(f"{ref.name}.partial-{os.getpid()}")
            partial_file.write_text(commit, "ascii")
            partial_file.replace(ref)
        except OSError:
            return  # a cache that cannot be written can still be read

    @property
    def _folder(self) -> Path:
        return self.cache / ("models--" + self.place.repository.replace("/", "--"))

    def _ref(self) -> Path:
        return self._folder / "refs" / (self.place.revision or _DEFAULT_BRANCH)

    def gather(self, commit: str) -> tuple[Path, tuple[Problem, ...]]:
        """Return the folder of a commit, having fetched what was missing (not when offline).

        The papers come first: they are small, and they say which weights are wanted.
        """
        folder = self.snapshot(commit, [CARD, INDEX, CONFIG])
        files = self.tree(commit)
        if files is not None:
            names = [file.path for file in files]
            return self.snapshot(commit, self.wanted(folder, names)), ()
        # An older client filled this cache, or the Hub fell silent: nobody knows what is missing.
        what = "the cache does not say whether it holds all files; licence texts may be missing"
        hint = "once online, resolve it again"
        return folder, (Problem(Code.INPUT_MISSING, what, self.name, hint),)

    def snapshot(self, commit: str, names: Sequence[str]) -> Path:
        """Return the folder of a commit, with some of its files fetched (not when offline).

        Args:
            commit: 40 hexadecimal digits.
            names: The files; what the model does not have is passed over.

        Returns:
            The folder.
        """
        patterns = [glob.escape(name) for name in names]
        path = self.hub.snapshot_download(
            self.place.repository,
            revision=commit,
            cache_dir=self.cache,
            endpoint=self.settings.endpoint,
            token=self.settings.token,
            local_files_only=self.offline,
            allow_patterns=patterns,
            tqdm_class=None if self.settings.bars else self._silent,
        )
        return Path(path)

    def tree(self, commit: str) -> tuple[Listed, ...] | None:
        """Return all files of a commit, sorted by path, if the cache holds the list.

        Args:
            commit: 40 hexadecimal digits.

        Returns:
            The files; nothing if nobody kept the list.
        """
        try:
            found = self.hub.get_cached_repo_tree(
                self.place.repository, revision=commit, cache_dir=self.cache
            )
        except self.hub.errors.CachedRepoTreeNotFoundError:
            return None
        kept = self._kept_digests(commit)
        return self._checked(replace(self._listed(f), sha256=kept.get(str(f.path))) for f in found)

    def _kept_digests(self, commit: str) -> dict[str, str]:
        """Return the SHA-256 of files as the cache keeps it: the client itself does not tell it."""
        path = self._folder / "trees" / f"{commit}.json"
        try:
            files = read_json(path).get("files")
        except InputError:
            return {}
        facts = files.items() if isinstance(files, dict) else ()
        found = ((name, fact.get("lfs_sha256")) for name, fact in facts if isinstance(fact, dict))
        return {name: text for name, text in found if isinstance(text, str) and _is_sha256(text)}

    def ask_tree(self, commit: str) -> tuple[Listed, ...]:
        """Ask the Hub for all files of a commit, sorted by path.

        Args:
            commit: 40 hexadecimal digits.

        Returns:
            The files.
        """
        found = self._api.list_repo_tree(self.place.repository, revision=commit, recursive=True)
        files = (item for item in found if isinstance(item, self.hub.hf_api.RepoFile))
        return self._checked(self._listed(file) for file in islice(files, _MOST_FILES + 1))

    def _checked(self, found: Iterable[Listed]) -> tuple[Listed, ...]:
        listed = list(found)
        files = {file.path: file for file in listed}
        if len(files) > _MOST_FILES or len(files) < len(listed):
            what = f"the Hub lists a file twice, or more than {_MOST_FILES} files"
            raise InputError(
                Code.HUB_UNREACHABLE, what, where=self.name, hint="do not use this model"
            )
        return tuple(files[path] for path in sorted(files))

    def _listed(self, file: object) -> Listed:
        name = str(getattr(file, "path", ""))
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            hint = "do not use this model, and tell the people who run the Hub"
            what = f"the Hub lists a file outside the model: {name!r:.80}"
            raise InputError(Code.INPUT_ESCAPES, what, where=self.name, hint=hint)
        size = getattr(file, "size", None)
        if type(size) is not int or not 0 <= size < _LARGEST:
            raise ValueError(f"the size of {name!r:.80} is no size")
        claimed = getattr(getattr(file, "lfs", None), "sha256", None)
        known = claimed if isinstance(claimed, str) and _is_sha256(claimed) else None
        return Listed(name, size, str(getattr(file, "blob_id", ""))[:64], known)

    def wanted(self, folder: Path, names: Sequence[str]) -> list[str]:
        """Return which files evoreg reads.

        Args:
            folder: Where the index lies, if the model has one.
            names: All files of the model.

        Returns:
            Weights and papers, sorted.

        Raises:
            InputError: There are no weights that evoreg reads.
        """
        shards: list[str] = []
        if (folder / INDEX).is_file():
            shards = [str(path) for path in weight_map(folder).values()]
        weights = weights_among(names, shards)
        if not weights:
            raise self._no_weights(names)
        return sorted({*weights, *(n for n in names if role_of(PurePosixPath(n)) is not None)})

    def _no_weights(self, names: Sequence[str]) -> InputError:
        pickles = [name for name in names if name.lower().endswith(_PICKLES)]
        if not pickles:
            return InputError(
                Code.INPUT_MISSING,
                "the repository holds no safetensors weights",
                where=self.name,
                hint="a model needs model.safetensors, or shards with their index",
            )
        return InputError(
            Code.INPUT_PICKLE,
            f"the weights are pickles ({', '.join(pickles[:3])}), which can run code when opened",
            where=self.name,
            hint="convert them in a sandbox: AutoModelForCausalLM.from_pretrained(SRC)"
            ".save_pretrained(DST) writes safetensors; or look for a revision that has them",
        )

    @property
    def name(self) -> str:
        """What the model is called in messages: with its revision, if one was asked for."""
        revision = self.place.revision
        return f"{self.place.repository}@{revision}" if revision else self.place.repository

    def doors(self) -> AbstractContextManager[None]:
        """Turn every error of the Hub client into one of evoreg's."""
        address = self.settings.endpoint or self.hub.constants.ENDPOINT
        page = f"{address}/{self.place.repository}"
        return translated(self.name, page, self.cache if self.offline else None)


def _is_sha256(text: str) -> bool:
    return _SHA256.fullmatch(text) is not None

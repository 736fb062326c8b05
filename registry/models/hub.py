"""Fetching a model from the Hugging Face Hub, through its client and into its cache.

A branch or tag is first turned into a commit, and everything else is asked of that commit. What
is in the cache is not asked for again: a model whose commit is complete there needs no network.
Only files that evoreg reads are fetched; code and pickles never are.
"""

import errno
import glob
import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from evoreg.evolve.checkpoints.folder import INDEX, weight_map
from evoreg.provenance.records.errors import Code, InputError, OutputError, Problem
from evoreg.registry.models.hub_errors import not_cached, translated
from evoreg.registry.models.reference import HubPlace
from evoreg.registry.models.roles import CARD, CONFIG, role_of, weights_among

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_DEFAULT_BRANCH = "main"
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
class Snapshot:
    """A model in the cache, at one commit."""

    folder: Path
    """Its folder."""
    commit: str
    """40 hexadecimal digits."""
    problems: tuple[Problem, ...] = ()
    """What could not be made sure of."""


def fetch(place: HubPlace, *, offline: bool, settings: HubSettings) -> Snapshot:
    """Bring a model of the Hub into the cache, if it is not there.

    Args:
        place: Which model, at which revision.
        offline: Make no network call; ``HF_HUB_OFFLINE`` in the environment means the same.
        settings: How to reach the Hub.

    Returns:
        Where it lies, and its commit. Problems: the Hub did not answer and a branch was read as
        it was last seen (HUB_UNREACHABLE), or files may be missing from the cache (INPUT_MISSING).

    Raises:
        InputError: There is no such model, or it is not in the cache and `offline`
            (INPUT_MISSING), no such revision (HUB_REVISION), no permission (HUB_DENIED), no answer
            (HUB_UNREACHABLE), or only pickles (INPUT_PICKLE).
        OutputError: The disk is full.
    """
    client = _Client(place, settings, offline)
    try:
        with client.doors():
            commit, problems = client.pin()
            folder, unsure = client.gather(commit)
            client.note(commit)
            return Snapshot(folder, commit, (*problems, *unsure))
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        kind = OutputError if full else InputError
        code = Code.OUTPUT_FULL if full else Code.INPUT_UNREADABLE
        raise kind(
            code,
            f"the Hub cache cannot be used: {error.strerror or error}",
            where=place.repository,
            hint="make room, or point HF_HUB_CACHE at another disk",
        ) from error


class _Client:
    """One model of the Hub, as one call of `fetch` sees it."""

    def __init__(self, place: HubPlace, settings: HubSettings, offline: bool) -> None:
        # Imported here: light commands must not pay for the Hub client.
        import huggingface_hub
        from huggingface_hub import constants
        from huggingface_hub.utils import tqdm

        self.hub = huggingface_hub
        self.place = place
        self.settings = settings
        self.offline = offline or bool(constants.HF_HUB_OFFLINE)
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
            what = f"the Hub did not answer; {self._name()} is read as last seen, {commit[:7]}"
            return commit, (Problem(Code.HUB_UNREACHABLE, what, self._name(), _NEVER_ANSWERS),)

    def _ask_commit(self) -> str:
        api = self.hub.HfApi(endpoint=self.settings.endpoint, token=self.settings.token)
        info = api.model_info(self.place.repository, revision=self.place.revision)
        if not isinstance(info.sha, str) or _COMMIT.fullmatch(info.sha) is None:
            raise ValueError("the answer names no commit")
        return info.sha

    def _last_seen(self, cause: InputError | None = None) -> str:
        """Return the commit that the cache remembers for a branch or tag."""
        ref = self._ref()
        try:
            text = ref.read_text("ascii").strip() if ref.stat().st_size < 100 else ""
        except (OSError, ValueError):
            text = ""
        if _COMMIT.fullmatch(text) is None:
            raise cause or self._not_cached()
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

    def _ref(self) -> Path:
        name = "models--" + self.place.repository.replace("/", "--")
        return self.cache / name / "refs" / (self.place.revision or _DEFAULT_BRANCH)

    def gather(self, commit: str) -> tuple[Path, tuple[Problem, ...]]:
        """Return the folder of a commit, having fetched what was missing (not when offline).

        The papers come first: they are small, and they say which weights are wanted.
        """
        folder = self._snapshot(commit, [CARD, INDEX, CONFIG])
        names = self._tree(commit)
        if names is not None:
            return self._snapshot(commit, self._wanted(folder, names)), ()
        # An older client filled this cache, or the Hub fell silent: nobody knows what is missing.
        what = "the cache does not say whether it holds all files; licence texts may be missing"
        hint = "once online, resolve it again"
        return folder, (Problem(Code.INPUT_MISSING, what, self._name(), hint),)

    def _snapshot(self, commit: str, names: Sequence[str]) -> Path:
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

    def _tree(self, commit: str) -> list[str] | None:
        """Return the paths of all files of a commit, if the cache holds the list."""
        try:
            files = self.hub.get_cached_repo_tree(
                self.place.repository, revision=commit, cache_dir=self.cache
            )
        except self.hub.errors.CachedRepoTreeNotFoundError:
            return None
        names = sorted(str(file.path) for file in files)
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
                raise InputError(
                    Code.INPUT_ESCAPES,
                    f"the Hub lists a file outside the model: {name!r:.80}",
                    where=self._name(),
                    hint="do not use this model, and tell the people who run the Hub",
                )
        return names

    def _wanted(self, folder: Path, names: list[str]) -> list[str]:
        shards: list[str] = []
        if (folder / INDEX).is_file():
            shards = [str(path) for path in weight_map(folder).values()]
        weights = weights_among(names, shards)
        if not weights:
            raise self._no_weights(names)
        return sorted({*weights, *(n for n in names if role_of(PurePosixPath(n)) is not None)})

    def _no_weights(self, names: list[str]) -> InputError:
        pickles = [name for name in names if name.lower().endswith(_PICKLES)]
        if not pickles:
            return InputError(
                Code.INPUT_MISSING,
                "the repository holds no safetensors weights",
                where=self._name(),
                hint="a model needs model.safetensors, or shards with their index",
            )
        return InputError(
            Code.INPUT_PICKLE,
            f"the weights are pickles ({', '.join(pickles[:3])}), which can run code when opened",
            where=self._name(),
            hint="convert them in a sandbox: AutoModelForCausalLM.from_pretrained(SRC)"
            ".save_pretrained(DST) writes safetensors; or look for a revision that has them",
        )

    def _name(self) -> str:
        revision = self.place.revision
        return f"{self.place.repository}@{revision}" if revision else self.place.repository

    def _not_cached(self) -> InputError:
        return not_cached(self._name(), self.cache)

    def doors(self) -> AbstractContextManager[None]:
        """Turn every error of the Hub client into one of evoreg's."""
        address = self.settings.endpoint or self.hub.constants.ENDPOINT
        page = f"{address}/{self.place.repository}"
        return translated(self._name(), page, self.cache if self.offline else None)

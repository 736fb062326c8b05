"""Looking at models of the Hub without fetching their weights, through the real client."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.hub import HubSettings
from evoreg.registry.models.peek import peek
from evoreg.registry.models.resolve import ResolvedModel, resolve
from tests.hub_server import Fault, HubServer, Repository
from tests.models.builders import model_files, safetensors, write_files

MODEL = "org/m"
CARD = b"---\nlicense: mit\n---\n"


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def repository(hub: HubServer) -> Repository:
    repository = hub.create(MODEL)
    recipe = {"mergekit_config.yml": b"merge_method: linear\n"}
    repository.commit({**model_files(), **recipe, "evil.py": b"x", "pytorch_model.bin": b"x"})
    return repository


class Looker:
    """Somebody with a cache of their own."""

    def __init__(self, hub: HubServer, folder: Path, cache: str = "cache") -> None:
        self.hub, self.folder = hub, folder
        self.settings = HubSettings(folder / cache, hub.endpoint)

    def peek(
        self, reference: str = MODEL, *, offline: bool = False, weightless: bool = False
    ) -> ResolvedModel:
        return peek(
            reference,
            base_folder=self.folder,
            hasher=measure,
            offline=offline,
            hub=self.settings,
            weightless=weightless,
        )

    def resolve(self, reference: str = MODEL, *, offline: bool = False) -> ResolvedModel:
        return resolve(
            reference,
            base_folder=self.folder,
            hasher=measure,
            offline=offline,
            hub=self.settings,
        )

    def refused(self, reference: str = MODEL, *, offline: bool = False) -> Code:
        with pytest.raises(EvoregError) as caught:
            self.peek(reference, offline=offline)
        assert caught.value.problems[0].hint
        return caught.value.code

    def requests(self) -> list[str]:
        log = list(self.hub.log)
        self.hub.log.clear()
        return log


@pytest.fixture
def looker(hub: HubServer, tmp_path: Path) -> Looker:
    return Looker(hub, tmp_path)


def test_the_papers_are_read_and_no_weights_are_fetched(
    looker: Looker, repository: Repository
) -> None:
    found = looker.peek()
    assert not [line for line in looker.requests() if "safetensors" in line or "bin" in line]
    assert not found.complete
    assert found.problems == ()
    assert found.model.revision == repository.branches["main"]
    assert found.model.card.license == ("apache-2.0",)
    assert [text.data for text in found.texts] == [b"a licence\n"]
    measured = {file.path: file.measured for file in found.model.files}
    assert measured == {
        "LICENSE": True,
        "README.md": True,
        "config.json": True,
        "mergekit_config.yml": True,
        "model.safetensors": False,
    }
    assert found.model.weights[0].digest == digest_of(safetensors(0.0))
    assert (found.folder / "mergekit_config.yml").read_bytes() == b"merge_method: linear\n"
    assert not (found.folder / "model.safetensors").exists()


@pytest.mark.parametrize(
    "files",
    [
        model_files(1.0),
        {"weights.safetensors": safetensors(1.0), "README.md": CARD},
        {"adapter_model.safetensors": safetensors(2.0), "adapter_config.json": b"{}"},
        {
            "config.json": b"{}",
            "model.safetensors.index.json": json.dumps(
                {"weight_map": {"a": "sub/one [1].safetensors", "b": "two.safetensors"}}
            ).encode(),
            "sub/one [1].safetensors": safetensors(1),
            "two.safetensors": safetensors(2),
            "consolidated.safetensors": safetensors(3),
        },
        {
            "diffusion.safetensors.index.json": json.dumps(
                {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
            ).encode(),
            "one.safetensors": safetensors(1),
            "two.safetensors": safetensors(2),
            "other.safetensors": safetensors(3),
        },
        {
            "model.safetensors": safetensors(1),
            "adapter_model.safetensors": safetensors(2),
            "config.json": b"{}",
        },
    ],
    ids=["whole", "raw", "adapter", "shards", "other index", "two"],
)
def test_the_identity_is_that_of_the_fetched_model(
    hub: HubServer, looker: Looker, tmp_path: Path, files: dict[str, bytes]
) -> None:
    hub.create(MODEL).commit(files)
    seen = looker.peek()
    fetched = Looker(hub, tmp_path, "another").resolve()
    assert not seen.complete
    assert fetched.complete
    assert seen.model.identity == fetched.model.identity
    assert [file.path for file in seen.model.weights] == [f.path for f in fetched.model.weights]
    assert (seen.model.card, seen.texts) == (fetched.model.card, fetched.texts)


def test_what_cannot_be_told_apart_is_refused_as_it_is_when_fetched(
    hub: HubServer, looker: Looker
) -> None:
    hub.create(MODEL).commit({"one.safetensors": safetensors(1), "two.safetensors": safetensors(2)})
    assert looker.refused() is Code.INPUT_INDEX


def test_the_second_look_costs_one_question_and_none_offline(
    looker: Looker, repository: Repository
) -> None:
    first = looker.peek()
    looker.requests()
    assert looker.peek().model == first.model
    assert looker.requests() == [f"GET /api/models/{MODEL}"]
    assert looker.peek(offline=True).model == first.model
    assert looker.peek(f"{MODEL}@{first.model.revision}").model == first.model
    assert looker.requests() == []
    repository.commit({**model_files(), "LICENSE": b"another\n"})
    again = looker.peek()
    assert again.model.identity == first.model.identity
    assert again.texts != first.texts
    assert looker.peek(offline=True).model == again.model


def test_a_whole_model_in_the_cache_is_read_there(looker: Looker, repository: Repository) -> None:
    whole = looker.resolve()
    looker.requests()
    seen = looker.peek()
    assert seen == whole
    assert seen.complete
    assert looker.requests() == [f"GET /api/models/{MODEL}"]


def test_a_model_that_was_looked_at_can_still_be_fetched(
    looker: Looker, repository: Repository
) -> None:
    seen = looker.peek()
    with pytest.raises(EvoregError) as caught:
        looker.resolve(offline=True)
    assert caught.value.code is Code.INPUT_MISSING
    assert looker.resolve().model.identity == seen.model.identity


def test_weights_that_the_hub_keeps_in_git_are_fetched_and_measured(
    hub: HubServer, looker: Looker
) -> None:
    repository = hub.create(MODEL)
    repository.small.add("model.safetensors")
    repository.commit(model_files(3.0))
    found = looker.peek()
    assert found.model.weights[0].measured
    assert found.model.weights[0].digest == digest_of(safetensors(3.0))


def test_large_weights_without_a_digest_are_not_guessed(
    hub: HubServer, looker: Looker, repository: Repository
) -> None:
    listed = [
        {"type": "file", "path": "model.safetensors", "size": 1 << 40, "oid": "0" * 40},
        {"type": "file", "path": "config.json", "size": 21, "oid": "0" * 40},
    ]
    hub.faults = [Fault("/tree/", 200, body=json.dumps(listed).encode())]
    assert looker.refused() is Code.HUB_UNREACHABLE
    assert not [line for line in looker.requests() if "safetensors" in line]


@pytest.mark.parametrize(
    "listed",
    [
        [{"type": "file", "path": "LICENSE", "size": -1, "oid": "0"}],
        [{"type": "file", "path": "LICENSE", "size": "9", "oid": "0"}],
        [{"type": "file", "path": "LICENSE", "size": 1 << 60, "oid": "0"}],
        [{"type": "file", "path": "a.json", "size": 1, "oid": "0"}] * 2,
        [{"type": "file"}],
        {"error": "none"},
    ],
)
def test_a_list_that_makes_no_sense(
    hub: HubServer, looker: Looker, repository: Repository, listed: object
) -> None:
    hub.faults = [Fault("/tree/", 200, body=json.dumps(listed).encode())]
    assert looker.refused() is Code.HUB_UNREACHABLE


@pytest.mark.parametrize("path", ["../../LICENSE", "/etc/LICENSE", "a/../../LICENSE"])
def test_a_list_that_leaves_the_model(hub: HubServer, looker: Looker, path: str) -> None:
    hub.create(MODEL).commit({**model_files(), path: b"x"})
    assert looker.refused() is Code.INPUT_ESCAPES


def test_more_papers_than_a_model_can_have(hub: HubServer, looker: Looker) -> None:
    many = {f"licenses/{number}": b"x" for number in range(301)}
    hub.create(MODEL).commit({**model_files(), **many})
    assert looker.refused() is Code.INPUT_UNREADABLE
    assert not [line for line in looker.requests() if "/resolve/" in line]


def test_a_paper_that_is_too_large_is_told_and_not_fetched(hub: HubServer, looker: Looker) -> None:
    hub.create(MODEL).commit({**model_files(), "LICENSE": b"x" * ((1 << 20) + 1)})
    found = looker.peek()
    assert [problem.code for problem in found.problems] == [Code.INPUT_UNREADABLE]
    assert found.problems[0].where.endswith(": LICENSE")
    assert not [line for line in looker.requests() if line.endswith("LICENSE")]


def test_a_digest_that_is_none_counts_as_unknown(
    hub: HubServer, looker: Looker, repository: Repository
) -> None:
    large = {"oid": "f" * 63, "size": 1 << 40, "pointerSize": 1}
    file = {"type": "file", "path": "model.safetensors", "size": 1 << 40, "oid": "0", "lfs": large}
    hub.faults = [Fault("/tree/", 200, body=json.dumps([file]).encode())]
    assert looker.refused() is Code.HUB_UNREACHABLE


def test_other_bytes_than_promised_are_told(looker: Looker, repository: Repository) -> None:
    repository.lies = {"LICENSE": b"A LICENCE\n"}
    assert [problem.code for problem in looker.peek().problems] == [Code.VERIFY_DIGEST]


def test_pickles_have_papers_too(hub: HubServer, looker: Looker) -> None:
    hub.create(MODEL).commit({"pytorch_model.bin": b"x", "README.md": CARD})
    assert looker.refused() is Code.INPUT_PICKLE
    found = looker.peek(weightless=True)
    assert found.model.card.license == ("mit",)
    assert found.model.weights == ()
    assert looker.peek(weightless=True, offline=True).model == found.model


def test_gated_private_unknown_and_offline(
    hub: HubServer, looker: Looker, repository: Repository
) -> None:
    assert looker.refused("org/unknown") is Code.INPUT_MISSING
    assert looker.refused(f"{MODEL}@nothing") is Code.HUB_REVISION
    assert looker.refused(offline=True) is Code.INPUT_MISSING
    repository.gated = True
    assert looker.refused() is Code.HUB_DENIED
    repository.gated, repository.private = False, True
    assert looker.refused() is Code.INPUT_MISSING


@pytest.mark.parametrize("fault", [Fault("/api/", 500), Fault("/tree/", "drop")])
def test_a_hub_that_is_down(
    hub: HubServer,
    looker: Looker,
    repository: Repository,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.faults = [fault]
    assert looker.refused() is Code.HUB_UNREACHABLE
    hub.faults = []
    assert looker.peek().problems == ()


def test_a_folder_and_an_adapter(hub: HubServer, looker: Looker) -> None:
    files = {"adapter_model.safetensors": safetensors(5.0), "adapter_config.json": b"{}"}
    hub.create("org/lora").commit(files)
    write_files(looker.folder / "base", model_files())
    seen = looker.peek("./base+org/lora")
    assert looker.peek("base") == looker.resolve("base")
    assert not seen.complete
    assert seen.adapter is not None
    assert seen.model.adapter == seen.adapter.model
    assert seen.model.identity == looker.resolve("./base+org/lora").model.identity
    assert looker.refused("base+org/m@main") is Code.INPUT_MISSING

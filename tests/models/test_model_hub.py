"""Models of the Hub, through the real client, against a Hub on this machine."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.hub import HubSettings
from evoreg.registry.models.resolve import ResolvedModel, resolve
from tests.hub_server import Fault, HubServer, Repository
from tests.models.builders import model_files, safetensors, write_files

MODEL = "org/m"


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the seconds that the client lets pass between its tries."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def repository(hub: HubServer) -> Repository:
    repository = hub.create(MODEL)
    repository.commit({**model_files(), "evil.py": b"x", "pytorch_model.bin": b"x"})
    return repository


class User:
    """Somebody with a cache who resolves references."""

    def __init__(self, hub: HubServer, folder: Path) -> None:
        self.hub = hub
        self.cache = folder / "cache"
        self.folder = folder
        self.token: str | None = None

    def resolve(
        self, reference: str = MODEL, *, offline: bool = False, trust_cache: bool = False
    ) -> ResolvedModel:
        return resolve(
            reference,
            base_folder=self.folder,
            hasher=measure,
            offline=offline,
            hub=HubSettings(self.cache, self.hub.endpoint, self.token, trust_cache),
        )

    def requests(self) -> list[str]:
        """Return the requests since the last question."""
        log = list(self.hub.log)
        self.hub.log.clear()
        return log

    def refused(self, reference: str = MODEL, *, offline: bool = False) -> Code:
        with pytest.raises(EvoregError) as caught:
            self.resolve(reference, offline=offline)
        assert caught.value.problems[0].hint
        assert reference.split("@")[0].split("+")[-1] in caught.value.problems[0].where
        return caught.value.code


@pytest.fixture
def user(hub: HubServer, tmp_path: Path) -> User:
    return User(hub, tmp_path)


def test_a_model_is_fetched_at_its_commit_without_code_and_pickles(
    user: User, repository: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    found = user.resolve()
    commit = repository.branches["main"]
    assert (found.model.name, found.model.origin, found.model.revision) == (MODEL, "hub", commit)
    expected = {path: digest_of(data) for path, data in model_files().items()}
    assert {file.path: file.digest for file in found.model.files} == expected
    assert all(file.measured for file in found.model.files)
    assert found.model.card.license == ("apache-2.0",)
    assert [text.data for text in found.texts] == [b"a licence\n"]
    assert found.problems == ()
    requests = user.requests()
    assert not [line for line in requests if line.endswith((".py", ".bin"))]
    assert all(commit in line for line in requests[1:])
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(expected)
    assert capfd.readouterr() == ("", "")


def test_the_second_time_nothing_is_asked(user: User, repository: Repository) -> None:
    first = user.resolve()
    user.requests()
    pinned = f"{MODEL}@{repository.branches['main']}"
    assert user.resolve(pinned).model == first.model
    assert user.resolve(pinned, offline=True).model == first.model
    assert user.resolve(offline=True).model == first.model
    assert user.requests() == []
    user.resolve()
    assert user.requests() == [f"GET /api/models/{MODEL}"]


def test_a_pinned_model_stays_when_its_branch_moves(user: User, repository: Repository) -> None:
    old = repository.branches["main"]
    first = user.resolve()
    new = repository.commit(model_files(1.0))
    user.requests()
    assert user.resolve(f"{MODEL}@{old}").model == first.model
    assert user.resolve(offline=True).model == first.model
    assert user.requests() == []
    moved = user.resolve()
    assert moved.model.revision == new
    assert moved.model.identity != first.model.identity
    assert user.resolve(offline=True).model == moved.model


def test_a_branch_with_a_slash_is_a_revision(user: User, repository: Repository) -> None:
    commit = repository.commit(model_files(2.0), "refs/pr/1")
    assert user.resolve(f"{MODEL}@refs/pr/1").model.revision == commit
    user.requests()
    assert user.resolve(f"{MODEL}@refs/pr/1", offline=True).model.revision == commit
    assert user.requests() == []


def test_wrong_bytes_of_the_same_size_are_told(user: User, repository: Repository) -> None:
    repository.lies = {"model.safetensors": safetensors(9.0), "LICENSE": b"A LICENCE\n"}
    found = user.resolve()
    assert [problem.code for problem in found.problems] == [Code.VERIFY_DIGEST] * 2
    label = found.model.label
    wheres = [problem.where for problem in found.problems]
    assert wheres == [f"{label}: LICENSE", f"{label}: model.safetensors"]
    assert found.model.weights[0].digest == digest_of(safetensors(9.0))


def test_a_trusted_cache_gives_claims_and_says_so(user: User, repository: Repository) -> None:
    repository.lies = {"model.safetensors": safetensors(9.0)}
    weights = user.resolve(trust_cache=True).model.weights[0]
    assert (weights.digest, weights.measured) == (digest_of(safetensors(0.0)), False)


def test_only_the_shards_that_the_index_names_are_fetched(user: User, hub: HubServer) -> None:
    index = {"weight_map": {"a": "sub/one [1].safetensors", "b": "two.safetensors"}}
    hub.create(MODEL).commit(
        {
            "model.safetensors.index.json": json.dumps(index).encode(),
            "sub/one [1].safetensors": safetensors(1),
            "two.safetensors": safetensors(2),
            "consolidated.safetensors": safetensors(3),
        }
    )
    found = user.resolve()
    names = [file.path for file in found.model.weights]
    assert names == ["sub/one [1].safetensors", "two.safetensors"]
    assert not [line for line in user.requests() if "consolidated" in line]


def test_a_long_list_of_files_comes_in_pages(user: User, hub: HubServer) -> None:
    hub.page_size = 2
    hub.create(MODEL).commit(model_files())
    assert len(user.resolve().model.files) == len(model_files())
    assert len([line for line in user.requests() if "/tree/" in line]) == 3


def test_pickles_alone_are_refused_before_they_are_fetched(user: User, hub: HubServer) -> None:
    hub.create(MODEL).commit({"pytorch_model.bin": b"x", "config.json": b"{}"})
    assert user.refused() is Code.INPUT_PICKLE
    hub.create("org/none").commit({"config.json": b"{}"})
    assert user.refused("org/none") is Code.INPUT_MISSING
    assert not [line for line in user.requests() if line.endswith(".bin")]


@pytest.mark.parametrize("path", ["../../evil.json", "/etc/evil.json", "a/../../LICENSE"])
def test_a_list_that_leaves_the_model_is_refused(user: User, hub: HubServer, path: str) -> None:
    hub.create(MODEL).commit({**model_files(), path: b"x"})
    assert user.refused() is Code.INPUT_ESCAPES
    assert not list(user.folder.rglob("evil.json"))


def test_gated_private_and_unknown_models(
    user: User, hub: HubServer, repository: Repository
) -> None:
    assert user.refused("org/unknown") is Code.INPUT_MISSING
    assert user.refused(f"{MODEL}@nothing") is Code.HUB_REVISION
    assert user.refused(f"{MODEL}@{'a' * 40}") is Code.HUB_REVISION
    repository.gated = True
    assert user.refused() is Code.HUB_DENIED
    hub.tokens["secret"] = "ada"
    user.token = "secret"
    assert user.refused() is Code.HUB_DENIED
    repository.readers.add("ada")
    assert user.resolve().model.name == MODEL
    repository.private = True
    user.token = "wrong"
    assert user.refused() is Code.HUB_DENIED
    user.token = None
    assert user.refused() is Code.INPUT_MISSING


def test_a_file_that_the_hub_keeps_back(user: User, hub: HubServer, repository: Repository) -> None:
    hub.faults = [Fault("HEAD .*LICENSE", 403)]
    assert user.refused() is Code.HUB_DENIED
    assert user.refused(offline=True) is Code.INPUT_MISSING


def test_a_gated_model_in_the_cache_needs_no_permission(user: User, repository: Repository) -> None:
    found = user.resolve()
    repository.gated = repository.private = True
    assert user.resolve(f"{MODEL}@{found.model.revision}").model == found.model


@pytest.mark.usefixtures("no_waiting")
def test_a_hub_that_is_down(user: User, hub: HubServer, repository: Repository) -> None:
    found = user.resolve()
    hub.stop()
    again = user.resolve()
    assert again.model == found.model
    assert [problem.code for problem in again.problems] == [Code.HUB_UNREACHABLE]
    assert user.resolve(f"{MODEL}@{found.model.revision}").problems == ()
    assert user.refused("org/other") is Code.HUB_UNREACHABLE
    assert user.refused(f"org/other@{'a' * 40}") is Code.HUB_UNREACHABLE


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/api/", 500),
        Fault("/api/", 429),
        Fault("/api/", "drop"),
        Fault("/api/", 200),
        Fault("/api/", 200, body=b"no json"),
        Fault("/api/", 200, body=b"[]"),
        Fault("/api/", 200, body=b'{"id":"org/m","sha":"main","siblings":[]}'),
        Fault("/api/", 200, body=b'{"id":"org/m","siblings":[]}'),
        Fault("/tree/", 400),
        Fault("/tree/", 200, body=b"no json"),
        Fault("/tree/", 200, body=b'[{"type":"file"}]'),
        Fault("GET .*LICENSE", "drop"),
    ],
    ids=lambda fault: f"{fault.pattern} {fault.answer} {fault.body.decode()}",
)
def test_a_hub_that_answers_nonsense(
    user: User, hub: HubServer, repository: Repository, fault: Fault, no_waiting: None
) -> None:
    hub.faults = [fault]
    assert user.refused() is Code.HUB_UNREACHABLE
    hub.faults = []
    assert user.resolve().problems == ()


def test_offline_says_what_is_missing_and_how_to_fetch_it(
    user: User, repository: Repository
) -> None:
    with pytest.raises(InputError) as caught:
        user.resolve(f"{MODEL}@v1", offline=True)
    assert caught.value.code is Code.INPUT_MISSING
    assert f"hf download {MODEL} --revision v1" in caught.value.problems[0].hint
    assert user.refused(f"{MODEL}@{'a' * 40}", offline=True) is Code.INPUT_MISSING
    assert user.requests() == []


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "model.safetensors"])
def test_a_cache_that_lacks_a_file_is_not_enough(
    user: User, repository: Repository, name: str
) -> None:
    found = user.resolve()
    (found.folder / name).unlink()
    assert user.refused(offline=True) is Code.INPUT_MISSING
    user.requests()
    assert user.resolve(f"{MODEL}@{found.model.revision}").model == found.model
    assert [line for line in user.requests() if not line.endswith(name)] == []


def test_a_cache_of_an_older_client_is_used_with_a_warning(
    user: User, repository: Repository
) -> None:
    found = user.resolve()
    # The list of files is what older clients do not write; the client also keeps it in memory.
    cache = user.cache.rename(user.folder / "moved")
    user.cache = cache
    shutil.rmtree(cache / "models--org--m" / "trees")
    old = user.resolve(offline=True)
    assert old.model == found.model
    assert [problem.code for problem in old.problems] == [Code.INPUT_MISSING]
    user.requests()
    assert user.resolve(f"{MODEL}@{found.model.revision}").problems == ()
    assert [line.split("/")[-2] for line in user.requests()] == ["tree"]
    assert user.resolve(offline=True).problems == ()


def test_a_cache_that_is_no_folder(user: User, repository: Repository) -> None:
    user.cache.write_bytes(b"")
    assert user.refused() is Code.INPUT_UNREADABLE


def test_a_ref_of_the_cache_is_not_believed_blindly(user: User, repository: Repository) -> None:
    user.resolve()
    ref = user.cache / "models--org--m" / "refs" / "main"
    for text in ("", "../../..", "x" * 1000, "é"):
        ref.write_text(text)
        assert user.refused(offline=True) is Code.INPUT_MISSING


def test_an_adapter_of_the_hub_on_a_local_model(user: User, hub: HubServer) -> None:
    files = {"adapter_model.safetensors": safetensors(5.0), "adapter_config.json": b"{}"}
    commit = hub.create("org/lora").commit({**files, "README.md": b"---\nlicense: [mit\n---\n"})
    write_files(user.folder / "base", model_files())
    found = user.resolve("./base+org/lora")
    plain = user.resolve("base")
    assert found.reference == "./base+org/lora"
    assert found.adapter is not None
    assert found.model.adapter == found.adapter.model
    assert found.model.label == f"base+org/lora@{commit[:7]}"
    assert found.model.weights == plain.model.weights
    assert found.model.identity not in {plain.model.identity, found.adapter.model.identity}
    assert [problem.code for problem in found.problems] == [Code.INPUT_CARD]
    assert user.refused("org/lora+base") is Code.INPUT_CONFIG


@pytest.mark.parametrize(
    ("made_for", "told"),
    [
        ("org/other", True),
        ("org/m", False),
        ("someone/m", False),
        ("/home/someone/m", False),
        ("/home/someone/checkpoint-7", False),
        (None, False),
        (3, False),
        ("org/\x1b[2Jother", False),
    ],
)
def test_an_adapter_for_another_model_of_the_hub_is_told(
    made_for: object, told: bool, user: User, repository: Repository
) -> None:
    settings = json.dumps({"peft_type": "LORA", "base_model_name_or_path": made_for}).encode()
    files = {"adapter_model.safetensors": safetensors(5.0), "adapter_config.json": settings}
    write_files(user.folder / "lora", files)
    found = user.resolve(f"{MODEL}+./lora")
    assert [problem.code for problem in found.problems] == [Code.INPUT_CONFIG] * told
    if told:
        assert (
            found.problems[0].what == f"the adapter was made for org/other, and is put on {MODEL}"
        )


def test_the_environment_is_obeyed(hub: HubServer, repository: Repository, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from evoreg.registry.models.hashing import measure\n"
        "from evoreg.registry.models.resolve import resolve\n"
        "heavy = {'huggingface_hub', 'torch', 'transformers', 'sqlalchemy'} & set(sys.modules)\n"
        "found = resolve('org/m', base_folder=Path('.'), hasher=measure)\n"
        "print(sorted(heavy), found.model.identity, len(found.problems))"
    )
    env = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")}
    env.pop("HF_HUB_CACHE", None)
    answers = []
    for offline in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env={**env, "HF_HUB_OFFLINE": offline, "HF_TOKEN": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(done.stdout)
        assert bool(hub.log) == (offline == "0")
        hub.log.clear()
    assert answers[0] == answers[1]
    assert answers[0].startswith("[] sha256:")
    assert answers[0].endswith(" 0\n")
    assert (tmp_path / "home" / "hub" / "models--org--m").is_dir()


def test_the_test_hub_serves_ranges(hub: HubServer, repository: Repository) -> None:
    url = f"{hub.endpoint}/{MODEL}/resolve/main/LICENSE"
    request = urllib.request.Request(url, headers={"Range": "bytes=2-4"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (206, b"lic")
        assert answer.headers["Content-Range"] == "bytes 2-4/10"

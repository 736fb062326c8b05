"""Reading folders: honest ones give a model, hostile ones an error that says what they tried."""

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.model import Model
from evoreg.registry.models.folder import LARGEST_TEXT, Reading, Text, read_folder
from evoreg.registry.models.hashing import DigestCache, measure
from tests.models.builders import model_files, safetensors, write_files


def read(folder: Path, trust_cache: bool = False) -> Reading:
    return read_folder(
        folder,
        name="m",
        origin="local",
        revision=None,
        hasher=measure,
        trust_cache=trust_cache,
    )


def refused(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read(folder)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "m", model_files())


def test_a_model_is_its_files_with_roles_sizes_and_digests(folder: Path) -> None:
    reading = read(folder)
    roles = {file.path: file.role for file in reading.model.files}
    assert roles == {
        "LICENSE": "license",
        "README.md": "card",
        "config.json": "config",
        "model.safetensors": "weights",
        "tokenizer.json": "tokenizer",
    }
    for file in reading.model.files:
        data = (folder / file.path).read_bytes()
        assert (file.size, file.digest, file.measured) == (len(data), digest_of(data), True)
    assert reading.texts == (Text("LICENSE", b"a licence\n"),)
    assert reading.model.card.base_model == ("org/parent",)
    assert reading.problems == ()
    assert Model.from_canonical(reading.model.canonical()) == reading.model


def test_the_order_on_the_disk_and_other_files_do_not_matter(folder: Path, tmp_path: Path) -> None:
    files = {**model_files(), "evil.py": b"x", ".git/HEAD": b"x", "optimizer.pt": b"x"}
    other = write_files(tmp_path / "other", dict(reversed(files.items())))
    assert read(other).model == read(folder).model


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("licence.MD", "license"),
        ("LICENSE-MIT", "license"),
        ("Copying.txt", "license"),
        ("USE_POLICY.md", "license"),
        ("LICENSES/Apache-2.0.txt", "license"),
        ("LICENSE.data-and-model", "license"),
        ("MODEL_LICENSE", "license"),
        ("Model-Licence.txt", "license"),
        ("UNLICENSE.txt", "license"),
        ("TERMS_OF_USE.md", "license"),
        ("EULA.txt", "license"),
        ("COPYRIGHT", "license"),
        ("LEGAL.md", "license"),
        ("LEGAL_NOTICE", "license"),
        ("legalese.txt", None),
        ("terms.py", None),
        ("Notice", "notice"),
        ("NOTICE.txt", "notice"),
        ("adapter_config.json", "config"),
        ("generation_config.json", "other"),
        ("video_preprocessor_config.json", "other"),
        ("chat_template.jinja", "tokenizer"),
        ("tokenizer.model", "tokenizer"),
        ("merges.txt", "tokenizer"),
        ("mergekit_config.yml", "recipe"),
        ("model.safetensors.index.json", "index"),
        ("other.json", None),
        ("modeling_x.py", None),
        ("license.py", None),
        ("pytorch_model.bin", None),
        ("sub/README.md", None),
        ("sub/LICENSE", None),
        ("LICENSES/deep/er", None),
    ],
)
def test_each_name_has_its_role(folder: Path, path: str, role: str | None) -> None:
    write_files(folder, {path: b"x"})
    found = {file.path: file.role for file in read(folder).model.files}
    assert found.get(path) == role


def test_shards_are_the_weights_and_other_safetensors_are_not(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "sub/one.safetensors", "b": "two.safetensors"}}
    folder = write_files(
        tmp_path / "m",
        {
            "model.safetensors.index.json": json.dumps(index).encode(),
            "sub/one.safetensors": safetensors(1),
            "two.safetensors": safetensors(2),
            "consolidated.safetensors": safetensors(3),
        },
    )
    weights = read(folder).model.weights
    assert [file.path for file in weights] == ["sub/one.safetensors", "two.safetensors"]


def test_a_link_inside_the_folder_is_fine_and_so_is_a_link_to_the_folder(folder: Path) -> None:
    (folder / "COPYING").symlink_to("LICENSE")
    (folder / "here").symlink_to(".")
    link = folder.with_name("link")
    link.symlink_to(folder)
    assert read(link) == read(folder)
    assert [text.path for text in read(folder).texts] == ["COPYING", "LICENSE"]


def outside(folder: Path) -> Path:
    path = folder.parent / "secret"
    path.write_bytes(safetensors(9))
    return path


@pytest.mark.parametrize(
    "name", ["model.safetensors", "LICENSE", "README.md", "config.json", "unknown.txt"]
)
@pytest.mark.parametrize("relative", [True, False])
def test_a_link_that_leaves_the_folder_is_refused(folder: Path, name: str, relative: bool) -> None:
    secret = outside(folder)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to("../secret" if relative else secret)
    error = refused(folder)
    assert error.code is Code.INPUT_ESCAPES
    assert name in error.problems[0].where


def test_a_linked_subfolder_that_leaves_the_folder_is_refused(folder: Path) -> None:
    outside(folder)
    (folder / "LICENSES").symlink_to("..")
    assert refused(folder).code is Code.INPUT_ESCAPES
    (folder / "LICENSES").unlink()
    (folder / "model.safetensors").unlink()
    write_files(folder, {"model.safetensors.index.json": b'{"weight_map":{"w":"s/x.safetensors"}}'})
    write_files(folder.parent / "far", {"x.safetensors": safetensors()})
    (folder / "s").symlink_to("../far")
    assert refused(folder).code is Code.INPUT_ESCAPES
    (folder / "s").unlink()
    (folder / "s").mkdir()
    (folder / "s" / "x.safetensors").symlink_to("../../far/x.safetensors")
    assert refused(folder).code is Code.INPUT_ESCAPES


def test_only_the_snapshot_of_a_hub_cache_may_link_to_blobs(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "models--org--m" / "other" / "c", model_files())
    write_files(tmp_path / "models--org--m" / "blobs", {"x": b"x"})
    (folder / "NOTICE").symlink_to("../../blobs/x")
    assert refused(folder).code is Code.INPUT_ESCAPES


@pytest.mark.parametrize(
    "path", ["../secret.safetensors", "/etc/x.safetensors", "a/../../x.safetensors"]
)
def test_an_index_that_leaves_the_folder_is_refused(folder: Path, path: str) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"w": path}}
    write_files(folder, {"model.safetensors.index.json": json.dumps(index).encode()})
    assert refused(folder).code is Code.INPUT_ESCAPES


def test_a_nul_in_an_index_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"w": "a\0.safetensors"}}
    write_files(folder, {"model.safetensors.index.json": json.dumps(index).encode()})
    assert refused(folder).code is Code.INPUT_INDEX


def test_pipes_and_sockets_are_refused_without_waiting(folder: Path) -> None:
    for name in ("README.md", "some.txt"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
        error = refused(folder)
        assert error.code is Code.INPUT_UNREADABLE
        assert name in error.problems[0].where
        (folder / name).unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "s"))
        assert refused(folder).code is Code.INPUT_UNREADABLE


def test_links_that_lead_nowhere_are_refused_where_they_count(folder: Path) -> None:
    (folder / "unknown").symlink_to("nothing")
    assert read(folder).problems == ()
    (folder / "NOTICE").symlink_to("nothing")
    assert refused(folder).code is Code.INPUT_UNREADABLE
    (folder / "NOTICE").unlink()
    (folder / "NOTICE").symlink_to("NOTICE")
    assert refused(folder).code is Code.INPUT_UNREADABLE


@pytest.mark.parametrize("name", [b"LICENSE\xff", b"LICENSE\n2", "LICENSE\u202e".encode()])
def test_names_that_are_no_text_are_refused_where_they_count(folder: Path, name: bytes) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"x")
    error = refused(folder)
    assert error.code is Code.INPUT_UNREADABLE
    str(error).encode()


def test_pickles_alone_are_refused_with_advice(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "m", {"pytorch_model.bin": b"\x80", "config.json": b"{}"})
    error = refused(folder)
    assert error.code is Code.INPUT_PICKLE
    assert "safetensors" in error.problems[0].hint


def test_missing_and_empty_folders_and_files_are_no_models(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "missing", tmp_path / "empty", folder / "model.safetensors"):
        assert refused(path).code is Code.INPUT_MISSING


def test_a_folder_with_names_of_files_as_folders_is_read_without_them(folder: Path) -> None:
    for name in ("README.md", "LICENSE"):
        (folder / name).unlink()
        (folder / name).mkdir()
    reading = read(folder)
    assert (reading.texts, reading.problems) == ((), ())


def test_a_huge_card_is_read_from_its_beginning(folder: Path) -> None:
    with (folder / "README.md").open("ab") as file:
        file.truncate(5 << 20)
    reading = read(folder)
    assert reading.model.card.license == ("apache-2.0",)
    assert reading.problems == ()


def test_a_huge_licence_is_hashed_but_not_taken_for_a_text(folder: Path) -> None:
    write_files(folder, {"LICENSE": b"x" * LARGEST_TEXT, "NOTICE": b"x" * (LARGEST_TEXT + 1)})
    reading = read(folder)
    assert [text.path for text in reading.texts] == ["LICENSE"]
    assert [(p.code, p.where) for p in reading.problems] == [(Code.INPUT_UNREADABLE, "NOTICE")]
    assert [file.path for file in reading.model.files][:2] == ["LICENSE", "NOTICE"]


def test_a_broken_card_is_a_problem_and_no_error(folder: Path) -> None:
    write_files(folder, {"README.md": b"---\nlicense: [mit\n---\n"})
    reading = read(folder)
    assert [problem.code for problem in reading.problems] == [Code.INPUT_CARD]
    assert reading.model.card.license == ("(unreadable)",)


def test_a_text_that_changes_after_it_was_hashed_is_noticed(folder: Path) -> None:
    def hasher(path: Path) -> str:
        digest = measure(path)
        if path.name == "LICENSE":
            path.write_bytes(b"another licence")
        return digest

    with pytest.raises(InputError) as caught:
        read_folder(folder, name="m", origin="local", revision=None, hasher=hasher)
    assert caught.value.code is Code.INPUT_CHANGED


def snapshot(cache: Path, *, shared: bool = False) -> Path:
    """Lay a model out as the Hub client does."""
    repository = cache / "models--org--m"
    folder = repository / "snapshots" / ("c" * 40)
    (repository / "blobs").mkdir(parents=True)
    folder.mkdir(parents=True)
    weights = safetensors()
    etag = hashlib.sha256(weights).hexdigest()
    blob = repository / "blobs" / etag
    if shared:
        real = write_files(cache / "blobs" / "ab", {"abcdef": weights}) / "abcdef"
        blob.symlink_to(os.path.relpath(real, blob.parent))
    else:
        blob.write_bytes(weights)
    (folder / "model.safetensors").symlink_to(f"../../blobs/{etag}")
    text = b"a licence\n"
    name = hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest()
    write_files(repository / "blobs", {name: text})
    (folder / "LICENSE").symlink_to(f"../../blobs/{name}")
    return folder


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("trust", [False, True])
def test_a_snapshot_of_a_hub_cache_links_to_its_blobs(
    tmp_path: Path, shared: bool, trust: bool
) -> None:
    reading = read(snapshot(tmp_path, shared=shared), trust_cache=trust)
    assert reading.problems == ()
    license_file, weights = reading.model.files
    assert (license_file.digest, license_file.measured) == (digest_of(b"a licence\n"), True)
    assert (weights.digest, weights.measured) == (digest_of(safetensors()), not trust)


@pytest.mark.parametrize("shared", [False, True])
def test_blobs_that_are_not_what_their_name_claims_are_told(tmp_path: Path, shared: bool) -> None:
    folder = snapshot(tmp_path, shared=shared)
    for name in ("LICENSE", "model.safetensors"):
        path = (folder / name).resolve()
        path.write_bytes(bytes(path.stat().st_size))
    reading = read(folder)
    assert [(p.code, p.where) for p in reading.problems] == [
        (Code.VERIFY_DIGEST, "LICENSE"),
        (Code.VERIFY_DIGEST, "model.safetensors"),
    ]
    weights = reading.model.weights[0]
    assert weights.digest == digest_of(bytes(weights.size))
    trusting = read(folder, trust_cache=True)
    assert [problem.where for problem in trusting.problems] == ["LICENSE"]


@pytest.mark.parametrize(
    "target", ["../../../secret", "../../refs/x", "../other/x", "../../blobs/out"]
)
def test_a_snapshot_may_not_link_anywhere_else(tmp_path: Path, target: str) -> None:
    folder = snapshot(tmp_path)
    repository = folder.parent.parent
    write_files(tmp_path, {"secret": b"x"})
    write_files(repository, {"refs/x": b"x", "snapshots/other/x": b"x"})
    (repository / "blobs" / "out").symlink_to("../../secret")
    (folder / "NOTICE").symlink_to(target)
    assert refused(folder).code is Code.INPUT_ESCAPES


def test_blobs_that_are_themselves_a_link_outside_are_refused(tmp_path: Path) -> None:
    folder = snapshot(tmp_path)
    repository = folder.parent.parent
    (repository / "blobs").rename(tmp_path / "elsewhere")
    (repository / "blobs").symlink_to("../elsewhere")
    assert refused(folder).code is Code.INPUT_ESCAPES


def test_digests_are_remembered_across_readings(folder: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    cache = DigestCache(tmp_path / ".evoreg" / "digests.db", steps.append)
    readings = [
        read_folder(folder, name="m", origin="local", revision=None, hasher=cache.digest)
        for _ in range(2)
    ]
    assert readings[0] == readings[1] == read(folder)
    assert sum(steps) == 2 * sum(file.size for file in readings[0].model.files)

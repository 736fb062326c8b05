"""Model folders that are incomplete, damaged, hostile or of different kinds."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from evoreg.evolve.checkpoints.folder import weight_files
from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import Options, carry_out
from evoreg.provenance.records.errors import Code, EvoregError, InputError, MergeError
from tests.evolve.merging import Bench, normal, recipe, row, same

PLAIN = recipe("passthrough", [row("a")])


def both(**more: Any) -> dict[str, Any]:
    return recipe("linear", [row("a", weight=0.5), row("b", weight=0.5)], **more)


def refused(bench: Bench, request: Any, kind: type[EvoregError] = MergeError) -> EvoregError:
    with pytest.raises(kind) as caught:
        bench.merge(request)
    return caught.value


def file_of(header: dict[str, Any] | bytes, data: bytes, *, pad: bool = True) -> bytes:
    """Return a safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8 if pad else 0)
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# Folders


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path / "nowhere")
    assert caught.value.code == Code.INPUT_MISSING


def test_a_folder_without_weights_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path)
    assert caught.value.code == Code.INPUT_MISSING
    assert "model.safetensors" in caught.value.problems[0].hint


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.PT", "x.pth", "x.ckpt", "x.pkl"])
def test_pickles_are_refused_with_a_way_out(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path)
    assert caught.value.code == Code.INPUT_PICKLE
    assert name in caught.value.problems[0].what
    assert "save_file" in caught.value.problems[0].hint  # raw weights
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        read_checkpoint(tmp_path)
    assert "save_pretrained" in caught.value.problems[0].hint


def test_pickles_beside_safetensors_are_left_alone(bench: Bench) -> None:
    bench.model("a", {"w": torch.ones(2)}, files={"pytorch_model.bin": b"\x80\x04."})
    assert bench.merge(PLAIN).only.equal(torch.ones(2))


def test_adapters_are_not_averaged_as_if_they_were_models(bench: Bench) -> None:
    """The product of two means is not the mean of two products."""
    for name in "ab":
        folder = bench.root / name
        folder.mkdir()
        tensors = {"q.lora_A.weight": normal(1, 2, 4), "q.lora_B.weight": normal(2, 4, 2)}
        save_file(tensors, folder / "adapter_model.safetensors")
        (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2}')
    with pytest.raises(EvoregError):
        bench.merge(recipe("linear", [row("a", weight=1), row("b", weight=1)]))


# Files


@pytest.mark.parametrize("cut", [0, 4, 8, 40, -1])
def test_a_truncated_file_is_refused(cut: int, bench: Bench) -> None:
    bench.model("a", {"w": normal(1, 50)})
    path = bench.root / "a" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    error = refused(bench, PLAIN, InputError)
    assert (error.code, error.problems[0].where) == (Code.INPUT_UNREADABLE, str(path))


@pytest.mark.parametrize(
    "data",
    [
        file_of({"w": entry("F32", [2], 0, 80)}, b"\0" * 8),
        file_of({"w": entry("F32", [2], 0, 8)}, b"\0" * 16),
        file_of({"w": entry("F32", [3], 0, 8)}, b"\0" * 8),
        file_of({"w": entry("F32", [2], 8, 0)}, b"\0" * 8),
        file_of({"w": entry("F32", [1], 0, 4), "v": entry("F32", [1], 2, 6)}, b"\0" * 6),
        file_of({"w": entry("F32", [1], 0, 4), "v": entry("F32", [1], 8, 12)}, b"\0" * 12),
        file_of({"w": entry("F32", [2**62, 4], 0, 8)}, b"\0" * 8),
        file_of({"w": entry("F32", [-2], 0, 8)}, b"\0" * 8),
        file_of({"w": entry("Q7", [2], 0, 8)}, b"\0" * 8),
        file_of(b"[1, 2]", b""),
        file_of(b"{", b""),
        file_of(b"\xff\xfe", b""),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**40) + b"{}",
        b"\x80\x04.",
        b"",
    ],
)
def test_a_header_that_lies_is_refused(data: bytes, bench: Bench) -> None:
    bench.model("a", {"w": torch.ones(2)})
    (bench.root / "a" / "model.safetensors").write_bytes(data)
    assert refused(bench, PLAIN, InputError).code == Code.INPUT_UNREADABLE


def test_a_header_without_padding_is_read(bench: Bench) -> None:
    """Other writers do not pad, so tensors may lie at any byte."""
    bench.model("a", {"w": torch.ones(2)})
    for extra in range(8):
        header = {"w" * (extra + 1): entry("F32", [2], 0, 8)}
        data = file_of(header, struct.pack("<2f", 1.5, -2.0), pad=False)
        (bench.root / "a" / "model.safetensors").write_bytes(data)
        try:
            result = bench.merge(PLAIN)
        except InputError as error:
            assert error.code == Code.INPUT_UNREADABLE  # noqa: PT017
        else:
            assert result.only.tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    "dtype", ["F8_E8M0", "C64", "F4", "F6_E2M3", "F8_E5M2", "F8_E4M3", "U16", "U64", "BOOL"]
)
def test_a_type_of_the_format_is_copied_or_refused(dtype: str, bench: Bench) -> None:
    bits = {"C64": 64, "F4": 4, "F6_E2M3": 6, "U16": 16, "U64": 64}.get(dtype, 8)
    content = b"\x01" * bits
    data = file_of({"w": entry(dtype, [8], 0, bits)}, content)
    for name in "ab":
        bench.model(name, {"w": torch.ones(2)})
        (bench.root / name / "model.safetensors").write_bytes(data)
    try:
        result = bench.merge(both())
    except EvoregError as error:
        assert error.code in (Code.MERGE_DTYPE, Code.INPUT_UNREADABLE)  # noqa: PT017
    else:
        assert (result.folder / "model.safetensors").read_bytes()[-bits:] == content
        assert result.merged.census.copied == 1


def test_a_layer_number_of_thousands_of_digits_is_refused_or_read(bench: Bench) -> None:
    name = f"layers.{'9' * 5000}.w"
    bench.model("a", {name: torch.ones(2)})
    try:
        result = bench.merge(PLAIN)
    except EvoregError:
        return
    assert list(result.tensors) == [name]


def test_a_file_that_changed_after_planning_is_noticed(bench: Bench) -> None:
    bench.model("a", {"w": torch.ones(4)})
    path = bench.root / "a" / "model.safetensors"
    changes: list[dict[str, torch.Tensor]] = [
        {"v": torch.ones(4)}, {"w": torch.ones(2, 2)}, {"w": torch.ones(4, dtype=torch.int32)},
        {"w": torch.ones(4, dtype=torch.float64)},
    ]  # fmt: skip
    for number, tensors in enumerate(changes):
        save_file({"w": torch.ones(4)}, path)
        plan = bench.plan(PLAIN)
        save_file(tensors, path)
        folder = bench.root / f"out-{number}"
        folder.mkdir()
        with pytest.raises(InputError) as caught:
            carry_out(plan, folder, Options())
        assert caught.value.code == Code.INPUT_CHANGED


# The index


@pytest.fixture
def sharded(bench: Bench) -> Bench:
    """A bench whose model a has two shards."""
    folder = bench.root / "a"
    folder.mkdir()
    save_file({"x": torch.ones(2)}, folder / "m1.safetensors")
    save_file({"y": torch.zeros(2)}, folder / "m2.safetensors")
    write_index(bench, {"x": "m1.safetensors", "y": "m2.safetensors"})
    return bench


def write_index(bench: Bench, mapping: Any) -> None:
    text = json.dumps({"metadata": {}, "weight_map": mapping})
    (bench.root / "a" / "model.safetensors.index.json").write_text(text)


def test_shards_are_read(sharded: Bench) -> None:
    assert same(sharded.merge(PLAIN).tensors, {"x": torch.ones(2), "y": torch.zeros(2)})


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"x": "../a/m1.safetensors", "y": "m2.safetensors"}, Code.INPUT_ESCAPES),
        ({"x": "/etc/passwd", "y": "m2.safetensors"}, Code.INPUT_ESCAPES),
        ({"x": "sub/../../m1.safetensors", "y": "m2.safetensors"}, Code.INPUT_ESCAPES),
        ({"x": "m1.bin", "y": "m2.safetensors"}, Code.INPUT_PICKLE),
        ({"x": ".", "y": "m2.safetensors"}, Code.INPUT_PICKLE),
        ({"x": "m3.safetensors", "y": "m2.safetensors"}, Code.INPUT_MISSING),
        ({"x": "", "y": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"x": 5, "y": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"x": "m1\0.safetensors", "y": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"x": "..\\m1.safetensors", "y": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"x": "m2.safetensors", "y": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"x": "m1.safetensors", "y": "m2.safetensors", "z": "m2.safetensors"}, Code.INPUT_INDEX),
        ({"y": "m2.safetensors"}, None),
        ({"x": "m1.safetensors", "y": "m1.safetensors"}, Code.INPUT_INDEX),
        ({}, Code.INPUT_INDEX),
        ([], Code.INPUT_INDEX),
        (None, Code.INPUT_INDEX),
    ],
)
def test_an_index_that_lies_is_refused(mapping: Any, code: Code | None, sharded: Bench) -> None:
    write_index(sharded, mapping)
    if code is None:  # a shard that the index does not name is no part of the model
        assert list(sharded.merge(PLAIN).tensors) == ["y"]
        return
    assert refused(sharded, PLAIN, InputError).code == code


def test_a_tensor_that_the_index_forgets_is_told(sharded: Bench) -> None:
    folder = sharded.root / "a"
    save_file({"y": torch.zeros(2), "z": torch.ones(1)}, folder / "m2.safetensors")
    error = refused(sharded, PLAIN, InputError)
    assert error.code == Code.INPUT_INDEX
    assert "z is missing in the index" in error.problems[0].what


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b"5", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
@pytest.mark.parametrize(
    ("file", "code"),
    [("model.safetensors.index.json", Code.INPUT_INDEX), ("config.json", Code.INPUT_CONFIG)],
)
def test_broken_json_is_refused(text: bytes, file: str, code: Code, sharded: Bench) -> None:
    (sharded.root / "a" / file).write_bytes(text)
    assert refused(sharded, PLAIN, InputError).code == code


def test_one_file_wins_over_an_index(sharded: Bench) -> None:
    save_file({"z": torch.ones(1)}, sharded.root / "a" / "model.safetensors")
    assert list(sharded.merge(PLAIN).tensors) == ["z"]
    assert [str(path) for path in weight_files(sharded.root / "a")] == ["model.safetensors"]

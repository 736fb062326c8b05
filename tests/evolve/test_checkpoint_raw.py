"""Folders of weights without a configuration: single files, diffusers components, shards."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from evoreg.evolve.checkpoints.folder import index_of, weight_files
from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.provenance.records.errors import Code, InputError, MergeError, RecipeError
from tests.evolve.merging import Bench, normal, recipe, row

INDEX = ".safetensors.index.json"
UNET = {
    "conv_in.weight": (4, 4, 3, 3),
    "time_embedding.linear_1.weight": (4, 4),
    "down_blocks.0.attentions.0.to_q.weight": (4, 4),
    "down_blocks.1.attentions.0.to_q.weight": (4, 4),
    "mid_block.attentions.0.to_q.weight": (4, 4),
    "up_blocks.0.attentions.0.to_q.weight": (4, 4),
    "up_blocks.2.attentions.1.to_q.weight": (4, 4),
    "logit_scale": (),
}
"""Tensors of a denoiser: convolutions, several stacks, one single number."""


def unet(seed: int) -> dict[str, torch.Tensor]:
    return {name: normal(seed + n, *shape) for n, (name, shape) in enumerate(UNET.items())}


def write(folder: Path, **files: dict[str, torch.Tensor]) -> None:
    folder.mkdir(exist_ok=True)
    for name, tensors in files.items():
        save_file(tensors, folder / f"{name}.safetensors")


def halves(tensors: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], ...]:
    names = sorted(tensors)
    return {n: tensors[n] for n in names[:4]}, {n: tensors[n] for n in names[4:]}


@pytest.mark.parametrize("name", ["model", "diffusion_pytorch_model", "foo", "sd_xl_base_1.0"])
def test_one_file_of_any_name_is_a_model(name: str, bench: Bench) -> None:
    for seed, model in ((0, "a"), (50, "b")):
        write(bench.root / model, **{name: unet(seed)})
    result = bench.merge(recipe("linear", [row("a", weight=0.25), row("b", weight=0.75)]))
    for key, value in result.tensors.items():
        torch.testing.assert_close(value, 0.25 * unet(0)[key] + 0.75 * unet(50)[key])
    assert set(result.tensors) == set(UNET)
    assert sorted(path.name for path in result.folder.iterdir()) == ["model.safetensors"]
    assert result.plan.config is None


def test_an_index_of_any_name_is_followed(bench: Bench) -> None:
    first, second = halves(unet(0))
    folder = bench.root / "a"
    write(folder, part1=first, part2=second, unrelated={"x": torch.ones(1)})
    mapping = {**dict.fromkeys(first, "part1"), **dict.fromkeys(second, "part2")}
    named = {key: f"{file}.safetensors" for key, file in mapping.items()}
    (folder / f"diffusion_pytorch_model{INDEX}").write_text(json.dumps({"weight_map": named}))
    assert index_of(folder) == f"diffusion_pytorch_model{INDEX}"
    assert [str(path) for path in weight_files(folder)] == [
        "part1.safetensors",
        "part2.safetensors",
    ]
    assert set(bench.merge(recipe("passthrough", [row("a")])).tensors) == set(UNET)
    named["conv_in.weight"] = "part2.safetensors"
    (folder / f"diffusion_pytorch_model{INDEX}").write_text(json.dumps({"weight_map": named}))
    with pytest.raises(InputError) as caught:
        read_checkpoint(folder)
    assert caught.value.code == Code.INPUT_INDEX
    assert "conv_in.weight" in caught.value.problems[0].what


def test_numbered_shards_need_no_index_but_all_must_be_there(bench: Bench) -> None:
    first, second = halves(unet(0))
    folder = bench.root / "a"
    write(folder, **{"x-00001-of-00003": first, "x-00003-of-00003": {"y": torch.ones(1)}})
    with pytest.raises(InputError) as caught:
        weight_files(folder)
    assert (caught.value.code, caught.value.problems[0].where) == (Code.INPUT_MISSING, str(folder))
    assert "x-00002-of-00003.safetensors" in caught.value.problems[0].what
    write(folder, **{"x-00002-of-00003": second})
    assert set(read_checkpoint(folder).tensors) == {*UNET, "y"}
    write(folder, **{"x-00002-of-00003": first})
    with pytest.raises(InputError) as caught:
        read_checkpoint(folder)
    assert "conv_in.weight stands in two shards" in caught.value.problems[0].what


@pytest.mark.parametrize(
    "names",
    [
        ("model", "model_fp16"),
        ("one", "two"),
        ("diffusion_pytorch_model", "diffusion_pytorch_model.fp16"),
        ("x-00001-of-00001", "y-00001-of-00001"),
        ("x-00001-of-00001", "x-00001-of-00002"),
    ],
)
def test_several_sets_of_weights_are_refused_by_name(
    names: tuple[str, str], tmp_path: Path
) -> None:
    write(tmp_path, **{name: {"w": torch.ones(1)} for name in names})
    with pytest.raises(InputError) as caught:
        weight_files(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == (Code.INPUT_INDEX, str(tmp_path))
    assert all(f"{name}.safetensors" in problem.what for name in names)
    assert "folder of its own" in problem.hint


def test_several_indexes_are_refused(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}{INDEX}").write_text('{"weight_map": {}}')
    with pytest.raises(InputError) as caught:
        weight_files(tmp_path)
    assert caught.value.code == Code.INPUT_INDEX
    assert f"x{INDEX}, y{INDEX}" in caught.value.problems[0].what


def test_beside_a_configuration_the_standard_name_is_enough(tmp_path: Path) -> None:
    write(tmp_path, model={"w": torch.ones(1)}, consolidated={"w": torch.ones(1)})
    (tmp_path / "config.json").write_text("{}")
    assert [str(path) for path in weight_files(tmp_path)] == ["model.safetensors"]


def test_files_of_the_finder_are_no_weights(tmp_path: Path) -> None:
    write(tmp_path, foo={"w": torch.ones(1)})
    (tmp_path / "._foo.safetensors").write_bytes(b"resource fork")
    assert [str(path) for path in weight_files(tmp_path)] == ["foo.safetensors"]


def test_slices_need_a_configuration(bench: Bench) -> None:
    write(bench.root / "a", foo={f"blocks.{n}.w.weight": torch.ones(1) for n in range(3)})
    pieces = [{"sources": [{"model": "a", "layer_range": [0, 2]}]}]
    with pytest.raises(MergeError) as caught:
        bench.plan({"merge_method": "passthrough", "slices": pieces})
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == (Code.MERGE_ARCHITECTURE, "a")
    assert "no config.json" in problem.what
    assert "models:" in problem.hint


def test_each_stack_of_a_raw_folder_has_its_own_gradient(bench: Bench) -> None:
    for seed, model in ((0, "a"), (50, "b")):
        write(bench.root / model, foo=unet(seed))
    lines: list[dict[str, Any]] = [{"model": "b"}]
    plan = bench.plan(recipe("slerp", lines, "a", {"t": [0, 1]}))
    found = {o.name: (o.parameters["t"], o.group) for o in plan.outputs}
    assert found == {
        "conv_in.weight": (0.0, "other"),
        "time_embedding.linear_1.weight": (0.0, "other"),
        "logit_scale": (0.0, "other"),
        "down_blocks.0.attentions.0.to_q.weight": (0.0, "down_blocks layer 0 attention"),
        "down_blocks.1.attentions.0.to_q.weight": (1.0, "down_blocks layer 1 attention"),
        "mid_block.attentions.0.to_q.weight": (
            1.0,
            "mid_block.attentions layer 0 attention",
        ),
        "up_blocks.0.attentions.0.to_q.weight": (0.0, "up_blocks layer 0 attention"),
        "up_blocks.2.attentions.1.to_q.weight": (1.0, "up_blocks layer 2 attention"),
    }


def test_factors_of_adapters_are_not_merged_one_by_one(bench: Bench) -> None:
    """Single-file adapters have no adapter_config.json; their names tell."""
    for model in "ab":
        tensors = {"lora_unet_q.lora_down.weight": torch.ones(2, 4)}
        write(bench.root / model, foo=tensors)
    with pytest.raises(RecipeError) as caught:
        bench.plan(recipe("linear", [row("a", weight=1), row("b", weight=1)]))
    assert [(p.code, p.where) for p in caught.value.problems] == [
        (Code.RECIPE_UNSUPPORTED, "a"),
        (Code.RECIPE_UNSUPPORTED, "b"),
    ]
    assert "model+adapter" in caught.value.problems[0].hint

"""What must not slip through: washed licences, stale results, seeds that depend on an order."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.registry.desk import MODELS, Desk


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return found


def raw(folder: Path, name: str, licence: str, dtype: torch.dtype) -> Path:
    place = folder / name
    place.mkdir()
    save_file({"w": torch.arange(1, 9).to(dtype)}, place / "model.safetensors")
    (place / "README.md").write_text(f"---\nlicense: {licence}\n---\n")
    return place


def passthrough(*models: str) -> str:
    return json.dumps({"merge_method": "passthrough", "models": [{"model": m} for m in models]})


def test_copied_weights_keep_their_licence_in_a_later_merge(desk: Desk) -> None:
    """Of float8 nothing is measured; its maker is in the result all the same."""
    raw(desk.folder, "nc8", "cc-by-nc-4.0", torch.float8_e4m3fn)
    (desk.folder / "one.yml").write_text(passthrough("./nc8"))
    assert desk.run("merge", "one.yml", "merged", "--intent", "research").code == 0
    (desk.folder / "washed").mkdir()
    shutil.copy(desk.folder / "merged" / "model.safetensors", desk.folder / "washed")
    (desk.folder / "washed" / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (desk.folder / "two.yml").write_text(passthrough("./washed"))
    assert desk.run("check", "two.yml", "--intent", "commercial").code == 3


def dare(*names: str) -> str:
    lines = [
        {"model": str(MODELS / name), "parameters": {"weight": 0.5, "density": 0.5}}
        for name in names
    ]
    return json.dumps(
        {"merge_method": "dare_ties", "base_model": str(MODELS / "base"), "models": lines}
    )


def test_the_order_of_models_does_not_decide_about_the_seed(desk: Desk) -> None:
    found = []
    for number, names in enumerate((("a", "b", "c"), ("c", "a", "b"))):
        (desk.folder / "recipe.yml").write_text(dare(*names))
        assert desk.run("merge", "recipe.yml", f"out-{number}").code == 0
        found.append(weights(desk.folder / f"out-{number}"))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_an_intermediate_result_is_made_anew_when_a_small_file_of_a_source_changed(
    desk: Desk,
) -> None:
    shutil.copytree(MODELS / "a", desk.folder / "mine")
    first = {
        "name": "first",
        "merge_method": "linear",
        "models": [{"model": "./mine", "parameters": {"weight": 1}}],
    }
    last = {"merge_method": "passthrough", "models": [{"model": "first"}]}
    (desk.folder / "recipe.yml").write_text(f"{json.dumps(first)}\n---\n{json.dumps(last)}\n")

    def merged(out: str) -> tuple[bool, Any]:
        said = desk.run("merge", "recipe.yml", out, "--json")
        assert said.code == 0, said.out
        config = json.loads((desk.folder / out / "config.json").read_text())
        return said.json["stages"][0]["kept"], config

    assert merged("out-1")[0] is False
    assert merged("out-2")[0] is True
    config = json.loads((desk.folder / "mine" / "config.json").read_text())
    (desk.folder / "mine" / "config.json").write_text(json.dumps({**config, "rope_theta": 7.0}))
    kept, result = merged("out-3")
    assert not kept
    assert result["rope_theta"] == 7.0


def test_texts_that_one_reader_of_yaml_takes_are_published_too(desk: Desk) -> None:
    """libyaml takes a tab before a remark; the reader in pure Python does not."""
    for place in (MODELS / "a", "./a"):
        if place == "./a":
            shutil.copytree(MODELS / "a", desk.folder / "a")
        text = (
            f"merge_method: linear\nmodels:\n- model: {place}\n  parameters:\n    weight: 1\t# x\n"
        )
        (desk.folder / "recipe.yml").write_text(text)
        out = "absolute" if place != "./a" else "relative"
        said = desk.run("merge", "recipe.yml", out)
        assert said.code == 0, said.err
        assert (desk.folder / out / "mergekit_config.yml").is_file()


def test_a_broken_tokenizer_is_not_carried_along(desk: Desk) -> None:
    desk.copy("a", "broken", tokenizer__json="{")
    (desk.folder / "recipe.yml").write_text(passthrough("./broken"))
    said = desk.run("merge", "recipe.yml", "out")
    assert said.code == 5
    assert "tokenizer.json" in said.err
    assert not (desk.folder / "out").exists()


def test_the_name_of_a_model_means_the_model_without_an_adapter(desk: Desk) -> None:
    shutil.copytree(MODELS / "a", desk.folder / "a")
    adapter = desk.folder / "lora"
    adapter.mkdir()
    width = weights(desk.folder / "a")["model.layers.0.mlp.up_proj.weight"].shape
    name = "base_model.model.model.layers.0.mlp.up_proj.lora_{}.weight"
    factors = {name.format("A"): torch.ones(1, width[1]), name.format("B"): torch.ones(width[0], 1)}
    save_file(factors, adapter / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 1, "lora_alpha": 1}
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    assert desk.run("model", "add", "./a").code == 0
    assert desk.run("model", "add", "./a+./lora").code == 0
    plain = desk.run("model", "show", "a", "--json").json
    both = desk.run("model", "show", "a+lora", "--json").json
    assert plain != both
    assert "lora" not in json.dumps(plain)
    claim = ("model", "claim", "a", "--license", "mit", "--evidence", "https://example.org/x")
    assert desk.run(*claim).code == 0


def test_sizes_may_be_written_with_two_letters(desk: Desk) -> None:
    (desk.folder / "recipe.yml").write_text(passthrough(str(MODELS / "a")))
    assert desk.run("merge", "recipe.yml", "out", "--shard-size", "50KB").code == 0
    assert len(list((desk.folder / "out").glob("model-*.safetensors"))) > 1

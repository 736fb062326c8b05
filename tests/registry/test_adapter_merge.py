"""`evoreg merge` with adapters: the numbers, the books, and the terms of the adapter's maker."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from evoreg.evolve.execution.run import Merged, carry_out
from evoreg.provenance.papers import write
from evoreg.provenance.records.candidate import Candidate
from tests.registry.desk import MODELS, Desk, card, linear

MODULE = "model.layers.0.self_attn.q_proj"
TEXTS = Path(write.__file__).parent / "texts"


def factors(seed: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        f"base_model.model.{MODULE}.lora_A.weight": torch.randn(2, 32, generator=generator),
        f"base_model.model.{MODULE}.lora_B.weight": torch.randn(32, 2, generator=generator),
    }


def lora(
    desk: Desk, name: str = "lora", licence: str | None = "mit", *, seed: int = 1, **config: Any
) -> Path:
    """Write an adapter with a card."""
    folder = desk.path(name)
    folder.mkdir(parents=True)
    save_file(factors(seed), folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / "README.md").write_text(card(licence, "author: Ada"))
    return folder


def average(*references: str) -> dict[str, Any]:
    return linear(*({"model": name, "parameters": {"weight": 1.0}} for name in references))


@pytest.fixture
def pair(desk: Desk) -> Path:
    """A model, an adapter, and a recipe for the mean of the model with and without it."""
    desk.copy("a", "plain")
    lora(desk)
    return desk.recipe(average("./plain", "./plain+./lora"))


def record(desk: Desk, out: str = "out") -> Candidate:
    found = json.loads((desk.path(out) / "evoreg.json").read_text("utf-8"))
    return Candidate.model_validate_json(json.dumps(found["candidate"]))


# Numbers and books


def test_half_of_the_adapter_is_in_the_mean(desk: Desk, pair: Path) -> None:
    said = desk.run("merge", pair, "out")
    assert said.code == 0, said.err
    before = load_file(MODELS / "a" / "model.safetensors")
    after = load_file(desk.path("out") / "model.safetensors")
    parts = factors()
    a, b = (parts[f"base_model.model.{MODULE}.lora_{part}.weight"] for part in "AB")
    name = f"{MODULE}.weight"
    wanted = before.pop(name).double() + 0.5 * 2 * (b.double() @ a.double())
    assert (after.pop(name).double() - wanted).abs().max() < 1e-6
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_the_books_name_model_and_adapter(desk: Desk, pair: Path) -> None:
    assert desk.run("merge", pair, "out").code == 0
    found = record(desk)
    told = [(item.reference, item.name) for item in found.ingredients]
    assert told == [
        ("./plain", "plain"),
        ("./plain+./lora", "plain"),
        ("adapter of ./plain+./lora", "lora"),
    ]
    assert len({item.identity for item in found.ingredients}) == 3
    assert [part.reference for part in found.contributions] == ["./plain", "./plain+./lora"]
    models = [entry for entry in desk.entries() if entry.kind == "model"]
    assert len(models) == 2
    assert "adapter_model.safetensors" in json.dumps(models[1].to_json())
    again = desk.run("merge", pair, "again")
    assert again.code == 0
    assert record(desk, "again").id == found.id
    assert sum(entry.kind == "candidate" for entry in desk.entries()) == 1


def test_another_scale_is_another_candidate_and_other_whitespace_is_not(
    desk: Desk, pair: Path
) -> None:
    ids = []
    texts = (
        {"peft_type": "LORA", "r": 2, "lora_alpha": 4},
        {"r": 2, "lora_alpha": 4.0, "peft_type": "LORA", "inference_mode": True},
        {"peft_type": "LORA", "r": 2, "lora_alpha": 5},
        {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": True},
    )
    for number, settings in enumerate(texts):
        (desk.path("lora") / "adapter_config.json").write_text(json.dumps(settings))
        assert desk.run("merge", pair, f"out-{number}", "--seed", "1").code == 0
        ids.append(record(desk, f"out-{number}").id)
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_the_papers_credit_the_adapter(desk: Desk, pair: Path) -> None:
    (desk.path("lora") / "NOTICE").write_text("Adapted by the Ada group.\n")
    said = desk.run("merge", pair, "out")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[1:3]] == ["plain", "plain+lora"]
    out = desk.path("out")
    readme = (out / "README.md").read_text("utf-8")
    assert "plain+lora" in readme
    assert "maker not stated; adapter: Ada" in readme
    assert "Adapted by the Ada group." in (out / "NOTICE").read_text("utf-8")
    assert (out / "LICENSES" / "MIT.txt").exists()
    assert (out / "LICENSES" / "Apache-2.0.txt").exists()


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_an_adapter_that_changes_meanwhile_is_noticed(
    name: str, desk: Desk, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle(*arguments: Any) -> Merged:
        done = carry_out(*arguments)
        path = desk.path("lora") / name
        path.write_bytes(path.read_bytes() + b" ")
        return done

    monkeypatch.setattr("evoreg.registry.merging.make.carry_out", meddle)
    said = desk.run("merge", pair, "out")
    assert said.code == 5
    assert "error[EVO-I007]" in said.err
    assert name in said.err
    assert not desk.path("out").exists()
    assert desk.head().seq == 0


# Terms


@pytest.mark.parametrize("command", [("merge",), ("check",)])
def test_a_non_commercial_adapter_blocks_a_commercial_merge(
    command: tuple[str, ...], desk: Desk
) -> None:
    desk.copy("a", "plain")
    lora(desk, licence="cc-by-nc-4.0")
    recipe = desk.recipe(average("./plain+./lora"))
    out = ("out",) if command == ("merge",) else ()
    said = desk.run(*command, recipe, *out, "--intent", "commercial")
    assert said.code == 3
    told = said.err + said.out
    assert "[EVL104 COMMERCIAL_USE_FORBIDDEN]" in told
    assert "<- plain+lora <- lora\n" in told or "<- lora\n" in told
    assert not desk.path("out").exists()
    assert desk.run(*command, recipe, *out, "--intent", "research").code == 0


def test_the_licence_text_of_an_adapter_reaches_the_gate(desk: Desk) -> None:
    desk.copy("a", "plain")
    folder = lora(desk, licence=None)
    recipe = desk.recipe(average("./plain+./lora"))
    assert desk.run("check", recipe).code == 3  # nobody knows its licence
    shutil.copy(TEXTS / "MIT.txt", folder / "LICENSE")
    assert desk.run("check", recipe).code == 0
    shutil.copy(TEXTS / "CC-BY-NC-4.0.txt", folder / "LICENSE")
    said = desk.run("check", recipe)
    assert said.code == 3
    assert "lora" in said.out + said.err


def test_a_new_card_does_not_wash_an_adapter(desk: Desk) -> None:
    desk.copy("a", "plain")
    folder = lora(desk, licence="cc-by-nc-4.0")
    assert desk.run("model", "add", "./lora").code == 0
    (folder / "README.md").write_text(card("mit"))
    assert desk.run("check", desk.recipe(average("./plain+./lora"))).code == 3


def test_a_new_card_does_not_wash_the_model_below_an_adapter(desk: Desk) -> None:
    folder = desk.copy("a", "plain", README__md=card("cc-by-nc-4.0"))
    lora(desk)
    assert desk.run("model", "add", "./plain").code == 0
    (folder / "README.md").write_text(card("mit"))
    assert desk.run("check", desk.recipe(average("./plain+./lora"))).code == 3


def test_a_result_keeps_the_terms_of_the_adapter_inside(desk: Desk) -> None:
    desk.copy("a", "plain")
    lora(desk, licence="cc-by-nc-4.0")
    recipe = desk.recipe(average("./plain+./lora"))
    assert desk.run("merge", recipe, "merged", "--intent", "research").code == 0
    washed = desk.path("washed")
    washed.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(desk.path("merged") / name, washed)
    (washed / "README.md").write_text(card("apache-2.0"))
    assert desk.run("check", desk.recipe(average("./washed"))).code == 3


def test_a_claim_about_the_adapter_counts(desk: Desk) -> None:
    desk.copy("a", "plain")
    lora(desk, licence=None)
    recipe = desk.recipe(average("./plain+./lora"))
    assert desk.run("check", recipe).code == 3
    assert desk.run("model", "add", "./lora").code == 0
    words = ("--license", "mit", "--evidence", "https://example.org/x", "--by", "Ada")
    assert desk.run("model", "claim", "lora", *words).code == 0
    assert desk.run("check", recipe).code == 0


# References


@pytest.mark.parametrize(
    ("below", "above"), [("a+b", "lora"), ("plain@1", "l+o+r+a"), ("pl@in+", "+lora@2")]
)
def test_plus_and_at_in_the_names_of_folders(below: str, above: str, desk: Desk) -> None:
    desk.copy("a", below)
    lora(desk, above)
    said = desk.run("merge", desk.recipe(average(f"./{below}+./{above}")), "out")
    assert said.code == 0, said.err
    assert record(desk).recipe.models[0].model == f"./{below}+./{above}"


def test_a_mapping_names_an_adapter_too(desk: Desk, pair: Path) -> None:
    assert desk.run("merge", pair, "out").code == 0
    lines = [
        {"model": "./plain", "parameters": {"weight": 1.0}},
        {"model": {"model": "./plain", "lora": "./lora"}, "parameters": {"weight": 1.0}},
    ]
    other = desk.recipe({"merge_method": "linear", "models": lines}, "other.yml")
    said = desk.run("merge", other, "other")
    assert said.code == 0, said.err
    assert record(desk, "other").id == record(desk).id


def test_models_and_adapters_beside_the_recipe(desk: Desk) -> None:
    (desk.path("elsewhere")).mkdir()
    desk.copy("a", "elsewhere/a+b")
    lora(desk, "elsewhere/lora")
    for text in ("a+b", "a+b+lora"):
        recipe = desk.recipe(average(text), "elsewhere/recipe.yml")
        assert desk.run("check", recipe).code == 0


def test_whole_paths_are_not_published(desk: Desk, pair: Path) -> None:
    here = desk.folder
    recipe = desk.recipe(average(f"{here}/plain+{here}/lora"))
    assert desk.run("merge", recipe, "out").code == 0
    assert record(desk).recipe.models[0].model == "./plain+./lora"
    for path in desk.path("out").rglob("*"):
        if path.is_file() and path.suffix != ".safetensors":
            assert str(here) not in path.read_text("utf-8")


# Refusals


def test_an_adapter_alone_is_refused_and_the_way_is_told(desk: Desk, pair: Path) -> None:
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "org/plain"}
    (desk.path("lora") / "adapter_config.json").write_text(json.dumps(config))
    recipe = desk.recipe(average("./plain", "./lora"))  # so that its parent is seen
    said = desk.run("merge", recipe, "out")
    assert said.code == 2
    assert "error[EVO-R010]: this is an adapter and no model" in said.err
    assert "write org/plain+lora" in said.err
    assert "recipe.yml:1:" in said.err


def test_an_adapter_that_does_not_fit_is_told_with_its_place(desk: Desk, pair: Path) -> None:
    tensors = {key.replace("layers.0", "layers.99"): value for key, value in factors().items()}
    save_file(tensors, desk.path("lora") / "adapter_model.safetensors")
    for command in (("check", pair), ("merge", pair, "out")):
        said = desk.run(*command)
        assert said.code == 6
        assert "error[EVO-M001]: the adapter changes model.layers.99" in said.err
        assert "recipe.yml:1:" in said.err


def test_an_adapter_shares_its_folder_with_nothing_else(desk: Desk, pair: Path) -> None:
    shutil.copy(MODELS / "b" / "model.safetensors", desk.path("lora"))
    said = desk.run("check", pair)
    assert said.code == 5
    assert "shares its folder with other weights" in said.err


@pytest.mark.parametrize("kind", ["IA3", "LOHA"])
def test_other_kinds_of_adapters_are_refused(kind: str, desk: Desk, pair: Path) -> None:
    (desk.path("lora") / "adapter_config.json").write_text(json.dumps({"peft_type": kind}))
    said = desk.run("check", pair)
    assert said.code == 2
    assert f"adapters of the kind {kind!r} are not offered" in said.err

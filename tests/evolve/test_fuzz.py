"""Ten thousand broken recipes and files: a clear error or a right merge, and nothing else.

Any other exception fails the test, and so do a case that takes longer than a few seconds, a result
that is not what its plan says, and a file that appears outside the folder of the result.
"""

import json
import random
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import Plan, SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.recipes.stream import read_stream
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import EvoregError
from evoreg.provenance.records.recipe import Recipe
from tests.evolve.fuzzing import broken_json, broken_recipe, broken_weights
from tests.evolve.merging import ORACLE, normal

SEEDS = range(8)
RECIPES, WEIGHTS, TABLES = 800, 350, 120
"""Cases for each seed; over 10,000 together."""
SLOWEST = 5.0
MERGED_AT_MOST = 25
"""Valid plans that are carried out for each seed and test; the others are only planned."""

CONFIG = {"model_type": "llama", "num_hidden_layers": 2, "vocab_size": 8, "hidden_size": 4}
MORE = (
    "modules:\n  default:\n    models:\n      - model: ./a\n        parameters: {weight: 1}\n"
    "merge_method: linear\n",
    "merge_method: linear\nmodels:\n  - model: {model: ./a}\n    parameters: {weight: 1}\n"
    "  - model: ./b\n    parameters: {weight: [1, 2]}\ntokenizer:\n  source: union\n  tokens:\n"
    "    x: {source: {kind: zero}, force: true}\n  pad_to_multiple_of: 4\nchat_template: chatml\n",
    "name: one\nmerge_method: linear\nmodels:\n  - model: ./a\n    parameters: {weight: 1}\n---\n"
    "merge_method: slerp\nbase_model: one\nmodels:\n  - model: one\n  - model: ./b\n"
    "parameters: {t: 0.5}\n",
)
TEXTS = [path.read_text() for path in sorted((ORACLE / "recipes").glob("*.yml"))] + list(MORE)


def tensors(seed: int) -> dict[str, torch.Tensor]:
    names = {
        "model.embed_tokens.weight": (8, 4),
        "model.layers.0.mlp.up_proj.weight": (6, 4),
        "model.layers.1.mlp.up_proj.weight": (6, 4),
        "model.norm.weight": (4,),
        "lm_head.weight": (8, 4),
    }
    return {name: normal(seed, *shape) for name, shape in names.items()}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SourceModel]:
    """Tiny checkpoints under every name that the recipes use."""
    root = tmp_path_factory.mktemp("fuzz")
    found = {}
    for seed, name in enumerate(
        ("base", "a", "b", "c", "chat", "tied_a", "tied_b", "a_bf16", "b_bf16")
    ):
        folder = root / name
        folder.mkdir()
        save_file(tensors(seed), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(CONFIG))
        checkpoint = read_checkpoint(folder)
        for reference in (name, f"./{name}"):
            found[reference] = SourceModel(reference, digest_of(name.encode()), checkpoint)
    return found


def planned(recipe: Recipe, models: dict[str, SourceModel]) -> Plan | None:
    """Plan a recipe if it names no other models than those that are there."""
    if not set(recipe.references) <= models.keys():
        return None
    return make_plan(recipe, {name: models[name] for name in recipe.references}, 1)


def carried_out(plan: Plan, place: Path) -> None:
    """Merge, and hold the result against the plan."""
    out = place / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    merged = carry_out(plan, out, Options())
    assert {path.name for path in place.iterdir()} <= {"out", "model"}
    assert {path.name for path in out.iterdir()} == {file.path for file in merged.outputs}
    written = load_file(out / "model.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in written.items()} == {
        output.name: output.shape for output in plan.outputs
    }
    assert all(bool(tensor.isfinite().all()) for tensor in written.values())
    total = sum(round(float(one.effective) * 10**9) for one in merged.contributions)
    assert total in (0, 10**9)


def clear(error: EvoregError) -> None:
    """Check that an error says what is wrong."""
    assert error.problems
    assert all(problem.what and problem.code.startswith("EVO-") for problem in error.problems)


class Watch:
    """Holds each case against the clock."""

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_error: object) -> None:
        assert time.perf_counter() - self.start < SLOWEST


@pytest.mark.parametrize("seed", SEEDS)
def test_broken_recipes(seed: int, models: dict[str, SourceModel], tmp_path: Path) -> None:
    rng = random.Random(seed)
    refused = merged = 0
    for _ in range(RECIPES):
        text = broken_recipe(rng.choice(TEXTS), rng)
        lenient = rng.random() < 0.3
        try:
            with Watch():
                read_stream(text, "recipe.yml", lenient=lenient)
                plan = planned(read_recipe(text, "recipe.yml", lenient=lenient).recipe, models)
                if plan is not None and merged < MERGED_AT_MOST:
                    carried_out(plan, tmp_path)
                    merged += 1
        except EvoregError as error:
            clear(error)
            refused += 1
    assert refused > RECIPES / 4
    assert merged > 5


def tried(recipe: Recipe, folder: Path, models: dict[str, SourceModel], *, merge: bool) -> str:
    """Merge the model of a folder; return what became of it."""
    try:
        with Watch():
            broken = SourceModel("x", digest_of(b"x"), read_checkpoint(folder))
            plan = planned(recipe, {**models, "x": broken})
            if plan is None or not merge:
                return "planned"
            carried_out(plan, folder.parent)
    except EvoregError as error:
        clear(error)
        return "refused"
    return "merged"


@pytest.mark.parametrize("seed", SEEDS)
def test_broken_weight_files(seed: int, models: dict[str, SourceModel], tmp_path: Path) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(tensors(seed), folder / "good.safetensors")
    good = (folder / "good.safetensors").read_bytes()
    (folder / "good.safetensors").unlink()
    fate: list[str] = []
    for _ in range(WEIGHTS):
        (folder / "model.safetensors").write_bytes(broken_weights(good, rng))
        recipe = Recipe.from_canonical(rng.choice(_SIMPLE))
        fate.append(tried(recipe, folder, models, merge=fate.count("merged") < MERGED_AT_MOST))
    assert fate.count("refused") > WEIGHTS / 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_broken_tables(
    name: str, seed: int, models: dict[str, SourceModel], tmp_path: Path
) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "model"
    folder.mkdir()
    shard = "model-00001-of-00001.safetensors"
    save_file(tensors(seed), folder / shard)
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(tensors(0), shard)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "text_config": {"vocab_size": 8}}))
    good = (folder / name).read_bytes()
    fate: list[str] = []
    for _ in range(TABLES):
        (folder / name).write_bytes(broken_json(good, rng))
        recipe = Recipe.from_canonical(rng.choice(_SIMPLE))
        fate.append(tried(recipe, folder, models, merge=fate.count("merged") < MERGED_AT_MOST))
    assert {"refused", "merged"} <= set(fate)


def _simple() -> list[bytes]:
    """Return recipes that use the broken model `x`."""
    texts = (
        "merge_method: passthrough\nmodels:\n  - model: x\n",
        "merge_method: linear\nmodels:\n  - model: x\n    parameters: {weight: 1}\n"
        "  - model: a\n    parameters: {weight: 1}\n",
        "merge_method: ties\nbase_model: x\nmodels:\n  - model: a\n"
        "    parameters: {weight: 1, density: 0.5}\n",
        "merge_method: passthrough\nslices:\n  - sources:\n    - model: x\n"
        "      layer_range: [0, 2]\n  - sources:\n    - model: x\n      layer_range: [1, 2]\n",
    )
    return [read_recipe(text, "recipe.yml").recipe.canonical() for text in texts]


_SIMPLE = _simple()


def test_there_are_ten_thousand_cases() -> None:
    assert len(SEEDS) * (RECIPES + WEIGHTS + 2 * TABLES) >= 10_000

"""Parameters first, then layers: the result of one stage in the pool of the next."""

import fcntl
import json
import os
import random
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.made import Making, made_source
from evoreg.evolve.flow.path import path_of
from evoreg.evolve.flow.space import layer_space
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.evolve.searchfile.form import LayerSpace
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.evaluation import NamedRecipe
from evoreg.provenance.records.recipe import Recipe
from evoreg.registry.candidate_recipe import Export, recipe_yaml
from evoreg.registry.cli.main import answer
from evoreg.registry.merging.seeds import seed_for
from evoreg.registry.settings import evoreg_version
from tests.evolve.merging import same, source
from tests.flow.flow_models import DEMO

MATHS, JAPANESE, ROOT = "./models/pocket-math", "./models/pocket-ja", "./models/pocket-base"
ENGINE = Engine(version=evoreg_version(), rules=RULES)
SEED = 11
DARE = {
    "merge_method": "dare_linear",
    "base_model": ROOT,
    "models": [
        {"model": MATHS, "parameters": {"weight": 0.8, "density": 0.6}},
        {"model": JAPANESE, "parameters": {"weight": 0.4, "density": 0.6}},
    ],
    "dtype": "bfloat16",
}
WINNER = NamedRecipe(name="winner", recipe=read_recipe(json.dumps(DARE), "dare.yml").recipe)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, SourceModel]:
    """The demo's models in a working folder."""
    for name in ("pocket-base", "pocket-math", "pocket-ja"):
        shutil.copytree(DEMO / name, tmp_path / "models" / name)
    monkeypatch.chdir(tmp_path)
    return {name: source(name, tmp_path / name) for name in (MATHS, JAPANESE, ROOT)}


def export(recipe: Recipe) -> str:
    return recipe_yaml(Export("", recipe, (WINNER,), SEED, "", ""))


def merged(text: str, capsys: pytest.CaptureFixture[str]) -> Any:
    Path("two.yml").write_text(text, "utf-8")
    capsys.readouterr()
    code = answer(["merge", "two.yml", "out", "--seed", str(SEED), "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def test_a_hybrid_is_what_a_file_of_two_recipes_merges(
    sources: Mapping[str, SourceModel],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVOREG_LEDGER", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    models = ("winner", JAPANESE)
    seed = seed_for(SEED, "winner")
    (tmp_path / "stages").mkdir()
    winner = made_source(WINNER, sources, tmp_path / "stages", Making(seed, ENGINE))
    resident = {"winner": winner}
    space = layer_space(LayerSpace(repeats=1), {**sources, **resident}, models, None)
    chance = random.Random(3)
    recipe = space.recipe(tuple(chance.uniform(gene.low, gene.high) for gene in space.genes))
    assert {hop.model for hop in path_of(recipe)} == set(models)

    host = LayerHost.open(sources, SEED, ENGINE, resident=resident)
    applied = host.apply(recipe)
    document = merged(export(recipe), capsys)
    assert same(dict(host.tensors()), load_file("out/model.safetensors"))
    assert document["candidate"] == applied.candidate
    shares = {item["reference"]: item["effective"] for item in document["contributions"]}
    for mine in applied.contributions:
        assert float(mine.effective) == pytest.approx(float(shares[mine.reference]), abs=1e-6)


def test_a_result_is_made_once_and_whole(
    sources: Mapping[str, SourceModel], tmp_path: Path
) -> None:
    making = Making(5, ENGINE)
    first = made_source(WINNER, sources, tmp_path, making)
    weights = first.checkpoint.folder / "model.safetensors"
    before = weights.stat().st_mtime_ns
    again = made_source(WINNER, sources, tmp_path, making)
    assert (again.identity, weights.stat().st_mtime_ns) == (first.identity, before)
    other = made_source(WINNER, sources, tmp_path, Making(6, ENGINE))
    assert other.identity != first.identity  # other random masks

    weights.write_bytes(b"cut short")
    (first.checkpoint.folder.with_name(f"{first.checkpoint.folder.name}.partial")).mkdir()
    healed = made_source(WINNER, sources, tmp_path, making)
    assert healed.identity == first.identity
    assert sorted(path.name for path in tmp_path.glob("made-*")) == sorted(
        model.checkpoint.folder.name for model in (first, other)
    )


def test_what_another_process_is_still_making_is_left_alone(
    sources: Mapping[str, SourceModel], tmp_path: Path
) -> None:
    making = Making(5, ENGINE)
    name = made_source(WINNER, sources, tmp_path, making).checkpoint.folder.name
    shutil.rmtree(tmp_path / name)
    alive, dead = tmp_path / f"{name}.one.partial", tmp_path / f"{name}.two.partial"
    alive.mkdir()
    dead.mkdir()
    handle = os.open(alive, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        made_source(WINNER, sources, tmp_path, making)
    finally:
        os.close(handle)
    assert sorted(path.name for path in tmp_path.glob("made-*")) == [name, alive.name]


def test_two_that_make_the_same_at_once_both_have_it(
    sources: Mapping[str, SourceModel], tmp_path: Path
) -> None:
    making = Making(5, ENGINE)
    (tmp_path / "made").mkdir()
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(made_source, WINNER, sources, tmp_path / "made", making) for _ in range(2)
        ]
        one, two = [each.result() for each in work]
    assert one.identity == two.identity
    assert [path.name for path in (tmp_path / "made").iterdir()] == [one.checkpoint.folder.name]

"""A host of paths: shared memory, caches, shares, and what a merge writes."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from evoreg.evolve.execution.run import Merged, Options, carry_out
from evoreg.evolve.flow.families import FAMILIES
from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.path import Hop, path_recipe
from evoreg.evolve.flow.space import layer_space
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.searchfile.form import LayerSpace, MergeForm
from evoreg.provenance.records.candidate import Engine, candidate_id
from evoreg.provenance.records.errors import MergeError, RecipeError, UsageError
from evoreg.provenance.records.recipe import Ingredient, Recipe
from tests.evolve.adapting import factors, on, write_adapter
from tests.evolve.merging import same, source
from tests.flow.flow_models import apart, logits, tokens, write_model

ENGINE = Engine(version="0", rules=3)
PATH = (
    Hop("pocket-math", 0),
    Hop("pocket-ja", 1, 0.8),
    Hop("pocket-ja", 1, 1.1),
    Hop("pocket-math", 2, 0.9),
    Hop("pocket-math", 3, 1.2),
)
LLAMA = FAMILIES["llama"]
DEVICES = ["cpu", *(["cuda:0"] if torch.cuda.is_available() else [])]
Sources = dict[str, SourceModel]


@pytest.fixture(params=DEVICES)
def host(demo: Sources, request: pytest.FixtureRequest) -> Iterator[LayerHost]:
    found = LayerHost.open(demo, 0, ENGINE, device=request.param, compute="float32")
    yield found
    found.close()


def merged(recipe: Recipe, sources: Sources, folder: Path) -> Merged:
    folder.mkdir(exist_ok=True)
    plan = make_plan(recipe, {name: sources[name] for name in recipe.references}, 0)
    return carry_out(plan, folder, Options())


def reloaded(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def written(model: Any, ids: torch.Tensor, *, cache: bool = True) -> list[list[int]]:
    ids = ids.to(model.device)
    settings = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    found: list[list[int]] = model.generate(
        ids, attention_mask=torch.ones_like(ids), use_cache=cache, **settings
    ).tolist()
    return found


def random_paths(sources: Sources, count: int) -> Iterator[Recipe]:
    names = ("pocket-math", "pocket-ja")
    space = layer_space(LayerSpace(), sources, names, "pocket-base")
    chance = random.Random(5)
    for _ in range(count):
        yield space.recipe(tuple(chance.uniform(g.low, g.high) for g in space.genes))


def test_tensors_are_those_that_a_merge_writes(
    host: LayerHost, demo: Sources, tmp_path: Path
) -> None:
    for number, recipe in enumerate(random_paths(demo, 3)):
        applied = host.apply(recipe)
        result = merged(recipe, demo, tmp_path / str(number))
        wrote = load_file(tmp_path / str(number) / "model.safetensors")
        found = dict(host.tensors())
        assert same(found, wrote)
        assert list(found) == sorted(found)
        assert applied.tensors == result.census.tensors == len(found)


def test_shares_are_those_of_a_merge(host: LayerHost, demo: Sources, tmp_path: Path) -> None:
    for number, recipe in enumerate(random_paths(demo, 3)):
        shares = host.apply(recipe).contributions
        wanted = merged(recipe, demo, tmp_path / str(number)).contributions
        assert [c.reference for c in shares] == list(recipe.references)
        for mine, theirs in zip(shares, wanted, strict=True):
            assert (mine.nominal, mine.used) == (theirs.nominal, theirs.used)
            assert float(mine.effective) == pytest.approx(float(theirs.effective), abs=1e-6)
            assert float(mine.alignment) == pytest.approx(float(theirs.alignment), abs=1e-6)
            for one, other in zip(mine.groups, theirs.groups, strict=True):
                assert one.group == other.group
                assert float(one.effective) == pytest.approx(float(other.effective), abs=1e-6)


def test_a_path_is_called_as_its_merge_will_be(host: LayerHost, demo: Sources) -> None:
    recipe = path_recipe(PATH, LLAMA)
    ingredients = tuple(
        Ingredient(reference=name, name="x", revision=None, identity=demo[name].identity)
        for name in recipe.references
    )
    assert host.apply(recipe).candidate == candidate_id(recipe, ingredients, 0, ENGINE)
    assert host.apply(recipe, seed=7).candidate == candidate_id(recipe, ingredients, 7, ENGINE)


def test_a_merged_path_answers_as_it_did_in_memory(
    host: LayerHost, demo: Sources, tmp_path: Path
) -> None:
    """In float32; a narrower type rounds the weights that have a factor."""
    recipe = path_recipe(PATH, LLAMA, MergeForm(dtype="float32", out_dtype="float32"))
    host.apply(recipe)
    merged(recipe, demo, tmp_path)
    model, ids = reloaded(tmp_path), tokens()
    assert apart(logits(host.model, ids.to(host.device)).cpu(), logits(model, ids)) < 1e-5
    assert written(host.model, ids) == written(model, ids)
    assert host.model.config.to_dict() | {"dtype": None, "_name_or_path": ""} == (
        model.config.to_dict() | {"dtype": None, "_name_or_path": ""}
    )
    own = AutoTokenizer.from_pretrained(tmp_path)
    assert host.tokenizer("12 + 7 =").input_ids == own("12 + 7 =").input_ids
    assert host.tokenizer.padding_side == "left"
    assert host.tokenizer.pad_token is not None


def test_rounding_of_scaled_weights_is_all_that_differs(
    host: LayerHost, demo: Sources, tmp_path: Path
) -> None:
    recipe = path_recipe(PATH, LLAMA)
    host.apply(recipe)
    merged(recipe, demo, tmp_path)
    ids = tokens()
    assert (
        0
        < apart(logits(host.model, ids.to(host.device)).cpu(), logits(reloaded(tmp_path), ids))
        < 0.02
    )


def test_every_layer_of_a_path_has_its_own_place_in_the_cache(
    host: LayerHost, demo: Sources
) -> None:
    ids = tokens(rows=3)
    for recipe in random_paths(demo, 3):
        host.apply(recipe)
        assert written(host.model, ids) == written(host.model, ids, cache=False)


def test_what_was_applied_before_does_not_matter(host: LayerHost, demo: Sources) -> None:
    """A search that is resumed scores the same, to the last bit."""
    ids = tokens().to(host.device)
    recipes = [*random_paths(demo, 4), path_recipe(PATH, LLAMA), path_recipe(PATH, None)]
    said = []
    for recipe in recipes:
        host.apply(recipe)
        said.append(logits(host.model, ids).clone())
    fresh = LayerHost.open(demo, 0, ENGINE, device=host.device, compute="float32")
    for recipe, wanted in reversed(list(zip(recipes, said, strict=True))):
        for other in (host, fresh):
            other.apply(recipe)
            assert torch.equal(logits(other.model, ids), wanted)


def test_a_path_shares_all_its_numbers(host: LayerHost) -> None:
    host.apply(path_recipe([Hop("pocket-math", layer) for layer in range(4)], LLAMA))
    own = {p.data_ptr() for p in host.model.parameters()}
    host.apply(path_recipe([Hop("pocket-ja", layer) for layer in range(4)], LLAMA))
    known = own | {p.data_ptr() for p in host.model.parameters()}
    assert len(known) == 2 * len(own)
    host.apply(path_recipe(PATH, LLAMA))
    found = [p.data_ptr() for p in host.model.parameters()]
    assert set(found) <= known
    layers = host.model.model.layers
    assert len(layers) == host.model.config.num_hidden_layers == 5
    assert layers[1] is not layers[2]
    assert layers[1].mlp.up_proj.weight is layers[2].mlp.up_proj.weight
    assert [layer.self_attn.layer_idx for layer in layers] == [0, 1, 2, 3, 4]
    assert len({p.data_ptr() for p in layers.parameters()}) == 4 * 9  # four layers, five places


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
def test_an_unchanged_source_stays_in_its_file(tmp_path: Path) -> None:
    """Numbers in the type that they run in are mapped, not read into memory."""
    found = {"a": write_model("llama", tmp_path / "a", 1)}
    host = LayerHost.open(found, 0, ENGINE)
    host.apply(path_recipe([Hop("a", 0), Hop("a", 2)], LLAMA))
    ranges = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        if str(tmp_path) in line:
            low, high = line.split()[0].split("-")
            ranges.append((int(low, 16), int(high, 16)))
    assert ranges
    for parameter in host.model.parameters():
        assert any(low <= parameter.data_ptr() < high for low, high in ranges)
    host.close()


def test_parents_and_average_are_candidates_too(
    host: LayerHost, demo: Sources, tmp_path: Path
) -> None:
    space = layer_space(LayerSpace(), demo, ("pocket-math", "pocket-ja"), "pocket-base")
    ids = tokens()
    for label, recipe in space.baselines.items():
        applied = host.apply(recipe)
        result = merged(recipe, demo, tmp_path / label)
        assert same(dict(host.tensors()), load_file(tmp_path / label / "model.safetensors"))
        said = logits(host.model, ids.to(host.device)).cpu()
        assert apart(said, logits(reloaded(tmp_path / label), ids)) < 1e-5
        for mine, theirs in zip(applied.contributions, result.contributions, strict=True):
            assert float(mine.effective) == pytest.approx(float(theirs.effective), abs=1e-6)
    host.apply(path_recipe(PATH, LLAMA))  # and back to paths
    assert len(host.model.model.layers) == 5


def test_a_written_type_is_that_of_the_scores(demo: Sources, tmp_path: Path) -> None:
    """What a merge rounds is rounded before it is scored, where nothing is scaled."""
    sources = {"a": write_model("llama", tmp_path / "a", 1)}
    recipe = path_recipe([Hop("a", 0), Hop("a", 2)], LLAMA, MergeForm(out_dtype="bfloat16"))
    host = LayerHost.open(sources, 0, ENGINE)
    host.apply(recipe)
    merged(recipe, sources, tmp_path / "out")
    ids = tokens()
    assert apart(logits(host.model, ids), logits(reloaded(tmp_path / "out"), ids)) < 1e-6
    full = path_recipe([Hop("a", 0), Hop("a", 2)], LLAMA)
    host.apply(full)
    assert apart(logits(host.model, ids), logits(reloaded(tmp_path / "out"), ids)) > 1e-4


def test_compute_types_are_taken(demo: Sources) -> None:
    host = LayerHost.open(demo, 0, ENGINE, compute="bfloat16")
    host.apply(path_recipe(PATH, LLAMA))
    assert {p.dtype for p in host.model.parameters()} == {torch.bfloat16}
    host = LayerHost.open(demo, 0, ENGINE)
    host.apply(path_recipe(PATH, LLAMA))
    assert {p.dtype for p in host.model.parameters()} == {torch.float32}


def test_layers_of_two_kinds_of_attention_keep_theirs(
    pairs: Callable[[str], Sources], tmp_path: Path
) -> None:
    """qwen2 and gemma2 mix sliding and full attention by layer."""
    for kind, family in (("qwen2", FAMILIES["qwen2"]), ("gemma2", None)):
        sources = pairs(kind)
        path = [Hop("a", 0), Hop("b", 2), Hop("a", 1), Hop("b", 1), Hop("a", 2)]
        recipe = path_recipe(path, family)
        host = LayerHost.open(sources, 0, ENGINE)
        host.apply(recipe)
        kinds = sources["a"].checkpoint.config["layer_types"]
        assert isinstance(kinds, list)
        assert len(set(map(str, kinds))) == 2
        assert host.model.config.layer_types == [kinds[hop.layer] for hop in path]
        merged(recipe, sources, tmp_path / kind)
        ids = tokens(columns=11)
        model = reloaded(tmp_path / kind)
        assert apart(logits(host.model, ids), logits(model, ids)) < 1e-5
        assert written(host.model, ids) == written(model, ids)
        assert written(host.model, ids) == written(host.model, ids, cache=False)


def test_the_first_model_gives_what_follows_from_the_configuration(tmp_path: Path) -> None:
    """Rotary frequencies and the eps of norms: a merged model has one config.json."""
    other = {"rope_parameters": {"rope_theta": 50.0, "rope_type": "default"}, "rms_norm_eps": 0.1}
    sources = {
        "a": write_model("llama", tmp_path / "a", 1),
        "b": write_model("llama", tmp_path / "b", 2, **other),
    }
    host, ids = LayerHost.open(sources, 0, ENGINE), tokens()
    said = {}
    for first, second in (("a", "b"), ("b", "a")):
        recipe = path_recipe([Hop(first, 0), Hop(second, 1), Hop(first, 2)], LLAMA)
        host.apply(recipe)
        merged(recipe, sources, tmp_path / f"out-{first}")
        said[first] = logits(host.model, ids)
        assert apart(said[first], logits(reloaded(tmp_path / f"out-{first}"), ids)) < 1e-5
    assert apart(said["a"], said["b"]) > 0.05


def test_a_source_may_have_an_adapter(tmp_path: Path) -> None:
    sources = {"a": write_model("llama", tmp_path / "a", 1)}
    adapter = write_adapter(
        tmp_path / "lora",
        factors(3, "model.layers.1.mlp.down_proj", 32, 48),
        target_modules=["down_proj"],
    )
    sources["a+lora"] = on("a+lora", tmp_path / "a", adapter)
    recipe = path_recipe([Hop("a", 0), Hop("a+lora", 1, 0.7), Hop("a", 1), Hop("a", 2)], LLAMA)
    host, ids = LayerHost.open(sources, 0, ENGINE), tokens()
    applied = host.apply(recipe)
    result = merged(recipe, sources, tmp_path / "out")
    assert same(dict(host.tensors()), load_file(tmp_path / "out" / "model.safetensors"))
    assert apart(logits(host.model, ids), logits(reloaded(tmp_path / "out"), ids)) < 1e-5
    for mine, theirs in zip(applied.contributions, result.contributions, strict=True):
        assert float(mine.effective) == pytest.approx(float(theirs.effective), abs=1e-6)
    plain = path_recipe([Hop("a", 0), Hop("a", 1, 0.7), Hop("a", 1), Hop("a", 2)], LLAMA)
    said = logits(host.model, ids)
    host.apply(plain)
    assert apart(logits(host.model, ids), said) > 0.01


def test_a_failed_path_leaves_the_host_ready(host: LayerHost) -> None:
    host.apply(path_recipe(PATH, LLAMA))
    with pytest.raises(RecipeError, match="reaches beyond the 4 layers"):
        host.apply(path_recipe([Hop("pocket-math", 0), Hop("pocket-ja", 9)], LLAMA))
    with pytest.raises(UsageError, match="holds no candidate"):
        host.model  # noqa: B018 - asking is the test
    with pytest.raises(RecipeError, match="the search has no model elsewhere"):
        host.apply(path_recipe([Hop("elsewhere", 0)], LLAMA))
    steep = [Hop("pocket-math", 0), *[Hop("pocket-math", 1, 1e-3)] * 20]
    with pytest.raises(MergeError, match="the result does not fit BF16"):
        host.apply(path_recipe(steep, LLAMA))
    assert host.apply(path_recipe(PATH, LLAMA)).tensors == 48


def test_a_damaged_source_is_told(tmp_path: Path) -> None:
    sources = {"a": write_model("llama", tmp_path / "a", 1)}
    numbers = load_file(tmp_path / "a" / "model.safetensors")
    numbers["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(numbers, tmp_path / "a" / "model.safetensors", metadata={"format": "pt"})
    host = LayerHost.open({"a": source("a", tmp_path / "a")}, 0, ENGINE)
    with pytest.raises(MergeError, match="a holds NaN or infinite numbers"):
        host.apply(path_recipe([Hop("a", 0), Hop("a", 2)], LLAMA))
    assert sources


def test_scales_elsewhere_are_refused(host: LayerHost) -> None:
    slices = path_recipe([Hop("pocket-math", 0, 0.5), Hop("pocket-math", 1)], LLAMA).slices
    value = slices[0].parameters[0][1][0]
    odd = value.model_copy(update={"filter": "q_proj"})
    uneven = value.model_copy(update={"filter": "o_proj"})
    for setting in (odd, uneven):
        piece = slices[0].model_copy(update={"parameters": (("scale", (setting,)),)})
        with pytest.raises(MergeError, match="a path scales what its layers add"):
            host.apply(Recipe(method="passthrough", slices=(piece, slices[0])))

"""A model in memory holds exactly what a merge of the same recipe writes."""

import shutil
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.kept import Kept
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.provenance.records.candidate import candidate_id
from evoreg.provenance.records.errors import Code, MergeError, RecipeError, UsageError
from evoreg.provenance.records.recipe import Ingredient, Recipe
from tests.evolve.merging import source
from tests.evolve.method_recipes import FORMS, Form, name_of
from tests.resident.candidates import (
    BASE,
    DEVICES,
    ENGINE,
    MODELS,
    alone,
    arithmetic,
    compare,
    form,
    holds,
    recipe,
    weights_in,
    written,
)

Sources = dict[str, SourceModel]
Opener = Callable[..., ParameterHost]


@pytest.mark.parametrize("device", DEVICES)
def test_every_method_gives_the_bits_of_a_merge_whatever_came_before(
    device: str, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host = opened(threads=2, device=device)
    for number, row in enumerate(FORMS):
        made = recipe(row, weight=(0.7 - number / 100, 0.4, -0.2))
        host.apply(made)
        folder = tmp_path / str(number)
        written(made, sources, folder, seed=7, device=device)
        assert holds(host, folder), name_of(row)


@pytest.mark.parametrize("row", FORMS, ids=name_of)
def test_every_method_gives_the_bits_of_a_merge_from_scratch(
    row: Form, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host = opened()
    applied = host.apply(recipe(row))
    merged = written(recipe(row), sources, tmp_path / "out", seed=7)
    assert holds(host, tmp_path / "out")
    assert applied.recomputed == applied.tensors == merged.census.tensors
    compare(applied.contributions, merged.contributions)


CHOICES: list[tuple[Recipe, int]] = [
    *((arithmetic(a, 0.25), 7) for a in (0.0, 0.5)),
    *((recipe(form("dare_ties"), density=0.3), seed) for seed in (7, 8)),
    *(
        (recipe(form("ties"), density=d, weight=(w, 0.4)), 7)
        for d in (0.3, 0.6)
        for w in (0.2, 0.9)
    ),
    *((recipe(form("della"), weight=(w, 0.4)), 7) for w in (0.2, 0.9)),
    *((recipe(form("slerp"), t=t), 7) for t in (0.1, 0.5)),
    *((alone(name), 7) for name in MODELS[:2]),
]


@pytest.fixture(scope="module")
def merges(
    sources: Sources, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[Path, tuple[object, ...]]]:
    found: dict[int, tuple[Path, tuple[object, ...]]] = {}
    for number, (made, seed) in enumerate(CHOICES):
        folder = tmp_path_factory.mktemp("merges") / "out"
        found[number] = folder, written(made, sources, folder, seed=seed).contributions
    return found


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sequence=st.lists(st.integers(0, len(CHOICES) - 1), min_size=2, max_size=5),
    budget=st.sampled_from([0, 100_000, 2**30]),
)
def test_any_sequence_of_candidates_gives_the_bits_of_merges(
    sequence: list[int],
    budget: int,
    opened: Opener,
    merges: dict[int, tuple[Path, tuple[object, ...]]],
) -> None:
    host = opened(threads=2)
    host.memory.budget = budget
    for number in sequence:
        made, seed = CHOICES[number]
        host.apply(made, seed)
        assert holds(host, merges[number][0])
    assert host.memory.used <= budget


def test_shares_do_not_depend_on_what_came_before(opened: Opener) -> None:
    fresh = [opened().apply(made, seed) for made, seed in CHOICES[::5]]
    host = opened(threads=2)
    for made, seed in CHOICES:
        host.apply(made, seed)
    again = [host.apply(made, seed) for made, seed in CHOICES[::5]]
    assert [item.contributions for item in again] == [item.contributions for item in fresh]
    assert [item.candidate for item in again] == [item.candidate for item in fresh]


def test_only_what_changed_is_computed_again(opened: Opener) -> None:
    host = opened()

    def layers(first: float) -> Recipe:
        gradient = [first, 0.5, 0.5, 0.5]
        lines = [
            {
                "model": MODELS[0],
                "parameters": {"weight": [{"filter": "layers", "value": gradient}, {"value": 0.1}]},
            }
        ]
        return arithmetic(models=lines)

    whole = host.apply(layers(0.5))
    assert whole.recomputed == whole.tensors == 39
    assert host.apply(layers(0.5)).recomputed == 0
    assert host.apply(layers(0.25)).recomputed == 9
    # A quarter everywhere: that of the first layer is there already.
    flat = arithmetic(models=[{"model": MODELS[0], "parameters": {"weight": 0.25}}])
    assert host.apply(flat).recomputed == 30
    random = recipe(form("dare_linear"))
    assert host.apply(random).recomputed == 39
    assert host.apply(random).recomputed == 0
    assert host.apply(random, 8).recomputed == 39
    steady = recipe(form("ties"))
    assert host.apply(steady).recomputed == 39
    assert host.apply(steady, 8).recomputed == 0


@pytest.mark.parametrize(
    "row", [form("della"), form("dare_ties"), form("breadcrumbs")], ids=name_of
)
def test_what_is_remembered_equals_what_is_found_anew(
    row: Form, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host, forgetful = opened(), opened()
    forgetful.memory.budget = 0
    for number, weight in enumerate((0.2, 0.9)):
        made = recipe(row, weight=(weight, 0.4))
        assert host.apply(made).contributions == forgetful.apply(made).contributions
        written(made, sources, tmp_path / str(number), seed=7)
        assert holds(host, tmp_path / str(number))
        assert holds(forgetful, tmp_path / str(number))
    assert host.memory.used > 0 == forgetful.memory.used


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("compute", ["auto", "float32", "bfloat16", "float16"])
def test_the_model_says_what_the_merged_folder_says(
    compute: str, device: str, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host = opened(compute=compute, device=device)
    host.apply(arithmetic(0.6, 0.5))
    written(arithmetic(0.6, 0.5), sources, tmp_path / "out", seed=7, device=device)
    automatic = torch.float32 if device == "cpu" else torch.bfloat16
    kind = {"auto": automatic}.get(compute) or getattr(torch, compute)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=kind).to(device)
    batch = host.tokenizer(["1 + 1 =", "2 + 2"], padding=True, return_tensors="pt").to(device)
    with torch.inference_mode():
        assert torch.equal(host.model(**batch).logits, loaded(**batch).logits)
    assert batch["input_ids"][1, 0] == host.tokenizer.pad_token_id  # padded on the left
    assert host.model.dtype == kind
    assert host.model.generation_config.eos_token_id == 2
    assert not host.model.training
    assert holds(host, tmp_path / "out")  # also where float16 cannot hold what bfloat16 can


def test_a_parent_alone_is_that_parent(opened: Opener, sources: Sources) -> None:
    host = opened()
    for name in (*MODELS, BASE):
        share = next(iter(host.apply(alone(name)).contributions))
        assert (share.reference, share.effective) == (name, "1.000000000")
        folder = sources[name].checkpoint.folder
        found, own = dict(host.tensors()), weights_in(folder)
        assert found.keys() == own.keys()
        assert all(torch.equal(value, own[key]) for key, value in found.items())


def test_the_id_is_that_of_the_merge(opened: Opener, sources: Sources) -> None:
    made = arithmetic(0.5, 0.5)
    plan = make_plan(made, {name: sources[name] for name in made.references}, 7)
    ingredients = tuple(
        Ingredient(reference=s.reference, name="any", revision=None, identity=s.identity)
        for s in plan.sources
    )
    wanted = candidate_id(plan.recipe, ingredients, 7, ENGINE)
    assert opened().apply(made).candidate == wanted
    assert opened().apply(made, 8).candidate != wanted


def test_a_host_that_holds_nothing_says_so(opened: Opener) -> None:
    host = opened()
    with pytest.raises(UsageError, match="holds no candidate"):
        list(host.tensors())
    with pytest.raises(UsageError, match="holds no candidate"):
        _ = host.model


def test_a_model_that_is_not_of_the_search_is_refused(opened: Opener) -> None:
    host = opened()
    with pytest.raises(RecipeError, match="the search has no model elsewhere") as caught:
        host.apply(alone("elsewhere"))
    assert caught.value.code == Code.RECIPE_REFERENCE


@pytest.mark.parametrize("threads", [1, 2])
def test_a_candidate_that_fails_leaves_the_host_usable(
    threads: int, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host = opened(threads=threads)
    good, bad = arithmetic(0.5, 0.5), arithmetic(1e39, 0.5)
    written(good, sources, tmp_path / "out", seed=7)
    host.apply(good)
    for _ in range(2):
        with pytest.raises(MergeError, match="the result does not fit BF16") as caught:
            host.apply(bad)
        assert caught.value.code == Code.MERGE_NOT_FINITE
        # The largest tensors come first, so it is always the same one that is told.
        assert caught.value.problems[0].where == "model.layers.0.mlp.down_proj.weight"
        with pytest.raises(UsageError, match="holds no candidate"):
            list(host.tensors())
        host.apply(good)
        assert holds(host, tmp_path / "out")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("method", ["linear", "passthrough", "task_arithmetic", "ties"])
def test_a_source_that_is_damaged_is_told(
    method: str, number: float, opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    folder = tmp_path / MODELS[0]
    shutil.copytree(sources[MODELS[0]].checkpoint.folder, folder)
    tensors = weights_in(folder)
    tensors["model.layers.2.mlp.up_proj.weight"][3, 4] = number
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    host = opened({**sources, MODELS[0]: source(MODELS[0], folder)})
    for _ in range(2):
        with pytest.raises(MergeError, match=f"{MODELS[0]} holds NaN or infinite") as caught:
            host.apply(recipe(form(method)))
        assert caught.value.code == Code.MERGE_NOT_FINITE
        assert caught.value.problems[0].where == "model.layers.2.mlp.up_proj.weight"
    # A weight of zero does not make a damaged model harmless.
    with pytest.raises(MergeError, match="holds NaN or infinite"):
        host.apply(arithmetic(0.0, 0.5))
    host.apply(alone(MODELS[1]))
    written(alone(MODELS[1]), sources, tmp_path / "out", seed=7)
    assert holds(host, tmp_path / "out")


class _Full(Kept):
    """A memory whose machine has none left."""

    def recall(self, key: Hashable, make: Callable[[], Any], size: int) -> Any:
        raise MemoryError


def test_running_out_of_memory_is_passed_on_and_the_host_stays_usable(
    opened: Opener, sources: Sources, tmp_path: Path
) -> None:
    host = opened(threads=2)
    written(arithmetic(0.5, 0.5), sources, tmp_path / "out", seed=7)
    host.apply(arithmetic(0.25, 0.5))
    memory, host.memory = host.memory, _Full(0)
    with pytest.raises(MemoryError):
        host.apply(arithmetic(0.5, 0.5))
    host.memory = memory
    host.apply(arithmetic(0.5, 0.5))
    assert holds(host, tmp_path / "out")

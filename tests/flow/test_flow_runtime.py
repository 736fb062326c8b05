"""Paths that are no plain models: ``flow.json`` beside the weights, and who reads it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.flow.families import FAMILIES
from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.path import Hop, path_recipe
from evoreg.evolve.flow.runtime import (
    FLOW,
    flow_model,
    flow_of,
    load_flow,
    read_flow,
    write_flow,
)
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.errors import InputError
from evoreg.registry.candidate_recipe import Export, recipe_yaml
from tests.evolve.merging import source
from tests.flow.flow_models import OTHERS, apart, fill, logits, tokens

PATH = (Hop("a", 0), Hop("b", 1, 0.7), Hop("b", 1, 1.3), Hop("a", 1, 0.8), Hop("a", 2))
Pairs = Callable[[str], dict[str, SourceModel]]


@pytest.fixture
def saved(pairs: Pairs, tmp_path: Path) -> Path:
    """A merged path of gemma2 with its flow."""
    sources = pairs("gemma2")
    recipe = path_recipe(PATH, None)
    carry_out(make_plan(recipe, sources, 0), tmp_path, Options())
    flow = flow_of(recipe, sources)
    assert flow is not None
    write_flow(flow, tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_a_saved_flow_says_what_it_said_in_memory(kind: str, pairs: Pairs, tmp_path: Path) -> None:
    sources, ids = pairs(kind), tokens()
    recipe = path_recipe(PATH, None)
    host = LayerHost.open(sources, 0, Engine(version="0", rules=3))
    host.apply(recipe)
    said = logits(host.model, ids)
    carry_out(make_plan(recipe, sources, 0), tmp_path, Options())
    flow = flow_of(recipe, sources)
    assert flow is not None
    assert write_flow(flow, tmp_path) == tmp_path / FLOW
    loaded = load_flow(tmp_path)
    assert apart(logits(loaded, ids), said) < 1e-6
    assert _wrote(loaded, ids) == _wrote(host.model, ids) == _wrote(loaded, ids, cache=False)
    (tmp_path / FLOW).unlink()
    unscaled = LayerHost.open({"x": source("x", tmp_path)}, 0, Engine(version="0", rules=3))
    unscaled.apply(path_recipe([Hop("x", layer) for layer in range(5)], None))
    assert apart(logits(unscaled.model, ids), said) > 0.01  # the file matters


def _wrote(model: Any, ids: torch.Tensor, *, cache: bool = True) -> list[list[int]]:
    found: list[list[int]] = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False,
        use_cache=cache, eos_token_id=None, pad_token_id=0,
    ).tolist()  # fmt: skip
    return found


def test_a_literal_path_multiplies_the_inputs(pairs: Pairs) -> None:
    """Against the sum written out by hand, layer by layer."""
    sources, ids = pairs("gemma2"), tokens(rows=1, columns=4)
    alone = flow_model([Hop("a", 0), Hop("a", 1), Hop("a", 2)], sources)
    seen: list[torch.Tensor] = []
    for layer in alone.model.layers:
        layer.register_forward_hook(lambda _layer, _given, found: seen.append(found))
    logits(alone, ids)
    scaled = flow_model([Hop("a", 0), Hop("a", 1, 0.5), Hop("a", 2)], sources)
    entered: list[torch.Tensor] = []
    middle = scaled.model.layers[1]
    middle.input_layernorm.register_forward_pre_hook(lambda _norm, given: entered.append(given[0]))
    logits(scaled, ids)
    assert torch.equal(entered[0], seen[0] * 0.5)


def test_a_flow_tells_path_scales_and_weights(saved: Path, pairs: Pairs) -> None:
    flow = read_flow(saved)
    assert [(hop.model, hop.layer, hop.scale) for hop in flow.path] == [
        (hop.model, hop.layer, hop.scale) for hop in PATH
    ]
    assert {item.reference: item.identity for item in flow.sources} == {
        name: model.identity for name, model in pairs("gemma2").items()
    }


def test_the_recipe_in_a_merged_folder_tells_as_much(saved: Path, pairs: Pairs) -> None:
    ids = tokens()
    said = logits(load_flow(saved), ids)
    (saved / FLOW).unlink()
    text = recipe_yaml(Export("", path_recipe(PATH, None), (), 0, "", ""))
    (saved / "mergekit_config.yml").write_text(text)
    assert torch.equal(logits(load_flow(saved), ids), said)
    assert read_flow(saved).sources == ()
    plain = recipe_yaml(Export("", path_recipe(PATH, FAMILIES["llama"]), (), 0, "", ""))
    (saved / "mergekit_config.yml").write_text(plain)
    with pytest.raises(InputError, match="nor the recipe tells of scaled inputs"):
        load_flow(saved)


def test_a_plain_path_needs_no_flow(pairs: Pairs) -> None:
    sources = pairs("llama")
    assert flow_of(path_recipe(PATH, FAMILIES["llama"]), sources) is None
    assert flow_of(path_recipe([Hop("a", 0), Hop("b", 1)], None), sources) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "format"),
        ({"path": []}, "path"),
        ({"path": [{"model": "a", "layer": 0, "scale": 0.0}]}, "path.0.scale"),
        ({"path": [{"model": "a", "layer": 0, "scale": "Infinity"}]}, "path.0.scale"),
        ({"path": [{"model": "a", "layer": -1}]}, "path.0.layer"),
        ({"code": "import os"}, "code"),
        ({"path": [{"model": "a", "layer": 0}]}, "tells of 1 layers, the model has 5"),
    ],
)
def test_a_flow_that_cannot_be_meant_is_refused(
    saved: Path, change: dict[str, Any], told: str
) -> None:
    place = saved / FLOW
    place.write_text(json.dumps({**json.loads(place.read_text()), **change}))
    with pytest.raises(InputError, match=told):
        load_flow(saved)


def test_a_folder_without_a_flow_is_told(saved: Path) -> None:
    (saved / FLOW).write_bytes(b" " * (2**22 + 1))
    with pytest.raises(InputError, match="too large"):
        load_flow(saved)
    (saved / FLOW).unlink()
    with pytest.raises(InputError, match="a model without scaled inputs is loaded"):
        load_flow(saved)


def test_fill_changes_every_parameter(pairs: Pairs) -> None:
    """The random models of these tests have no weight that could hide a mistake."""
    model = flow_model([Hop("a", 0), Hop("a", 1)], pairs("gpt2"))
    before = {name: value.clone() for name, value in model.named_parameters()}
    fill(model, 9)
    assert all(not torch.equal(before[name], value) for name, value in model.named_parameters())

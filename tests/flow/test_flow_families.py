"""A path with scaled inputs as plain layers: for each family, against the scaling itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.flow.families import FAMILIES, family_of
from evoreg.evolve.flow.host import LayerHost
from evoreg.evolve.flow.path import INPUT, Hop, factors, path_of, path_recipe
from evoreg.evolve.flow.runtime import flow_model
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.errors import MergeError
from tests.flow.flow_models import CONFIGS, OTHERS, apart, logits, tokens

PATH = (
    Hop("a", 0),
    Hop("a", 1, 0.5),
    Hop("b", 1, 1.4),
    Hop("b", 2, 0.7),
    Hop("b", 1, 1.3),
    Hop("a", 2, 0.6),
)
ENGINE = Engine(version="0", rules=3)
Pairs = Callable[[str], dict[str, SourceModel]]


def opened(sources: dict[str, SourceModel]) -> LayerHost:
    return LayerHost.open(sources, 0, ENGINE)


def test_every_family_is_tried() -> None:
    assert set(CONFIGS) == set(FAMILIES)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_plain_layers_say_what_scaled_inputs_say(kind: str, pairs: Pairs, tmp_path: Path) -> None:
    sources, ids = pairs(kind), tokens()
    host = opened(sources)
    recipe = path_recipe(PATH, family_of(sources["a"].checkpoint.config))
    host.apply(recipe)
    said = logits(host.model, ids)
    literal = logits(flow_model(PATH, sources), ids)
    assert apart(said, literal) < 1e-4
    unscaled = flow_model([Hop(hop.model, hop.layer) for hop in PATH], sources)
    assert apart(logits(unscaled, ids), literal) > 0.05  # the scales matter here

    carry_out(make_plan(recipe, sources, 0), tmp_path, Options())
    merged = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert apart(logits(merged, ids), said) < 1e-5
    assert type(merged) is type(host.model)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_what_layers_add_is_all_that_is_scaled(kind: str, pairs: Pairs) -> None:
    """Biases are, and nothing inside attention and MLP."""
    sources = pairs(kind)
    recipe = path_recipe(PATH, family_of(sources["a"].checkpoint.config))
    plan = make_plan(recipe, sources, 0)
    wanted = factors(PATH)
    for output in plan.outputs:
        factor = output.inputs[0].parameters.get("scale", 1.0)
        if factor != 1.0:
            assert output.name.split(".")[-2] in (
                "o_proj", "down_proj", "c_proj", "dense", "dense_4h_to_h", "fc2", "w2"
            )  # fmt: skip
            layer = next(int(part) for part in output.name.split(".") if part.isdigit())
            assert factor == wanted[layer]


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_other_families_keep_the_scales_of_the_inputs(kind: str, pairs: Pairs) -> None:
    sources = pairs(kind)
    assert family_of(sources["a"].checkpoint.config) is None
    recipe = path_recipe(PATH, None)
    assert path_of(recipe) == PATH
    plan = make_plan(recipe, sources, 0)
    scales = {output.inputs[0].parameters.get("scale", 1.0) for output in plan.outputs}
    assert scales == {1.0}
    assert not any(INPUT in output.name for output in plan.outputs)


def test_factors_on_the_weights_are_undone_by_norms_behind_them(
    pairs: Pairs, tmp_path: Path
) -> None:
    """Why gemma2 is not in the table."""
    sources, ids = pairs("gemma2"), tokens()
    wrong = path_recipe(PATH, FAMILIES["llama"])
    carry_out(make_plan(wrong, sources, 0), tmp_path, Options())
    merged = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    unscaled = flow_model([Hop(hop.model, hop.layer) for hop in PATH], sources)
    assert apart(logits(merged, ids), logits(unscaled, ids)) < 1e-4
    assert apart(logits(merged, ids), logits(flow_model(PATH, sources), ids)) > 0.05
    with pytest.raises(MergeError, match="a path scales what its layers add"):
        opened(sources).apply(wrong)


def test_scales_multiply_along_the_path() -> None:
    path = (Hop("a", 0, 2.0), Hop("a", 1, 0.5), Hop("a", 2, 4.0))
    assert factors(path) == (0.5, 1.0, 0.25)

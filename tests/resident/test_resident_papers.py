"""What is kept from plan to plan equals what a fresh plan works out."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.papers import KeptPapers, bare
from evoreg.provenance.records.recipe import Recipe
from tests.resident.candidates import BASE, MODELS, alone, arithmetic, form, read, recipe

_TURNED: Mapping[str, Any] = {"tokenizer_source": "union", "chat_template": "chatml"}


def sliced(weight: float) -> Recipe:
    """Return a recipe that stacks layers."""
    slices = [
        {
            "sources": [
                {"model": model, "layer_range": list(span), "parameters": {"weight": weight}}
                for model in MODELS[:2]
            ]
        }
        for span in ((0, 3), (1, 4))
    ]
    return read({"merge_method": "linear", "slices": slices, "parameters": {"normalize": True}})


RECIPES = [
    *(arithmetic(a, b) for a in (0.1, 0.9) for b in (0.2, -0.4)),
    *(arithmetic(a, 0.5, **_TURNED) for a in (0.1, 0.9)),
    *(arithmetic(a, 0.5, tokenizer_source=MODELS[2]) for a in (0.1, 0.9)),
    *(recipe(form("ties"), density=d) for d in (0.1, 0.9)),
    *(sliced(w) for w in (0.5, 0.6)),
    *map(alone, (BASE, *MODELS)),
]


def plan(made: Recipe, sources: Mapping[str, SourceModel], papers: KeptPapers | None) -> object:
    own = {name: sources[name] for name in made.references}
    return make_plan(made, own, 3, papers=papers)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(RECIPES), min_size=1, max_size=6))
def test_plans_are_the_same(sources: dict[str, SourceModel], asked: list[Recipe]) -> None:
    papers = KeptPapers()
    for made in asked:
        assert plan(made, sources, papers) == plan(made, sources, None)


def test_tokenizers_are_read_once(
    sources: dict[str, SourceModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = KeptPapers()
    plan(arithmetic(0.1, 0.5, **_TURNED), sources, papers)

    def read_again(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("evoreg.evolve.planning.build.plan_tokens", read_again)
    monkeypatch.setattr("evoreg.evolve.planning.build.small_files", read_again)
    plan(arithmetic(0.9, 0.5, **_TURNED), sources, papers)
    with pytest.raises(AssertionError):
        plan(arithmetic(0.9, 0.5, tokenizer_source="base"), sources, papers)


@pytest.mark.parametrize("made", RECIPES)
def test_a_bare_recipe_has_no_parameters_and_all_the_rest(made: Recipe) -> None:
    found = bare(made)
    assert '"parameters"' not in found.model_dump_json(exclude_defaults=True)
    assert found.references == made.references
    assert (found.method, found.vocabulary, found.chat_template) == (
        made.method, made.vocabulary, made.chat_template,
    )  # fmt: skip
    assert [line.layer_range for line in found.lines] == [line.layer_range for line in made.lines]

"""Papers of a merge of merges: whoever is inside an earlier result is credited as well."""

from dataclasses import replace
from types import MappingProxyType

import yaml

from evoreg.provenance.papers.facts import Earlier, ReleaseFacts, credits_of
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.candidate import Candidate
from evoreg.provenance.records.recipe import Ingredient, Recipe, Source
from tests.papers.papers_example import (
    BASE,
    LLAMA,
    MODELS,
    REFERENCES,
    a_candidate,
    a_model,
    a_share,
    example,
)

STEP = a_model("mix")


def of_steps(*, used: bool = True) -> ReleaseFacts:
    """A result made of `mix` and the base; `mix` was made of the three models of the example."""
    base = REFERENCES[0]
    sources = {base: BASE, "mix": STEP}
    share = a_share("mix", "1.000000000", "1.000000000", "1.000000000")
    candidate: Candidate = a_candidate(MODELS).model_copy(
        update={
            "recipe": Recipe(
                method="task_arithmetic", base_model=base, models=(Source(model="mix"),)
            ),
            "ingredients": tuple(
                Ingredient(reference=name, name=m.name, revision=m.revision, identity=m.identity)
                for name, m in sources.items()
            ),
            "contributions": (
                a_share(base, "0.000000000", "0.000000000", "0.000000000"),
                share.model_copy(update={"used": used}),
            ),
        }
    )
    return replace(
        example(),
        candidate=candidate,
        models=MappingProxyType(sources),
        earlier=(Earlier("mix", a_candidate(MODELS), MODELS),),
    )


def text(facts: ReleaseFacts, path: str) -> str:
    return papers(facts).files[path].decode()


def test_the_sources_of_a_step_stand_below_it() -> None:
    facts = of_steps()
    credits = credits_of(facts)
    assert [(c.model.label, c.step, c.made) for c in credits] == [
        (BASE.label, "", False),
        ("mix", "", True),
        *((model.label, "mix", False) for model in MODELS.values()),
    ]
    assert credits[1].license.expression == f"Apache-2.0 AND {LLAMA} AND MIT"
    assert papers(facts).problems == ()
    card = text(facts, "README.md")
    assert "is a merge of 2 models by the method" in card
    assert "66.67 % of mix" in card
    assert "made on the way, by earlier recipes of the same file: mix. " in card
    assert "made before: mix | ties of " in card
    assert "effective share 33.33 % of mix" in text(facts, "NOTICE")
    assert "merged into mix" in text(facts, "MODIFICATIONS.md")
    assert "the base of mix" in text(facts, "MODIFICATIONS.md")


def test_the_hub_learns_of_the_sources_of_a_step() -> None:
    front = yaml.safe_load(text(of_steps(), "README.md").split("---\n")[1])
    assert front["base_model"] == ["meta-llama/Llama-3.1-8B", "lab/math", "lab/chat_lora"]


def test_what_is_not_in_the_result_brings_nobody_into_it() -> None:
    facts = of_steps(used=False)
    assert [c.contribution.used for c in credits_of(facts)] == [True, False, False, False, False]
    front = yaml.safe_load(text(facts, "README.md").split("---\n")[1])
    assert front["base_model"] == ["meta-llama/Llama-3.1-8B"]
    assert "considered, not in the result" in text(facts, "MODIFICATIONS.md")


def test_a_choice_of_licences_stays_one() -> None:
    facts = of_steps()
    first, second, third = facts.decision.sources
    decision = facts.decision.model_copy(
        update={
            "sources": (
                first,
                second.model_copy(update={"expression": "MIT OR Apache-2.0"}),
                third,
            )
        }
    )
    found = credits_of(replace(facts, decision=decision))[1].license.expression
    assert found == f"(MIT OR Apache-2.0) AND {LLAMA} AND MIT"


def test_a_release_without_steps_has_no_word_about_them() -> None:
    card = text(example(), "README.md")
    assert "on the way" not in card
    assert "made before" not in card


def test_a_recipe_of_several_documents_is_published_whole() -> None:
    recipe = "name: mix\nmerge_method: ties\n---\nmerge_method: linear\n"
    assert text(of_steps(), "mergekit_config.yml").startswith("# my first merge")
    facts = replace(of_steps(), recipe_yaml=recipe)
    assert text(facts, "mergekit_config.yml") == recipe
    hidden = replace(facts, recipe_yaml=recipe.replace("ties", "/home/ann/secret/ties"))
    shown = text(hidden, "mergekit_config.yml")
    assert "/home" not in shown
    assert [sorted(item) for item in yaml.safe_load_all(shown)] == [
        ["merge_method", "name"],
        ["merge_method"],
    ]

"""Sources of weight zero: left out of the licence question, told in the papers, and watched."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.errors import Code, MergeError
from evoreg.registry.merging.asking import ask, recorded
from evoreg.registry.merging.course import Course
from evoreg.registry.merging.made import Job
from evoreg.registry.merging.make import make
from evoreg.registry.merging.prepare import Question, plan_of
from evoreg.registry.settings import Settings, settings_from
from tests.registry.desk import Desk, card, linear, model


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A free model, another one, and one that is not for commerce and has a licence file."""
    desk.copy("a", "free")
    desk.copy("b", "also")
    desk.copy("c", "closed", README__md=card("cc-by-nc-4.0"), LICENSE="All rights reserved.")
    return desk


def settings(desk: Desk) -> Settings:
    return settings_from({}, desk.folder, offline=True)


def course(desk: Desk, recipe: Path) -> Course:
    question = Question(recipe, "commercial", "x")
    return ask(question, settings(desk), lambda _model: None)


def two(weight: Any, **more: Any) -> dict[str, Any]:
    return linear(model("free", weight=1), model("closed", weight=weight), **more)


@pytest.mark.parametrize("weight", [0, 0.0, -0.0, "0", [0, 0, 0]])
def test_what_is_not_in_the_result_does_not_bind_it(shop: Desk, weight: Any) -> None:
    recipe = shop.recipe(two(weight))
    assert shop.run("check", recipe).code == 0
    said = shop.run("merge", recipe, "out")
    assert said.code == 0, said.err
    assert "SOURCE_NOT_USED" in said.err
    record = json.loads((shop.path("out") / "evoreg.json").read_text())
    assert [item["model"] for item in record["decision"]["sources"]] == ["free"]
    assert record["decision"]["outbound"] == "Apache-2.0"
    assert [item["used"] for item in record["candidate"]["contributions"]] == [True, False]


def test_the_papers_tell_that_it_was_considered(shop: Desk) -> None:
    assert shop.run("merge", shop.recipe(two(0)), "out").code == 0
    out = shop.path("out")
    changes = (out / "MODIFICATIONS.md").read_text()
    (line,) = [row for row in changes.splitlines() if row.startswith("| closed")]
    assert "considered, not in the result" in line
    assert "closed" not in (out / "README.md").read_text().split("---")[1]
    assert "All rights reserved" not in "".join(
        path.read_text()
        for path in sorted(out.rglob("*"))
        if path.suffix in (".txt", ".md", "") and path.is_file()
    )
    assert shop.run("check", "out").code == 0
    assert shop.run("ledger", "replay", "out").out.startswith("✓ same")


@pytest.mark.parametrize(
    "recipe",
    [
        two(1e-30),
        two([0, 0, 1e-9]),
        two([{"filter": "norm", "value": 0.001}, {"value": 0}]),
        # Config and tokenizer are those of the first model and of the base.
        linear(model("closed", weight=0), model("free", weight=1)),
        two(0, base_model="closed"),
        two(0, tokenizer_source="closed"),
        two(0, tokenizer_source="union"),
        two(0, chat_template="auto"),
        {
            "merge_method": "slerp",
            "models": [model("closed"), model("free")],
            "base_model": "closed",
            "parameters": {"t": 1},
        },
        {
            "merge_method": "task_arithmetic",
            "models": [model("free", weight=1), model("also", weight=1)],
            "base_model": "closed",
        },
        {"merge_method": "karcher", "models": [model("free"), model("closed")]},
    ],
    ids=str,
)
def test_what_may_be_in_the_result_binds_it(shop: Desk, recipe: dict[str, Any]) -> None:
    said = shop.run("check", shop.recipe(recipe))
    assert said.code == 3, said.err
    assert "COMMERCIAL_USE_FORBIDDEN" in said.err


@pytest.mark.parametrize("method", ["slerp", "task_arithmetic", "ties", "nearswap"])
def test_other_methods_leave_out_too(shop: Desk, method: str) -> None:
    own = {} if method in ("slerp", "nearswap") else {"weight": 0}
    shared = {"t": 0} if method in ("slerp", "nearswap") else {}
    recipe = {
        "merge_method": method,
        "base_model": "free",
        "models": [*([model("free")] if method == "slerp" else []), model("closed", **own)],
        "parameters": shared,
    }
    if method in ("task_arithmetic", "ties"):
        recipe["models"].insert(0, model("also", weight=1))  # type: ignore[attr-defined]
    said = shop.run("merge", shop.recipe(recipe), "out")
    assert said.code == 0, said.err


def stream(*recipes: dict[str, Any]) -> str:
    return "\n---\n".join(json.dumps(item) for item in recipes)


def test_what_an_earlier_recipe_leaves_out_is_left_out_of_the_whole(shop: Desk) -> None:
    first = {"name": "first", **two(0)}
    last = linear(model("first", weight=1), model("also", weight=1))
    recipe = shop.recipe(stream(first, last))
    said = shop.run("merge", recipe, "out")
    assert said.code == 0, said.err
    found = course(shop, recipe)
    assert [item.model for item in found.whole.decision.sources] == ["free", "also"]
    assert [item.model for item in found.decisions["first"].sources] == ["free"]


def test_an_earlier_result_of_weight_zero_is_left_out_with_all_inside(shop: Desk) -> None:
    """It must be permitted by itself, since it is made."""
    first = {"name": "first", **linear(model("closed", weight=1), model("also", weight=1))}
    last = linear(model("free", weight=1), model("first", weight=0))
    recipe = shop.recipe(stream(first, last))
    found = course(shop, recipe)
    assert found.whole.decision.verdict is Verdict.ATTRIBUTE
    assert found.decisions["first"].verdict is Verdict.BLOCK
    assert shop.run("merge", recipe, "out").code == 3
    first = {"name": "first", **linear(model("also", weight=1), model("b_bf16", weight=1))}
    shop.recipe(stream(first, last), "other.yml")
    said = shop.run("merge", "other.yml", "out")
    assert said.code == 0, said.err


def test_a_model_that_goes_in_by_another_way_counts(shop: Desk) -> None:
    first = {"name": "first", **linear(model("also", weight=1), model("closed", weight=1))}
    last = linear(model("first", weight=1), model("closed", weight=0))
    found = course(shop, shop.recipe(stream(first, last)))
    assert found.whole.decision.verdict is Verdict.BLOCK
    assert {item.model for item in found.whole.decision.sources} == {"also", "closed"}


def test_a_recipe_that_cannot_be_planned_is_asked_about_with_all(shop: Desk) -> None:
    recipe = shop.recipe(two(0, parameters={"normalize": True}) | {"dtype": "float32"})
    assert course(shop, recipe).idle
    broken = shop.recipe(two([{"filter": "no such tensor", "value": 0}]), "broken.yml")
    found = course(shop, broken)
    assert (found.idle, found.whole.decision.verdict) == ({}, Verdict.BLOCK)


def test_a_merge_that_finds_what_was_left_out_is_refused(shop: Desk) -> None:
    """Nothing is written and nothing recorded, should the plan ever be wrong."""
    recipe = shop.recipe(linear(model("free", weight=1), model("also", weight=1)))
    whole = recorded(course(shop, recipe)).whole
    wrong = replace(whole, idle=frozenset({"also"}))
    before, head = shop.things(), shop.head()
    job = Job(shop.path("out"), "x", 1, 10**9)
    with pytest.raises(MergeError, match="something of it is in the result") as error:
        make(wrong, plan_of(wrong, None), job, settings(shop), lambda _output: None)
    assert error.value.code is Code.BUG
    assert (shop.things(), shop.head()) == (before, head)


def test_a_recipe_in_the_folder_is_excused_by_the_ledger_alone(
    shop: Desk, empty_ledger: Path
) -> None:
    """A stranger's ledger, or a name that took no part, excuses nobody."""
    assert shop.run("merge", shop.recipe(two(0)), "out").code == 0
    assert shop.run("check", "out").code == 0
    shop.patch.setenv("EVOREG_LEDGER", f"sqlite:///{empty_ledger}")
    assert shop.run("check", "out").code != 0
    shop.patch.delenv("EVOREG_LEDGER")
    shop.copy("base", "other", README__md=card("cc-by-nc-4.0"))
    assert shop.run("model", "add", "other").code == 0
    file = shop.path("out") / "mergekit_config.yml"
    recipe = json.loads(file.read_text())
    recipe["models"].append({"model": "other", "parameters": {"weight": 0}})
    file.write_text(json.dumps(recipe))
    said = shop.run("check", "out")
    assert said.code == 3
    assert "closed" not in said.err


def test_a_result_does_not_carry_on_what_is_not_in_it(shop: Desk) -> None:
    assert shop.run("merge", shop.recipe(two(0)), "out").code == 0
    again = shop.recipe(linear(model("out", weight=1), model("also", weight=1)), "again.yml")
    said = shop.run("merge", again, "next")
    assert said.code == 0, said.err
    tight = shop.recipe(linear(model("out", weight=1), model("closed", weight=1)), "tight.yml")
    assert shop.run("merge", tight, "last").code == 3

"""The papers that a real merge leaves in its folder, checked as a stranger would check them."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from evoreg.policies.knowledge.book import load
from evoreg.policies.outbound import card_fields
from evoreg.provenance.papers import words
from evoreg.provenance.papers.folder import verify_folder
from evoreg.provenance.papers.license_texts import corpus, license_text
from evoreg.provenance.papers.record import RECORD, read_record
from evoreg.registry import settings
from tests.registry.desk import Desk

COPY = {"merge_method": "passthrough", "models": [{"model": "./a"}]}
RESEARCH = ("--intent", "research")
HALF = {"weight": 0.5}
MIX = {
    "merge_method": "linear",
    "models": [{"model": "./a", "parameters": HALF}, {"model": "./b", "parameters": HALF}],
}


def merged(desk: Desk, recipe: Any) -> Path:
    for name, tag in (("a", "apache-2.0"), ("b", "mit")):
        desk.copy(name, name, README__md=f"---\nlicense: {tag}\n---\n")
    said = desk.run("merge", desk.recipe(recipe), "out", "--intent", "research")
    assert said.code == 0, said.err
    return desk.path("out")


def test_a_copy_is_told_as_a_copy_and_passes(desk: Desk) -> None:
    place = merged(desk, COPY)
    assert verify_folder(place) == ()
    for path in ("README.md", "MODIFICATIONS.md"):
        text = (place / path).read_text("utf-8")
        assert words.SINGLE in text
        assert "changed by merging" not in text
    (place / "MODIFICATIONS.md").write_text(text.replace(words.SINGLE, words.CHANGED), "utf-8")
    assert [problem.where for problem in verify_folder(place)] == ["MODIFICATIONS.md"]


def test_the_card_has_the_licence_fields_that_policy_proposes(desk: Desk) -> None:
    place = merged(desk, MIX)
    assert verify_folder(place) == ()
    front = yaml.safe_load((place / "README.md").read_text("utf-8").split("---\n")[1])
    told = read_record((place / RECORD).read_bytes())
    fields = card_fields(told.decision.outbound, load())
    assert (front["license"], front["license_name"]) == (fields.license, fields.license_name)
    assert front["license_name"] == "apache-2.0-and-mit"
    assert (place / front["license_link"]).is_file()


@pytest.mark.parametrize("gone", ["NOTICE", "MODIFICATIONS.md", "README.md", "LICENSES"])
def test_attribute_passes_only_with_its_papers(desk: Desk, gone: str) -> None:
    place = merged(desk, COPY)
    target = place / gone
    target.rename(desk.path("away"))
    assert {problem.where.split("/")[0] for problem in verify_folder(place)} == {gone}


ADDED = """
Our only modification part is that, if the Software (or any derivative works
thereof) is used for any of your commercial products or services that have
more than 100 million monthly active users, or more than 20 million US dollars
(or equivalent in other currencies) in monthly revenue, you shall prominently
display "Kimi K2" on the user interface of such product or service.
"""


def rare_text() -> tuple[str, str]:
    """Return id and text of a licence that evoreg recognises and does not ship."""
    _, begin, granted = corpus()["MIT"].partition("Permission is hereby")
    text = f"Modified MIT License\n\nCopyright (c) 2025 The Root Makers\n\n{begin}{granted}{ADDED}"
    row = load().by_text(text.encode())
    assert row is not None
    assert license_text(row.expression) is None
    return row.expression, text


def test_a_licence_that_only_an_ancestor_is_under_comes_with_its_text(desk: Desk) -> None:
    """The root is gone, and the ledger alone holds the words of its licence and its notice."""
    wanted, text = rare_text()
    front = "---\nlicense: other\nlicense_name: modified-mit\n---\n"
    root = desk.copy("b", "root", README__md=front, LICENSE=text, NOTICE="Made by the root\n")
    assert desk.run("model", "add", root).code == 0
    shutil.rmtree(root)
    desk.copy("a", "tuned", README__md="---\nlicense: mit\n---\n")
    assert desk.run("model", "add", "./tuned").code == 0
    proof = ("--relation", "finetune", "--evidence", "https://example.org/how")
    said = desk.run("model", "parent", "tuned", "root", *proof)
    assert said.code == 0, said.err
    recipe = desk.recipe({"merge_method": "passthrough", "models": [{"model": "./tuned"}]})
    for command in (("check", recipe), ("merge", recipe, "out")):
        said = desk.run(*command, "--intent", "research")
        assert said.code == 0, said.err
    place = desk.path("out")
    assert (place / f"LICENSES/{wanted}.txt").read_text("utf-8") == text
    assert "    Made by the root" in (place / "NOTICE").read_text("utf-8")
    assert verify_folder(place) == ()


def test_what_an_ancestor_over_outputs_carries_is_not_shipped(desk: Desk) -> None:
    root = desk.copy("b", "root", README__md="---\nlicense: mit\n---\n", NOTICE="Of the root\n")
    assert desk.run("model", "add", root).code == 0
    desk.copy("a", "tuned", README__md="---\nlicense: mit\n---\n")
    assert desk.run("model", "add", "./tuned").code == 0
    proof = ("--relation", "distilled", "--evidence", "https://example.org/how")
    assert desk.run("model", "parent", "tuned", "root", *proof).code == 0
    recipe = desk.recipe({"merge_method": "passthrough", "models": [{"model": "./tuned"}]})
    assert desk.run("merge", recipe, "out").code == 0
    assert "Of the root" not in desk.path("out/NOTICE").read_text("utf-8")


def test_the_changes_say_when(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(day: str) -> None:
        monkeypatch.setattr(settings, "now", lambda: datetime.fromisoformat(f"{day}T12:00:00Z"))

    at("2026-03-01")
    first = merged(desk, COPY)
    changes = (first / "MODIFICATIONS.md").read_text("utf-8")
    assert "| date | 2026-03-01 |" in changes
    assert desk.run("merge", "recipe.yml", "again", "--name", "out", *RESEARCH).code == 0
    for path in sorted(item for item in first.rglob("*") if item.is_file()):
        assert (
            desk.path("again").joinpath(path.relative_to(first)).read_bytes() == path.read_bytes()
        )
    at("2026-03-02")
    assert desk.run("merge", "recipe.yml", "later", "--name", "out", *RESEARCH).code == 0
    later = desk.path("later/MODIFICATIONS.md").read_text("utf-8")
    assert later == changes.replace("2026-03-01", "2026-03-02")
    kinds = [entry.kind for entry in desk.entries()]
    assert (kinds.count("candidate"), kinds.count("decision"), kinds.count("release")) == (1, 2, 2)


def test_private_figures_stay_in_the_ledger(desk: Desk) -> None:
    desk.copy("a", "a", README__md="---\nlicense: mit\n---\n")
    figures = ("--users", "7654321", "--revenue", "87654321")
    assert desk.run("merge", desk.recipe(COPY), "out", *figures, "--domicile", "JP").code == 0
    for path in sorted(item for item in desk.path("out").rglob("*") if item.is_file()):
        data = path.read_bytes()
        held = [
            word
            for word in (b"7654321", b"7,654,321", b"the tests", bytes(desk.folder))
            if word in data
        ]
        assert (path.name, held) == (path.name, [])
    bodies = [entry.body for entry in desk.entries() if "7654321" in entry.body]
    assert len(bodies) == 1  # the inquiry of the decision, which replay needs

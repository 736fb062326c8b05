"""What `evoreg check` prints: blocked, in review, owed, drifting, several targets, at two widths.

``EVOREG_UPDATE_GOLDENS=1`` writes the transcripts anew; look at the difference before keeping it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from evoreg.registry.settings import evoreg_version
from tests.registry.desk import Desk, card

GOLDENS = Path(__file__).with_name("goldens")
RECIPE = """# what we ship in March
merge_method: linear
models:
  - model: ./{first}
    parameters: {{weight: 0.6}}
  - model: ./{second}   # 40 %
    parameters: {{weight: 0.4}}
"""


def place(desk: Desk, cards: Mapping[str, str], first: str, second: str) -> None:
    """Put models and a recipe of two of them onto the desk."""
    for name, text in cards.items():
        desk.copy("a" if name == first else "b", name, README__md=text)
    desk.recipe(RECIPE.format(first=first, second=second))


def told(desk: Desk, *arguments: str) -> str:
    """What a command prints, with what changes from day to day taken out."""
    said = desk.run(*arguments)
    text = (
        f"$ evoreg {' '.join(arguments)}\n--- stdout\n{said.out}--- stderr\n{said.err}"
        f"--- exit {said.code}\n"
    )
    assert "\x1b" not in text
    text = text.replace(evoreg_version(), "VERSION").replace(str(desk.folder), "FOLDER")
    text = re.sub(r"version(\s+)[\d.-]+(\s+)on(\s+)\d{4}-\d\d-\d\d", r"version\1V\2on\3DAY", text)
    return re.sub(r"sha256[: ][0-9a-f]{6,64}", "sha256:DIGEST", text)


def compare(name: str, text: str) -> None:
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("EVOREG_UPDATE_GOLDENS") == "1":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.fixture(params=["80", "120"])
def width(request: pytest.FixtureRequest, desk: Desk) -> str:
    desk.patch.setenv("NO_COLOR", "1")
    desk.patch.setenv("COLUMNS", request.param)
    found: str = request.param
    return found


def test_a_blocked_recipe(desk: Desk, width: str) -> None:
    place(desk, {"math": card("mit"), "prose": card("cc-by-nc-4.0")}, "math", "prose")
    compare(f"check-block-{width}", told(desk, "check", "recipe.yml", "--name", "mathja-7b"))


def test_a_review(desk: Desk, width: str) -> None:
    place(desk, {"math": card("mit"), "Llama-b": card("llama3.1")}, "math", "Llama-b")
    compare(f"check-review-{width}", told(desk, "check", "recipe.yml", "--name", "Llama-x"))


def test_duties(desk: Desk, width: str) -> None:
    place(desk, {"math": card("apache-2.0"), "prose": card("mit")}, "math", "prose")
    compare(f"check-attribute-{width}", told(desk, "check", "recipe.yml"))


def drift(desk: Desk) -> None:
    """A model whose card is laxer than that of the model that its own base came from."""
    cards = {
        "root": card("cc-by-nc-4.0"),
        "mid": card("mit", "base_model: root"),
        "washed": card("mit", "base_model: mid"),
        "plain": card("mit"),
    }
    place(desk, cards, "plain", "washed")
    tensors = desk.path("root") / "model.safetensors"
    for name in ("root", "mid"):  # weights of their own
        data = bytearray(tensors.read_bytes())
        data[-1 if name == "root" else -2] ^= 1
        (desk.path(name) / "model.safetensors").write_bytes(data)
        assert desk.run("model", "add", name).code == 0


def test_a_drift_over_three_models(desk: Desk, width: str) -> None:
    drift(desk)
    text = told(desk, "check", "recipe.yml", "--name", "fresh", "--all-intents")
    assert "LINEAGE_CONFLICT" in text
    assert re.search(
        r"= path: fresh <- washed <- mid \(ledger entry 2\) <- root \(ledger entry 1\)", text
    )
    compare(f"check-drift-{width}", text)


def test_several_targets(desk: Desk, width: str) -> None:
    place(desk, {"math": card("mit"), "prose": card("cc-by-nc-4.0")}, "math", "prose")
    arguments = ("check", "recipe.yml", "math", "absent.yml")
    compare(f"check-several-{width}", told(desk, *arguments))


def test_markdown(desk: Desk) -> None:
    drift(desk)
    arguments = ("check", "recipe.yml", "washed", "no.yml", "--format", "markdown")
    compare("check-markdown", told(desk, *arguments))

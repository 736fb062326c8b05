"""`evoreg check` on models of the Hub: the real client, a small Hub, and no weights fetched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import HubServer
from tests.registry.desk import MODELS, Desk, Said, card, linear, model, process


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def publish(hub: HubServer, name: str, source: str, text: str) -> str:
    """Put a tiny model onto the Hub; return its commit."""
    files = {path.name: path.read_bytes() for path in sorted((MODELS / source).iterdir())}
    return hub.create(name).commit({**files, "README.md": text.encode()})


def check(desk: Desk, hub: HubServer, *arguments: str | Path) -> Said:
    return process(
        desk.folder,
        "check",
        *arguments,
        HF_ENDPOINT=hub.endpoint,
        HF_HUB_CACHE=str(desk.path("cache")),
        HF_HUB_OFFLINE="0",
        HF_HUB_DISABLE_TELEMETRY="1",
    )


def fetched(hub: HubServer) -> list[str]:
    """The requests for the content of weights."""
    return [line for line in hub.log if line.startswith("GET") and "safetensors" in line]


def test_a_model_of_the_hub_is_judged_with_its_parents(desk: Desk, hub: HubServer) -> None:
    publish(hub, "org/root", "a", card("cc-by-nc-4.0"))
    commit = publish(hub, "org/child", "b", card("mit", "base_model: org/root"))
    said = check(desk, hub, "org/child", "--format", "text")
    assert (said.code, said.out) == (3, "block: commercial\n")
    assert f"= path: org/child@{commit[:7]} <- org/root@" in " ".join(said.err.split())
    assert fetched(hub) == []
    sarif = check(desk, hub, f"org/child@{commit}", "--format", "sarif").json
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith(f"/org/child/blob/{commit}/README.md")


def test_a_recipe_of_the_hub_is_judged_by_papers(desk: Desk, hub: HubServer) -> None:
    publish(hub, "org/free", "b", card("mit"))
    recipe = desk.recipe(linear(model("a", weight=1), model("org/free", weight=1)))
    said = check(desk, hub, recipe)
    assert (said.code, said.out) == (0, "attribute: commercial\n")
    assert "warning[EVO-I001]: the weights of org/free@" in said.err
    assert fetched(hub) == []
    (target,) = check(desk, hub, recipe, "--json").json["targets"]
    assert "tensors" not in target

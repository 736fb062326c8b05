"""What the tests of tasks share: small models on every device that is there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from evoreg.evolve.tasks.task import Player
from tests.tasks.asking import DEMO, player_of

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Every device that is there."""
    return str(request.param)


@pytest.fixture(scope="session")
def pocket(device: str) -> Player:
    """A trained Llama of half a million weights that writes and stops."""
    return player_of(DEMO / "models" / "pocket-ja", device)


@pytest.fixture(scope="session")
def absolute(device: str) -> Player:
    """A random GPT-2: learnt positions, which end with its window."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=96,
        n_positions=24,
        n_embd=16,
        n_layer=2,
        n_head=2,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = GPT2LMHeadModel(config).eval().to(device)
    tokenizer = player_of(DEMO / "models" / "pocket-ja", "cpu").tokenizer
    return Player(model, tokenizer, device)


@pytest.fixture(scope="session")
def models(pocket: Player, absolute: Player) -> dict[str, Player]:
    """Both by name."""
    return {"pocket": pocket, "absolute": absolute}


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """A folder with sums.jsonl: sixty problems that pocket-ja was trained for."""
    lines = (DEMO / "japanese-maths-test.jsonl").read_text("utf-8").splitlines()[:60]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines), "utf-8")
    return tmp_path

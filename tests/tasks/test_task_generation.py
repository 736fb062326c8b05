"""Greedy replies: those of a naive loop, whatever the batch; when they end, and when they fail."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evoreg.evolve.tasks.encoding import encode
from evoreg.evolve.tasks.generate import Limits, Reply, repeats, replies
from evoreg.evolve.tasks.task import Player
from evoreg.provenance.records.errors import EvaluationError, RecipeError, UsageError
from tests.tasks.asking import DEMO, every, task_of, write_lines

LINES = (DEMO / "japanese-maths-test.jsonl").read_text("utf-8").splitlines()
ROWS = [json.loads(line) for line in LINES[:40]]
# Of many lengths, so that batches are padded.
PROMPTS = [row["prompt"] for row in ROWS[:20]] + [
    " ".join(row["prompt"].split()[at % 7 :]) for at, row in enumerate(ROWS[20:])
]


@torch.inference_mode()
def _naive(player: Player, prompt: Sequence[int], most: int) -> list[int]:
    """Write one token after the other, alone and without a cache."""
    tokens, written = list(prompt), []
    for _ in range(most):
        ids = torch.tensor([tokens], device=player.device)
        token = int(player.model(input_ids=ids).logits[0, -1].argmax())
        if token == player.tokenizer.eos_token_id:
            break
        written.append(token)
        tokens.append(token)
    return written


@pytest.mark.parametrize("model", ["pocket", "absolute"])
def test_replies_are_those_of_a_naive_loop(model: str, models: dict[str, Player]) -> None:
    player = models[model]
    cut, most = {"pocket": (64, 20), "absolute": (18, 6)}[model]
    prompts = [tokens[:cut] for tokens in encode(player, PROMPTS[::4], special=True)]
    found = replies(player, prompts, Limits(most, rows=7))
    assert [list(reply.tokens) for reply in found] == [_naive(player, p, most) for p in prompts]
    if model == "pocket":
        assert sum(len(reply.tokens) < most for reply in found) > 0


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_the_size_of_a_batch_changes_no_reply(pocket: Player, rows: int) -> None:
    prompts = encode(pocket, PROMPTS[8:32:2], special=True)
    whole = replies(pocket, prompts, Limits(16, rows=5))
    assert replies(pocket, prompts, Limits(16, rows=rows)) == whole
    backwards = replies(pocket, prompts[::-1], Limits(16, rows=rows))
    assert backwards[::-1] == whole


def test_the_library_writes_the_same(pocket: Player) -> None:
    given = pocket.tokenizer(PROMPTS, padding=True, return_tensors="pt").to(pocket.device)
    tokens = pocket.model.generate(**given, do_sample=False, max_new_tokens=20)
    texts = pocket.tokenizer.batch_decode(
        tokens[:, given["input_ids"].shape[1] :], skip_special_tokens=True
    )
    found = replies(pocket, encode(pocket, PROMPTS, special=True), Limits(20))
    assert [reply.text for reply in found] == texts


def test_a_model_folder_decides_nothing_about_decoding(pocket: Player) -> None:
    prompts = encode(pocket, PROMPTS[:4], special=True)
    before = replies(pocket, prompts, Limits(20))
    config = pocket.model.generation_config
    try:
        config.do_sample, config.temperature, config.repetition_penalty = True, 5.0, 9.0
        assert replies(pocket, prompts, Limits(20)) == before
    finally:
        config.do_sample, config.temperature, config.repetition_penalty = None, None, None


def test_a_budget_cuts_a_reply_off(pocket: Player) -> None:
    prompts = encode(pocket, PROMPTS[:20], special=True)
    whole = replies(pocket, prompts, Limits(24))
    lengths = [len(reply.tokens) for reply in whole]
    assert min(lengths) < max(lengths) < 24
    most = sorted(lengths)[10]
    for short, reply in zip(replies(pocket, prompts, Limits(most)), whole, strict=True):
        assert short.tokens == reply.tokens[:most]
        # One that has written all its tokens had no room left to say that it ends.
        assert short.truncated == (len(reply.tokens) >= most)
    assert not any(reply.truncated for reply in whole)


def test_a_stop_text_ends_a_reply_and_is_no_part_of_it(pocket: Player) -> None:
    prompts = encode(pocket, PROMPTS[:20], special=True)
    whole = replies(pocket, prompts, Limits(24))
    stopped = replies(pocket, prompts, Limits(24, stop=("こたえ", "never")))
    for reply, short in zip(whole, stopped, strict=True):
        before, found, _ = reply.text.partition("こたえ")
        assert found
        assert short.text == before
        assert not short.truncated
        assert len(short.tokens) < len(reply.tokens)


def test_a_stop_text_at_the_end_of_the_budget_is_no_cut(pocket: Player) -> None:
    (prompt,) = encode(pocket, PROMPTS[:1], special=True)
    (stopped,) = replies(pocket, [prompt], Limits(24, stop=("こたえ",)))
    budget = len(stopped.tokens)
    assert replies(pocket, [prompt], Limits(budget, stop=("こたえ",))) == (stopped,)
    assert replies(pocket, [prompt], Limits(budget))[0].truncated


def test_a_special_token_may_be_a_stop_text(absolute: Player) -> None:
    prompts = [(1, at, 9) for at in range(4, 40)]
    free = replies(absolute, prompts, Limits(12))
    piece = next(reply.tokens[3] for reply in free if len(reply.tokens) > 4)
    stop = absolute.tokenizer.decode([piece])
    for reply in replies(absolute, prompts, Limits(12, stop=(stop,))):
        assert stop not in reply.text


def test_a_reply_ends_with_the_window(absolute: Player) -> None:
    prompts = [(1, *range(4, 4 + length)) for length in (3, 17, 20, 22)]
    found = replies(absolute, prompts, Limits(1000))
    for prompt, reply in zip(prompts, found, strict=True):
        assert list(reply.tokens) == _naive(absolute, prompt, 24 - len(prompt))
    assert found[3].truncated or len(found[3].tokens) == 0
    with pytest.raises(EvaluationError, match="leaves no room in a window of 24"):
        replies(absolute, [(1,) * 24], Limits(4))


def test_a_prompt_may_be_empty(pocket: Player) -> None:
    (reply,) = replies(pocket, [()], Limits(4))
    assert list(reply.tokens) == _naive(pocket, [1], 4)
    assert replies(pocket, [], Limits(4)) == ()


class _Forgetful(torch.nn.Module):
    """A model without a cache, without positions, and with all logits at all times."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.config = model.config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        places = (attention_mask.cumsum(1) - 1).clamp(min=0)
        out = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=places, use_cache=False
        )
        return SimpleNamespace(logits=out.logits)


def test_a_model_needs_no_cache(pocket: Player) -> None:
    plain = Player(_Forgetful(pocket.model), pocket.tokenizer, pocket.device)
    prompts = encode(pocket, PROMPTS[:6], special=True)
    assert replies(plain, prompts, Limits(16)) == replies(pocket, prompts, Limits(16))


def test_numbers_that_are_not_finite_fail_the_candidate(sums: Path, pocket: Player) -> None:
    task = task_of(sums, {"path": "sums.jsonl"}, max_new_tokens=4)
    weight = pocket.model.get_input_embeddings().weight
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight[5:] = float("nan")
        with pytest.raises(EvaluationError, match="not finite"):
            task.answers(pocket, "test", [0, 1], soft=False)
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_tokens_that_the_model_does_not_know_fail_the_candidate(absolute: Player) -> None:
    if absolute.device != "cpu":
        pytest.skip("a card that was given a wrong place answers nothing any more")
    with pytest.raises(EvaluationError, match="fails on its input"):
        replies(absolute, [(1, 96)], Limits(4))


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], False),
        ([5] * 7, False),
        ([5] * 8, True),
        ([1, 2] * 4, True),
        ([1, 2, 3] * 4, True),
        ([9, 8, 7, 6, 5, 4, 3, 2] + [1, 2] * 4, True),
        (list(range(40)), False),
        ([1, 2] * 20 + list(range(41)), False),
        (list(range(20)) * 2, False),
    ],
)
def test_repetition_is_seen(tokens: list[int], expected: bool) -> None:
    assert repeats(tokens) == expected


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.lists(st.integers(0, 9), max_size=9))
def test_a_piece_again_and_again_is_repetition(piece: list[int], before: list[int]) -> None:
    assert repeats(before + piece * 40)


def test_an_empty_reply_is_degenerate() -> None:
    assert Reply(" \n", (5,), False).degenerate
    assert not Reply("x", (5,), False).degenerate


def test_answers_tell_what_happened(sums: Path, pocket: Player) -> None:
    task = task_of(sums, {"path": "sums.jsonl", "fractions": (0, 0, 1)}, max_new_tokens=24)
    answers = task.answers(pocket, "test", every(task, "test"), soft=False)
    assert 5 < sum(answer.value for answer in answers) < 55
    assert {answer.value for answer in answers} == {0.0, 1.0}
    assert task.total([answer.value for answer in answers]) == sum(a.value for a in answers) / 60
    assert all(answer.soft is None and answer.tokens > 4 for answer in answers)
    assert not any(answer.truncated or answer.degenerate or answer.foreign for answer in answers)
    some = [31, 4, 4, 17]
    assert task.answers(pocket, "test", some, soft=False) == tuple(answers[at] for at in some)
    with pytest.raises(UsageError):
        task.answers(pocket, "test", [60], soft=False)
    with pytest.raises(UsageError):
        task.answers(pocket, "test", [0], soft=False, variant=1)


def test_a_right_answer_in_the_wrong_language_is_wrong(sums: Path, pocket: Player) -> None:
    data = {"path": "sums.jsonl", "fractions": (0, 0, 1), "limit": 20}
    form = {"max_new_tokens": 24}
    plain, ja, en = (task_of(sums, data, language=code, **form) for code in (None, "ja", "en"))
    places = every(plain, "test")
    values = [
        [answer.value for answer in task.answers(pocket, "test", places, soft=False)]
        for task in (plain, ja, en)
    ]
    assert values[0] == values[1]
    assert 0 < sum(values[0]) < 20
    assert set(values[2]) == {0.0}
    assert all(answer.foreign for answer in en.answers(pocket, "test", [0], soft=False))


def test_a_number_in_digits_alone_is_in_no_language(tmp_path: Path, pocket: Player) -> None:
    row = {**ROWS[0], "answer": ROWS[0]["answer"].split("=")[1].split(".")[0].strip()}
    write_lines(tmp_path / "a.jsonl", [row])
    form = {"metric": "number", "stop": (".",), "max_new_tokens": 20}
    task = task_of(tmp_path, {"test": "a.jsonl"}, language="ja", **form)
    (answer,) = task.answers(pocket, "test", [0], soft=False)
    assert answer.foreign
    assert answer.value == 0.0


def test_a_reply_in_another_language_is_never_the_best(sums: Path) -> None:
    with pytest.raises(RecipeError, match="another language has the value 0"):
        task_of(sums, {"test": "a.jsonl"}, language="ja", maximise=False)

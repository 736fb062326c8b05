"""Likelihoods are those that a hand computes: soft scores, choices and perplexity."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from evoreg.evolve.tasks import likelihood
from evoreg.evolve.tasks.choice import ChoiceTask
from evoreg.evolve.tasks.encoding import encode
from evoreg.evolve.tasks.itemised import ItemisedTask
from evoreg.evolve.tasks.likelihood import Asked, likelihoods
from evoreg.evolve.tasks.prompts import divided
from evoreg.evolve.tasks.task import Player, Task
from evoreg.provenance.records.errors import Code, EvaluationError, InputError, RecipeError
from tests.tasks.asking import every, task_of, write_lines


@torch.inference_mode()
def _nats(player: Player, context: Sequence[int], target: Sequence[int]) -> list[float]:
    """Return the logarithm of each token's probability, one pass for each, nothing padded."""
    found = []
    for at, token in enumerate(target):
        ids = torch.tensor([[*context, *target[:at]]], device=player.device)
        logits = player.model(input_ids=ids).logits[0, -1].double()
        found.append(float(logits.log_softmax(0)[token]))
    return found


def _items(task: Task) -> Any:
    assert isinstance(task, ItemisedTask)
    return task.splits["test"].items


@pytest.mark.parametrize("rows", [1, 4, 64])
@pytest.mark.parametrize("model", ["pocket", "absolute"])
def test_a_likelihood_is_the_product_of_its_tokens(
    model: str, rows: int, models: dict[str, Player]
) -> None:
    player = models[model]
    asked = [
        Asked((1, *range(4, 4 + before)), tuple(range(20, 20 + length)))
        for before, length in [(1, 3), (5, 1), (2, 8), (9, 4), (5, 1), (0, 2)]
    ]
    found = likelihoods(player, [*asked, Asked((1, 4), ())], rows)
    for each, told in zip(asked, found[:-1], strict=True):
        nats = _nats(player, each.context, each.target)
        assert told.nats == pytest.approx(sum(nats), abs=2e-4)
        assert told.mean == pytest.approx(sum(nats) / len(nats), abs=2e-4)
        assert told.tokens == len(nats)
    assert (found[-1].nats, found[-1].tokens, found[-1].mean) == (0.0, 0, 0.0)
    assert likelihoods(player, [], rows) == ()


def test_what_a_model_would_write_is_greedy(pocket: Player) -> None:
    context = encode(
        pocket, ["たろう は りんご に こ いち こ もらった 。 いくつ か =>"], special=True
    )[0]
    ids = torch.tensor([context], device=pocket.device)
    token = int(pocket.model(input_ids=ids).logits[0, -1].argmax())
    other = (token + 1) % 96
    found = likelihoods(pocket, [Asked(context, (token,)), Asked(context, (other,))], 8)
    assert [each.greedy for each in found] == [True, False]


def test_little_memory_changes_no_likelihood(
    pocket: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [Asked((1, at), (at + 1, at + 2)) for at in range(4, 30)]
    whole = likelihoods(pocket, asked, 64)
    monkeypatch.setattr(likelihood, "_NUMBERS", 96 * 2 * 3)
    parts = likelihoods(pocket, asked, 64)
    assert [each.nats for each in parts] == pytest.approx([each.nats for each in whole], abs=1e-5)


def test_a_text_must_fit_into_the_window(absolute: Player) -> None:
    likelihoods(absolute, [Asked((1,) * 20, (5,) * 5)], 4)
    with pytest.raises(EvaluationError, match="25 tokens, in a window of 24"):
        likelihoods(absolute, [Asked((1,) * 20, (5,) * 6)], 4)


def test_tokens_over_the_border_belong_to_the_answer() -> None:
    assert divided((1, 2, 3), (1, 2, 3, 4)) == ((1, 2, 3), (4,))
    assert divided((1, 2, 3), (1, 2, 9, 4)) == ((1, 2), (9, 4))
    assert divided((1, 2), (1, 2)) == ((1,), (2,))
    assert divided((), (5,)) == ((), (5,))


@pytest.mark.parametrize("batch", [1, 7])
def test_the_soft_score_is_that_of_the_right_answer_and_its_end(
    sums: Path, pocket: Player, batch: int
) -> None:
    data = {"path": "sums.jsonl", "limit": 5, "fractions": (0, 0, 1)}
    task = task_of(sums, data, max_new_tokens=20, batch=batch)
    answers = task.answers(pocket, "test", every(task, "test"), soft=True)
    for item, answer in zip(_items(task), answers, strict=True):
        context, target = encode(pocket, [item.prompt, item.answer], special=False)
        nats = _nats(pocket, (1, *context), (*target, 2))
        assert answer.soft == pytest.approx(sum(nats) / len(nats), abs=1e-4)
        assert answer.soft is not None
        assert answer.soft <= 0
    assert len({answer.soft for answer in answers}) == 5


ASKED: list[dict[str, Any]] = [
    {"q": "3 +", "options": ["1", "2 2 2", "さん"], "right": 2},
    {"q": "いくつ", "options": ["か", "こ もらった", "1 1"], "right": "か"},
    {"q": "たろう は", "options": ["りんご", "ほん さん", "="], "right": "B"},
    {"q": "=>", "options": ["1", "2", "3", "4"], "right": 0},
]


def _choices(folder: Path, **form: Any) -> Task:
    write_lines(folder / "c.jsonl", ASKED)
    more = {"prompt": "{{ q }}", "choices": "{{ options }}", "answer": "{{ right }}"}
    return task_of(
        folder, {"test": "c.jsonl"}, kind="choice", metric="accuracy", **{**more, **form}
    )


@pytest.mark.parametrize("normalise", ["none", "characters", "tokens"])
@pytest.mark.parametrize("batch", [1, 64])
def test_the_likeliest_choice_is_taken(
    tmp_path: Path, pocket: Player, normalise: str, batch: int
) -> None:
    task = _choices(tmp_path, normalise=normalise, batch=batch)
    answers = task.answers(pocket, "test", every(task, "test"), soft=True)
    chosen = []
    for item, answer in zip(_items(task), answers, strict=True):
        context = encode(pocket, [item.prompt], special=True)[0]
        every_nats = [
            _nats(pocket, context, encode(pocket, [choice], special=False)[0])
            for choice in item.choices
        ]
        sizes = {
            "none": [1] * len(item.choices),
            "characters": [len(choice) for choice in item.choices],
            "tokens": [len(nats) for nats in every_nats],
        }[normalise]
        scores = [sum(nats) / size for nats, size in zip(every_nats, sizes, strict=True)]
        best = scores.index(max(scores))
        chosen.append(item.choices[best])
        assert answer.reply == item.choices[best]
        assert answer.value == float(best == item.right)
        right = every_nats[item.right]
        assert answer.soft == pytest.approx(sum(right) / len(right), abs=1e-4)
    assert task.total([answer.value for answer in answers]) in (0.0, 0.25, 0.5, 0.75, 1.0)


def test_normalising_matters(tmp_path: Path, pocket: Player) -> None:
    replies = {
        normalise: tuple(
            answer.reply
            for answer in _choices(tmp_path, normalise=normalise).answers(
                pocket, "test", range(4), soft=False
            )
        )
        for normalise in ("none", "tokens")
    }
    assert replies["none"] != replies["tokens"]


def test_of_equal_choices_the_first_counts(tmp_path: Path, pocket: Player) -> None:
    # Words that the tokenizer does not know are one and the same token to it.
    row = {"q": "3 +", "options": ["blue", "green", "red"], "right": "green"}
    write_lines(tmp_path / "c.jsonl", [row])
    form = {"prompt": "{{ q }}", "choices": "options", "answer": "{{ right }}"}
    task = task_of(tmp_path, {"test": "c.jsonl"}, kind="choice", metric="accuracy", **form)
    (answer,) = task.answers(pocket, "test", [0], soft=False)
    assert (answer.reply, answer.value) == ("blue", 0.0)


@pytest.mark.parametrize(
    ("choices", "answer"),
    [
        ("options", "{{ right }}"),
        ("{{ options }}", "{{ options[2] }}"),
        ("{{ options[0] }}|||{{ options[1] }}|||{{ options[2] }}", "C"),
        ("{{ options }}", "2"),
    ],
)
def test_choices_and_answer_are_told_in_several_ways(
    tmp_path: Path, choices: str, answer: str
) -> None:
    write_lines(tmp_path / "c.jsonl", ASKED[:1])
    form = {"prompt": "{{ q }}", "choices": choices, "answer": answer}
    task = task_of(tmp_path, {"test": "c.jsonl"}, kind="choice", metric="accuracy", **form)
    assert isinstance(task, ChoiceTask)
    (item,) = task.splits["test"].items
    assert (item.choices, item.right, item.answer) == (("1", "2 2 2", "さん"), 2, "さん")


@pytest.mark.parametrize(
    "row",
    [
        {"options": ["a", "b"], "right": "c"},
        {"options": ["a", "b"], "right": 2},
        {"options": ["a", "b"], "right": -1},
        {"options": ["a", "b"], "right": True},
        {"options": ["a", "a"], "right": 0},
        {"options": ["a"], "right": 0},
        {"options": ["a", " "], "right": 0},
        {"options": "ab", "right": 0},
    ],
)
def test_choices_that_cannot_be_meant_are_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    write_lines(tmp_path / "c.jsonl", [{"q": "x", **row}])
    form = {"prompt": "{{ q }}", "choices": "options", "answer": "{{ right }}"}
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, {"test": "c.jsonl"}, kind="choice", metric="accuracy", **form)
    assert caught.value.code is Code.DATA_ITEM


TEXTS = ["たろう は りんご に こ もらった 。", "3 + 4 = 7 .", "いくつ か"]


def test_perplexity_is_that_of_the_tokens(tmp_path: Path, pocket: Player) -> None:
    write_lines(tmp_path / "t.jsonl", [{"text": text} for text in TEXTS])
    task = task_of(
        tmp_path, {"test": "t.jsonl"}, kind="perplexity", metric="perplexity", answer="{{ text }}"
    )
    assert not task.maximise
    answers = task.answers(pocket, "test", range(3), soft=True)
    means = []
    for item, answer in zip(_items(task), answers, strict=True):
        nats = _nats(pocket, [1], encode(pocket, [item.answer], special=False)[0])
        means.append(-sum(nats) / len(nats))
        assert answer.value == pytest.approx(means[-1], abs=1e-4)
        assert answer.soft == -answer.value
    total = task.total([answer.value for answer in answers])
    assert total == pytest.approx(math.exp(sum(means) / 3), rel=1e-4)
    assert total > 1
    assert task.total([]) == 1.0
    assert math.isfinite(task.total([1e6]))


def test_a_prompt_before_a_text_is_not_measured(tmp_path: Path, pocket: Player) -> None:
    write_lines(tmp_path / "t.jsonl", [{"prompt": "3 + 4 =", "answer": "7 . こたえ"}])
    task = task_of(tmp_path, {"test": "t.jsonl"}, kind="perplexity", metric="perplexity")
    (answer,) = task.answers(pocket, "test", [0], soft=False)
    context, target = encode(pocket, ["3 + 4 =", "7 . こたえ"], special=False)
    nats = _nats(pocket, (1, *context), target)
    assert answer.value == pytest.approx(-sum(nats) / len(nats), abs=1e-4)


def test_a_text_longer_than_the_window_is_measured_in_parts(
    tmp_path: Path, absolute: Player
) -> None:
    text = " ".join(TEXTS * 5)
    write_lines(tmp_path / "t.jsonl", [{"answer": text}])
    task = task_of(tmp_path, {"test": "t.jsonl"}, kind="perplexity", metric="perplexity")
    (answer,) = task.answers(absolute, "test", [0], soft=False)
    tokens = encode(absolute, [text], special=False)[0]
    assert len(tokens) > 48
    nats: list[float] = []
    for at in range(0, len(tokens), 24):
        before = tokens[at - 1 : at] if at else (1,)
        nats += _nats(absolute, before, tokens[at : at + 24])
    assert answer.value == pytest.approx(-sum(nats) / len(tokens), abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("choice", {"metric": "number"}),
        ("perplexity", {"metric": "rouge_l"}),
        ("perplexity", {"metric": "perplexity", "chat": True}),
        ("perplexity", {"metric": "perplexity", "fewshot": 1}),
        ("generate", {"metric": "accuracy"}),
        ("generate", {"language": "klingon"}),
        ("generate", {"stop": ("",)}),
        ("python", {"metric": "value", "soft": 0.5}),
        ("lm-eval", {"metric": "acc,none", "task": "x", "soft": 0.5}),
    ],
)
def test_settings_without_a_use_are_refused(tmp_path: Path, kind: str, form: Any) -> None:
    with pytest.raises(RecipeError) as caught:
        task_of(tmp_path, {"test": "none.jsonl"}, kind=kind, **form)
    assert caught.value.code is Code.RECIPE_VALUE


@pytest.mark.parametrize("odd", [None, {"text": "b"}, ["b"]])
def test_a_choice_is_text_or_a_number(tmp_path: Path, odd: object) -> None:
    row = {"prompt": "a", "choices": ["a", odd], "answer": 0}
    write_lines(tmp_path / "c.jsonl", [row])
    with pytest.raises(InputError, match="neither text nor number"):
        task_of(tmp_path, {"path": "c.jsonl"}, kind="choice", metric="accuracy")

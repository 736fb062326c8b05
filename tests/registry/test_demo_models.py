"""The demo models keep their promise: two parents that cannot, and a merge that can."""

import json
import math
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from evoreg.registry.demo import (
    demo_folder,
    models_folder,
    problems_file,
    recipe_file,
    refused_recipe_file,
)
from evoreg.registry.demo.evaluate import Accuracy, Problem, exact_match, read_problems
from examples.demo_models.world import (
    ENGLISH,
    JAPANESE,
    Language,
    Scene,
    Sum,
    maths_question,
    split_sums,
    vocabulary,
)

MODELS = models_folder()
README = Path(__file__).parents[2] / "examples" / "demo_models" / "README.md"
LICENCES = {
    "pocket-base": "apache-2.0",
    "pocket-math": "mit",
    "pocket-ja": "cc-by-4.0",
    "pocket-ja-nc": "cc-by-nc-4.0",
}
SEED = 1
"""The seed that the shipped models were made with."""


@cache
def problems() -> tuple[Problem, ...]:
    return read_problems(problems_file())


@cache
def accuracy(name: str) -> Accuracy:
    return exact_match(MODELS / name, problems())


def merge(recipe: Path, out: Path) -> Path:
    """Task arithmetic as its definition says it, independent of the merge engine."""
    asked = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    folder = recipe.parent
    base = load_file(folder / asked["base_model"] / "model.safetensors")
    merged = {name: each.float() for name, each in base.items()}
    for part in asked["models"]:
        expert = load_file(folder / part["model"] / "model.safetensors")
        for name, each in expert.items():
            delta = each.float() - base[name].float()
            merged[name] += part["parameters"]["weight"] * delta
    shutil.copytree(folder / asked["base_model"], out)
    rounded = {name: each.to(torch.bfloat16) for name, each in merged.items()}
    save_file(rounded, out / "model.safetensors", metadata={"format": "pt"})
    return out


def promised() -> dict[str, float]:
    """The accuracies in Japanese that the README states, in per cent."""
    rows = re.findall(r"^\| `(pocket-\S+)` \| (\d+\.\d)", README.read_text("utf-8"), re.MULTILINE)
    return {name: float(percent) for name, percent in rows}


@pytest.mark.parametrize("name", LICENCES)
def test_tokenizer_round_trips_every_text(name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / name, local_files_only=True)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    assert tokenizer.get_vocab() == {word: place for place, word in enumerate(vocabulary())}
    for problem in problems():
        for text in (problem.prompt, problem.answer):
            tokens = tokenizer(text)["input_ids"]
            assert tokenizer.unk_token_id not in tokens
            assert tokenizer.decode(tokens, skip_special_tokens=True) == text


@pytest.mark.parametrize("name", LICENCES)
def test_models_are_as_good_as_the_readme_says(name: str) -> None:
    # Another processor rounds differently and may turn a close call.
    assert 100 * accuracy(name).fraction == pytest.approx(promised()[name], abs=2.0)


def test_merge_is_clearly_better_than_both_parents(tmp_path: Path) -> None:
    merged = exact_match(merge(recipe_file(), tmp_path / "merged"), problems())
    for name in ("pocket-math", "pocket-ja"):
        parent = accuracy(name)
        error = math.hypot(merged.standard_error, parent.standard_error)
        assert merged.fraction - parent.fraction > 2 * error


def test_no_operands_of_the_test_set_were_trained_or_validated_on() -> None:
    sums = split_sums(SEED)
    seen = {frozenset((each.first, each.second)) for each in (*sums.training, *sums.validation)}
    formulas = [each.answer.replace(" ", "").split("=")[0] for each in problems()]
    tested = {frozenset(map(int, re.split("[+-]", formula))) for formula in formulas}
    assert len(tested) > 100
    assert not tested & seen


def test_parts_of_the_split_are_disjoint_and_whole() -> None:
    sums = split_sums(SEED)
    every = [*sums.training, *sums.validation, *sums.test]
    assert len(every) == len(set(every)) == 39 * 39 + 39 * 40 // 2


def test_problems_are_different_and_rightly_answered() -> None:
    assert len({each.prompt for each in problems()}) == len(problems()) == 400
    for problem in problems():
        formula, rest = problem.answer.replace(" ", "").split("=")
        first, sign, second = re.split("([+-])", formula)
        result = int(first) + int(second) if sign == "+" else int(first) - int(second)
        assert rest.split(".")[0] == str(result)


@pytest.mark.parametrize(
    ("language", "prompt", "answer"),
    [
        (
            ENGLISH,
            "tom has thirty two apples gets five . how many ? =>",
            "3 2 + 5 = 3 7 . answer thirty seven",
        ),
        (
            JAPANESE,
            "たろう は りんご さん じゅう に こ ご こ もらった 。 いくつ か =>",
            "3 2 + 5 = 3 7 . こたえ さん じゅう なな",
        ),
    ],
    ids=["english", "japanese"],
)
def test_a_story_in_both_languages(language: Language, prompt: str, answer: str) -> None:
    example = maths_question(language, Scene(0, 0), Sum(32, "+", 5))
    assert " ".join(example.prompt) == prompt
    assert " ".join(example.answer) == answer


@pytest.mark.parametrize(("name", "licence"), LICENCES.items())
def test_cards_state_licence_and_base(name: str, licence: str) -> None:
    card = (MODELS / name / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == licence
    assert front["library_name"] == "transformers"
    assert front["language"] == ["en", "ja"]
    derived = (front.get("base_model"), front.get("base_model_relation"))
    assert derived == (
        (None, None) if name == "pocket-base" else ("evoreg-demo/pocket-base", "finetune")
    )


def test_recipes_differ_in_the_refused_source_only() -> None:
    asked, refused = (
        yaml.safe_load(each.read_text(encoding="utf-8"))
        for each in (recipe_file(), refused_recipe_file())
    )
    assert refused["models"][1].pop("model") == "./models/pocket-ja-nc"
    assert asked["models"][1].pop("model") == "./models/pocket-ja"
    assert asked == refused


def test_package_data_stays_small() -> None:
    files = [each for each in demo_folder().rglob("*") if each.is_file()]
    assert 2e6 < sum(each.stat().st_size for each in files) < 8e6


def test_weights_are_plain_bfloat16_safetensors() -> None:
    for name in LICENCES:
        tensors = load_file(MODELS / name / "model.safetensors")
        assert {each.dtype for each in tensors.values()} == {torch.bfloat16}
        assert all(bool(each.isfinite().all()) for each in tensors.values())


def test_accuracy_knows_its_standard_error() -> None:
    assert Accuracy(80, 400).fraction == 0.2
    assert Accuracy(80, 400).standard_error == pytest.approx(0.02)


def test_a_wrong_answer_does_not_count() -> None:
    few = [Problem(each.prompt, each.answer + " じゅう") for each in problems()[:8]]
    assert exact_match(MODELS / "pocket-ja", few) == Accuracy(0, 8)


def test_batches_do_not_change_the_result() -> None:
    few = problems()[:30]
    assert exact_match(MODELS / "pocket-ja", few, batch_size=7) == exact_match(
        MODELS / "pocket-ja", few
    )


def test_no_problems_have_no_accuracy() -> None:
    with pytest.raises(ValueError, match="no problems"):
        exact_match(MODELS / "pocket-ja", [])


@pytest.mark.parametrize("line", ["{", "[]", json.dumps({"prompt": "a"})])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text('{"prompt": "a", "answer": "b"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"problems\.jsonl:2"):
        read_problems(path)

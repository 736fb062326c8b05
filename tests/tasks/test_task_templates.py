"""Templates: filled in strictly, in a sandbox; chat, examples, and what their digest holds."""

from pathlib import Path
from typing import Any

import pytest

from evoreg.evolve.tasks.prompts import Asking, joined
from evoreg.evolve.tasks.task import Player, Task
from evoreg.evolve.tasks.templates import Template
from evoreg.evolve.tasks.writing import WritingTask
from evoreg.provenance.records.errors import Code, EvaluationError, InputError, RecipeError
from tests.tasks.asking import every, task_of, write_lines

FIELDS: dict[str, Any] = {"prompt": "a < b & c", "choices": ["x", "y"], "n": 3, "odd name": "o"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ prompt }}", "a < b & c"),
        ("Q: {{ prompt }}\n", "Q: a < b & c\n"),
        ("{{ item['odd name'] }}", "o"),
        ("{% for each in choices %}{{ loop.index }}{{ each }} {% endfor %}", "1x 2y "),
        ("{{ n + 1 }}", "4"),
        ("no field", "no field"),
    ],
)
def test_a_template_is_filled_in(source: str, text: str) -> None:
    assert Template(source, "prompt").text(FIELDS, "a:1") == text


def test_an_expression_keeps_its_type() -> None:
    assert Template("{{ choices }}", "c").value(FIELDS, "a:1") == ["x", "y"]
    assert Template(" {{ n }}\n", "c").value(FIELDS, "a:1") == 3
    assert Template("{{ n }}{{ n }}", "c").value(FIELDS, "a:1") == "33"


@pytest.mark.parametrize(
    "source",
    [
        "{{ other }}",
        "{{ prompt.other }}",
        "{{ item.other }}",
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ prompt.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ choices.append('z') }}",
        "{{ item.update({'a': 1}) }}",
        "{{ '{0.__class__}'.format(prompt) }}",
        "{{ prompt | attr('__class__') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler.__init__ }}",
        "{% for i in range(10) %}{{ i }}{% endfor %}",
        "{{ n / 0 }}",
        "{{ prompt + 1 }}",
    ],
)
def test_a_template_reaches_nothing_but_the_fields(source: str) -> None:
    with pytest.raises(InputError) as caught:
        Template(source, "prompt").text(FIELDS, "a:1")
    assert caught.value.code is Code.DATA_ITEM
    assert caught.value.problems[0].where == "a:1"
    assert FIELDS["choices"] == ["x", "y"]


def test_a_text_may_not_be_endless() -> None:
    with pytest.raises(InputError, match="characters"):
        Template("{{ prompt * 1000000 }}", "prompt").text(FIELDS, "a:1")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_missing_value_is_no_text(value: float | None) -> None:
    with pytest.raises(InputError, match=r"a:1: .*null"):
        Template("{{ prompt }}", "prompt").text({"prompt": value}, "a:1")
    assert Template("{{ prompt is none }}", "p").text({"prompt": None}, "a:1") == "True"
    assert Template("{{ prompt or '-' }}", "p").text({"prompt": None}, "a:1") == "-"


@pytest.mark.parametrize(
    "source", ["{{ prompt", "{% if %}", "{{ }}", "{% nonsense %}", "{{ a b }}"]
)
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Template(source, "task t prompt")
    assert caught.value.problems[0].where == "task t prompt"


def test_an_answer_follows_with_one_blank() -> None:
    assert joined("Q:", "a") == "Q: a"
    assert joined("Q: ", "a") == "Q: a"
    assert joined("Q:\n", "a") == "Q:\na"
    assert joined("Q:", " a") == "Q: a"
    assert joined("", "a") == "a"


CHAT = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def _asking(task: Task) -> Asking:
    assert isinstance(task, WritingTask)
    return task._asking


def _texts(task: Task, player: Player, variant: int = 0) -> list[str]:
    assert isinstance(task, WritingTask)
    items = task.splits["test"].items
    return [text for _, text in _asking(task).prompts(player, items, variant)]


def _letters(folder: Path) -> dict[str, Any]:
    write_lines(folder / "a.jsonl", [{"prompt": c, "answer": c.upper()} for c in "abcdefgh"])
    write_lines(folder / "t.jsonl", [{"prompt": c, "answer": c.upper()} for c in "ax"])
    return {"train": "a.jsonl", "test": "t.jsonl"}


def test_a_chat_template_wraps_system_message_and_question(tmp_path: Path, pocket: Player) -> None:
    task = task_of(tmp_path, _letters(tmp_path), chat=True, system="Be brief.", chat_template=CHAT)
    assert sorted(_texts(task, pocket)) == [
        "[system] Be brief. [user] a [assistant]",
        "[system] Be brief. [user] x [assistant]",
    ]


def test_a_chat_needs_a_template(tmp_path: Path, pocket: Player) -> None:
    task = task_of(tmp_path, _letters(tmp_path), chat=True)
    with pytest.raises(EvaluationError, match="chat template"):
        task.answers(pocket, "test", [0], soft=False)


def test_a_chat_template_may_refuse(tmp_path: Path, pocket: Player) -> None:
    template = "{{ raise_exception('no system message here') }}"
    task = task_of(tmp_path, _letters(tmp_path), chat=True, chat_template=template)
    with pytest.raises(EvaluationError, match="no system message here"):
        task.answers(pocket, "test", [0], soft=False)


def test_a_system_message_without_a_chat_changes_nothing(tmp_path: Path, pocket: Player) -> None:
    plain, other = (task_of(tmp_path, _letters(tmp_path), system=s) for s in (None, "Be brief."))
    assert _texts(other, pocket) == _texts(plain, pocket)
    assert other.record == plain.record


def test_examples_come_from_train_and_never_show_the_item(tmp_path: Path, pocket: Player) -> None:
    task = task_of(tmp_path, _letters(tmp_path), fewshot=7)
    asking = _asking(task)
    assert isinstance(task, WritingTask)
    for split in ("train", "test"):
        for item in task.splits[split].items:
            shown = [each.prompt for each in asking.shown(item)]
            assert len(shown) == len(set(shown)) == 7
            assert item.prompt not in shown
            assert set(shown) <= set("abcdefgh")
    (text,) = [each for each in _texts(task, pocket) if each.endswith("\n\na")]
    assert sorted(text.split("\n\n")[:-1]) == [f"{c} {c.upper()}" for c in "bcdefgh"]


def test_examples_are_of_other_groups(tmp_path: Path) -> None:
    made = [{"prompt": c, "answer": c, "g": c in "abc"} for c in "abcdefgh"]
    write_lines(tmp_path / "a.jsonl", made)
    data = {"path": "a.jsonl", "fractions": (1.0, 0.0, 0.0), "group": "g"}
    task = task_of(tmp_path, data, fewshot=3)
    with pytest.raises(InputError, match="for some item train has only 3") as caught:
        task_of(tmp_path, data, fewshot=4)  # the five of d to h have but a, b and c
    assert caught.value.code is Code.DATA_SPLIT
    assert isinstance(task, WritingTask)
    for item in task.splits["train"].items:
        shown = _asking(task).shown(item)
        assert shown
        assert all(each.group != item.group for each in shown)


def test_examples_are_turns_of_a_chat(tmp_path: Path, pocket: Player) -> None:
    task = task_of(tmp_path, _letters(tmp_path), fewshot=1, chat=True, chat_template=CHAT)
    for text in _texts(task, pocket):
        first, _, rest = text.removeprefix("[user] ").partition(" [assistant] ")
        assert rest.startswith(f"{first.upper()} [user] ")


def test_the_seed_chooses_the_examples(tmp_path: Path, pocket: Player) -> None:
    data = _letters(tmp_path)
    seen = {tuple(_texts(task_of(tmp_path, data, fewshot=2, seed=s), pocket)) for s in range(5)}
    again = {tuple(_texts(task_of(tmp_path, data, fewshot=2, seed=s), pocket)) for s in range(5)}
    assert len(seen) > 1
    assert seen == again


def test_too_few_examples_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        task_of(tmp_path, _letters(tmp_path), fewshot=8)
    assert caught.value.code is Code.DATA_SPLIT


def test_variants_ask_the_same_items_otherwise(tmp_path: Path, pocket: Player) -> None:
    data = _letters(tmp_path)
    task = task_of(tmp_path, data, variants=("Say {{ prompt }}", "{{ answer }}?"))
    assert task.variants == 2
    assert task.ids("test") == task_of(tmp_path, data).ids("test")
    assert sorted(_texts(task, pocket, 1)) == ["Say a", "Say x"]
    assert sorted(_texts(task, pocket, 2)) == ["A?", "X?"]
    assert len(task.answers(pocket, "test", every(task, "test"), soft=False, variant=2)) == 2


def test_whatever_makes_a_prompt_is_in_the_digest(tmp_path: Path) -> None:
    data = _letters(tmp_path)
    forms: list[dict[str, Any]] = [
        {},
        {"prompt": "{{ prompt }} "},
        {"answer": "{{ answer }} "},
        {"variants": ("{{ prompt }}?",)},
        {"fewshot": 1},
        {"fewshot": 1, "seed": 8},
        {"fewshot": 2},
        {"chat": True},
        {"chat": True, "chat_template": CHAT},
        {"chat": True, "chat_template": CHAT + " "},
        {"chat": True, "chat_template": CHAT, "system": ""},
        {"chat": True, "chat_template": CHAT, "system": "Be brief."},
    ]
    digests = [task_of(tmp_path, data, **form).record.template for form in forms]
    assert len(set(digests)) == len(forms)
    assert digests == [task_of(tmp_path, data, **form).record.template for form in forms]

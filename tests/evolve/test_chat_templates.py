"""Chat templates: the bundled formats, the template that most models have, and what is written."""

import json
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evoreg.evolve.vocabulary.template import BUNDLED, bundled, fault
from evoreg.provenance.records.errors import Code, InputError, MergeError
from tests.evolve.merging import Bench, Result
from tests.evolve.speaking import linear, speaker

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi!"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "2+2?"},
]

# The documented form of each prompt, with <s> and </s> as first and last token.
PROMPTS = {
    "chatml": (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "llama3": (
        "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": "<s>[INST] Be brief.\n\nHi! [/INST] Hello.</s>[INST] 2+2? [/INST]",
    "alpaca": (
        "<s>Be brief.\n\n### Instruction:\nHi!\n\n### Response:\nHello.</s>\n\n"
        "### Instruction:\n2+2?\n\n### Response:\n"
    ),
    "exaone": (
        "[|system|]Be brief.[|endofturn|]\n[|user|]Hi!\n[|assistant|]Hello.[|endofturn|]\n"
        "[|user|]2+2?\n[|assistant|]"
    ),
}
WITHOUT_SYSTEM = {
    "chatml": "<|im_start|>user\nHi!<|im_end|>\n",
    "llama3": "<s><|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>",
    "mistral": "<s>[INST] Hi! [/INST]",
    "alpaca": (
        "<s>Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nHi!\n\n"
    ),
    "exaone": "[|system|][|endofturn|]\n[|user|]Hi!\n",
}


def render(name: str, messages: list[dict[str, str]], **more: Any) -> str:
    """Render as transformers does."""

    def refuse(text: str) -> None:
        raise ValueError(text)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    template = environment.from_string(bundled(name))
    return template.render(messages=messages, bos_token="<s>", eos_token="</s>", **more)


def test_every_bundled_template_is_described_here() -> None:
    assert set(BUNDLED) == set(PROMPTS) == set(WITHOUT_SYSTEM)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_template_gives_the_documented_prompt(name: str) -> None:
    assert fault(bundled(name)) is None
    assert render(name, TALK, add_generation_prompt=True) == PROMPTS[name]
    assert render(name, TALK[1:2]) == WITHOUT_SYSTEM[name]


@pytest.mark.parametrize("name", ["mistral", "alpaca"])
def test_roles_that_a_format_has_no_place_for_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="this format knows"):
        render(name, [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}])


# What is written ------------------------------------------------------------------------------

A = "{% for m in messages %}A{{ m['content'] }}{% endfor %}"
B = "{% for m in messages %}B{{ m['content'] }}{% endfor %}"


def settings(**facts: Any) -> dict[str, bytes]:
    return {"tokenizer_config.json": json.dumps(facts).encode()}


def talkers(bench: Bench, **files: dict[str, bytes]) -> None:
    for name, own in files.items():
        speaker(bench, name, {"u": 1, "x": 2}, files=own)


def template_of(result: Result) -> str | None:
    path = result.folder / "chat_template.jinja"
    return path.read_text() if path.exists() else None


def test_without_a_wish_the_files_stay_as_they_are(bench: Bench) -> None:
    files = {**settings(chat_template=A, x=1), "chat_template.jinja": B.encode()}
    talkers(bench, a=files, b={})
    result = bench.merge(linear("a", "b"))
    for name, data in files.items():
        assert (result.folder / name).read_bytes() == data


@pytest.mark.parametrize("wish", ["chatml", A])
def test_one_template_is_in_force_wherever_the_donor_kept_its_own(wish: str, bench: Bench) -> None:
    expected = bundled(wish) if wish in BUNDLED else wish
    talkers(
        bench,
        plain=settings(bos_token="u"),
        inside=settings(chat_template=[{"name": "default", "template": B}], bos_token="u"),
        beside={"chat_template.jinja": B.encode()},
        old={"chat_template.json": json.dumps({"chat_template": B}).encode()},
        eyes={"processor_config.json": json.dumps({"chat_template": B, "x": 1}).encode()},
        none={},
    )
    for name in ("plain", "inside", "beside", "old", "eyes", "none"):
        result = bench.merge(
            linear(name, "plain" if name != "plain" else "none", chat_template=wish)
        )
        assert template_of(result) == expected
        assert not (result.folder / "chat_template.json").exists()
        for file in ("tokenizer_config.json", "processor_config.json"):
            if (result.folder / file).exists():
                kept = json.loads((result.folder / file).read_text())
                assert kept.get("chat_template", expected) == expected
                assert ("chat_template" in kept) == (name in ("inside", "eyes"))
                assert len(kept) > ("chat_template" in kept)


@pytest.mark.parametrize(
    ("names", "base", "expected"),
    [
        ("ab", None, A),
        ("ba", None, B),
        ("abc", None, B),
        ("acb", None, B),
        ("ab", "b", B),
        ("ad", None, A),
        ("da", None, A),
        ("de", None, None),
    ],
)
def test_auto_takes_what_most_have_and_of_equals_the_first(
    names: str, base: str | None, expected: str | None, bench: Bench
) -> None:
    talkers(
        bench,
        a=settings(chat_template=A),
        b=settings(chat_template=f"  {B}\n"),
        c={"chat_template.jinja": f"{B}\n".encode()},
        d={},
        e=settings(chat_template="  "),
    )
    more = {"base_model": base} if base else {}
    assert template_of(bench.merge(linear(*names, chat_template="auto", **more))) == expected


def test_a_model_that_only_lends_rows_has_no_vote(bench: Bench) -> None:
    talkers(bench, a=settings(chat_template=A), b={}, c=settings(chat_template=B))
    words = {"x": {"source": "c", "force": True}}
    wanted = {"source": "base", "tokens": words}
    result = bench.merge(linear("b", "a", tokenizer=wanted, chat_template="auto"))
    assert template_of(result) == A


def test_the_template_of_the_kept_tokenizer_goes_along(bench: Bench) -> None:
    talkers(bench, a={"chat_template.jinja": A.encode()}, b=settings(chat_template=B))
    result = bench.merge(linear("a", "b", tokenizer_source="b"))
    assert template_of(result) is None
    kept = json.loads((result.folder / "tokenizer_config.json").read_text())
    assert kept["chat_template"] == B


def test_a_template_needs_a_tokenizer(bench: Bench) -> None:
    talkers(bench, a={}, b={})
    (bench.root / "a" / "tokenizer.json").unlink()
    with pytest.raises(MergeError) as caught:
        bench.plan(linear("a", "b", chat_template="chatml"))
    assert caught.value.code == Code.MERGE_VOCABULARY
    assert "a has no tokenizer" in caught.value.problems[0].what


@pytest.mark.parametrize("data", [b"\xff", b"a" * (2**20 + 1)])
def test_a_template_that_cannot_be_read_is_refused(data: bytes, bench: Bench) -> None:
    talkers(bench, a={"chat_template.jinja": data}, b={})
    with pytest.raises(InputError):
        bench.plan(linear("a", "b", chat_template="auto"))

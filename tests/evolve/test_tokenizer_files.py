"""The tokenizer of the result, as transformers loads it: every token has its row."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from tests.evolve.merging import Bench, Result
from tests.evolve.speaking import EMBED, HEAD, linear, speaker, vocabulary

END = "<|endoftext|>"
CAT = "the cat sat on the mat and ate the rat "
IDEAS = "colorless green ideas sleep furiously "


def trained(text: str, special: Sequence[str]) -> Tokenizer:
    """Return a byte-level tokenizer trained on one sentence."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    made.train_from_iterator([text * 20], trainer)
    made.add_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    return made


def facts_of(token: AddedToken) -> dict[str, Any]:
    names = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {name: getattr(token, name) for name in names}


def talker(
    bench: Bench, name: str, made: Tokenizer, kind: str, *, decoder: bool, padding: int = 0
) -> None:
    """Write a model with a real tokenizer; row i of its embedding is full of i."""
    count = made.get_vocab_size()
    settings: dict[str, Any] = {
        "tokenizer_class": kind,
        "bos_token": END,
        "eos_token": END,
        "unk_token": END,
        "auto_map": {"AutoTokenizer": "code.Tokenizer"},
    }
    if decoder:
        added = made.get_added_tokens_decoder()
        settings["added_tokens_decoder"] = {str(row): facts_of(t) for row, t in added.items()}
    rows = torch.arange(count + padding, dtype=torch.float32).reshape(-1, 1).repeat(1, 2)
    config = {"model_type": "llama", "vocab_size": len(rows), "tie_word_embeddings": False}
    files = {
        "tokenizer.json": made.to_str().encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
        "special_tokens_map.json": json.dumps({"bos_token": END}).encode(),
        "added_tokens.json": json.dumps({END: 0}).encode(),
        "generation_config.json": b'{"eos_token_id": 0, "temperature": 0.5}',
        "vocab.json": b"{}",
        "merges.txt": b"",
    }
    bench.model(name, {EMBED: rows, HEAD: rows}, config, files)


@pytest.mark.parametrize("decoder", [True, False])
@pytest.mark.parametrize("kind", ["TokenizersBackend", "Qwen2Tokenizer", "GPT2Tokenizer"])
def test_transformers_gives_every_token_its_row(kind: str, decoder: bool, bench: Bench) -> None:
    a, b = trained(CAT, ["<|im_start|>"]), trained(IDEAS, ["<|im_start|>", "<tool>"])
    talker(bench, "a", a, kind, decoder=decoder, padding=5)
    talker(bench, "b", b, kind, decoder=decoder)
    words = {"<fresh>": {"source": {"kind": "zero"}}}
    result = bench.merge(
        linear(
            "a", "b", tokenizer={"tokens": words, "pad_to_multiple_of": 64}, chat_template="chatml"
        )
    )
    loaded = AutoTokenizer.from_pretrained(result.folder)
    ids = loaded.get_vocab()
    assert ids == vocabulary(result)
    assert sorted(ids.values()) == list(range(len(ids)))
    table = result.tensors[EMBED]
    assert table.shape[0] == result.config["vocab_size"] == -(-len(ids) // 64) * 64
    for token, row in ids.items():
        own = [known for known in (a.token_to_id(token), b.token_to_id(token)) if known is not None]
        assert table[row, 0] == (sum(own) / len(own) if own else 0.0)
    text = "the cat <tool><|im_start|> <fresh>"
    assert loaded(text)["input_ids"][-1] == ids["<fresh>"] == len(ids) - 1
    assert loaded.decode(loaded(text)["input_ids"]) == text
    assert a.encode("the cat").ids == loaded("the cat")["input_ids"]
    assert loaded.eos_token_id == a.token_to_id(END)
    said = loaded.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    assert said == "<|im_start|>user\nhi<|im_end|>\n"


def read(result: Result, name: str) -> Any:
    return json.loads((result.folder / name).read_text())


def test_the_files_of_an_extended_tokenizer(bench: Bench) -> None:
    talker(bench, "a", trained(CAT, []), "TokenizersBackend", decoder=True)
    talker(bench, "b", trained(CAT, ["<tool>"]), "TokenizersBackend", decoder=True)
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    row = vocabulary(result)["<tool>"]
    decoder = read(result, "tokenizer_config.json")["added_tokens_decoder"]
    assert list(decoder) == ["0", str(row)]
    assert decoder[str(row)] == {
        "content": "<tool>", "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True,
    }  # fmt: skip
    assert "auto_map" not in read(result, "tokenizer_config.json")
    assert read(result, "added_tokens.json") == {END: 0, "<tool>": row}
    assert read(result, "special_tokens_map.json") == {"bos_token": END}
    assert read(result, "generation_config.json") == {"eos_token_id": 0, "temperature": 0.5}
    assert not (result.folder / "vocab.json").exists()
    assert not (result.folder / "merges.txt").exists()


def test_the_files_of_a_kept_tokenizer_stay_as_they_are(bench: Bench) -> None:
    talker(bench, "a", trained(CAT, []), "TokenizersBackend", decoder=True)
    talker(bench, "b", trained(CAT, ["<tool>"]), "TokenizersBackend", decoder=True)
    for source, names in (("base", "ab"), ("b", "ab"), ("union", "ba")):
        result = bench.merge(linear(*names, tokenizer_source=source))
        kept = bench.root / ("b" if source != "base" else "a")
        for name in ("tokenizer.json", "special_tokens_map.json", "vocab.json", "merges.txt"):
            assert (result.folder / name).read_bytes() == (kept / name).read_bytes()


def test_the_bytes_do_not_depend_on_the_run(bench: Bench) -> None:
    talker(bench, "a", trained(CAT, []), "TokenizersBackend", decoder=True)
    talker(bench, "b", trained(IDEAS, ["<tool>"]), "TokenizersBackend", decoder=True)

    def files(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    request = linear("a", "b", tokenizer_source="union", chat_template="alpaca")
    assert files(bench.merge(request).folder) == files(bench.merge(request).folder)


def test_tokens_that_only_the_settings_name_are_tokens_too(bench: Bench) -> None:
    """transformers gives them the next ids when it loads the tokenizer."""
    for name, value in (("a", 1.0), ("b", 3.0)):
        settings = {"pad_token": "<pad>", "additional_special_tokens": ["<more>"]}
        file = {"tokenizer_config.json": json.dumps(settings).encode()}
        speaker(bench, name, {"u": value, "x": value}, extra=[5 * value], files=file)
    result = bench.merge(linear("a", "b", tokenizer={"pad_to_multiple_of": 1}))
    # There is a third row for <pad>, and none for <more>.
    assert vocabulary(result) == {"u": 0, "x": 1, "<pad>": 2}
    assert result.tensors[EMBED][:, 0].tolist() == [2.0, 2.0, 10.0]
    assert read(result, "tokenizer_config.json") == {
        "pad_token": "<pad>",
        "additional_special_tokens": [],
    }
    assert AutoTokenizer.from_pretrained(result.folder).get_vocab() == vocabulary(result)


# Special ids ----------------------------------------------------------------------------------


def test_special_ids_follow_their_tokens_to_another_vocabulary(bench: Bench) -> None:
    ids = {"bos_token_id": 0, "eos_token_id": [1, 2], "pad_token_id": None, "image_token_id": 2}
    own = {"eos_token_id": [1, 2], "bos_token_id": 0, "suppress_tokens": [2, -1], "max_length": 2}
    file = {"generation_config.json": json.dumps(own).encode()}
    text = {"text_config": {"eos_token_id": 1, "vocab_size": 3}}
    speaker(bench, "a", {"u": 1, "x": 2, "y": 3}, config={**ids, **text}, files=file)
    speaker(bench, "b", {"y": 1, "n": 5, "u": 2}, config={"pad_token_id": 1})
    result = bench.merge(linear("a", "b", tokenizer_source="b"))
    wanted = {"bos_token_id": 2, "eos_token_id": [0], "pad_token_id": 1, "image_token_id": 0}
    # b speaks of its padding alone, so that a's tokens decide for the others; x is gone.
    assert {key: result.config[key] for key in wanted} == wanted
    assert result.config["text_config"] == {"eos_token_id": None, "vocab_size": 3}
    assert read(result, "generation_config.json") == {
        "eos_token_id": [0], "bos_token_id": 2, "suppress_tokens": [0, -1], "max_length": 2,
    }  # fmt: skip


def test_the_model_of_the_kept_tokenizer_knows_its_own_ends(bench: Bench) -> None:
    """A chat model ends its turns with another token than its base."""
    base = {"generation_config.json": b'{"eos_token_id": 1}'}
    chat = {"generation_config.json": b'{"eos_token_id": [1, 2], "top_k": 9}'}
    speaker(bench, "a", {"u": 1, "end": 2}, config={"eos_token_id": 1}, files=base)
    speaker(bench, "b", {"u": 1, "end": 2, "im": 3}, config={"eos_token_id": 2}, files=chat)
    result = bench.merge(linear("a", "b", base_model="a", tokenizer_source="b"))
    assert result.config["eos_token_id"] == 2
    assert read(result, "generation_config.json") == {"eos_token_id": [1, 2]}


def test_special_ids_stay_where_the_tokenizer_stays(bench: Bench) -> None:
    file = {"generation_config.json": b'{"eos_token_id": 1}'}
    speaker(bench, "a", {"u": 1, "end": 2}, config={"eos_token_id": 1}, files=file)
    speaker(bench, "b", {"end": 1, "u": 2, "im": 3}, config={"eos_token_id": 0})
    result = bench.merge(linear("a", "b", tokenizer_source="union"))
    assert result.config["eos_token_id"] == 1
    assert (result.folder / "generation_config.json").read_bytes() == file["generation_config.json"]

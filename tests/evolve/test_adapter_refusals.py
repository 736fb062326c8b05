"""Adapters that do not fit, are of another kind, or are hostile: told clearly, never applied."""

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evoreg.evolve.checkpoints.adapter import read_adapter
from evoreg.evolve.checkpoints.adapter_settings import model_of, read_settings
from evoreg.provenance.records.errors import (
    Code,
    EvoregError,
    InputError,
    MergeError,
    RecipeError,
)
from tests.evolve.adapting import PREFIX, Stand, factors, on, write_adapter
from tests.evolve.merging import normal, recipe, row

Q = "model.layers.0.q"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    stand = Stand(tmp_path)
    tensors = {f"{Q}.weight": normal(1, 4, 4), f"{Q}.bias": normal(2, 4)}
    tensors["model.embed_tokens.weight"] = normal(3, 6, 4)
    tensors["count"] = torch.arange(3)
    stand.model("m", tensors, {"model_type": "llama"})
    return stand


def refused(stand: Stand, tensors: dict[str, torch.Tensor], **config: Any) -> EvoregError:
    folder = write_adapter(stand.root / "l", tensors, **config)
    with pytest.raises(EvoregError) as caught:
        on("m+l", stand.root / "m", folder)
    assert all(problem.where for problem in caught.value.problems)
    return caught.value


# What does not fit


def test_every_tensor_without_a_place_is_told(stand: Stand) -> None:
    tensors = {
        **factors(1, Q, 4, 4),
        **factors(1, "model.layers.7.q", 4, 4),
        **factors(1, "model.layers.0.gate", 4, 4),
        "score.weight": normal(1, 2, 4),
    }
    error = refused(stand, tensors)
    assert isinstance(error, MergeError)
    told = [problem.what for problem in error.problems]
    assert {problem.code for problem in error.problems} == {Code.MERGE_MISSING_TENSOR}
    assert len(told) == 3
    for name in ("model.layers.7.q.weight", "model.layers.0.gate.weight", "score.weight"):
        assert any(name in what for what in told)


@pytest.mark.parametrize("gone", ["A", "B"])
def test_a_factor_alone_is_refused(gone: str, stand: Stand) -> None:
    tensors = factors(1, Q, 4, 4)
    del tensors[f"{Q}.lora_{gone}.weight"]
    error = refused(stand, tensors)
    assert error.code == Code.INPUT_CONFIG
    assert f"{Q}.weight" in error.problems[0].what


@pytest.mark.parametrize(
    ("a", "b"), [((2, 5), (4, 2)), ((2, 4), (5, 2)), ((2, 4, 1), (4, 2)), ((2, 4), (4, 2, 3))]
)
def test_a_product_of_another_shape_is_refused(
    a: tuple[int, ...], b: tuple[int, ...], stand: Stand
) -> None:
    tensors = {f"{Q}.lora_A.weight": normal(1, *a), f"{Q}.lora_B.weight": normal(2, *b)}
    error = refused(stand, tensors)
    assert error.code == Code.MERGE_SHAPE
    assert "[4, 4] in the model" in error.problems[0].what


@pytest.mark.parametrize(
    ("a", "b"), [((3, 4), (4, 3)), ((2, 4), (4, 3)), ((), (4, 2)), ((2, 4), (4,)), ((0, 4), (4, 0))]
)
def test_a_rank_that_the_settings_do_not_give_is_refused(
    a: tuple[int, ...], b: tuple[int, ...], stand: Stand
) -> None:
    tensors = {f"{Q}.lora_A.weight": normal(1, *a), f"{Q}.lora_B.weight": normal(2, *b)}
    error = refused(stand, tensors)
    assert error.code == Code.INPUT_CONFIG
    assert "rank 2" in error.problems[0].what


def test_replacements_of_another_size_are_refused(stand: Stand) -> None:
    tensors = {"model.embed_tokens.weight": normal(1, 8, 4), f"{Q}.bias": normal(1, 5)}
    error = refused(stand, tensors, bias="all")
    assert [problem.code for problem in error.problems] == [Code.MERGE_SHAPE] * 2
    assert "rows for tokens" in error.problems[0].hint
    assert "rows for tokens" not in error.problems[1].hint


def test_a_whole_tensor_that_nothing_announces_is_refused(stand: Stand) -> None:
    error = refused(stand, {f"{Q}.weight": normal(1, 4, 4), f"{Q}.bias": normal(1, 4)})
    assert [problem.code for problem in error.problems] == [Code.INPUT_CONFIG] * 2
    assert "modules_to_save" in error.problems[0].what
    write_adapter(stand.root / "l", {f"{Q}.weight": normal(1, 4, 4)}, modules_to_save=["layers.0"])
    found = on("m+l", stand.root / "m", stand.root / "l").adapter
    assert found is not None
    assert list(found.changes) == [f"{Q}.weight"]


def test_a_buffer_takes_no_adapter(stand: Stand) -> None:
    error = refused(stand, {"count": torch.zeros(3)})
    assert error.code == Code.MERGE_DTYPE
    assert "the model holds I64" in error.problems[0].what
    error = refused(stand, {f"{Q}.bias": torch.zeros(4, dtype=torch.int32)})
    assert "the adapter holds I32" in error.problems[0].what


def test_a_quantised_model_takes_no_adapter(stand: Stand) -> None:
    stand.model("packed", {f"{Q}.weight": torch.zeros(8, 1, dtype=torch.uint8)})
    write_adapter(stand.root / "l", factors(1, Q, 4, 4))
    with pytest.raises(MergeError, match="holds U8") as caught:
        on("packed+l", stand.root / "packed", stand.root / "l")
    assert "not quantised" in caught.value.problems[0].hint


def test_a_name_that_could_mean_two_tensors_is_refused(stand: Stand) -> None:
    tensors = {f"{side}.{Q}.weight": torch.zeros(4, 4) for side in ("left", "right")}
    stand.model("two", tensors)
    write_adapter(stand.root / "l", factors(1, Q, 4, 4))
    with pytest.raises(MergeError, match=f"left.{Q}.weight, right.{Q}.weight"):
        on("two+l", stand.root / "two", stand.root / "l")


def test_two_parts_for_one_tensor_are_refused(stand: Stand) -> None:
    error = refused(stand, {**factors(1, Q, 4, 4), **factors(1, f"other.{Q}", 4, 4)})
    assert "two parts of the adapter" in error.problems[0].what
    both = {
        f"{Q}.lora_{part}.{name}.weight": normal(1, *((2, 4) if part == "A" else (4, 2)))
        for part in "AB"
        for name in ("one", "two")
    }
    assert "two adapters" in refused(stand, both).problems[0].what


def test_lengths_and_settings_must_agree(stand: Stand) -> None:
    plain, long = factors(1, Q, 4, 4), f"{Q}.lora_magnitude_vector"
    assert refused(stand, plain, use_dora=True).code == Code.INPUT_CONFIG
    assert refused(stand, {**plain, long: normal(1, 4)}).code == Code.INPUT_CONFIG
    error = refused(stand, {**plain, long: normal(1, 5)}, use_dora=True)
    assert error.code == Code.MERGE_SHAPE
    table = {
        "model.embed_tokens.lora_embedding_A": normal(1, 2, 6),
        "model.embed_tokens.lora_embedding_B": normal(2, 4, 2),
        "model.embed_tokens.lora_magnitude_vector": normal(2, 4),
    }
    assert "DoRA" in refused(stand, table, use_dora=True).problems[0].what


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_name_the_model_with_its_adapter(
    value: float, stand: Stand
) -> None:
    tensors = factors(1, Q, 4, 4)
    tensors[f"{Q}.lora_B.weight"][1, 1] = value
    write_adapter(stand.root / "l", tensors)
    with pytest.raises(MergeError) as caught:
        stand.merge(recipe("linear", [row("m", weight=0.5), row("m+l", weight=0.5)]))
    assert caught.value.code == Code.MERGE_NOT_FINITE
    assert caught.value.problems[0].what.startswith("m+l holds NaN")


# Other kinds


@pytest.mark.parametrize(
    "config",
    [
        {"peft_type": "LOHA"},
        {"peft_type": "IA3"},
        {"peft_type": "PROMPT_TUNING"},
        {"peft_type": "ADALORA"},
        {"layer_replication": [[0, 2], [1, 3]]},
        {"trainable_token_indices": [1, 2]},
        {"target_parameters": ["experts.gate_up_proj"]},
        {"alora_invocation_tokens": [1]},
        {"use_qalora": True},
        {"kasa_config": {"rank": 1}},
        {"something_new": 3},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "pissa_niter_16"},
        {"init_lora_weights": "olora"},
        {"init_lora_weights": "loftq"},
        {"init_lora_weights": "of tomorrow"},
    ],
)
def test_what_is_not_offered_is_refused(config: dict[str, Any], stand: Stand) -> None:
    error = refused(stand, factors(1, Q, 4, 4), **config)
    assert isinstance(error, RecipeError)
    assert error.code == Code.RECIPE_UNSUPPORTED
    assert error.problems[0].hint


@pytest.mark.parametrize(
    "name",
    [
        f"{Q}.hada_w1_a",
        f"{Q}.lokr_w1",
        f"{Q}.ia3_l",
        f"{Q}.lora_E",
        f"{Q}.lora_C.weight",
        "model.embed_tokens.token_adapter.trainable_tokens_delta",
        "model.embed_tokens.original_module.weight",
        "x" * 2000,
        "a\x1b[2Jb",
    ],
)
def test_tensors_of_another_kind_are_told(name: str, stand: Stand) -> None:
    error = refused(stand, {**factors(1, Q, 4, 4), name: normal(1, 2)})
    assert isinstance(error, InputError)
    assert error.code == Code.INPUT_UNREADABLE
    assert error.problems[0].what.isprintable()
    assert len(error.problems[0].what) < 500


def test_an_adapter_alone_is_no_model_and_says_what_to_write(stand: Stand) -> None:
    write_adapter(stand.root / "l", factors(1, Q, 4, 4), base_model_name_or_path="org/base")
    with pytest.raises(RecipeError, match="no model") as caught:
        stand.merge(recipe("linear", [row("l", weight=1)]))
    assert caught.value.code == Code.RECIPE_UNSUPPORTED
    assert "write org/base+l" in caught.value.problems[0].hint
    (stand.root / "l" / "adapter_config.json").write_text("{")
    assert model_of(stand.root / "l") == "MODEL"


def test_what_stands_after_the_plus_must_be_an_adapter(stand: Stand) -> None:
    with pytest.raises(InputError) as caught:
        on("m+m", stand.root / "m", stand.root / "m")
    assert caught.value.code == Code.INPUT_MISSING


# Hostile files


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"peft_type": 3}',
        '{"peft_type": "LORA", "r": 0}',
        '{"peft_type": "LORA", "r": -1}',
        '{"peft_type": "LORA", "r": 2.5}',
        '{"peft_type": "LORA", "r": true}',
        '{"peft_type": "LORA", "r": "2"}',
        '{"peft_type": "LORA", "r": 99999999999999999999999}',
        '{"peft_type": "LORA", "r": 1e400}',
        '{"peft_type": "LORA", "lora_alpha": NaN}',
        '{"peft_type": "LORA", "lora_alpha": Infinity}',
        '{"peft_type": "LORA", "lora_alpha": null}',
        '{"peft_type": "LORA", "lora_alpha": {}}',
        '{"peft_type": "LORA", "use_rslora": "false"}',
        '{"peft_type": "LORA", "rank_pattern": [1]}',
        '{"peft_type": "LORA", "rank_pattern": {"q": "2"}}',
        '{"peft_type": "LORA", "alpha_pattern": {"q": null}}',
        '{"peft_type": "LORA", "lora_alpha": ' + "9" * 5000 + "}",
        '{"a":' * 2000 + "1" + "}" * 2000,
        " " * (5 * 2**20),
    ],
)
def test_broken_settings_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(tmp_path)
    assert caught.value.code == Code.INPUT_CONFIG
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a|aa)+b",
        "(a|a)(a|a)(a|a)(a|a)x",
        "a?" * 30 + "a" * 30,
        ".*" * 10 + "x",
        "(?=a)",
        "(?P<n>a)",
        r"\1",
        "a{1000}{1000}",
        "((a))",
        "[",
        "(",
        "*",
        "[[a]",
        "\\",
        "x" * 1000,
        ".*a.*b",
        "[a-z]+[a-z]+0",
    ],
)
def test_expressions_that_could_take_long_are_refused(pattern: str, tmp_path: Path) -> None:
    config = {"peft_type": "LORA", "rank_pattern": {pattern: 2}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(RecipeError, match="too complicated"):
        read_settings(tmp_path)


def test_the_expressions_that_are_left_are_quick(tmp_path: Path) -> None:
    patterns = [".*b", "(?:a|b|c).(d|e)", r"layers\.(0|1|2)\..*proj", r"[a-z]+\.\d+\.[0-9]+0"]
    config = {"peft_type": "LORA", "alpha_pattern": dict.fromkeys(patterns, 1)}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    found = read_settings(tmp_path)
    start = time.process_time()
    for number in range(200):
        found.scale("a" * 900 + str(number))
    assert time.process_time() - start < 2


def test_many_names_are_looked_up_and_the_first_pattern_wins(tmp_path: Path) -> None:
    names = {f"model.layers.{n}.experts.{m}.up": n + 1 for n in range(100) for m in range(100)}
    config = {"peft_type": "LORA", "alpha_pattern": {"9.up": 7, **names, r".*99\.up": 8, "up": 9}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    found = read_settings(tmp_path)
    start = time.process_time()
    scales = {name: 8 * found.scale(name) for name in names}
    assert time.process_time() - start < 2
    for name, value in names.items():
        assert scales[name] == (7 if name.endswith(".9.up") else value)
    assert 8 * found.scale("other.99.up") == 8
    assert 8 * found.scale("other.9.up") == 7
    assert 8 * found.scale("other.8.up") == 9
    assert found.scale("cup") == 1


def test_too_many_expressions_are_refused(tmp_path: Path) -> None:
    config = {"peft_type": "LORA", "rank_pattern": {f"a.*{n}": 1 for n in range(501)}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="too many"):
        read_settings(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_settings_are_read_or_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "settings"
    folder.mkdir(exist_ok=True)
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    )
    keys = ("r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "bias")
    config = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(keys, value)))
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    try:
        found = read_settings(folder)
    except (InputError, RecipeError):
        return
    assert 1 <= found.rank_of("model.layers.0.q") <= 2**20
    assert found.digest.startswith("sha256:")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_header_fits_or_is_refused(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Whatever the names and shapes: a clear error, or a plan whose parts multiply."""
    root = tmp_path_factory.getbasetemp() / "headers"
    if not root.exists():
        Stand(root).model("m", {f"{Q}.weight": normal(1, 4, 4), f"{Q}.bias": normal(2, 4)})
    ends = ("lora_A.weight", "lora_B.weight", "lora_B.bias", "weight", "bias", "lora_A")
    more = ("lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector", "", "x.weight")
    name = st.builds(
        "{}{}.{}".format,
        st.sampled_from((PREFIX, "")),
        *[st.sampled_from(choice) for choice in ((Q, "layers.0.q", "q", ""), (*ends, *more))],
    )
    shape = st.lists(st.integers(0, 5), max_size=3)
    entries = data.draw(st.dictionaries(name, shape, min_size=1, max_size=5))
    header: dict[str, Any] = {}
    place = 0
    for key, sizes in entries.items():
        size = 4 * int(torch.Size(sizes).numel())
        header[key] = {"dtype": "F32", "shape": sizes, "data_offsets": [place, place + size]}
        place += size
    folder = write_adapter(root / "l", {"x": torch.zeros(1)})
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(place)
    (folder / "adapter_model.safetensors").write_bytes(content)
    try:
        found = on("m+l", root / "m", folder)
    except EvoregError:
        return
    assert found.adapter is not None
    used = [info.name for change in found.adapter.changes.values() for info in change.tensors]
    assert set(entries) <= set(used)


@pytest.mark.parametrize("cut", [0, 7, 30, -1])
def test_truncated_weights_are_refused(cut: int, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "l", factors(1, Q, 4, 4))
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="truncated or damaged"):
        read_adapter(folder)


def test_an_empty_adapter_is_refused(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "l", {})
    with pytest.raises(InputError, match="empty"):
        read_adapter(folder)
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="no weights"):
        read_adapter(folder)

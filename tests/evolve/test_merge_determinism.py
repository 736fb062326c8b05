"""The same bytes whatever the threads, the shards, the process or the hash seed."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from evoreg.evolve.execution.compute import Stretch, compute
from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.execution.task import Task
from evoreg.evolve.planning.plan import OutputTensor
from evoreg.evolve.recipes.contracts import CONTRACTS
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, MergeError
from tests.evolve.merge_digests import digests
from tests.evolve.merging import Bench, Recipe, normal, recipe, row, same

ROOT = Path(__file__).parents[2]


@pytest.fixture
def five(bench: Bench) -> Bench:
    """A bench with models base and m0 to m3 of three tensors."""
    for place, name in enumerate(("base", "m0", "m1", "m2", "m3")):
        tensors = {key: normal(10 * place + i, 30, 20) for i, key in enumerate(("u", "v", "w"))}
        bench.model(name, tensors)
    return bench


def wish(method: str, order: tuple[int, ...]) -> Recipe:
    weights = (0.31, 0.17, 0.29, 0.23)
    base = "base" if CONTRACTS[method].base == "required" else None
    density = {"density": 0.6} if CONTRACTS[method].parameter("density") else {}
    return recipe(method, [row(f"m{i}", weight=weights[i]) for i in order], base, density)


def test_the_base_may_be_listed_anywhere(five: Bench) -> None:
    lines = [row("m0", weight=0.5), row("m1", weight=0.5)]
    results = [
        five.merge(recipe("ties", line, "base", {"density": 0.5})).tensors
        for line in (lines, [{"model": "base"}, *lines], [lines[1], {"model": "base"}, lines[0]])
    ]
    assert same(results[0], results[1])
    assert same(results[0], results[2])


@pytest.mark.parametrize("method", ["linear", "ties", "dare_ties", "slerp"])
def test_threads_do_not_matter(method: str, llamas: Bench) -> None:
    base = "base" if CONTRACTS[method].base == "required" else None
    values: dict[str, Any] = {"weight": 0.5, "density": 0.5, "t": 0.4}
    shared = {p.name: values[p.name] for p in CONTRACTS[method].parameters if p.name in values}
    lines = [{"model": "a"}] if method == "slerp" else [{"model": "a"}, {"model": "b"}]
    results = [
        llamas.merge(recipe(method, lines, base, shared), options=Options(threads=count))
        for count in (1, 2, 3)
    ]
    assert results[0].merged == results[1].merged == results[2].merged  # digests of the files


def test_torchs_own_threads_do_not_matter_and_are_put_back(bench: Bench) -> None:
    before = torch.get_num_threads()
    base = normal(0, 400_000)
    bench.model("base", {"w": base})
    bench.model("a", {"w": base + normal(1, 400_000)})
    request = recipe("dare_ties", [row("a", weight=0.5, density=0.5)], "base")
    try:
        results = []
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            results.append(bench.merge(request).merged)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_torchs_threads_are_put_back_after_an_error(bench: Bench) -> None:
    before = torch.get_num_threads()
    bench.model("a", {"u": torch.ones(3), "v": torch.tensor([float("nan")]), "w": torch.ones(2)})
    try:
        torch.set_num_threads(2)
        for threads in (1, 2):
            with pytest.raises(MergeError) as caught:
                bench.merge(recipe("passthrough", [row("a")]), options=Options(threads=threads))
            assert caught.value.code == Code.MERGE_NOT_FINITE
            assert torch.get_num_threads() == 2
            assert not torch.is_inference_mode_enabled()
    finally:
        torch.set_num_threads(before)


class Interrupted(Exception):
    """Stands for whatever may go wrong while the files are written."""


@pytest.mark.parametrize("threads", [1, 3])
def test_no_worker_outlives_a_merge_that_failed(threads: int, bench: Bench) -> None:
    bench.model("a", {f"t{i:02d}": normal(i, 2000) for i in range(30)})
    plan = bench.plan(recipe("passthrough", [row("a")]))

    def stop(_output: OutputTensor) -> None:
        raise Interrupted

    folder = bench.root / "out"
    folder.mkdir()
    before = threading.active_count()
    try:
        carry_out(plan, folder, Options(threads=threads), stop)
    except Interrupted:
        # Here, while the error is alive, as a caller that reports it would see it.
        assert threading.active_count() == before
    else:
        pytest.fail("the merge went on")


def test_two_merges_at_once_compute_on_one_thread_each(
    five: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second begins while the first is at work, and goes on after the first has ended."""
    seen: list[int] = []

    def counted(task: Task, stretch: slice) -> Stretch:
        seen.append(torch.get_num_threads())
        return compute(task, stretch)

    monkeypatch.setattr("evoreg.evolve.execution.pipeline.compute", counted)
    plans = [five.plan(wish(method, (0, 1, 2, 3))) for method in ("linear", "ties")]
    folders = [five.root / "out-1", five.root / "out-2"]
    begun, ended = threading.Event(), threading.Event()

    def first() -> None:
        carry_out(plans[0], folders[0], Options(threads=2), lambda _output: waited(begun))
        ended.set()

    def second() -> None:
        def step(_output: OutputTensor) -> None:
            begun.set()
            waited(ended)

        carry_out(plans[1], folders[1], Options(threads=2), step)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(first), pool.submit(second)]
            for job in jobs:
                job.result()
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(torch.get_num_threads).result()
    finally:
        torch.set_num_threads(before)
    assert seen == [1] * 6
    assert later == 2  # what a thread that starts now gets


def waited(event: threading.Event) -> None:
    """Wait for an event, but not for ever."""
    assert event.wait(10)


def test_the_hash_seed_and_the_process_do_not_matter(tmp_path: Path) -> None:
    here = digests(tmp_path, threads=1)
    for hash_seed, threads in (("1", "2"), ("3", "3")):
        folder = tmp_path / hash_seed
        folder.mkdir()
        run = subprocess.run(
            [sys.executable, "-m", "tests.evolve.merge_digests", str(folder), threads],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(run.stdout) == here


# Shards


@pytest.mark.parametrize("size", [1, 50_000, 10**9])
def test_shards_hold_the_same_tensors_and_the_index_is_right(size: int, llamas: Bench) -> None:
    request = recipe("linear", [row("a", weight=0.5), row("b", weight=0.5)])
    whole = llamas.merge(request)
    result = llamas.merge(request, options=Options(shard_size=size))
    assert same(result.tensors, whole.tensors)
    assert result.merged.contributions == whole.merged.contributions
    paths = sorted(result.folder.glob("*.safetensors"))
    holding = {}
    for path in paths:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            assert file.metadata() == {"format": "pt"}
        weight = sum(whole.tensors[name].nbytes for name in names)
        assert weight <= size or len(names) == 1
        holding.update(dict.fromkeys(names, path.name))
    index = result.folder / "model.safetensors.index.json"
    if size == 10**9:
        assert [path.name for path in paths] == ["model.safetensors"]
        assert not index.exists()
        return
    count = len(paths)
    assert count == len(holding) == 39 if size == 1 else 5 <= count < 10
    names = [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    assert [path.name for path in paths] == names
    value = json.loads(index.read_text())
    assert value["weight_map"] == holding
    assert value["metadata"]["total_size"] == sum(t.nbytes for t in whole.tensors.values())


def test_every_tensor_lies_at_a_multiple_of_its_element_size(bench: Bench) -> None:
    """The format's own writer puts wide types first for that; other readers rely on it."""
    tensors = {
        "a": torch.ones(3, dtype=torch.bfloat16),
        "b": torch.ones(2),
        "c": torch.tensor([True]),
        "d": torch.arange(2),
        "e": torch.ones(1, dtype=torch.float64),
    }
    bench.model("a", tensors)
    result = bench.merge(recipe("passthrough", [row("a")]))
    assert same(result.tensors, tensors)
    data = (result.folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    header = json.loads(data[8 : 8 + size])
    for name, tensor in tensors.items():
        assert header[name]["data_offsets"][0] % tensor.element_size() == 0, name


def test_a_sharded_result_can_be_merged_again(llamas: Bench) -> None:
    first = llamas.merge(recipe("passthrough", [row("a")]), options=Options(shard_size=50_000))
    again = Bench(llamas.root / "again", llamas.root)
    again.root.mkdir()
    second = again.merge(recipe("passthrough", [row(first.folder.name)]))
    assert same(first.tensors, second.tensors)


def test_metadata_stands_in_every_file_and_changes_no_tensor(llamas: Bench) -> None:
    options = Options(shard_size=100_000, metadata=(("evoreg.recipe", "zwölf"), ("a", "b")))
    result = llamas.merge(recipe("passthrough", [row("a")]), options=options)
    paths = sorted(result.folder.glob("*.safetensors"))
    assert len(paths) == 3
    for path in paths:
        with safe_open(path, framework="pt") as file:
            assert file.metadata() == {"format": "pt", "evoreg.recipe": "zwölf", "a": "b"}
    plain = llamas.merge(recipe("passthrough", [row("a")]))
    assert same(result.tensors, plain.tensors)


def test_the_files_are_listed_with_size_digest_and_role(llamas: Bench) -> None:
    result = llamas.merge(recipe("passthrough", [row("a")]), options=Options(shard_size=100_000))
    listed = {file.path: file for file in result.merged.outputs}
    assert sorted(listed) == sorted(path.name for path in result.folder.iterdir())
    assert [file.path for file in result.merged.outputs] == sorted(listed)
    for path in result.folder.iterdir():
        data = path.read_bytes()
        assert (listed[path.name].size, listed[path.name].digest) == (len(data), digest_of(data))
    assert {listed[name].role for name in listed if name.endswith(".safetensors")} == {"weights"}
    assert listed["model.safetensors.index.json"].role == "index"
    assert listed["config.json"].role == "config"
    assert listed["tokenizer.json"].role == "tokenizer"


def test_progress_tells_each_tensor_once_in_order(llamas: Bench, tmp_path: Path) -> None:
    plan = llamas.plan(recipe("passthrough", [row("a")]))
    told: list[str] = []
    folder = tmp_path / "out"
    folder.mkdir()
    carry_out(plan, folder, Options(threads=3), lambda output: told.append(output.name))
    assert told == [output.name for output in plan.outputs] == sorted(told)


def test_transformers_loads_a_sharded_result(
    llamas: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    lines = [row("a", weight=0.5), row("chat", weight=0.5)]
    result = llamas.merge(
        recipe("linear", lines, tokenizer_source="union"), options=Options(shard_size=50_000)
    )
    model = AutoModelForCausalLM.from_pretrained(result.folder)
    tokenizer = AutoTokenizer.from_pretrained(result.folder)
    state = model.state_dict()
    assert state.keys() == result.tensors.keys()
    assert all(state[name].equal(tensor) for name, tensor in result.tensors.items())
    assert len(tokenizer) == model.config.vocab_size == 258
    ids = tokenizer("<s><|im_start|></s><|im_end|>").input_ids
    assert ids == [1, 256, 2, 257]
    assert model(torch.tensor([ids])).logits.shape == (1, 4, 258)

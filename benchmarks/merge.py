"""How fast a merge is, as a ratio against the plain way: load both checkpoints, average, save.

The peer is what one writes by hand with torch and safetensors; it holds three whole models in
memory, computes no shares and writes no digest. Printed: seconds and peak memory of both, and
the ratios.

Run it as ``python benchmarks/merge.py [MILLIONS_OF_PARAMETERS]``.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from evoreg.evolve.checkpoints.tensors import read_checkpoint
from evoreg.evolve.execution.run import Options, carry_out
from evoreg.evolve.planning.build import make_plan
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.recipes.read import read_recipe
from evoreg.provenance.records.digest import digest_of

_RECIPE = """
merge_method: linear
models:
  - {model: ./a, parameters: {weight: 0.6}}
  - {model: ./b, parameters: {weight: 0.4}}
"""
_WIDTH = 2048


def make(folder: Path, millions: int) -> None:
    """Make two bfloat16 checkpoints of square layers."""
    layers = max(millions * 10**6 // _WIDTH**2, 1)
    for seed, name in enumerate("ab"):
        generator = torch.Generator().manual_seed(seed)
        tensors = {
            f"model.layers.{layer}.mlp.weight": torch.randn(
                _WIDTH, _WIDTH, generator=generator
            ).bfloat16()
            for layer in range(layers)
        }
        (folder / name).mkdir()
        save_file(tensors, folder / name / "model.safetensors", metadata={"format": "pt"})


def ours(folder: Path, out: Path) -> None:
    """Merge with evoreg's engine."""
    recipe = read_recipe(_RECIPE, "benchmark").recipe
    models = {
        name: SourceModel(name, digest_of(name.encode()), read_checkpoint(folder / name))
        for name in recipe.references
    }
    carry_out(make_plan(recipe, models, 0), out, Options())


def plain(folder: Path, out: Path) -> None:
    """Merge by hand."""
    torch.set_num_threads(1)
    first, second = (load_file(folder / name / "model.safetensors") for name in "ab")
    merged = {k: (0.6 * first[k].float() + 0.4 * second[k].float()).bfloat16() for k in first}
    save_file(merged, out / "model.safetensors", metadata={"format": "pt"})


WAYS: dict[str, Callable[[Path, Path], None]] = {"evoreg": ours, "plain": plain}


def one(way: str, folder: Path) -> None:
    """Run one way in this process and print seconds of processor time and peak memory in MB."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        start, before = time.perf_counter(), time.process_time()
        WAYS[way](folder, Path(out))
        wall, cpu = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{wall:.3f} {cpu:.3f} {peak:.0f}")


def main() -> None:
    """Make the models, run both ways in turn three times, print medians and ratios."""
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), millions)
        rows: dict[str, list[list[float]]] = {way: [] for way in WAYS}
        for _ in range(3):
            for way in WAYS:
                command = [sys.executable, __file__, way, name]
                text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                rows[way].append([float(item) for item in text.split()])
    median = {way: sorted(found)[1] for way, found in rows.items()}
    for way, (wall, cpu, peak) in median.items():
        print(f"{way:8} {wall:7.2f} s  {cpu:7.2f} CPU-s  {peak:7.0f} MB peak (mapped pages count)")
    print("evoreg / plain:", end="")
    for label, place in (("wall", 0), ("CPU", 1), ("memory", 2)):
        print(f"  {label} {median['evoreg'][place] / median['plain'][place]:.2f}", end="")
    print()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()

"""CMA-ES: it finds optima, one gene suffices, ranks are all it hears, nothing is left behind."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from evoreg.evolve.optimisers.cmaes import ranks, usual_population
from evoreg.evolve.optimisers.optimiser import Optimiser, Told
from evoreg.evolve.optimisers.table import make_optimiser
from evoreg.evolve.searchfile.form import OptimiserForm
from evoreg.evolve.spaces.space import Gene
from evoreg.provenance.records.canonical import Json
from tests.optimisers.worlds import World, box_genes, sphere, world_of

KINDS = ["cma-es", "sep-cma-es"]


def far(optimiser: Optimiser) -> float:
    return max(abs(value - 0.3) for value in optimiser.returned)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_it_finds_the_optimum_of_a_sphere(kind: str, count: int) -> None:
    world = World(kind, box_genes(count), lambda genome: (sphere(genome),))
    optimiser = world.make()
    assert far(optimiser) == pytest.approx(1.2)  # it stands at the start: the mean, not a draw
    world.run(optimiser, 60)
    assert far(optimiser) < 0.02
    assert optimiser.front == (optimiser.returned,)


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_an_optimum_in_a_corner(kind: str) -> None:
    genes = box_genes(3)
    world = World(kind, genes, lambda genome: (sum(genome),))
    optimiser = world.make()
    world.run(optimiser, 60)
    ends = [gene.high for gene in genes]
    assert optimiser.returned == pytest.approx(ends, abs=0.01)


def test_it_bends_towards_a_ridge_and_sep_does_not() -> None:
    def ridge(genome: tuple[float, ...]) -> tuple[float]:
        first, second = genome[0] - 0.3, genome[1] - 0.3
        return (-((first + second) ** 2) - 1e3 * (first - second) ** 2,)

    found = {}
    for kind in KINDS:
        world = World(kind, box_genes(2), ridge)
        optimiser = world.make()
        world.run(optimiser, 60)
        found[kind] = -ridge(optimiser.returned)[0]
    assert found["cma-es"] < 1e-9
    assert found["cma-es"] < found["sep-cma-es"] / 100


def test_a_diagonal_beginning_goes_over_into_a_full_distribution() -> None:
    world = World("cma-es", box_genes(5), lambda genome: (sphere(genome),))
    plain, diagonal = world.make(), world.make({"diagonal_iterations": 4})
    seen = [world.run(each, 10) for each in (plain, diagonal)]
    assert seen[0] != seen[1]
    # The library knows no single diagonal generation: one is read as two.
    once, twice = (world.make({"diagonal_iterations": count}) for count in (1, 2))
    assert world.run(once, 6) == world.run(twice, 6)
    np.random.seed(5)
    assert (
        world.run(world.make({"diagonal_iterations": 4}), 10) == seen[1]
    )  # random numbers of its own
    world.run(diagonal, 60)
    assert far(diagonal) < 0.02


@pytest.mark.parametrize("option", [{"active": False}, {"diagonal_iterations": 2}])
def test_options_have_an_effect(option: dict[str, bool | int]) -> None:
    world = world_of("cma-es")
    assert world.run(world.make(option), 6) != world.run(world.make(), 6)


def test_the_step_size_is_a_fraction_of_each_range() -> None:
    genes = (Gene("narrow", 0.0, 0.001, 0.0005), Gene("wide", -500.0, 500.0, 0.0))
    form = OptimiserForm(kind="cma-es", population=400, sigma=0.1)
    optimiser = make_optimiser(form, genes, 3)
    values = np.asarray([each.genome for each in optimiser.ask()])
    spread = values.std(axis=0) / [0.001, 1000.0]
    assert spread == pytest.approx([0.1, 0.1], rel=0.15)
    assert values.mean(axis=0) == pytest.approx([0.0005, 0.0], rel=0.05, abs=20)


def test_the_usual_population() -> None:
    assert [usual_population(count) for count in (1, 2, 6, 64, 200)] == [4, 6, 9, 16, 19]
    assert len(World("cma-es", box_genes(6), lambda g: (0.0,)).make().ask()) == 9


def told(*values: float | None) -> list[Told]:
    return [
        Told((float(place),), None if value is None else (value,))
        for place, value in enumerate(values)
    ]


def test_ranks() -> None:
    assert ranks(told(0.2, 0.9, -3.0)) == [1.0, 0.0, 2.0]
    assert ranks(told(0.5, 0.5, 0.7, 0.5)) == [1.0, 2.0, 0.0, 3.0]
    assert ranks(told(None, -1e308, None, 1e308)) == [2.0, 1.0, 3.0, 0.0]


def test_only_the_order_counts() -> None:
    world = World("cma-es", box_genes(4), lambda genome: (sphere(genome),))
    bent = World("cma-es", box_genes(4), lambda genome: (math.exp(40 * sphere(genome)),))
    assert world.run(world.make(), 8) == bent.run(bent.make(), 8)


def test_a_failure_counts_as_the_worst() -> None:
    world = world_of("cma-es")
    failing, scoring = world.make(), world.make()
    asked = failing.ask()
    failing.tell(world.told(asked, (2,)))
    marks = list(world.told(scoring.ask()))
    marks[2] = Told(marks[2].genome, (-1e9,))
    scoring.tell(marks)
    assert failing.ask() == scoring.ask()


def test_it_ends_when_it_has_shrunk_to_a_point() -> None:
    world = World("cma-es", box_genes(1), lambda genome: (sphere(genome),))
    optimiser = world.make({"precision": 1e-3})
    generations = 0
    while not optimiser.finished and generations < 200:
        world.run(optimiser, 1)
        generations += 1
    assert 3 < generations < 100
    assert optimiser.finished == "the step size fell below 0.001 of every gene's range"
    assert far(optimiser) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_hundreds_of_genes_and_failed_generations(kind: str) -> None:
    world = World(kind, box_genes(310), lambda genome: (sphere(genome),))
    optimiser = world.make()
    for number in range(6):
        asked = optimiser.ask()
        optimiser.tell(world.failed(asked) if number % 2 else world.told(asked))
    assert optimiser.state()["generation"] == 6


def test_a_suggestion_draws_the_distribution_near() -> None:
    world = World("cma-es", box_genes(6), lambda genome: (sphere(genome),))
    plain, led = world.make(), world.make()
    led.inject([(0.3,) * 6])
    world.run(plain, 3)
    world.run(led, 3)
    assert sphere(led.returned) > sphere(plain.returned)


def test_it_writes_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = world_of("cma-es")
    world.run(world.make(), 5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ['{"timeout": "of no use"}', '{"CMA_cmean": 0.1}', "(((", "{}"])
def test_a_file_in_the_working_folder_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    def states() -> list[Mapping[str, Json]]:
        found: list[Mapping[str, Json]] = []
        optimiser = world.make()
        for _ in range(4):
            world.run(optimiser, 1)
            found.append({**optimiser.state(), "returned": list(optimiser.returned)})
        return found

    world = world_of(kind)
    wanted = states()
    (tmp_path / "cma_signals.in").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert states() == wanted


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    world = world_of("sep-cma-es")
    world.run(world.make(), 5)
    assert capfd.readouterr() == ("", "")


def test_the_state_tells_step_size_and_mean() -> None:
    world = world_of("cma-es")
    optimiser = world.make()
    state = dict(optimiser.state())
    assert state["sigma"] == pytest.approx(1 / 6)
    assert state["mean"] == list(optimiser.returned) == pytest.approx([1.5] * 4)
    world.run(optimiser, 1)
    after = dict(optimiser.state())
    assert after["covariance"] != state["covariance"]
    assert after["mean"] == list(optimiser.returned) != state["mean"]

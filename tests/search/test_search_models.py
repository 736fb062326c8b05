"""The shipped models in a real search: hosts, tasks, spaces and optimisers as users have them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from evoreg.evolve.execution.run import RULES
from evoreg.evolve.optimisers.table import make_optimiser
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.resident.drift import drifts
from evoreg.evolve.resident.parameters import ParameterHost
from evoreg.evolve.search.observer import Past
from evoreg.evolve.search.run import run_search
from evoreg.evolve.search.setup import Setup, Stage
from evoreg.evolve.searchfile.form import SearchForm
from evoreg.evolve.spaces.space import Genome
from evoreg.evolve.spaces.table import parameter_space
from evoreg.evolve.tasks.table import make_task
from evoreg.evolve.tasks.task import Task
from evoreg.provenance.records.candidate import Engine
from evoreg.provenance.records.errors import InputError
from evoreg.provenance.records.recipe import Ingredient
from evoreg.provenance.records.search import GeneRecord, Search
from evoreg.registry.demo import models_folder
from tests.evolve.merging import source
from tests.search.toys import Books, ToyStages, ticking
from tests.tasks.asking import task_of, write_lines

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ENGINE = Engine(version="0.0.test", rules=RULES)
MODELS = ("pocket-math", "pocket-ja")
BASE = "pocket-base"


@pytest.fixture(scope="module")
def sources() -> dict[str, SourceModel]:
    return {name: source(name, models_folder() / name) for name in (BASE, *MODELS)}


def the_form(**changes: object) -> SearchForm:
    body: dict[str, object] = {
        "name": "pockets",
        "models": list(MODELS),
        "base_model": BASE,
        "merge": {"dtype": "bfloat16"},
        "space": {
            "kind": "parameters",
            "genes": {"weight": {"low": 0.0, "high": 1.5, "start": 0.8}},
        },
        "tasks": [
            {
                "name": "maths",
                "data": {"path": "japanese-maths-test.jsonl", "limit": 6},
                "metric": "exact_match",
                "max_new_tokens": 10,
                "soft": 0.1,
            }
        ],
        "budget": {"generations": 2},
        "optimiser": {"kind": "cma-es", "population": 4},
        "economy": {"items": 3, "finalists": 1},
        "seed": 3,
    }
    return SearchForm.model_validate({**body, **changes})


@pytest.fixture(scope="module")
def task() -> Task:
    folder = models_folder().parent
    return make_task(the_form().tasks[0], folder, seed=3, allow_code=False, offline=True)


class OneStage(ToyStages):
    """One stage over models in memory."""

    def __init__(
        self, form: SearchForm, host: ParameterHost, sources: dict[str, SourceModel]
    ) -> None:
        self.form, self.real, self.sources = form, host, sources

    def first(self) -> Stage:
        space = parameter_space(self.form, self.sources)
        optimiser = make_optimiser(self.form.optimiser, space.genes, self.form.seed)
        return Stage(0, space, self.real, optimiser)

    def following(self, stage: Stage, returned: Genome) -> Stage | None:
        return None


@pytest.fixture
def opened(sources: dict[str, SourceModel], task: Task) -> Iterator[partial[Setup]]:
    with ExitStack() as stack:

        def setup(form: SearchForm, device: str = "cpu") -> Setup:
            host = ParameterHost.open(sources, 7, ENGINE, device)
            stack.callback(host.close)
            space = parameter_space(form, sources)
            search = Search(
                name=form.name,
                settings={},
                ingredients=tuple(
                    Ingredient(reference=name, name=name, revision=None, identity=model.identity)
                    for name, model in sources.items()
                ),
                genes=tuple(
                    GeneRecord(name=gene.name, low=gene.low, high=gene.high, start=gene.start)
                    for gene in space.genes
                ),
                tasks=(task.record,),
                seed=form.seed,
                merge_seed=7,
                intent="research",
                decision=None,
                outbound=None,
                engine=ENGINE,
                versions={"device": device},
            )
            stages = OneStage(form, host, sources)
            measure = partial(drifts, sources=sources)
            return Setup(form, search, (task,), stages, drifts=measure)

        yield partial(setup)


@pytest.mark.parametrize("device", DEVICES)
def test_a_search_over_models_is_cut_and_goes_on(opened: partial[Setup], device: str) -> None:
    whole, again = Books(), Books()
    result = run_search(opened(the_form(), device), whole, clock=ticking())
    resumed = run_search(opened(the_form(), device), again, whole.past(2), clock=ticking())
    assert again.generations == whole.generations[2:]
    assert resumed == result
    labels = [[item.label for item in c.evaluations] for c in whole.past().closed]
    assert labels[0] == ["pocket-math", "pocket-ja", "base", "uniform"]
    assert labels[3:] == [["mean", "best 1"], [result.label, *labels[0]]]
    stability = result.stability
    assert (stability.finite, stability.tried, len(stability.intervals)) == (True, 8, 4)
    assert stability.parameters > 400_000
    assert [item.reference for item in stability.drifts] == [BASE, *MODELS]
    assert all(0 < float(item.relative) < 2 for item in stability.drifts)
    assert {item.used for item in whole.evaluations()[4].contributions} == {True}
    setup = opened(the_form(), device)
    assert setup.stages.first().host.apply(result.recipe).candidate == result.winner


def test_numbers_that_overflow_fail_a_candidate_alone(opened: partial[Setup]) -> None:
    form = the_form(
        space={
            "kind": "parameters",
            "genes": {"weight": {"low": 0.0, "high": 1e6, "start": 1.0}},
        },
        merge={"dtype": "float16"},
        optimiser={"kind": "random", "population": 3},
        budget={"generations": 1},
    )
    books = Books()
    result = run_search(opened(form), books, Past(), clock=ticking())
    sampled = [item for item in books.evaluations() if item.origin == "sampled"]
    codes = {item.failure.code for item in sampled if item.failure is not None}
    assert codes == {"EVO-M003"}
    assert {item.failure is None for item in books.past().closed[0].evaluations} == {True}
    assert result.label == "returned"


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("kind", ["generate", "choice"])
def test_a_question_that_never_fits_is_told_before_the_search(
    tmp_path: Path, opened: partial[Setup], split: str, kind: str
) -> None:
    for name in ("train", "validation", "test"):
        row = {"prompt": f"{name} 1 +", "answer": "2", "choices": ["2", "3"]}
        rows = [row, {**row, "prompt": f"{name} " + "1 + " * 600}] if name == split else [row]
        write_lines(tmp_path / f"{name}.jsonl", rows)
    usual = {"generate": "exact_match", "choice": "accuracy"}
    files = {name: f"{name}.jsonl" for name in ("train", "validation", "test")}
    long = task_of(tmp_path, files, kind=kind, metric=usual[kind], max_new_tokens=2)
    setup, books = replace(opened(the_form()), tasks=(long,)), Books()
    for _ in range(2):  # the second time it goes on behind the baselines
        with pytest.raises(InputError) as caught:
            run_search(setup, books, books.past(len(books.generations)), clock=ticking())
        assert [p.where for p in caught.value.problems] == [f"task sums, {split}.jsonl:2"]
        assert len(books.generations) == 1


def test_the_demo_is_where_the_test_looks_for_it() -> None:
    assert Path(models_folder().parent, "japanese-maths-test.jsonl").is_file()

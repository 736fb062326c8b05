"""All optimisers in one table: what each is called, what it needs, and how it is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evoreg.evolve.optimisers.box import Box
from evoreg.evolve.optimisers.cmaes import CmaEs, usual_population
from evoreg.evolve.optimisers.cycleqd import CycleQd
from evoreg.evolve.optimisers.geometry import Geometry
from evoreg.evolve.optimisers.m2n2 import M2n2
from evoreg.evolve.optimisers.nsga2 import Nsga2
from evoreg.evolve.optimisers.optimiser import Optimiser
from evoreg.evolve.optimisers.random import RandomSearch
from evoreg.evolve.optimisers.settings import Option, read_options
from evoreg.evolve.optimisers.strategy import Brief, Strategy
from evoreg.evolve.optimisers.turns import Turns
from evoreg.evolve.recipes.form import closest
from evoreg.evolve.searchfile.form import OptimiserForm
from evoreg.evolve.spaces.space import Gene
from evoreg.provenance.records.errors import Code, Problem, RecipeError


@dataclass(frozen=True)
class Row:
    """An optimiser."""

    name: str
    """As search files call it."""
    title: str
    """As people call it."""
    reference: str
    """Where it is described."""
    build: Callable[[Brief], Strategy]
    """What makes it."""
    population: Callable[[int], int]
    """The usual population, by number of genes."""
    smallest: int
    """The smallest population."""
    options: tuple[Option, ...]
    """Its options."""
    several: bool = False
    """Whether it takes several objectives, and then at least two, instead of one."""
    items: bool = False
    """Whether it must be told the fitness of every item."""
    geometry: bool = False
    """Whether it breeds whole tensors and must know the sources' geometry."""
    fixed_items: bool = False
    """Whether it compares numbers of different generations, so that all of them must be asked the
    same items: neither rotation nor racing."""
    most: int | None = None
    """Most genes; nothing if memory and time grow no faster than they."""


ACTIVE = Option("active", True, "lets bad candidates push the distribution away")
PRECISION = Option(
    "precision", 1e-9, "ends the search when no step exceeds it, in parts of a range", 0.0, 0.1
)

ROWS = (
    Row(
        "cma-es",
        "CMA-ES",
        "Hansen, arXiv 1604.00772",
        partial(CmaEs, separable=False),
        usual_population,
        smallest=4,
        options=(
            ACTIVE,
            Option("diagonal_iterations", 0, "first generations in which nothing turns", 0, 10**9),
            PRECISION,
        ),
        most=10_000,  # its square are the numbers of one of several tables: 800 MB each
    ),
    Row(
        "sep-cma-es",
        "sep-CMA-ES",
        "Ros and Hansen, PPSN 2008",
        partial(CmaEs, separable=True),
        usual_population,
        smallest=4,
        options=(ACTIVE, PRECISION),
    ),
    Row(
        "random",
        "random search",
        "Bergstra and Bengio, JMLR 13, 2012",
        RandomSearch,
        usual_population,
        smallest=1,
        options=(
            Option("design", "latin", "how a generation is spread", words=("latin", "uniform")),
        ),
    ),
    Row(
        "nsga2",
        "NSGA-II",
        "Deb et al., IEEE TEC 6, 2002",
        Nsga2,
        lambda genes: 40,  # noqa: ARG005 - the same for any number of genes
        smallest=4,
        options=(
            Option("crossover_eta", 15.0, "how near to a parent children are", 1.0, 100.0),
            Option("crossover_probability", 0.9, "part of the pairs that are crossed", 0.0, 1.0),
            Option("mutation_eta", 20.0, "how small mutations are", 1.0, 100.0),
            Option("mutation_probability", 0.9, "part of the children that mutate", 0.0, 1.0),
        ),
        several=True,
        fixed_items=True,
    ),
    Row(
        "m2n2",
        "M2N2",
        "arXiv 2508.16204",
        M2n2,
        lambda genes: 15,  # noqa: ARG005 - as above
        smallest=2,
        options=(
            Option("alpha", 1.0, "how much an item is shared by those who solve it", 0.0, 10.0),
            Option("children", 8, "candidates of a generation", 1, 10**6),
            Option("matchmaking", True, "looks for partners that solve what the first does not"),
            Option("mutation", 0.0, "standard deviation added to coefficients", 0.0, 10.0),
            Option(
                "vectors",
                "auto",
                "what is interpolated: models, or their differences from the base",
                words=("auto", "models", "differences"),
            ),
        ),
        items=True,
        geometry=True,
        fixed_items=True,
    ),
    Row(
        "cycleqd",
        "CycleQD",
        "arXiv 2410.14735",
        CycleQd,
        lambda genes: 8,  # noqa: ARG005 - as above
        smallest=1,
        options=(
            Option("bins", 15, "bins of each task", 1, 10**4),
            Option("crossover_std", 0.01, "deviation of the parents' weights from one", 0.0, 0.3),
            Option("floor", 0.5, "weight of the worst elite", 0.01, 100.0),
            Option("headroom", 1.2, "end of the bins in best first scores", 1.0, 100.0),
            Option("mutation_rate", 0.1, "most of the expert that is added to a tensor", 0.0, 10.0),
            Option("retries", 3, "further tries for a child that is there already", 0, 1000),
            Option("sampling", "elite", "who becomes a parent", words=("elite", "uniform")),
            Option("span", 0.8, "how much more weight the best elite has", 0.0, 100.0),
        ),
        several=True,
        geometry=True,
        fixed_items=True,
    ),
)

OPTIMISERS: Mapping[str, Row] = {row.name: row for row in ROWS}
"""All optimisers by name."""


def make_optimiser(
    form: OptimiserForm,
    genes: Sequence[Gene],
    seed: int,
    *,
    geometry: Geometry | None = None,
    objectives: int = 1,
) -> Optimiser:
    """Return an optimiser that has not been asked yet.

    Args:
        form: What the search file says.
        genes: The genes, at least one.
        seed: Seed of the search; other seeds give other candidates.
        geometry: Lengths and angles of the sources, for optimisers that breed whole tensors.
        objectives: How many numbers a candidate is told by, at least 1.

    Returns:
        An optimiser. Equal arguments give optimisers that ask for the same.

    Raises:
        RecipeError: With everything that is wrong with the form, or does not suit the search.
        ValueError: Genes without a range.
    """
    row = OPTIMISERS.get(form.kind)
    if row is None:
        raise RecipeError.of([_no_row(form.kind)])
    settings, wrong = read_options(form.options, row.options, row.name)
    problems = [*_unsuited(row, form, geometry, objectives), *_too_many(row, len(genes)), *wrong]
    if problems:
        raise RecipeError.of(problems)
    box = Box.of(genes)
    brief = Brief(
        box,
        seed,
        form.population or max(row.smallest, row.population(box.size)),
        form.sigma,
        settings,
        tuple(gene.name for gene in genes),
        objectives,
        geometry,
    )
    return Turns(row.build(brief), box, objectives, items=row.items)


def _no_row(name: str) -> Problem:
    hint = closest(name, tuple(OPTIMISERS))
    return Problem(Code.RECIPE_VALUE, f"no optimiser {name!r:.60}", "optimiser.kind", hint)


def _unsuited(
    row: Row, form: OptimiserForm, geometry: Geometry | None, objectives: int
) -> list[Problem]:
    """Return how a form does not suit its optimiser or its search."""
    problems = []
    if 0 < form.population < row.smallest:
        what = f"{row.name} needs a population of at least {row.smallest}, not {form.population}"
        hint = "0 takes the usual one"
        problems.append(Problem(Code.RECIPE_PARAMETER, what, "optimiser.population", hint))
    if row.several != (objectives > 1):
        problems.append(_wrong_number(row, objectives))
    if row.geometry and geometry is None:
        what = f"{row.name} breeds whole tensors"
        hint = "say space: {kind: tensors}"
        problems.append(Problem(Code.RECIPE_STRUCTURE, what, "optimiser.kind", hint))
    return problems


def _too_many(row: Row, genes: int) -> list[Problem]:
    if row.most is None or genes <= row.most:
        return []
    what = f"{row.name} learns how genes go together, for at most {row.most} of them, not {genes}"
    hint = "take sep-cma-es, or a smaller space"
    return [Problem(Code.RECIPE_STRUCTURE, what, "optimiser.kind", hint)]


def _wrong_number(row: Row, objectives: int) -> Problem:
    suited = [other.name for other in ROWS if other.several == (objectives > 1)]
    wanted = "at least two objectives" if row.several else "one objective"
    what = f"{row.name} takes {wanted}, not {objectives}"
    hint = f"give it more tasks, or take {' or '.join(suited)}" if row.several else ""
    return Problem(
        Code.RECIPE_STRUCTURE, what, "optimiser.kind", hint or f"take {' or '.join(suited)}"
    )

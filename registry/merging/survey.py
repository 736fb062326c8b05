"""Looking ahead over all recipes of a file: every plan is made before the first weight is merged.

A recipe that needs a result which is still to be made is planned on a shadow of it: the headers and
the small files that it will have. So shapes, layers, vocabularies and papers of the last recipe are
checked before the first one runs, and the room on the disk too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from evoreg.evolve.checkpoints.tensors import Checkpoint, TensorInfo
from evoreg.evolve.planning.plan import Plan
from evoreg.evolve.recipes.stream import Stage
from evoreg.provenance.papers.facts import Earlier
from evoreg.provenance.records.candidate import Engine, candidate_id
from evoreg.provenance.records.decision import Verdict
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Problem
from evoreg.provenance.records.model import Model
from evoreg.registry.merging.course import Course, Result, seed_of, title_of
from evoreg.registry.merging.facts import draft_of, ingredients_of, papers_missing
from evoreg.registry.merging.prepare import Prepared, plan_of
from evoreg.registry.merging.shelf import Kept, Shelf
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import evoreg_version


@dataclass(frozen=True)
class Leg:
    """One recipe of a file, as far as it can be known before the first merge."""

    stage: Stage
    """The recipe."""
    prepared: Prepared
    """Its models and the decision; results that are still to be made are shadows."""
    plan: Plan
    """What will be done; only sizes are of use if it stands on a shadow."""
    real: bool
    """Whether all models are there, so that the plan can be carried out."""
    kept: Kept | None
    """Its result, if it was made before."""
    missing: tuple[Problem, ...]
    """Papers that will be owed and missing."""


@dataclass(frozen=True)
class Survey:
    """All recipes of a file."""

    legs: tuple[Leg, ...]
    """In order; the last one gives the result."""

    @property
    def final(self) -> Leg:
        """The recipe that gives the result."""
        return self.legs[-1]

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What lenient planning forgave."""
        return tuple(dict.fromkeys(item for leg in self.legs for item in leg.plan.warnings))

    @property
    def missing(self) -> tuple[Problem, ...]:
        """Papers that will be owed and missing, each once."""
        return tuple(dict.fromkeys(problem for leg in self.legs for problem in leg.missing))

    @property
    def room(self) -> int:
        """Bytes of the intermediate results that are still to be made."""
        return sum(leg.plan.size for leg in self.legs[:-1] if leg.kept is None)


def survey(
    course: Course, name: str, seed: int | None, shelf: Shelf | None, *, papers: bool = True
) -> Survey:
    """Plan every recipe of a file; loads no weights and no torch.

    Args:
        course: Recipes, models and decisions.
        name: Name of the final result.
        seed: What the user gave.
        shelf: Where finished results are looked for; nothing: nowhere.
        papers: Whether the papers are looked ahead at too.

    Returns:
        The plans, and what was found.

    Raises:
        RecipeError: A recipe does not fit its models.
        MergeError: Models do not fit each other.
        InputError: A checkpoint or the ledger cannot be read.
    """
    with TemporaryDirectory(prefix="evoreg-") as folder:
        scout = _Scout(course, name, seed, shelf, Path(folder), papers)
        legs = tuple(scout.leg(stage) for stage in course.stream.stages)
    return Survey(legs)


def identity_of(prepared: Prepared, plan: Plan, rules: int) -> Digest:
    """Return the id of a candidate before it is made.

    Args:
        prepared: Recipe and models.
        plan: What to do.
        rules: Number of the arithmetic.

    Returns:
        What `Candidate.id` will be.
    """
    engine = Engine(version=evoreg_version(), rules=rules)
    return candidate_id(plan.recipe, ingredients_of(prepared), plan.seed, engine)


@dataclass
class _Scout:
    """Goes from recipe to recipe and remembers what came, or will come, out of each."""

    course: Course
    name: str
    seed: int | None
    shelf: Shelf | None
    folder: Path
    papers: bool
    results: dict[str, Result] = field(default_factory=dict)
    shadows: dict[str, Checkpoint] = field(default_factory=dict)

    def leg(self, stage: Stage) -> Leg:
        """Plan one recipe."""
        final = stage is self.course.stream.final
        prepared = self.course.prepared(stage, self.results)
        real = all(name not in self.shadows for name in stage.uses)
        plan = plan_of(prepared, seed_of(self.seed, stage, final=final), self.shadows)
        kept = self.look(stage, prepared, plan) if real and not final else None
        missing = self.missing(prepared, plan, "" if final else stage.name)
        if kept is not None:
            self.results[stage.name] = kept.result
        elif not final:
            self.cast(stage, prepared, plan)
        return Leg(stage, prepared, plan, real, kept, missing)

    def missing(self, prepared: Prepared, plan: Plan, stage: str) -> tuple[Problem, ...]:
        """Tell which papers will be missing; what is not permitted gets none in any case."""
        if not self.papers or prepared.decision.verdict.severity >= Verdict.REVIEW.severity:
            return ()
        return papers_missing(prepared, plan, title_of(self.name, stage))

    def look(self, stage: Stage, prepared: Prepared, plan: Plan) -> Kept | None:
        """Look for a finished result."""
        if self.shelf is None:
            return None
        found = self.shelf.find(prepared, stage.name, identity_of(prepared, plan, self.shelf.rules))
        return found if isinstance(found, Kept) else None

    def cast(self, stage: Stage, prepared: Prepared, plan: Plan) -> None:
        """Remember what a result will look like."""
        place = self.folder / str(stage.number)
        place.mkdir()
        model = Model(name=stage.name, origin="local", files=())
        sources: Mapping[str, Model] = {
            reference: found.model for reference, found in prepared.models.items()
        }
        made = Earlier(stage.name, draft_of(prepared, plan), sources)
        self.results[stage.name] = Result(ResolvedModel(stage.name, model, place, (), ()), made)
        self.shadows[stage.name] = shadow(plan, place)


def shadow(plan: Plan, place: Path) -> Checkpoint:
    """Return the headers that the result of a plan will have.

    Args:
        plan: The plan.
        place: An empty folder, which takes the small files if they are not those of the donor.

    Returns:
        A checkpoint that can be planned with, and not read.
    """
    donor = plan.donor.checkpoint.folder
    if plan.files:
        for path in sorted(donor.iterdir()):
            if path.suffix in (".json", ".txt", ".model", ".jinja") and path.name not in plan.files:
                (place / path.name).symlink_to(path.resolve())
        for name, data in sorted(plan.files.items()):
            if data is not None:
                (place / name).write_bytes(data)
    folder = place if plan.files else donor
    tensors = {
        output.name: TensorInfo(output.name, output.dtype, output.shape, folder / "not-made-yet")
        for output in sorted(plan.outputs, key=lambda item: item.name)
    }
    return Checkpoint(folder, tensors, plan.config or {})

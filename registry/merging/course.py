"""From a recipe file to exact models and a decision for each recipe in it, before any weight moves.

The result of an earlier recipe stands for its own sources: policy decides about what is inside, so
that no licence is lost on the way. All decisions are made before the first merge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from evoreg.evolve.recipes.read import place_of
from evoreg.evolve.recipes.stream import Stage, Stream, read_stream
from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.inquiry import inquiry_json, texts_of
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.question import Question as Asked
from evoreg.provenance.papers.facts import Earlier
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Decision, Verdict
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, Problem
from evoreg.registry.merging.prepare import (
    Prepared,
    Question,
    Resolved,
    ambiguous,
    find_models,
    read_text,
)
from evoreg.registry.merging.references import renamed, without_paths
from evoreg.registry.merging.seeds import seed_for
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.peek import peek
from evoreg.registry.models.resolve import ResolvedModel, resolve
from evoreg.registry.settings import Settings


@dataclass(frozen=True)
class Result:
    """What came, or will come, out of an earlier recipe."""

    model: ResolvedModel
    """The model, called by the name of its recipe."""
    made: Earlier
    """What went into it."""


@dataclass(frozen=True)
class Inquiry:
    """What a decision was made from, as it is recorded."""

    value: Mapping[str, Json]
    """Question, policy and lineage."""
    texts: Mapping[Digest, bytes]
    """The licence and notice texts that it names."""


@dataclass(frozen=True)
class Judge:
    """Asks policy about the result of one recipe after the other."""

    question: Question
    """What the user wants."""
    knowledge: Knowledge
    """The licences."""
    sources: Mapping[str, SourceFacts]
    """What is known about each model, by its recorded reference."""

    def decide(
        self, stage: str, leaves: tuple[str, ...], left_out: frozenset[str] = frozenset()
    ) -> Decision:
        """Return what policy says about the result of one recipe.

        Args:
            stage: Name of the recipe; empty for the final one.
            leaves: Everything that takes part.
            left_out: Those of them of which nothing will be in the result.

        Returns:
            The decision.
        """
        return decide(self._asked(leaves, left_out), self._question(stage), self.knowledge)

    def inquiry(self, stage: str, leaves: tuple[str, ...], left_out: frozenset[str]) -> Inquiry:
        """Return what `decide` goes by, so that it can be recorded."""
        sources = self._asked(leaves, left_out)
        value = inquiry_json(sources, self._question(stage), self.knowledge)
        return Inquiry(value, texts_of(sources))

    def _asked(self, leaves: tuple[str, ...], left_out: frozenset[str]) -> list[SourceFacts]:
        facts = ((leaf, self.sources[leaf]) for leaf in leaves)
        return [replace(f, used=False) if leaf in left_out else f for leaf, f in facts]

    def _question(self, stage: str) -> Asked:
        question, name = self.question, self.question.name
        return Asked(
            question.intent,
            question.policy,
            question.context,
            title_of(name, stage) if name is not None else None,
            own=question.own,
            today=question.today,
        )


@dataclass(frozen=True)
class Course:
    """The recipes of a file, all their models, and a decision for each recipe."""

    stream: Stream
    """The recipes in order; the last one gives the result."""
    whole: Prepared
    """The last recipe, with everything that is inside as its models."""
    names: Mapping[str, str]
    """How each reference of the file is recorded."""
    decisions: Mapping[str, Decision]
    """What policy says about each earlier result, by name."""
    judge: Judge
    """Who decided, with everything that was known."""
    idle: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Sources of which nothing will be in the result of a recipe, by the name of the recipe."""
    inquiries: Mapping[str, Inquiry] = field(default_factory=dict)
    """What each decision was made from, by the name of the recipe; empty until it is asked for."""

    @property
    def several(self) -> bool:
        """Whether the file holds more than one recipe."""
        return len(self.stream.stages) > 1

    @property
    def verdict(self) -> Verdict:
        """The worst verdict about any of the results."""
        found = [self.whole.decision, *self.decisions.values()]
        return max((item.verdict for item in found), key=lambda verdict: verdict.severity)

    def prepared(self, stage: Stage, results: Mapping[str, Result]) -> Prepared:
        """Return one recipe with its own models.

        Args:
            stage: One of `stream.stages`.
            results: What came out of those that it uses, by name.

        Returns:
            Recipe, models and decision.
        """
        if not self.several:
            return self.whole
        recipe = stage.read.recipe
        names = {reference: self.names.get(reference, reference) for reference in recipe.references}
        models = {
            name: results[reference].model if reference in stage.uses else self.whole.models[name]
            for reference, name in names.items()
        }
        below = self.stream.below(stage)
        final = stage is self.stream.final
        numbers = [item.number for item in (*below, stage)]
        inquiry = self.inquiries.get(stage.name)
        return Prepared(
            read=replace(stage.read, file=str(stage.mark)),  # so messages tell which recipe
            recipe=renamed(recipe, names),
            models=models,
            decision=self.whole.decision if final else self.decisions[stage.name],
            knowledge=self.whole.knowledge,
            idle=self.idle.get(stage.name, frozenset()),
            left_out=self.left_out(stage),
            inquiry=inquiry.value if inquiry is not None else None,
            texts=inquiry.texts if inquiry is not None else {},
            leaves={name: self.whole.models[name] for name in self.leaves(stage)},
            earlier=tuple(results[item.name].made for item in below),
            documents=frozenset(numbers) if len(numbers) < self.stream.documents else None,
            facts=self.judge.sources,
            today=self.judge.question.today,
        )

    def leaves(self, stage: Stage) -> tuple[str, ...]:
        """Return the recorded references of everything inside the result of a recipe."""
        return _leaves(self.stream, stage, self.names)

    def left_out(self, stage: Stage) -> frozenset[str]:
        """Return those of the leaves of which nothing will be in the result of a recipe."""
        if not any(self.idle.values()):
            return frozenset()
        held: dict[str, set[str]] = {}
        for item in (*self.stream.below(stage), stage):
            found = held.setdefault(item.name, set())
            for reference in item.read.recipe.references:
                name = self.names.get(reference, reference)
                if name not in self.idle.get(item.name, frozenset()):
                    found |= held[reference] if reference in item.uses else {name}
        return frozenset(self.leaves(stage)) - held[stage.name]


def prepare(question: Question, settings: Settings, resolved: Resolved) -> Course:
    """Read a recipe file, find and measure its models, and ask policy.

    Args:
        question: Recipe file and intent.
        settings: Where the ledger and the caches are.
        resolved: Told about each model.

    Returns:
        Recipes, models and decisions, whatever their verdicts.

    Raises:
        RecipeError: The file is at fault.
        InputError: A model is missing, unreachable, damaged or hostile. All such models are told.
    """
    file = str(question.recipe)
    text = read_text(question.recipe) if question.text is None else question.text
    stream = read_stream(text, file, lenient=question.lenient)
    read = replace(stream.final.read, places=stream.places, warnings=stream.warnings)
    called = [stage.name for stage in stream.stages if stage.name]
    if question.text is None:
        find = peek if question.papers_only else resolve
        found = find_models(stream.leaves, read, settings, resolved, called, find=find)
        names, doubts = without_paths(stream.leaves), ambiguous(stream.leaves, read)
    else:
        found = {reference: question.found[reference] for reference in stream.leaves}
        names, doubts = {reference: reference for reference in found}, []
    models = {names[reference]: model for reference, model in found.items()}
    knowledge = load()
    # What else is at hand may be a parent, though it is not in the recipe.
    around = {**models, **{name: m for name, m in question.found.items() if name not in models}}
    facts, unseen = source_facts(around, settings)
    judge = Judge(question, knowledge, dict(zip(around, facts, strict=True)))
    notes = (*doubts, *_shadowed(stream), *unseen)
    recipe = renamed(stream.final.read.recipe, {**_own_names(stream), **names})
    whole = Prepared(
        read,
        recipe,
        models,
        judge.decide("", tuple(models)),
        knowledge,
        notes,
        facts=judge.sources,
        today=question.today,
    )
    decisions = {
        stage.name: judge.decide(stage.name, _leaves(stream, stage, names))
        for stage in stream.stages[:-1]
    }
    return Course(stream, whole, names, decisions, judge)


def title_of(name: str, stage: str) -> str:
    """Return what the result of a recipe is called in its papers.

    Args:
        name: Name of the final result; licences may say how it begins.
        stage: Name of the recipe; empty for the final one.

    Returns:
        The name of the final result, or that name, ``-`` and the name of the recipe.
    """
    return f"{name}-{stage}" if stage else name


def seed_of(seed: int | None, stage: Stage, *, final: bool) -> int | None:
    """Return the seed of one recipe.

    Args:
        seed: What the user gave.
        stage: The recipe.
        final: Whether it gives the result, which takes the seed as it is.

    Returns:
        Another seed for each name; nothing if the user gave none.
    """
    if seed is None or final:
        return seed
    return seed_for(seed, stage.name)


def _own_names(stream: Stream) -> dict[str, str]:
    return {stage.name: stage.name for stage in stream.stages}


def _leaves(stream: Stream, stage: Stage, names: Mapping[str, str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in (*stream.below(stage), stage):
        for reference in item.read.recipe.references:
            if reference not in item.uses:
                found[names[reference]] = None
    return tuple(found)


def _shadowed(stream: Stream) -> list[Problem]:
    """Return a note on each name of a recipe that is also a folder."""
    found = []
    for stage in stream.stages[:-1]:
        name = stage.name
        places = [Path.cwd() / name, Path(stream.file).parent / name]
        if any(place.is_dir() for place in places):
            what = f"there is a folder {name}; here the name means the result of the recipe"
            user = next(item for item in stream.stages if name in item.uses)
            hint = f"rename the recipe; write ./{name} where the folder is meant"
            place = place_of(user.read, name)
            found.append(Problem(Code.RECIPE_REFERENCE, what, place, hint))
    return found

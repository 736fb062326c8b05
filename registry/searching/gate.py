"""The gate of a search: policy says which models may enter the space, before a weight is opened.

A model that policy forbids for the intent is left out, with the licence, the reason and the clause.
What remains is decided about together, since every candidate may hold all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evoreg.evolve.recipes.read import place_of
from evoreg.evolve.searchfile.form import HybridSpace, SearchForm
from evoreg.policies.knowledge.book import load
from evoreg.policies.outbound import card_fields
from evoreg.provenance.records.decision import Decision, Reason, Verdict
from evoreg.provenance.records.errors import Code, Problem, RefusedError
from evoreg.provenance.records.recipe import Ingredient
from evoreg.provenance.records.search import Excluded
from evoreg.registry.checking.checked import Checked, Judged, Spot
from evoreg.registry.merging.adapted import adapters_of
from evoreg.registry.merging.asking import stamped
from evoreg.registry.merging.course import Inquiry, Judge
from evoreg.registry.merging.prepare import Resolved, ambiguous, find_models
from evoreg.registry.merging.references import without_paths
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.peek import peek
from evoreg.registry.models.resolve import ResolvedModel, resolve
from evoreg.registry.searching.wanted import Wanted, references_of, renamed_form
from evoreg.registry.settings import Settings


@dataclass(frozen=True)
class Out:
    """A model that policy keeps out."""

    reference: str
    """As the search file calls it."""
    record: Excluded
    """What is recorded; its reference is the recorded one."""
    reasons: tuple[Reason, ...]
    """Why."""
    licence: str
    """SPDX expression of its licence."""
    place: str
    """Where the file names it."""


@dataclass(frozen=True)
class Field:
    """All models that a search file names, with what is known about them."""

    wanted: Wanted
    """The search."""
    models: Mapping[str, ResolvedModel]
    """The models by recorded reference."""
    names: Mapping[str, str]
    """How each reference of the file is recorded."""
    judge: Judge
    """Who decides."""
    notes: tuple[Problem, ...]
    """What is odd about the models."""


@dataclass(frozen=True)
class Gate:
    """The models that may enter the space, and the decision about all of them together."""

    field: Field
    """All models."""
    models: tuple[str, ...]
    """Those of `SearchForm.models` that take part, as the file calls them."""
    decision: Decision
    """What policy says about all of them."""
    out: tuple[Out, ...] = ()
    """Those that were kept out."""

    @property
    def form(self) -> SearchForm:
        """The search over the permitted models, by their recorded references."""
        return renamed_form(self.field.wanted.form, self.field.names, self.models)

    @property
    def leaves(self) -> tuple[str, ...]:
        """Recorded reference of everything that takes part, the base first."""
        return references_of(self.form)

    @property
    def inside(self) -> dict[str, ResolvedModel]:
        """The models that take part, called by their recorded references."""
        models = self.field.models
        return {name: replace(models[name], reference=name) for name in self.leaves}

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """The models as they are recorded, and behind them their adapters."""
        own = (
            Ingredient(
                reference=name,
                name=found.model.name,
                revision=found.model.revision,
                identity=found.model.identity,
            )
            for name, found in self.inside.items()
        )
        return (*own, *adapters_of(self.inside))

    def called(self, wanted: Wanted) -> "Gate":
        """Return the same gate for a search of another name."""
        judge = replace(self.field.judge, question=wanted.question)
        field = replace(self.field, wanted=wanted, judge=judge)
        again = Gate(field, self.models, self.decision, self.out)
        return replace(again, decision=judge.decide("", again.leaves))

    def inquiry(self) -> Inquiry:
        """Return what the decision was made from."""
        return self.field.judge.inquiry("", self.leaves, frozenset())

    def recorded(self, inquiry: Inquiry) -> Decision:
        """Return the decision as it is recorded."""
        return stamped(self.decision, inquiry)

    def checked(self) -> Checked:
        """Return the decision as checks show it."""
        wanted = self.field.wanted
        card = card_fields(self.decision.outbound, self.field.judge.knowledge)
        base = self.form.base_model
        bases = [] if base is None else [self.field.models[base].model.label]
        return Checked(
            target=wanted.read.file,
            kind="recipe",
            place=wanted.read.file,
            subject=wanted.question.name or wanted.form.name,
            judged=(Judged(self.decision, card),),
            spots=_spots(self.field),
            bases=frozenset(bases),
            warnings=(*wanted.read.warnings, *self.field.notes),
        )


def find(wanted: Wanted, settings: Settings, resolved: Resolved, *, papers_only: bool) -> Field:
    """Find and measure every model that a search file names, and what is known about it.

    Args:
        wanted: The search.
        settings: Where ledger and caches are.
        resolved: Told about each model.
        papers_only: Whether papers are enough, so that no weights are fetched.

    Returns:
        The models.

    Raises:
        InputError: Models are missing, unreachable, damaged or hostile. All such models are told.
    """
    references, read = references_of(wanted.form), wanted.named
    look = peek if papers_only else resolve
    found = find_models(references, read, settings, resolved, find=look)
    names = without_paths(references)
    models = {names[reference]: model for reference, model in found.items()}
    facts, unseen = source_facts(models, settings)
    judge = Judge(wanted.question, load(), dict(zip(models, facts, strict=True)))
    own = (problem for model in models.values() for problem in model.problems)
    return Field(wanted, models, names, judge, (*own, *ambiguous(references, read), *unseen))


def gate(field: Field) -> Gate:
    """Ask policy which models may enter the space, each by itself and then all together.

    Args:
        field: The models.

    Returns:
        The permitted models and the decision about them, whatever its verdict.

    Raises:
        RefusedError: Too few models are left, or one that the search cannot do without is refused.
    """
    form = field.wanted.form
    free = {*form.models} - _needed(form)
    held = tuple(name for name in references_of(form) if name not in free)
    alone = _decide(field, held) if held else None
    if alone is not None and alone.verdict is Verdict.BLOCK:
        return Gate(field, form.models, _decide(field, references_of(form)))
    out = tuple(_out(field, held, model) for model in form.models)
    kept = tuple(model for model, item in zip(form.models, out, strict=True) if item is None)
    left = tuple(item for item in out if item is not None)
    refuse_few(form, kept, left)
    return Gate(field, kept, _decide(field, (*held, *kept)), left)


def narrowed(found: Gate, models: Sequence[str]) -> Gate:
    """Return the gate of fewer models.

    Args:
        found: A gate.
        models: Some of its models, as the file calls them.

    Returns:
        The decision about these, and what was kept out before.
    """
    field, form = found.field, found.field.wanted.form
    free = {*form.models} - _needed(form) - {*models}
    held = tuple(name for name in references_of(form) if name not in {*models, *free})
    return Gate(field, tuple(models), _decide(field, (*held, *models)), found.out)


def fewest(form: SearchForm) -> int:
    """Return how many models a search must have: one beside a base that it starts from, else two.

    Args:
        form: The search file.

    Returns:
        1 or 2.
    """
    layers = form.space.kind == "layers"
    return 2 if form.base_model is None and not layers else 1


def enough(form: SearchForm, models: Sequence[str]) -> bool:
    """Tell whether models are at least `fewest`; one that is the base counts in a path alone."""
    base = None if form.space.kind == "layers" else form.base_model
    return sum(model != base for model in models) >= fewest(form)


def refuse_few(form: SearchForm, kept: Sequence[str], out: Sequence[Out]) -> None:
    """Stop if too few models are left.

    Args:
        form: The search file.
        kept: Models that policy permits.
        out: Models that it does not.

    Raises:
        RefusedError: Less than `fewest`, with the reasons.
    """
    least = fewest(form)
    if enough(form, kept) or not out:
        return
    told = f"policy leaves {len(kept)} of {len(form.models)} models to search over"
    need = f"at least {least} must remain"
    first = Problem(Code.POLICY_REFUSED, f"{told}; {need}", form.name, _WAYS)
    raise RefusedError.of([first, *map(problem_of, out)])


_WAYS = "replace these models, or search for another intent, such as --intent research"


def problem_of(out: Out) -> Problem:
    """Return why a model was left out, as a message."""
    what = f"{out.reference} is left out ({out.licence}): {' '.join(out.record.reasons)}"
    fixes = dict.fromkeys(fix for reason in out.reasons for fix in reason.fixes)
    return Problem(Code.POLICY_REFUSED, what, out.place, "; or ".join(fixes))


def _decide(field: Field, references: Sequence[str]) -> Decision:
    ordered = (name for name in references_of(field.wanted.form) if name in references)
    return field.judge.decide("", tuple(field.names[name] for name in ordered))


def _out(field: Field, held: Sequence[str], model: str) -> Out | None:
    """Return why a model must stay outside, or nothing if it may enter."""
    decision = _decide(field, (*held, model))
    if decision.verdict is not Verdict.BLOCK or model in _needed(field.wanted.form):
        return None
    reasons = tuple(item for item in decision.reasons if item.effect is Verdict.BLOCK)
    name = field.names[model]
    found = field.models[name].model
    licence = next((s.expression for s in decision.sources if s.model == found.label), "unknown")
    told = tuple(dict.fromkeys(map(_sentence, reasons)))
    record = Excluded(reference=name, identity=found.identity, reasons=told)
    return Out(model, record, reasons, licence, place_of(field.wanted.named, model))


def _needed(form: SearchForm) -> frozenset[str]:
    """Return the models that cannot be left out without changing what is searched."""
    partner = form.space.partner if isinstance(form.space, HybridSpace) else None
    names = (form.base_model, partner, form.merge.tokenizer_source)
    return frozenset(name for name in names if name is not None)


def _sentence(reason: Reason) -> str:
    clause = f" ({reason.clause})" if reason.clause else ""
    return f"{reason.code} {reason.name}: {reason.message}{clause}"


def _spots(field: Field) -> dict[str, Spot]:
    read = field.wanted.named
    lines = read.text.splitlines()
    found: dict[str, Spot] = {}
    for reference, name in field.names.items():
        mark = read.places.get(reference)
        if mark is not None:
            line = lines[mark.line - 1] if mark.line <= len(lines) else ""
            found.setdefault(field.models[name].model.label, Spot(mark, line))
    return found

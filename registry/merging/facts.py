"""What the papers are written from, and a look ahead: which papers will be owed and missing."""

import platform
from importlib.metadata import PackageNotFoundError, version

from evoreg.evolve.planning.plan import Plan
from evoreg.policies.outbound import card_fields
from evoreg.provenance.papers.facts import ReleaseFacts, UpstreamFile
from evoreg.provenance.papers.write import papers
from evoreg.provenance.records.candidate import Candidate, Census, Contribution, Engine, fraction
from evoreg.provenance.records.errors import Problem
from evoreg.provenance.records.recipe import Ingredient
from evoreg.registry.merging.adapted import adapters_of
from evoreg.registry.merging.prepare import Prepared
from evoreg.registry.merging.references import published
from evoreg.registry.merging.upstream import upstream_files
from evoreg.registry.settings import evoreg_version

_LIBRARIES = ("numpy", "safetensors", "torch")


def papers_missing(prepared: Prepared, plan: Plan, name: str) -> tuple[Problem, ...]:
    """Tell which papers a merge will owe and not have, before any weight is read.

    Args:
        prepared: Recipe, models and decision; must not be BLOCK.
        plan: What to do.
        name: Name of the result.

    Returns:
        What is missing, such as the text of a licence.
    """
    return papers(facts_of(prepared, plan, name, draft_of(prepared, plan))).problems


def draft_of(prepared: Prepared, plan: Plan) -> Candidate:
    """Return what a merge will be recorded as, as far as that is known before it is carried out.

    Args:
        prepared: Recipe, models and decision.
        plan: What to do.

    Returns:
        A candidate without shares and files.
    """
    zero = fraction(0.0)
    return Candidate(
        recipe=plan.recipe,
        ingredients=ingredients_of(prepared),
        seed=plan.seed,
        engine=Engine(version=evoreg_version(), rules=1),
        contributions=tuple(
            Contribution(
                reference=reference,
                nominal=zero,
                effective=zero,
                alignment=zero,
                used=reference not in prepared.idle,
                groups=(),
            )
            for reference in plan.recipe.references
        ),
        census=Census(tensors=len(plan.outputs), parameters=plan.elements, copied=0, partial=()),
        outputs=(),
    )


def ingredients_of(prepared: Prepared) -> tuple[Ingredient, ...]:
    """Return the models of a recipe as they are recorded, and behind them their adapters."""
    own = (
        Ingredient(
            reference=reference,
            name=found.model.name,
            revision=found.model.revision,
            identity=found.model.identity,
        )
        for reference, found in prepared.models.items()
    )
    return (*own, *adapters_of(prepared.models))


def facts_of(prepared: Prepared, plan: Plan, name: str, candidate: Candidate) -> ReleaseFacts:
    """Gather what the papers tell.

    Args:
        prepared: Recipe, models and decision.
        plan: What was done.
        name: Name of the result.
        candidate: What was made.

    Returns:
        The facts.
    """
    return ReleaseFacts(
        name=name,
        candidate=candidate,
        decision=prepared.decision,
        models={reference: found.model for reference, found in prepared.models.items()},
        recipe_yaml=published(prepared.read.text, _names(prepared), prepared.documents),
        evoreg=evoreg_version(),
        upstream=_upstream(prepared),
        architectures=_architectures(plan),
        libraries=_libraries(),
        date=prepared.today,
        earlier=prepared.earlier,
        card_license=_card_license(prepared),
    )


def _card_license(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    fields = card_fields(prepared.decision.outbound, prepared.knowledge).to_json()
    return tuple((name, str(value)) for name, value in fields.items() if value is not None)


def _names(prepared: Prepared) -> dict[str, str]:
    return {found.reference: name for name, found in prepared.inside.items()}


def _upstream(prepared: Prepared) -> tuple[UpstreamFile, ...]:
    """Return the licence and notice files of what is inside, and of what that was made from."""
    inside = [name for name in prepared.inside if name not in prepared.left_out]
    models = [prepared.inside[name] for name in inside]
    facts = [prepared.facts[name] for name in inside if name in prepared.facts]
    return upstream_files(models, facts, prepared.knowledge)


def _architectures(plan: Plan) -> tuple[str, ...]:
    names = (plan.config or {}).get("architectures")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _libraries() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(sorted(found))

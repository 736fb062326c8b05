"""What a merge of a plan will be called."""

from collections.abc import Sequence

from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.records.candidate import Engine, candidate_id
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.recipe import ADAPTER_OF, Ingredient


def plan_id(plan: Plan, known: Sequence[Ingredient], engine: Engine) -> Digest:
    """Return the id of the candidate that a merge makes.

    Args:
        plan: The merge.
        known: Models and adapters as they will be recorded; a model that is not among them is
            recorded by its identity.
        engine: Who merges.

    Returns:
        `Candidate.id`.
    """
    by_name = {item.reference: item for item in known}
    own = [
        by_name.get(source.reference)
        or Ingredient(
            reference=source.reference,
            name=source.reference,
            revision=None,
            identity=source.identity,
        )
        for source in plan.sources
    ]
    adapters = [ADAPTER_OF + s.reference for s in plan.sources if s.adapter is not None]
    named = (*own, *(by_name[name] for name in adapters if name in by_name))
    return candidate_id(plan.recipe, named, plan.seed, engine)

"""What is wrong with the evidence, and what is missing, told from each direct source."""

import re
from collections.abc import Iterator, Sequence

from evoreg.policies.codes import Finding, reason
from evoreg.policies.graph import Spot
from evoreg.policies.layout import Reach
from evoreg.policies.policy import verdict_of
from evoreg.policies.question import Question
from evoreg.policies.texts import shown
from evoreg.provenance.records.decision import Reason, Verdict

_MOST = 20
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def about(reaches: Sequence[Reach], question: Question) -> Iterator[Reason]:
    """Tell what is wrong with the evidence about every model of the lineage.

    Args:
        reaches: The direct sources.
        question: Says what an unseen parent leads to.

    Yields:
        The reasons; of many alike from further up the nearest, and how many there are besides.
    """
    for reach in reaches:
        told: dict[tuple[str, Verdict], int] = {}
        seen: set[tuple[int, bool]] = set()
        for spot in reach.spots:
            mark = (id(spot.node), spot.outputs)
            if mark in seen:
                continue
            seen.add(mark)
            for found in (*spot.node.resolution.reasons, *_unseen(spot, question)):
                effect = _softened(found.effect, spot)
                kind = (found.name, effect)
                told[kind] = told.get(kind, 0) + 1
                if told[kind] <= _MOST:
                    yield _placed(found, effect, spot)
        for (name, effect), count in told.items():
            if count > _MOST:
                yield _further(reach, name, effect, count - _MOST)


def _softened(effect: Verdict, spot: Spot) -> Verdict:
    """What reached the result by outputs only is a question, and no refusal."""
    return Verdict.REVIEW if spot.outputs and effect == Verdict.BLOCK else effect


def _placed(found: Reason, effect: Verdict, spot: Spot) -> Reason:
    """Put a reason where its model stands; a parent's name stays behind the path to the child."""
    place = {"model": spot.source, "path": (*spot.path, *found.path), "effect": effect}
    return found.model_copy(update=place)


def _unseen(spot: Spot, question: Question) -> Iterator[Reason]:
    effect = verdict_of(question.policy.unseen_parent)
    for parent in spot.node.facts.unseen:
        name = shown(parent.name)
        over_outputs = parent.relation in ("distilled", "synthetic_data")
        yield reason(
            Finding.PARENT_UNSEEN,
            Verdict.REVIEW if over_outputs else effect,
            "",
            f"Nobody could look at the licence of {name}, a parent ({parent.relation}).",
            evidence=(shown(parent.why),),
            path=(name,),
            fixes=(_way_to_see(parent.name), "leave the source out"),
        )


def _way_to_see(name: str) -> str:
    if _HUB_NAME.fullmatch(name):
        return f"let evoreg see it: evoreg model add {name}"
    return "register the folder that is meant (evoreg model add), and say so: evoreg model parent"


def _further(reach: Reach, name: str, effect: Verdict, count: int) -> Reason:
    return reason(
        Finding.FURTHER_MODELS,
        effect,
        reach.root.facts.label,
        f"{count:,} further findings {name} in its lineage are not listed one by one.",
        fixes=("look at those that are listed first",),
    )

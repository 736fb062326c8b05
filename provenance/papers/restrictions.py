"""The use restrictions that go on to every recipient: USE_RESTRICTIONS.md."""

import re
from collections.abc import Iterator

from evoreg.provenance.papers import words
from evoreg.provenance.papers.escape import Markdown
from evoreg.provenance.papers.license_plan import Plan, is_policy_file, license_ids
from evoreg.provenance.papers.render import render
from evoreg.provenance.records.decision import Decision, Obligation


def restrictions(decision: Decision, plan: Plan) -> bytes | None:
    """Write USE_RESTRICTIONS.md.

    Args:
        decision: Its obligations of the kinds ``use_restrictions`` and ``acceptance`` are read.
        plan: Where the full texts lie.

    Returns:
        The paper: each licence once, each restriction of it once; nothing if none is owed.
    """
    groups: dict[Markdown, list[Obligation]] = {}
    for item in decision.obligations:
        if item.kind in words.BINDING:
            groups.setdefault(words.restriction_heading(item), []).append(item)
    if not groups:
        return None
    return render(
        "USE_RESTRICTIONS.md.j2",
        Markdown,
        provision=Markdown(words.PROVISION),
        passing_on=Markdown(words.PASSING_ON),
        groups=[
            (
                words.restriction_heading(owed[0]),
                list(
                    dict.fromkeys(
                        words.restriction_line(i) for i in owed if i.kind == "use_restrictions"
                    )
                ),
                _sources(owed, decision),
                Markdown(", ".join(_places(owed, plan))),
            )
            for _, owed in sorted(groups.items())
        ],
    )


def _lines(owed: list[Obligation]) -> list[Markdown]:
    stated = (item for item in owed if item.kind == "use_restrictions")
    return list(dict.fromkeys(words.restriction_line(item) for item in stated))


def _sources(owed: list[Obligation], decision: Decision) -> Markdown:
    """Return the name of a licence, as far as a source is under it alone, and who passes it on."""
    named = (s.name for s in decision.sources if s.name and s.expression == owed[0].license)
    title = next((f"{words.prose(name)}, passed on by" for name in named), "Passed on by")
    names = dict.fromkeys(words.source_name(item.model) for item in owed if item.model)
    return Markdown(f"{title}: {', '.join(names)}." if names else "")


def _places(owed: list[Obligation], plan: Plan) -> Iterator[str]:
    """Yield links to the text of a licence and to the policy files that belong to it."""
    ids = {key.lower() for item in owed for key in license_ids(item.license)}
    models = {item.model for item in owed}
    for text in plan.texts:
        if text.id.lower() in ids and text.data is not None:
            yield f"[{text.path}]({text.path})"
    for path, file in plan.kept.items():
        mine = file.license.lower() in ids if file.license else file.model in models
        if mine and is_policy_file(file) and re.fullmatch(r"[A-Za-z0-9._/-]+", path):
            yield f"[{path}]({path})"

"""House rules: predicates in CEL over one model at a time, which can only make a decision stricter.

What cannot be evaluated counts as if the rule applied.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoreg.policies.context import Context
from evoreg.policies.policy import Policy, Rule
from evoreg.policies.predicate import FaultyError, Flaw, closest, compiled, holds
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.policies.texts import shown
from evoreg.provenance.records.canonical import Json

NESTED = frozenset({"display", "name_rule", "users", "revenue", "territory"})
"""Fields of terms that hold several values; a message cannot name them."""

_SOURCE = ("model", "source", "path", "revision", "relation", "depth", "share", "modality")
_PLACE = re.compile(r"\{([^{}]*)\}")
_WHOLE = re.compile(r"license\b(?!\.\w)|\bsource\b(?!\.\w)|\\")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class RulePlace:
    """One model of the lineage under one licence, as rules see it."""

    model: str
    """Label of the model."""
    source: str
    """Label of the direct source over which it is reached."""
    path: tuple[str, ...]
    """Labels from the direct source to the model."""
    row: Terms
    """The terms that it is taken to be under."""
    relation: str = "merge"
    """How it reached what was made from it."""
    depth: int = 0
    """Steps from the direct source; 0 for the source itself."""
    share: str | None = None
    """Share of the source in the result, if it is known."""
    modality: str | None = None
    """What the model takes and gives, if that is known."""
    revision: str = ""
    """Its commit, if it has one."""


def house_rules(
    policy: Policy, places: Sequence[RulePlace], question: Question
) -> list[tuple[Rule, RulePlace, str]]:
    """Apply the rules of a house.

    Args:
        policy: Holds the rules.
        places: Every model under every licence that applies to it.
        question: The intent, the releaser and the name of the result.

    Returns:
        Each rule that applies, where it applies, and its message; the places within `Rule.fix` are
        filled. A rule that cannot be evaluated applies, and its message says why. In the order of
        the rules, then of the places.
    """
    if not policy.rules:
        return []
    terms = {key: _plain_terms(row) for key, row in {p.row.key: p.row for p in places}.items()}
    asked = _asked(question)
    found = []
    for rule in policy.rules:
        judge = _Judge(rule, terms, asked)
        for place in places:
            why = judge.why(place)
            if why is not None:
                values = {"source": _source(place, _SOURCE, terms[place.row.key]), **asked}
                fixed = rule.model_copy(update={"fix": _filled(rule.fix, values)})
                found.append((fixed, place, why or _message(rule, values)))
    return found


class _Judge:
    """Asks one rule about many places, and about those that look the same to it only once."""

    def __init__(
        self, rule: Rule, terms: Mapping[str, dict[str, Json]], asked: Mapping[str, object]
    ) -> None:
        # Without escapes, a field can only be reached under its name or with all the others.
        whole = _WHOLE.search(rule.when) is not None
        self._rule = rule
        self._fields = tuple(name for name in _SOURCE if whole or name in rule.when)
        self._terms = {
            key: {name: x for name, x in fields.items() if whole or name in rule.when}
            for key, fields in terms.items()
        }
        self._asked = {name: x for name, x in asked.items() if whole or name in rule.when}
        self._known: dict[tuple[object, ...], str | None] = {}

    def why(self, place: RulePlace) -> str | None:
        """Return nothing if the rule does not apply; else why it cannot tell, or no words."""
        seen = (place.row.key, *(getattr(place, name) for name in self._fields))
        if seen not in self._known:
            source = _source(place, self._fields, self._terms[place.row.key])
            self._known[seen] = _why(self._rule, {"source": source, **self._asked})
        return self._known[seen]


def expression_flaw(text: str, sample: RulePlace, question: Question) -> Flaw | None:
    """Tell what is wrong with an expression before anything is judged by it.

    Args:
        text: The expression.
        sample: A place to try it on.
        question: A question to try it on.

    Returns:
        What is wrong; nothing if it compiles, and names what exists, and gives true or false.
    """
    try:
        compiled(text)
        values = {
            "source": _source(sample, _SOURCE, _plain_terms(sample.row)),
            **_asked(question),
        }
        try:
            holds(text, values)
        except FaultyError as error:
            if error.flaw.hint:  # it names what does not exist; other failures depend on the data
                raise
    except FaultyError as error:
        return error.flaw
    return None


def message_flaw(text: str) -> Flaw | None:
    """Tell which place of a message or a fix has no meaning, or nothing."""
    for match in _PLACE.finditer(text):
        if match[1] not in PLACES:
            before = text[: match.start()]
            return Flaw(
                f"a message has no place {match[0]!r:.60}",
                before.count("\n") + 1,
                match.start() - before.rfind("\n"),
                closest(match[1], PLACES),
            )
    return None


PLACES: tuple[str, ...] = (
    *(name for name in _SOURCE if name != "path"),
    "intent",
    "result",
    "license",
    *(f"license.{name}" for name in Terms.model_fields if name not in NESTED),
    *(f"context.{name}" for name in Context.model_fields),
)
"""What may stand between braces in a message or a fix."""


def _why(rule: Rule, values: Mapping[str, object]) -> str | None:
    """Return nothing if a rule does not apply; else why it could not be evaluated, or no words."""
    try:
        return "" if holds(rule.when, values) else None
    except FaultyError as error:
        why = error.flaw.what[:_LONGEST]
        return f"The rule {rule.id} could not be evaluated, and counts as if it applied: {why}."


def _source(
    place: RulePlace, fields: Sequence[str], terms: Mapping[str, Json]
) -> dict[str, object]:
    """Return what an expression may look at in one place."""
    return {**{name: getattr(place, name) for name in fields}, "license": dict(terms)}


def _asked(question: Question) -> dict[str, object]:
    """Return what an expression may look at everywhere."""
    return {
        "intent": question.intent,
        "context": question.context.to_json(),
        "result": {"name": question.name},
    }


def _plain_terms(row: Terms) -> dict[str, Json]:
    return {name: _plain(value) for name, value in row.to_json().items()}


def _plain(value: Json) -> Json:
    """Return the token alone of a token with a remark."""
    if isinstance(value, dict) and value.keys() == {"value", "remark"}:
        token: Json = value["value"]
        return token
    return value


def _message(rule: Rule, values: Mapping[str, object]) -> str:
    text = rule.message or f"The rule {rule.id} of the house applies to {{model}}."
    return _filled(text, values)


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Fill the places of a message; what is in no table stays as it is written."""
    return _PLACE.sub(lambda match: _word(match, values), text)


def _word(match: re.Match[str], values: Mapping[str, object]) -> str:
    name = match[1]
    if name not in PLACES:
        return match[0]
    source = values["source"]
    tables = {"context": values["context"], "source": source, "result": values["result"]}
    tables["license"] = source["license"] if isinstance(source, dict) else {}
    if name == "intent":
        return _shown(values["intent"])
    first, _, rest = name.partition(".")
    table, key = (first, rest) if rest else ("source", first)
    if name in ("license", "result"):
        table, key = name, {"license": "key", "result": "name"}[name]
    found = tables[table]
    return _shown(found.get(key) if isinstance(found, dict) else None)


def _shown(value: object) -> str:
    if value is None:
        return "unknown"
    if value in ("", [], ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # Labels are foreign; what a rule says about one must stay one line without tricks.
    return shown(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))

"""Looking at a policy as a whole: licences, expressions and rules, which no table can tell."""

from collections.abc import Iterator

from evoreg.policies.claims import NO_GRANT
from evoreg.policies.context import Context
from evoreg.policies.expressions import parse
from evoreg.policies.house import RulePlace, expression_flaw, message_flaw
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.policies.reading.cases import NOBODY
from evoreg.policies.reading.form import Form, Plain
from evoreg.policies.reading.listed import listed, listed_hint
from evoreg.provenance.records.canonical import Json

_SAMPLE = "org/name@0123456"


def check(plain: Plain, form: Form, knowledge: Knowledge) -> None:
    """Report what is wrong with a policy beyond its keys and values.

    Names of licences in `plain` are replaced by their one spelling.

    Args:
        plain: The values of the file.
        form: Knows their places, and takes the problems.
        knowledge: The licences.
    """
    _lists(plain, form, knowledge)
    _intents(plain, form)
    for path, row in _rows(plain, "exceptions"):
        _exception(row, path, form, knowledge)
    for path, row in _rows(plain, "clarify"):
        _expression(row, "expression", path, form, knowledge)
    _rules(plain, form, knowledge)
    for path, row in _rows(plain, "tests"):
        _test(row, path, form, knowledge)


def _table(value: Json, key: str) -> Plain:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _rows(value: Plain, key: str, before: str = "") -> Iterator[tuple[str, Plain]]:
    """Yield the tables of a list with their paths."""
    items = value.get(key)
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield f"{before}{key}[{number}]", item


def _lists(plain: Plain, form: Form, knowledge: Knowledge) -> None:
    for intent, value in _table(plain, "licenses").items():
        seen: dict[str, str] = {}
        for name, names in (value if isinstance(value, dict) else {}).items():
            if isinstance(names, list) and isinstance(value, dict):
                path = f"licenses.{intent}.{name}"
                value[name] = _names(names, path, form, knowledge, classes=True)
                _twice(value[name], path, seen, form)


def _names(
    names: list[Json], path: str, form: Form, knowledge: Knowledge, *, classes: bool
) -> list[Json]:
    """Return the one spelling of each licence of a list; nothing for what is none."""
    found: list[Json] = []
    for number, name in enumerate(names):
        known = listed(name, knowledge, classes=classes) if isinstance(name, str) else None
        if known is None and isinstance(name, str):
            hint = listed_hint(name, knowledge, classes=classes)
            form.report(f"unknown licence {name!r:.60}", form.marks[f"{path}[{number}]"], hint)
        found.append(known)
    return found


def _twice(names: Json, path: str, seen: dict[str, str], form: Form) -> None:
    for number, name in enumerate(names if isinstance(names, list) else ()):
        if not isinstance(name, str):
            continue
        if name in seen:
            first = form.marks[seen[name]]
            what = f"{name!r:.60} is listed twice for this intent"
            place = f"line {first.line}, column {first.column}"
            form.report(what, form.marks[f"{path}[{number}]"], f"keep one; the other is at {place}")
        seen.setdefault(name, f"{path}[{number}]")


def _intents(plain: Plain, form: Form) -> None:
    intents = plain.get("intents")
    licenses = plain.get("licenses")
    for number, intent in enumerate(intents if isinstance(intents, list) else ()):
        if isinstance(intent, str) and isinstance(licenses, dict) and intent not in licenses:
            what = f"the intent {intent} has no lists, so everything would be refused"
            mark = form.marks[f"intents[{number}]"]
            form.report(what, mark, f"write licenses.{intent}, or leave the intent out")


def _exception(row: Plain, path: str, form: Form, knowledge: Knowledge) -> None:
    names = row.get("allow")
    if isinstance(names, list):
        row["allow"] = _names(names, f"{path}.allow", form, knowledge, classes=False)


def _expression(row: Plain, key: str, path: str, form: Form, knowledge: Knowledge) -> None:
    text = row.get(key)
    if not isinstance(text, str):
        return
    said = parse(text, knowledge)
    if text.strip() == NO_GRANT:
        return
    if said.known:
        return
    mark = form.marks[f"{path}.{key}"]
    for name in said.unknown:
        hint = listed_hint(name, knowledge, classes=False)
        form.report(f"unknown licence {name!r:.60}", mark, hint)
    if not said.unknown:
        hint = "join SPDX ids, Hub ids or keys by AND, OR and WITH"
        form.report(f"not a licence expression: {said.problem}", mark, hint)


def _rules(plain: Plain, form: Form, knowledge: Knowledge) -> None:
    seen: set[str] = set()
    for path, row in _rows(plain, "rules"):
        name = row.get("id")
        if isinstance(name, str) and name in seen:
            mark = form.marks[f"{path}.id"]
            form.report(f"two rules are called {name!r}", mark, "give each a name of its own")
        seen.add(str(name))
        _rule(row, path, form, knowledge)


def _rule(row: Plain, path: str, form: Form, knowledge: Knowledge) -> None:
    when = row.get("when")
    if isinstance(when, str):
        flaw = expression_flaw(when.rstrip(), _sample(knowledge), _question())
        if flaw is not None:
            mark = form.inside(f"{path}.when", flaw.line, flaw.column)
            form.report(flaw.what, mark, flaw.hint)
    for key in ("message", "fix"):
        text = row.get(key)
        wrong = message_flaw(text) if isinstance(text, str) else None
        if wrong is not None:
            form.report(
                wrong.what, form.inside(f"{path}.{key}", wrong.line, wrong.column), wrong.hint
            )


def _sample(knowledge: Knowledge) -> RulePlace:
    """Return a place whose terms have as many fields filled as there are."""
    row = max(knowledge.rows, key=lambda row: (len(row.model_dump(exclude_defaults=True)), row.key))
    return RulePlace(_SAMPLE, _SAMPLE, (_SAMPLE,), row, share="0.5", modality="text")


def _question() -> Question:
    context = Context(
        kind="company",
        mau=1,
        annual_revenue_usd=1,
        licensee_territory="JP",
        release_territory=("WORLD",),
    )
    return Question("commercial", Policy.default(), context, name="name")


def _test(row: Plain, path: str, form: Form, knowledge: Knowledge) -> None:
    if row.get("expect") == {} and f"{path}.expect" not in form.filled:
        hint = "write a verdict for an intent"
        form.report("the test expects nothing", form.marks[f"{path}.expect"], hint)
    for inner, source in _rows(row, "sources", f"{path}."):
        if source.get("license") != NOBODY:
            _expression(source, "license", inner, form, knowledge)
        for place, rider in _rows(source, "extra", f"{inner}."):
            _rider(rider, place, form)


def _rider(row: Plain, path: str, form: Form) -> None:
    kind = row.get("kind")
    needed = kind in ("name-prefix", "display")
    if isinstance(kind, str) and needed != ("value" in row):
        what = f"{kind} {'needs' if needed else 'takes no'} value"
        form.report(what, form.marks[path], "a prefix and a display have one, what forbids none")

"""Reading a policy file: strict, with every problem collected and placed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from evoreg.policies.context import Context
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.policy import Policy
from evoreg.policies.reading.cases import PolicyTest
from evoreg.policies.reading.check import check
from evoreg.policies.reading.form import Form, Plain
from evoreg.policies.reading.keys import TOP
from evoreg.provenance.records import marked
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Intent
from evoreg.provenance.records.errors import Code, PolicyError, Problem
from evoreg.provenance.records.marked import Grammar, Mark

LARGEST = 2**20
"""Bytes that a policy file may have; 1 MiB."""

_GRAMMAR = Grammar(
    word="policy",
    plural="policies",
    shape="a policy is a YAML mapping with version and licenses",
    error=PolicyError,
    syntax=Code.POLICY_FILE,
    several=Code.POLICY_FILE,
    again="keep one policy a file",
    largest=LARGEST,
    words=True,
)
_PARTS = ("version", "context", "intents", "tests")
_FACTS = (
    ("organisation", "kind", "kind"),
    ("organisation", "monthly-active-users", "mau"),
    ("organisation", "annual-revenue-usd", "annual_revenue_usd"),
    ("organisation", "domicile", "licensee_territory"),
    ("release", "territory", "release_territory"),
)


@dataclass(frozen=True)
class PolicyFile:
    """A policy as it was read from a file."""

    policy: Policy
    """The policy."""
    context: Context
    """Facts about the releaser that the file tells."""
    intents: tuple[Intent, ...]
    """What results are for; the first one is meant if nobody says otherwise."""
    tests: tuple[PolicyTest, ...]
    """Cases that the policy must decide as written."""
    marks: Mapping[str, Mark]
    """Where each value stands, by its path: ``exceptions[0]``, ``licenses.hosted.allow[2]``."""
    file: str
    """Name of the file, for messages."""
    text: str = ""
    """The YAML as it was."""


def read_policy(
    text: str, file: str, *, name: str = "", knowledge: Knowledge | None = None
) -> PolicyFile:
    """Read a policy file.

    Args:
        text: YAML.
        file: Name for messages.
        name: What the policy is called if the file does not say it.
        knowledge: The licences; those that come with evoreg if left out.

    Returns:
        The policy and what else the file holds.

    Raises:
        PolicyError: With every problem that was found, in the order of the file.
    """
    root = next(iter(marked.load(text, file, _GRAMMAR).values()))
    form = Form(text)
    plain = form.table(root, TOP, "")
    check(plain, form, knowledge or load())
    if form.problems:
        raise PolicyError.of(form.problems)
    try:
        return _records(plain, form, file, name)
    except ValidationError as error:
        raise PolicyError.of(_left(error, file)) from error


def _records(plain: Plain, form: Form, file: str, name: str) -> PolicyFile:
    facts = _facts(plain.get("context"))
    rest = {key: value for key, value in plain.items() if key not in _PARTS}
    fields = {"name": name or "policy", **_underscored(rest)}
    return PolicyFile(
        policy=Policy.model_validate_json(json.dumps(fields)),
        context=Context.model_validate_json(json.dumps(facts)),
        intents=_INTENTS.validate_json(json.dumps(plain.get("intents", _first(plain)))),
        tests=_TESTS.validate_json(json.dumps(_tests(plain.get("tests"), facts))),
        marks=form.marks,
        file=file,
        text=form.text,
    )


_INTENTS: TypeAdapter[tuple[Intent, ...]] = TypeAdapter(tuple[Intent, ...])
_TESTS: TypeAdapter[tuple[PolicyTest, ...]] = TypeAdapter(tuple[PolicyTest, ...])


def _first(plain: Plain) -> list[str]:
    """Return what results are for if the file does not say it: its lists tell."""
    listed = plain.get("licenses")
    named = list(listed) if isinstance(listed, dict) else []
    return ["commercial"] if "commercial" in named or not named else named


def _underscored(value: Plain) -> Plain:
    """Return a table with the keys that records have."""
    found: Plain = {}
    for key, item in value.items():
        name = key.replace("-", "_")
        if isinstance(item, dict):
            found[name] = _underscored(item)
        elif isinstance(item, list):
            found[name] = [_underscored(x) if isinstance(x, dict) else x for x in item]
        else:
            found[name] = item
    return found


def _facts(context: Json) -> Plain:
    found: Plain = {}
    for table, key, field in _FACTS:
        group = context.get(table) if isinstance(context, dict) else None
        if isinstance(group, dict) and key in group:
            found[field] = group[key]
    return found


def _tests(tests: Json, facts: Plain) -> list[Json]:
    """Return the tests with the facts of the file where they tell no others, and the world."""
    facts = {"release_territory": ["WORLD"], **facts}
    return [
        {**test, "context": {**facts, **_facts(test.get("context"))}}
        for test in (tests if isinstance(tests, list) else ())
        if isinstance(test, dict)
    ]


def _left(error: ValidationError, file: str) -> list[Problem]:
    """Tell what only the records found, which should be nothing."""
    return [
        Problem(Code.POLICY_FILE, f"{'.'.join(map(str, item['loc']))}: {item['msg']}", file)
        for item in error.errors(include_url=False, include_input=False)
    ]

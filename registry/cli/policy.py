"""``evoreg policy``: look at the policy in force, ask it about a licence, try its own tests."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.errors import EvoregError
from evoreg.registry.cli import options
from evoreg.registry.cli.exits import OK, UNVERIFIED
from evoreg.registry.cli.screen import Screen

app = typer.Typer(help="The policy: what the house allows.", no_args_is_help=True)

_Which = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME|FILE",
        help="Policy; the one in force if left out.",
        show_default=False,
    ),
]
_Several = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME|FILE]...",
        help="Policies; the one in force if left out.",
        show_default=False,
    ),
]
_License = Annotated[
    str,
    typer.Argument(
        metavar="LICENSE",
        help="Hub id, SPDX id, key, or license_name of a card.",
        show_default=False,
    ),
]


@app.command()
def show(policy: _Which = None, as_json: options.AsJson = False) -> None:
    """Show the policy in force: switches, lists, exceptions, clarifications, rules."""
    from evoreg.registry.cli.policy_text import policy_json, show_policy
    from evoreg.registry.policy import policy_source, read_source
    from evoreg.registry.settings import now

    screen = Screen.open(as_json=as_json)
    source = policy_source(policy, os.environ, Path.cwd())
    found, today = read_source(source, Path.cwd()), now().date().isoformat()
    if as_json:
        screen.document("evoreg/policy/1", policy_json(found, source, today))
        return
    show_policy(screen, found, source, today)


@app.command()
def explain(
    license: _License,
    policy: options.PolicyName = None,
    users: options.Users = None,
    revenue: options.Revenue = None,
    domicile: options.Domicile = None,
    territory: options.Territory = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell what is known about a licence, and what the policy makes of it for each intent."""
    from evoreg.policies.knowledge.book import load
    from evoreg.registry import explain as use
    from evoreg.registry.cli import asked
    from evoreg.registry.cli.explain_text import explanation_json, show_explanation
    from evoreg.registry.policy import load_policy
    from evoreg.registry.settings import now

    screen = Screen.open(as_json=as_json)
    found = load_policy(policy, os.environ, Path.cwd())
    context = asked.context(users, revenue, domicile, territory, found.context)
    knowledge, today = load(), now().date().isoformat()
    row = use.licence(license, knowledge)
    explanation = use.explain(row, found.policy, context, today, knowledge)
    if as_json:
        screen.document("evoreg/policy-explain/1", explanation_json(explanation, found))
        return
    show_explanation(screen, explanation, found)


@app.command("test")
def try_tests(policies: _Several = None, as_json: options.AsJson = False) -> None:
    """Try the cases that policies carry.

    Exit code 4: a policy decides a case otherwise than it is written there.
    """
    from evoreg.policies.knowledge.book import load
    from evoreg.policies.reading.trial import run_tests
    from evoreg.registry.cli.policy_text import outcome_json, show_outcomes
    from evoreg.registry.policy import load_policy

    screen = Screen.open(as_json=as_json)
    files, faults = [], []
    for name in policies or (None,):
        try:
            files.append(load_policy(name, os.environ, Path.cwd()))
        except EvoregError as error:  # the others are tried all the same
            faults.append(error)
    tried = [(found, run_tests(found.tests, found.policy, load())) for found in files]
    failed = any(outcome.differences for _, outcomes in tried for outcome in outcomes)
    code = UNVERIFIED if failed else OK
    if faults and as_json:
        raise _together(faults)
    if as_json:
        told = [outcome_json(found, outcomes) for found, outcomes in tried]
        screen.raw(
            {
                "schema": "evoreg/policy-test/1",
                "ok": not failed,
                "exit_code": code,
                "policies": [*told],
            }
        )
    else:
        for found, outcomes in tried:
            show_outcomes(screen, found, outcomes)
    if faults:
        raise _together(faults)
    raise typer.Exit(code)


def _together(faults: Sequence[EvoregError]) -> EvoregError:
    """Return all problems of several files as one error, of the kind of the first."""
    return type(faults[0]).of([problem for fault in faults for problem in fault.problems])

"""``evoreg check``: may this be used, merged and released? Nothing is merged or loaded."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

_Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="TARGET...",
        help="Recipe file, model folder, or model of the Hub: org/name, org/name@revision, "
        "model+adapter.",
        show_default=False,
    ),
]
_AllIntents = Annotated[
    bool, typer.Option("--all-intents", help="Ask about every intent that the policy knows.")
]
_Format = Annotated[
    str, typer.Option("--format", metavar="text|json|sarif|markdown", help="Form of the report.")
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the report into a file; the screen then shows the text.",
        show_default=False,
    ),
]


def check(
    targets: _Targets,
    intent: options.IntentName = None,
    all_intents: _AllIntents = False,
    policy: options.PolicyName = None,
    name: options.CheckedName = None,
    own_license: options.OwnLicense = "",
    users: options.Users = None,
    revenue: options.Revenue = None,
    domicile: options.Domicile = None,
    territory: options.Territory = None,
    form: _Format = "text",
    output: _Output = None,
    lenient: options.Lenient = False,
    offline: options.Offline = False,
    as_json: options.AsJson = False,
) -> None:
    """Check recipes, model folders or models of the Hub: their licences, lineage and papers.

    Of a recipe the grammar, the models and their shapes are checked too; of a folder that evoreg
    merged, its papers. Merges nothing, loads no weights; keeps only digests of files.

    Exit code 0: may be used for this intent; 3: refused by policy; 8: evidence or papers are
    incomplete. Of several targets the worst decides.
    """
    from evoreg.provenance.records.decision import INTENTS
    from evoreg.registry.checking.checked import Request
    from evoreg.registry.checking.targets import check_all, check_target
    from evoreg.registry.cli import asked
    from evoreg.registry.cli.report_all import Report, form_of, tell
    from evoreg.registry.policy import load_policy
    from evoreg.registry.settings import now, settings_from

    form = form_of(form, as_json=as_json)
    screen = Screen.open(as_json=form != "text" and output is None)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    house = load_policy(policy, os.environ, Path.cwd())
    known = tuple(item for item in INTENTS if item in house.policy.licenses)
    intents = known if all_intents else (asked.intent(intent, house),)
    context = asked.context(users, revenue, domicile, territory, house.context)
    today = now().date().isoformat()
    request = Request(
        intents, house.policy, context, name, asked.own_license(own_license), today, lenient
    )
    if len(targets) == 1 and form in ("text", "json") and output is None:
        one = check_target(targets[0], request, settings)  # an error is told as ever
        report = Report((one,), request, table=all_intents)
    else:
        report = Report(check_all(targets, request, settings), request, table=all_intents)
    tell(report, form, output, screen)
    raise typer.Exit(report.code)

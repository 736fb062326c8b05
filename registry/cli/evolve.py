"""``evoreg evolve``: look for the best merge of some models, within their licences."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

_Search = Annotated[
    Path,
    typer.Argument(
        help="Search file: YAML, see docs/search.md; or a config of mergekit-evolve.",
        show_default=False,
    ),
]
_Out = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of the winner; must not exist (default: named like the search, here).",
        show_default=False,
    ),
]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Go on with the same search behind its last complete generation."
    ),
]
_Again = Annotated[
    bool, typer.Option("--again", help="Run a search once more that is on record already.")
]
_Budget = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="NAME=NUMBER",
        help="Change the budget: generations, candidates, items or minutes; may be repeated.",
    ),
]
_DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Show models, licences, genes, data and cost; write and search nothing."
    ),
]
_PerOutbound = Annotated[
    bool,
    typer.Option(
        "--per-outbound",
        help="Search once for each licence that a result can have, and compare the winners.",
    ),
]
_Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, max=2**53 - 1, metavar="N", help="Seed, in place of the search file's."
    ),
]
_Device = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", help="Where models run: cpu, cuda, or cuda:N."),
]
_Cuda = Annotated[bool, typer.Option("--cuda", help="The same as --device cuda.")]
_Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        "-j",
        min=1,
        max=256,
        metavar="N",
        help="Threads of the processor (default: as torch chooses).",
    ),
]
_AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Run Python functions that the search file names.")
]


def evolve(
    search: _Search,
    out: _Out = None,
    resume: _Resume = False,
    again: _Again = False,
    budget: _Budget = None,
    dry_run: _DryRun = False,
    per_outbound: _PerOutbound = False,
    seed: _Seed = None,
    intent: options.IntentName = None,
    policy: options.PolicyName = None,
    own_license: options.OwnLicense = "",
    name: options.Name = None,
    device: _Device = "cpu",
    cuda: _Cuda = False,
    threads: _Threads = None,
    allow_code: _AllowCode = False,
    users: options.Users = None,
    revenue: options.Revenue = None,
    domicile: options.Domicile = None,
    territory: options.Territory = None,
    offline: options.Offline = False,
    as_json: options.AsJson = False,
) -> None:
    """Look for the best merge of some models, within their licences.

    Models that policy forbids never enter. Every candidate is recorded, so that a search that was
    stopped goes on with --resume. The winner is merged like any other model, with its papers.
    """
    from evoreg.registry.cli import asked
    from evoreg.registry.cli.evolve_asked import manner_of, place_of_result
    from evoreg.registry.cli.evolve_run import Trip, evolve_as_asked
    from evoreg.registry.policy import load_policy
    from evoreg.registry.searching.wanted import Changes, Purpose, read_wanted, with_purpose
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    read, form = read_wanted(search, Changes(budget or (), seed))
    house = load_policy(policy or _beside(search, form.policy), os.environ, Path.cwd())
    place = out if out is not None else place_of_result(form.name)
    purpose = Purpose(
        asked.intent(intent or form.intent, house),
        house.policy,
        asked.context(users, revenue, domicile, territory, house.context),
        name or place.absolute().name,
        asked.own_license(own_license),
        now().date().isoformat(),
    )
    trip = Trip(
        wanted=with_purpose(search, read, form, purpose),
        out=place,
        manner=manner_of(resume=resume, again=again),
        device=asked.device(device, cuda=cuda),
        threads=threads,
        allow_code=allow_code,
        dry_run=dry_run,
        per_outbound=per_outbound,
    )
    evolve_as_asked(screen, trip, settings)


def _beside(search: Path, policy: str | None) -> str | None:
    """Return the policy of a search file: one that comes with evoreg, or a file beside it."""
    if policy is None or not (search.parent / policy).is_file():
        return policy
    return str((search.parent / policy).absolute())

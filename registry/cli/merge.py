"""``evoreg merge``: check, merge, measure, record, and write the papers."""

import os
from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.errors import RefusedError, ReviewError
from evoreg.registry.cli import options
from evoreg.registry.cli.screen import Screen

_Out = Annotated[
    Path, typer.Argument(help="Folder of the result; must not exist.", show_default=False)
]
_Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        "--random-seed",
        min=0,
        max=2**53 - 1,
        metavar="N",
        help="Seed of random methods (default: derived from recipe and weights).",
    ),
]
_Threads = Annotated[
    int,
    typer.Option(
        "--threads",
        "--num-threads",
        "-j",
        min=1,
        max=256,
        metavar="N",
        help="Worker threads; change no byte.",
    ),
]
_ShardSize = Annotated[
    str,
    typer.Option(
        "--shard-size",
        "--out-shard-size",
        metavar="SIZE",
        help="Bytes in one weight file: a number, or with K, M, B (10^3, 10^6, 10^9) behind it.",
    ),
]
_Device = Annotated[
    str,
    typer.Option(
        "--device", metavar="DEVICE", help="Where to compute: cpu, cuda, or cuda:N for the Nth GPU."
    ),
]
_Cuda = Annotated[bool, typer.Option("--cuda", help="The same as --device cuda.")]
_Intermediate = Annotated[
    Path | None,
    typer.Option(
        "--intermediate-dir",
        "-I",
        metavar="FOLDER",
        help="Where the results of earlier recipes in the file are kept, to be used again by later "
        "runs (default: .evoreg/intermediate).",
        show_default=False,
    ),
]
_Discard = Annotated[
    bool,
    typer.Option(
        "--discard-intermediates",
        help="Remove the results of earlier recipes once the last one stands (default: keep them).",
    ),
]


def merge(
    recipe: options.Recipe,
    out: _Out,
    intent: options.IntentName = None,
    policy: options.PolicyName = None,
    own_license: options.OwnLicense = "",
    name: options.Name = None,
    seed: _Seed = None,
    threads: _Threads = 1,
    shard_size: _ShardSize = "5B",
    device: _Device = "cpu",
    cuda: _Cuda = False,
    intermediate: _Intermediate = None,
    discard: _Discard = False,
    users: options.Users = None,
    revenue: options.Revenue = None,
    domicile: options.Domicile = None,
    territory: options.Territory = None,
    lenient: options.Lenient = False,
    offline: options.Offline = False,
    as_json: options.AsJson = False,
) -> None:
    """Merge models, with their licences and credits.

    Check the licences, merge, measure the shares, write ledger and papers. A file may hold several
    recipes that use the results of one another; OUT takes the result of the last one.
    """
    from evoreg.registry.cli import asked
    from evoreg.registry.cli.merging import Wish, merge_on, refused
    from evoreg.registry.merging.prepare import Question
    from evoreg.registry.policy import load_policy
    from evoreg.registry.settings import now, settings_from

    screen = Screen.open(as_json=as_json)
    settings = settings_from(os.environ, Path.cwd(), offline=offline)
    house = load_policy(policy, os.environ, Path.cwd())
    context = asked.context(users, revenue, domicile, territory, house.context)
    title = name or out.absolute().name
    question = Question(
        recipe,
        asked.intent(intent, house),
        title,
        context,
        lenient,
        policy=house.policy,
        own=asked.own_license(own_license),
        today=now().date().isoformat(),
    )
    size = options.byte_count(shard_size)
    place = asked.device(device, cuda=cuda)
    apart = asked.apart(intermediate, out)
    wish = Wish(out, title, seed, threads, size, place, apart, discard)
    try:
        merge_on(screen, question, wish, settings)
    except (RefusedError, ReviewError) as error:
        raise typer.Exit(refused(screen, error, out)) from error

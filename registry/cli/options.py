"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from evoreg.provenance.records.errors import Code, UsageError

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, errors too.")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing; use local folders and the Hub cache.")
]
Lenient = Annotated[
    bool,
    typer.Option(
        "--lenient",
        help="Warn, instead of refusing, about unknown keys, parameters that the method does not "
        "read, and recipes that nothing uses.",
    ),
]
IntentName = Annotated[
    str | None,
    typer.Option(
        "--intent",
        "-i",
        metavar="research|commercial|hosted",
        help="What the result is for (default: the first intent of the policy).",
    ),
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        help="Policy: default, permissive-only, research, company, or a file (default: "
        "EVOREG_POLICY, evoreg-policy.yml in this folder, or the policy named default).",
    ),
]
OwnLicense = Annotated[
    str,
    typer.Option(
        "--own-license",
        metavar="EXPR",
        help="Licence that you put on your own contribution: Hub id or SPDX expression.",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name of the result (default: the folder's name)."),
]
CheckedName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the result; without it naming rules are only listed as duties.",
    ),
]
Recipe = Annotated[
    Path,
    typer.Argument(help="Recipe: mergekit's YAML, one or several documents.", show_default=False),
]
Users = Annotated[
    int | None,
    typer.Option(
        "--users",
        min=0,
        metavar="N",
        help="Your monthly active users, for licences with limits.",
    ),
]
Revenue = Annotated[
    int | None,
    typer.Option("--revenue", min=0, metavar="N", help="Your yearly revenue in US dollars."),
]
Domicile = Annotated[
    str | None,
    typer.Option("--domicile", metavar="CODE", help="Your country: ISO 3166, two letters."),
]
Territory = Annotated[
    list[str] | None,
    typer.Option(
        "--territory", metavar="CODE", help="Where the result will be offered (default: WORLD)."
    ),
]


def byte_count(text: str) -> int:
    """Return a number of bytes.

    Args:
        text: A number, perhaps with K, M, G, B or KB, MB, GB behind it (powers of 1000; a lone B
            means 10**9, as in mergekit).

    Returns:
        At least 1.

    Raises:
        UsageError: Not such a number.
    """
    units = {"K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
    number = text.strip().upper()
    if number[-2:] in ("KB", "MB", "GB"):
        number = number[:-1]
    factor = units.get(number[-1:], 1)
    digits = number[:-1] if number[-1:] in units else number
    if not digits.isascii() or not digits.isdigit() or int(digits) < 1 or len(digits) > 15:
        raise UsageError(
            Code.USAGE, f"{text!r:.40} is no size", hint="write bytes, or 500M, or 5B (10**9)"
        )
    return int(digits) * factor

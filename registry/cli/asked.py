"""What the user asked for, turned from option texts into records."""

from pathlib import Path

from evoreg.policies.context import Context
from evoreg.provenance.records.decision import INTENTS, Intent
from evoreg.provenance.records.errors import Code, UsageError


def intent(name: str) -> Intent:
    """Return an intent by name.

    Args:
        name: As typed.

    Returns:
        The intent.

    Raises:
        UsageError: There is no such intent.
    """
    for known in INTENTS:
        if name == known:
            return known
    raise UsageError(
        Code.USAGE, f"there is no intent {name!r:.40}", hint=f"intents: {', '.join(INTENTS)}"
    )


def context(
    users: int | None, revenue: int | None, domicile: str | None, territory: list[str] | None
) -> Context:
    """Return the facts about the releaser.

    Args:
        users: Monthly active users, if told.
        revenue: Yearly revenue in US dollars, if told.
        domicile: Country code, if told.
        territory: Country codes; nothing means the whole world.

    Returns:
        The context.

    Raises:
        UsageError: A place is no country code.
    """
    try:
        return Context(
            mau=users,
            annual_revenue_usd=revenue,
            licensee_territory=domicile,
            release_territory=tuple(territory) if territory else ("WORLD",),
        )
    except ValueError as error:
        raise UsageError(
            Code.USAGE,
            "--domicile and --territory take country codes",
            hint="two capital letters such as JP or DE, EU, or WORLD",
        ) from error


def device(name: str, *, cuda: bool) -> str:
    """Return the device that was asked for.

    Args:
        name: Value of ``--device``; ``cpu`` if it was not given.
        cuda: Whether ``--cuda`` was given.

    Returns:
        The name; whether it is there is another question.
    """
    return "cuda" if cuda and name == "cpu" else name


def apart(intermediate: Path | None, out: Path) -> Path | None:
    """Return the folder of intermediate results.

    Args:
        intermediate: Value of ``--intermediate-dir``.
        out: Folder of the result.

    Returns:
        The same folder.

    Raises:
        UsageError: It lies in the folder of the result, which must be empty, or is that folder.
    """
    if intermediate is None:
        return None
    inner, outer = intermediate.absolute().resolve(), out.absolute().resolve()
    if inner == outer or outer in inner.parents:
        raise UsageError(
            Code.USAGE,
            "the intermediate results would lie in the result",
            where=str(intermediate),
            hint="choose another folder with --intermediate-dir",
        )
    return intermediate

"""What the user asked for, turned from option texts into records."""

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

"""What the user asked for, turned from option texts into records."""

from pathlib import Path

from evoreg.policies.context import Context
from evoreg.policies.reading.places import is_place, place_hint
from evoreg.policies.reading.read import PolicyFile
from evoreg.provenance.records.decision import INTENTS, Intent
from evoreg.provenance.records.errors import Code, PolicyError, UsageError


def intent(name: str | None, found: PolicyFile | None = None) -> Intent:
    """Return an intent by name.

    Args:
        name: As typed; nothing if nobody said one.
        found: The policy in force, whose first intent is meant then.

    Returns:
        The intent; ``commercial`` if neither says one.

    Raises:
        UsageError: There is no such intent.
    """
    if name is None:
        return found.intents[0] if found is not None else "commercial"
    for known in INTENTS:
        if name == known:
            return known
    raise UsageError(
        Code.USAGE, f"there is no intent {name!r:.40}", hint=f"intents: {', '.join(INTENTS)}"
    )


def context(
    users: int | None,
    revenue: int | None,
    domicile: str | None,
    territory: list[str] | None,
    base: Context | None = None,
) -> Context:
    """Return the facts about the releaser.

    Args:
        users: Monthly active users, if told.
        revenue: Yearly revenue in US dollars, if told.
        domicile: Code of a country, if told.
        territory: Codes of countries, if told.
        base: Facts of the policy file, for what is not told here.

    Returns:
        The context; a release territory that nobody tells is the whole world.

    Raises:
        UsageError: A code names no place.
    """
    _places("--domicile", [domicile] if domicile is not None else [])
    _places("--territory", territory or [])
    told = {
        "mau": users,
        "annual_revenue_usd": revenue,
        "licensee_territory": domicile,
        "release_territory": tuple(territory) if territory else None,
    }
    facts = base or Context()
    changed = facts.model_copy(update={key: x for key, x in told.items() if x is not None})
    return changed if changed.release_territory else _worldwide(changed)


def _worldwide(facts: Context) -> Context:
    return facts.model_copy(update={"release_territory": ("WORLD",)})


def _places(option: str, codes: list[str]) -> None:
    for code in codes:
        if not is_place(code):
            what = f"{option}: there is no place {code!r:.40}"
            raise UsageError(Code.USAGE, what, hint=place_hint(code))


def own_license(expression: str) -> str:
    """Return the licence that the releaser puts on the own contribution.

    Args:
        expression: Value of ``--own-license``; empty for none.

    Returns:
        The same.

    Raises:
        UsageError: It names no licence that evoreg knows.
    """
    if not expression:
        return ""
    # It brings SQLAlchemy along, which a check without this option shall not wait for.
    from evoreg.registry.cli.models import check_expression

    try:
        check_expression(expression)
    except PolicyError as error:
        found = error.problems[0]
        raise UsageError(Code.USAGE, f"--own-license: {found.what}", hint=found.hint) from error
    return expression


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

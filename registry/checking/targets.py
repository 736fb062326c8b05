"""Checking several targets: each is told apart, checked by itself, and its faults are collected."""

from collections.abc import Sequence
from pathlib import Path

from evoreg.provenance.records.errors import EvoregError
from evoreg.registry.checking.checked import Checked, Kind, Request
from evoreg.registry.checking.models import check_model
from evoreg.registry.checking.recipes import check_recipe
from evoreg.registry.settings import Settings

_RECIPES = (".yml", ".yaml")


def kind_of(target: str) -> Kind:
    """Tell what a target is.

    Args:
        target: As the user wrote it.

    Returns:
        ``recipe`` for a file that is there and for a name that ends like a recipe's, ``folder`` for
        a folder that is there, otherwise ``hub``: a reference to a model of the Hub, or to a model
        with an adapter.
    """
    path = Path(target)
    try:
        if path.is_dir():
            return "folder"
        if path.exists():
            return "recipe"
    except OSError:  # for example a part longer than the file system allows
        return "hub"
    return "recipe" if path.suffix.lower() in _RECIPES else "hub"


def check_target(target: str, request: Request, settings: Settings) -> Checked:
    """Check one target.

    Args:
        target: A recipe file, a model folder, or a reference to a model.
        request: What is asked.
        settings: Where the ledger and the caches are.

    Returns:
        What was found, whatever the verdicts.

    Raises:
        EvoregError: The target cannot be checked.
    """
    kind = kind_of(target)
    if kind == "recipe":
        return check_recipe(target, request, settings)
    return check_model(target, kind, request, settings)


def check_all(targets: Sequence[str], request: Request, settings: Settings) -> tuple[Checked, ...]:
    """Check several targets.

    Args:
        targets: Any number of them; one that is named twice is checked once.
        request: What is asked about each.
        settings: Where the ledger and the caches are.

    Returns:
        What was found about each, in order; one that cannot be checked holds its `failure`.
    """
    return tuple(_checked(target, request, settings) for target in dict.fromkeys(targets))


def _checked(target: str, request: Request, settings: Settings) -> Checked:
    try:
        return check_target(target, request, settings)
    except EvoregError as error:
        return Checked(target, kind_of(target), target, failure=error)

"""The recipe as it is published beside the result."""

import yaml

from evoreg.provenance.papers.escape import label_text
from evoreg.provenance.papers.words import has_path
from evoreg.provenance.records.errors import Code, RecipeError

_PARSER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""What recipes are read with everywhere; the two differ on odd texts."""


def _shortened(value: object, names: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {_shortened(key, names): _shortened(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, names) for item in value]
    if isinstance(value, str):
        return names.get(value, label_text(value))
    return value


def recipe_bytes(recipe_yaml: str, labels: dict[str, str]) -> bytes:
    """Return the recipe as it is published.

    Args:
        recipe_yaml: The recipe as the user wrote it, in one document or several.
        labels: Label of the source for each reference.

    Returns:
        The same bytes, unless they hold an absolute path: such a path would tell about the
        user's disk, so the YAML is written anew, without comments, and with the name of the
        folder in the place of each path.

    Raises:
        RecipeError: Not YAML.
    """
    try:
        recipes = list(yaml.load_all(recipe_yaml, Loader=_PARSER))
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(
            Code.RECIPE_SYNTAX, "the recipe is not YAML", hint="pass the recipe that was merged"
        ) from error
    names = {ref: label_text(labels[ref]) for ref in labels if label_text(ref) != ref}
    public = [_shortened(recipe, names) for recipe in recipes]
    if public == recipes and not has_path(recipe_yaml):
        return recipe_yaml.encode("utf-8", "backslashreplace")
    remark = "# Absolute paths of the original recipe were shortened to the folders' names.\n"
    shown = yaml.safe_dump_all(public, sort_keys=False, allow_unicode=True)
    return (remark + str(shown)).encode()

"""The small files of the result that differ from the donor's: tokenizer, chat template, ids."""

import json
from collections.abc import Mapping
from pathlib import Path

from evoreg.evolve.checkpoints.folder import read_json
from evoreg.evolve.planning.config import NOT_FOR_OTHERS
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.planning.special import GENERATION, generation_settings
from evoreg.evolve.planning.vocabulary import Tokens, merged_models
from evoreg.evolve.vocabulary.chat import (
    JSON,
    PROCESSOR,
    chosen_template,
    no_tokenizer,
    template_files,
)
from evoreg.evolve.vocabulary.files import (
    ADDED,
    FILES,
    OTHER_FORMS,
    SETTINGS,
    SPECIAL,
    TOKENIZER,
    as_bytes,
    true_settings,
)
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.recipe import Recipe


def small_files(
    recipe: Recipe,
    models: Mapping[str, SourceModel],
    donor: SourceModel,
    tokens: Tokens | None,
) -> dict[str, bytes | None]:
    """Return the small files that are not the donor's as they are.

    Args:
        recipe: What was asked for.
        models: All models.
        donor: Whose files go along otherwise.
        tokens: The vocabulary of the result, if the recipe asks for one.

    Returns:
        Content by name; nothing for a file of the donor that is left out.

    Raises:
        InputError: A file that has to be changed and cannot be read.
        MergeError: A chat template is wanted, but there is no tokenizer that it could go with.
    """
    keeper = tokens.keeper if tokens is not None else donor
    for model in dict.fromkeys((donor.reference, keeper.reference)):
        _check_readable(models[model].checkpoint.folder)
    found: dict[str, bytes | None] = {}
    if keeper.reference != donor.reference:
        found.update(_instead(donor, keeper))
    if tokens is not None:
        if tokens.made.data is not None:
            found[TOKENIZER] = tokens.made.data
        found.update(true_settings(keeper.checkpoint.folder, tokens.ids, tokens.made.added))
        settings = generation_settings(tokens, donor)
        if settings is not None:
            found[GENERATION] = as_bytes(settings)
    template = _template(recipe, models, keeper)
    if template is not None:
        folders = {SETTINGS: keeper, PROCESSOR: donor, JSON: keeper}
        places = {name: model.checkpoint.folder for name, model in folders.items()}
        found.update(template_files(template, places, found))
    return {name: _public(name, data) for name, data in sorted(found.items())}


def _check_readable(folder: Path) -> None:
    """Refuse small files that go along but that nobody could read."""
    for name in (TOKENIZER, SETTINGS, SPECIAL, ADDED, GENERATION, PROCESSOR, JSON):
        if (folder / name).is_file():
            read_json(folder / name, code=Code.INPUT_CONFIG)


def _instead(donor: SourceModel, keeper: SourceModel) -> dict[str, bytes | None]:
    """Return the files of the kept tokenizer, and nothing for those that the donor alone has."""
    folder = keeper.checkpoint.folder
    return {
        name: (folder / name).read_bytes() if (folder / name).is_file() else None
        for name in FILES
        if (folder / name).is_file() or (donor.checkpoint.folder / name).is_file()
    }


def _template(recipe: Recipe, models: Mapping[str, SourceModel], keeper: SourceModel) -> str | None:
    merged = merged_models(recipe)
    folders = [models[name].checkpoint.folder for name in models if name in merged]
    template = chosen_template(recipe.chat_template, folders)
    folder = keeper.checkpoint.folder
    if template is not None and not any((folder / f).is_file() for f in (TOKENIZER, *OTHER_FORMS)):
        raise no_tokenizer(keeper.reference, folder)
    return template


def _public(name: str, data: bytes | None) -> bytes | None:
    """Return a file without the keys that tell of a disk or of absent code."""
    if data is None or not name.endswith("_config.json"):
        return data
    facts = json.loads(data)
    if not isinstance(facts, dict) or not any(key in facts for key in NOT_FOR_OTHERS):
        return data
    return as_bytes({key: value for key, value in facts.items() if key not in NOT_FOR_OTHERS})

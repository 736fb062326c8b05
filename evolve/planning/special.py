"""Special ids in the configuration of the result, made true to its vocabulary."""

from collections.abc import Mapping

from evoreg.evolve.planning.names import sections
from evoreg.evolve.planning.plan import SourceModel
from evoreg.evolve.planning.vocabulary import Tokens
from evoreg.evolve.vocabulary.files import settings_of
from evoreg.provenance.records.canonical import Json

GENERATION = "generation_config.json"
"""How text is generated: names the token that ends it."""
_OF_TOKENIZER = tuple(
    f"{name}_token_id" for name in ("bos", "eos", "pad", "unk", "sep", "cls", "mask")
)
_LISTS = ("suppress_tokens", "begin_suppress_tokens", "bad_words_ids")


def set_vocabulary(config: dict[str, Json], tokens: Tokens, donor: SourceModel) -> None:
    """Make a configuration true to the rows of the result.

    Args:
        config: config.json of `donor`; is changed.
        tokens: The vocabulary of the result.
        donor: Whose configuration it is.
    """
    parts = sections(config)
    holders = [part for part in parts if "vocab_size" in part] or [config]
    for part in holders:
        part["vocab_size"] = tokens.count
    if donor.reference == tokens.keeper.reference:
        return
    theirs = [dict(part) for part in sections(dict(tokens.keeper.checkpoint.config))]
    for part in parts:
        _translate(part, theirs, tokens, donor)


def generation_settings(tokens: Tokens, donor: SourceModel) -> dict[str, Json] | None:
    """Return generation_config.json with the ids of the result.

    Args:
        tokens: The vocabulary of the result.
        donor: Whose settings are taken.

    Returns:
        The settings; nothing if they stay as they are, or if there are none.
    """
    keeper = tokens.keeper
    if donor.reference == keeper.reference:
        return None
    settings = settings_of(donor.checkpoint.folder, GENERATION)
    changed = dict(settings)
    theirs = [settings_of(keeper.checkpoint.folder, GENERATION)]
    theirs += [dict(part) for part in sections(dict(keeper.checkpoint.config))]
    _translate(changed, theirs, tokens, donor)
    return changed if changed != settings else None


def _translate(
    part: dict[str, Json], theirs: list[dict[str, Json]], tokens: Tokens, donor: SourceModel
) -> None:
    """Replace ids: what the kept tokenizer's model says of its own, else the same token's id."""
    texts = {row: token for token, row in tokens.vocabularies[donor.reference].ids.items()}
    for key, value in part.items():
        if not (key.endswith(("token_id", "token_index")) or key in _LISTS):
            continue
        told = next((other[key] for other in theirs if other.get(key) is not None), None)
        if key in _OF_TOKENIZER and told is not None:
            part[key] = told
        else:
            part[key] = _moved(value, texts, tokens.ids)


def _moved(value: Json, texts: Mapping[int, str], ids: Mapping[str, int]) -> Json:
    """Return an id, or lists of ids, in the new vocabulary; nothing for a token that is not there.

    Negative numbers stand for no token and stay.
    """
    if isinstance(value, list):
        moved = [_moved(item, texts, ids) for item in value]
        return [item for item in moved if item is not None and item != []]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return value
    return ids.get(texts.get(value, ""))

"""The files of a tokenizer: reading one from a model folder, and settings true to the result."""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from evoreg.evolve.checkpoints.folder import read_json
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, MergeError

TOKENIZER = "tokenizer.json"
"""The tokenizer itself; the only form that is read."""
SETTINGS = "tokenizer_config.json"
"""How transformers sets it up."""
SPECIAL = "special_tokens_map.json"
"""The special tokens by name."""
ADDED = "added_tokens.json"
"""The added tokens by id, an older form."""
OTHER_FORMS = (
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
"""Other forms of a tokenizer, which do not know the tokens that are added."""
FILES = (
    TOKENIZER,
    SETTINGS,
    SPECIAL,
    ADDED,
    *OTHER_FORMS,
    "chat_template.jinja",
    "chat_template.json",
)
"""Everything that belongs to a tokenizer."""
_NAMES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_LISTS = ("additional_special_tokens", "extra_special_tokens")
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
_LARGEST = 2**27
_STOPS = (KeyboardInterrupt, SystemExit, MemoryError)


@dataclass(frozen=True)
class Content:
    """What a tokenizer.json holds."""

    facts: Mapping[str, Any]
    """The JSON; its form is checked by `tokenizers` alone."""
    tokenizer: Tokenizer
    """The same, ready to be asked."""

    @cached_property
    def ids(self) -> dict[str, int]:
        """Row of each token, sorted by row and then by token."""
        known: dict[str, int] = self.tokenizer.get_vocab(with_added_tokens=True)
        return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))

    @property
    def data(self) -> bytes:
        """The file as it is written, in UTF-8."""
        return str(self.tokenizer.to_str(pretty=True)).encode()


def read_tokenizer(reference: str, folder: Path) -> Content:
    """Read the tokenizer of a model.

    Args:
        reference: The model.
        folder: Its folder.

    Returns:
        The tokenizer.

    Raises:
        MergeError: No tokenizer.json, one over 128 MiB, or one that cannot be read.
    """
    path = folder / TOKENIZER
    hint = "leave out tokenizer and tokenizer_source if the models share one vocabulary"
    if not path.is_file():
        others = [name for name in OTHER_FORMS if (folder / name).is_file()]
        what = f"{reference} has no {TOKENIZER}" + (f", only {', '.join(others)}" if others else "")
        if others:
            hint = f"AutoTokenizer.from_pretrained(SRC).save_pretrained(SRC) writes {TOKENIZER}"
        raise MergeError(Code.MERGE_VOCABULARY, what, where=str(path), hint=hint)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is larger than 128 MiB")
        text = path.read_text("utf-8")
        return Content(json.loads(text), Tokenizer.from_str(text))
    except _STOPS:
        raise
    except BaseException as error:  # the Rust side raises Exception, or panics
        what = f"{reference} has no {TOKENIZER} that can be read: {error!s:.200}"
        raise MergeError(Code.MERGE_VOCABULARY, what, where=str(path), hint=hint) from error


def changed(
    reference: str, content: Content, rows: int, added: Mapping[int, AddedToken]
) -> Content:
    """Return a tokenizer without the tokens that have no row, and with others.

    Args:
        reference: The model, for messages.
        content: Its tokenizer.
        rows: Rows that it has; tokens with higher ids are left out.
        added: Tokens to add, by id.

    Returns:
        The tokenizer.

    Raises:
        MergeError: It cannot do without what is left out.
    """
    facts = dict(content.facts)
    tokens = [token for token in facts.get("added_tokens") or [] if token["id"] < rows]
    new = [{"id": row, **token_facts(token)} for row, token in added.items()]
    facts["added_tokens"] = tokens + new
    model = facts["model"] = dict(facts["model"])
    if isinstance(model["vocab"], dict):
        gone = {token for token, row in model["vocab"].items() if row >= rows}
        model["vocab"] = {t: row for t, row in model["vocab"].items() if row < rows}
        if "merges" in model and gone:
            model["merges"] = [pair for pair in model["merges"] if not _meets(pair, gone)]
        if len(set(content.ids.values())) <= max(content.ids.values(), default=0):
            # Where ids have gaps, an added token gets its id from the vocabulary alone.
            model["vocab"].update({token.content: row for row, token in added.items()})
    else:
        model["vocab"] = model["vocab"][:rows]
    try:
        return Content(facts, Tokenizer.from_str(json.dumps(facts)))
    except _STOPS:
        raise
    except BaseException as error:  # the Rust side raises Exception, or panics
        raise MergeError(
            Code.MERGE_VOCABULARY,
            f"the tokenizer of {reference} has more tokens than the embedding has rows, and cannot "
            f"do without them: {error!s:.200}",
            hint="choose another model as source of the tokenizer",
        ) from error


def _meets(pair: str | list[str], gone: Set[str]) -> bool:
    parts = pair.split(" ") if isinstance(pair, str) else pair
    return any(part in gone for part in (*parts, "".join(parts)))


def declared(folder: Path) -> list[AddedToken]:
    """Return the tokens that the settings of a tokenizer name: transformers adds those that miss.

    Args:
        folder: A model folder.

    Returns:
        The tokens in the order in which they would be added.

    Raises:
        InputError: The settings are no JSON object.
    """
    settings = settings_of(folder, SETTINGS)
    found: list[AddedToken] = []
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        pairs = [(int(key), value) for key, value in decoder.items() if _is_id(key)]
        found.extend(_token(value) for _, value in sorted(pairs, key=lambda pair: pair[0]))
    else:
        settings = {**settings_of(folder, SPECIAL), **settings}
    special = [settings.get(f"{name}_token") for name in _NAMES]
    for name in _LISTS:
        values = settings.get(name)
        special.extend(values if isinstance(values, list) else [])
    for value in special:
        token = _token(value)
        found.append(AddedToken(token.content, normalized=False, special=True))
    return [token for token in found if token.content]


def settings_of(folder: Path, name: str) -> dict[str, Json]:
    """Return a small JSON file of a model folder.

    Args:
        folder: The folder.
        name: The file.

    Returns:
        Its content; empty if it is absent.

    Raises:
        InputError: It is no JSON object.
    """
    path = folder / name
    return read_json(path) if path.is_file() else {}


def _is_id(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 10


def _token(value: Json) -> AddedToken:
    """Return a token as tokenizer_config.json writes it; one without text if it is none."""
    flags: dict[str, bool] = {}
    if isinstance(value, dict):
        flags = {name: flag for name in _FLAGS if isinstance(flag := value.get(name), bool)}
        value = value.get("content")
    if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
        return AddedToken("")
    return AddedToken(value, **flags)


def true_settings(
    folder: Path, known: Mapping[str, int], added: Mapping[int, AddedToken]
) -> Iterator[tuple[str, bytes | None]]:
    """Yield the settings of a tokenizer that are changed by what was added or left out.

    Args:
        folder: The folder of the model whose tokenizer is kept.
        known: Row of each token of the result.
        added: The tokens that it lacked, by row.

    Yields:
        Name and content of each file that changes; nothing for a file that is left out.

    Raises:
        InputError: One of them is no JSON object.
    """
    for name in (SETTINGS, SPECIAL):
        before = settings_of(folder, name)
        after = _without_unknown(before, known)
        decoder = after.get("added_tokens_decoder")
        if isinstance(decoder, dict):
            new = {str(row): token_facts(token) for row, token in added.items()}
            after["added_tokens_decoder"] = {**decoder, **new}
        if after != before:
            yield name, as_bytes(after)
    before = settings_of(folder, ADDED)
    if before:
        rows: dict[str, Json] = {token: known[token] for token in before if token in known}
        rows.update((token.content, row) for row, token in added.items())
        if rows != before:
            yield ADDED, as_bytes(rows)
    if added:
        yield from ((name, None) for name in OTHER_FORMS if (folder / name).is_file())


def _without_unknown(settings: Mapping[str, Json], known: Mapping[str, int]) -> dict[str, Json]:
    """Leave out special tokens that have no row, which transformers would give a new id."""
    kept = dict(settings)
    for name in _NAMES:
        key = f"{name}_token"
        if kept.get(key) is not None and _token(kept[key]).content not in known:
            kept.pop(key)
    for key in _LISTS:
        values = kept.get(key)
        if isinstance(values, list):
            kept[key] = [value for value in values if _token(value).content in known]
    decoder = kept.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        kept["added_tokens_decoder"] = {
            key: value
            for key, value in decoder.items()
            if str(known.get(_token(value).content)) == key
        }
    return kept


def token_facts(token: AddedToken) -> dict[str, Json]:
    """Return an added token as the files of a tokenizer write it, without its id."""
    return {"content": token.content, **{name: bool(getattr(token, name)) for name in _FLAGS}}


def as_bytes(facts: Mapping[str, Json]) -> bytes:
    """Return a small JSON file as it is written.

    Args:
        facts: Its content.

    Returns:
        ASCII, ending with a line break.
    """
    return json.dumps(dict(facts), indent=2).encode() + b"\n"

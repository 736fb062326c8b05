"""The chat template of the result: which one, and the files that hold it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evoreg.evolve.vocabulary.files import SETTINGS, as_bytes, settings_of
from evoreg.evolve.vocabulary.template import AUTO, BUNDLED, bundled
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError, MergeError

JINJA = "chat_template.jinja"
"""Where a chat template stands on its own."""
JSON = "chat_template.json"
"""Where older processors keep it."""
PROCESSOR = "processor_config.json"
"""Where some processors keep it."""
HOLDERS = (SETTINGS, PROCESSOR, JSON)
"""The files besides `JINJA` that may hold a chat template."""
_LARGEST = 2**20


def template_of(folder: Path) -> str | None:
    """Return the chat template of a model, as transformers finds it.

    Args:
        folder: The model's folder.

    Returns:
        The template; nothing if the model has none.

    Raises:
        InputError: A file that is too large or cannot be read.
    """
    path = folder / JINJA
    if path.is_file():
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError(
                    Code.INPUT_UNREADABLE, "the file is larger than 1 MiB", where=str(path)
                )
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            what = f"not readable as text: {error}"
            raise InputError(Code.INPUT_UNREADABLE, what, where=str(path)) from error
    for name in (SETTINGS, JSON):
        found = _default(settings_of(folder, name).get("chat_template"))
        if found is not None:
            return found
    return None


def _default(value: Json) -> str | None:
    """Return the template of a text, or the one called default of a list."""
    if isinstance(value, list):
        named = (item for item in value if isinstance(item, dict))
        value = next(
            (item.get("template") for item in named if item.get("name") == "default"), None
        )
    return value if isinstance(value, str) and value.strip() else None


def chosen_template(wanted: str | None, folders: Sequence[Path]) -> str | None:
    """Return the chat template that the result shall have.

    Args:
        wanted: What the recipe says.
        folders: The merged models, in recipe order.

    Returns:
        The template; nothing if the recipe is silent, or says ``auto`` and no model has one. Of
        templates that equally many models have, the one that comes first.

    Raises:
        InputError: A template of a model that cannot be read.
    """
    if wanted is None:
        return None
    if wanted != AUTO:
        return bundled(wanted) if wanted in BUNDLED else wanted
    found = (template_of(folder) for folder in folders)
    counts = Counter(text.strip() for text in found if text is not None)
    # Counter keeps the order of first appearance, and most_common is stable.
    return counts.most_common(1)[0][0] if counts else None


def template_files(
    template: str, folders: Mapping[str, Path], changed: Mapping[str, bytes | None]
) -> Iterator[tuple[str, bytes | None]]:
    """Yield the files that put one template into force, and no other beside it.

    Args:
        template: The template.
        folders: Where each of `HOLDERS` is taken from.
        changed: Files that are changed already, by name; nothing for one that is left out.

    Yields:
        Name and content of each file; nothing for one that is left out.

    Raises:
        InputError: A file of a folder is no JSON object.
    """
    yield JINJA, template.encode()
    for name in (SETTINGS, PROCESSOR):
        data = changed.get(name)
        settings = json.loads(data) if data is not None else settings_of(folders[name], name)
        if "chat_template" in settings and not (name in changed and data is None):
            yield name, as_bytes({**settings, "chat_template": template})
    if (folders[JSON] / JSON).is_file():
        yield JSON, None


def no_tokenizer(reference: str, folder: Path) -> MergeError:
    """Return the error of a chat template for a model that has no tokenizer.

    Args:
        reference: The model whose tokenizer would be kept.
        folder: Its folder.

    Returns:
        The error.
    """
    return MergeError(
        Code.MERGE_VOCABULARY,
        f"{reference} has no tokenizer that a chat template could go with",
        where=str(folder),
        hint="leave out chat_template, or name a model with a tokenizer as its source",
    )

"""A reference is what a person writes to name a model: a folder, or a model of the Hub.

::

    reference = place ["+" adapter]         adapter = place
    place     = folder | org/name["@" revision]

A folder that exists with exactly the written name always wins, even if the name holds ``+`` or
``@``; so a folder is never mistaken for a model of the Hub.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evoreg.provenance.records.errors import Code, InputError, RecipeError

LONGEST = 4096
"""Most characters of a reference."""

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"{_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_FOLDER_SIGNS = ("/", "./", "../", "~/")
_ADDRESSES = ("hf://", "http://", "https://", "git@")
_LONGEST_REPOSITORY = 96
_LONGEST_REVISION = 200
_FORM = "write a folder (./name), or org/name of the Hub, perhaps with @revision and +adapter"


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A folder on this machine; it may not exist (yet)."""

    folder: Path
    """The folder, already joined to the folder of the recipe."""


@dataclass(frozen=True, slots=True)
class HubPlace:
    """A model of the Hub."""

    repository: str
    """``org/name``."""
    revision: str | None
    """Branch, tag or commit; nothing means the default branch."""


Place: TypeAlias = LocalPlace | HubPlace
"""Where a model lies."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A model, perhaps with an adapter on top."""

    text: str
    """As written."""
    place: Place
    """Where the model lies."""
    adapter: Place | None = None
    """Where its adapter lies, if there is one."""

    def __str__(self) -> str:
        """Return the reference as written."""
        return self.text

    @classmethod
    def parse(cls, text: str, *, base_folder: Path = Path()) -> "Reference":
        """Read a reference.

        Args:
            text: For example ``./mine``, ``org/name@main`` or ``org/name@v1+org/adapter``.
            base_folder: Folder that relative folders start from.

        Returns:
            The reference. Only the existence of folders is looked up, nothing is opened.

        Raises:
            RecipeError: The text is no reference (RECIPE_REFERENCE).
            InputError: A folder of that name may be there but cannot be looked at.
        """
        _check_text(text)
        if _is_folder(base_folder, text):
            return cls(text, LocalPlace(_join(base_folder, text)))
        if "+" not in text:
            return cls(text, _place(text, base_folder))
        place, adapter = _split(text, base_folder)
        return cls(text, place, adapter)


def _fault(text: str, what: str, hint: str = _FORM) -> RecipeError:
    shown = text if len(text) <= 120 else text[:120] + "..."
    return RecipeError(Code.RECIPE_REFERENCE, what, where=repr(shown), hint=hint)


def _check_text(text: str) -> None:
    if not text.strip():
        raise _fault(text, "the reference is empty")
    if len(text) > LONGEST:
        raise _fault(text, f"the reference is longer than {LONGEST} characters")
    if not text.isprintable():
        raise _fault(text, "the reference holds control characters or other invisible signs")


def _split(text: str, base_folder: Path) -> tuple[Place, Place]:
    """Split at the one ``+`` that leaves two places; folders may hold ``+`` in their names."""
    cuts = [at for at, sign in enumerate(text) if sign == "+"]
    if len(cuts) == 1:
        cut = cuts[0]
        return _place(text[:cut], base_folder), _place(text[cut + 1 :], base_folder)
    pairs = [(text[:at], text[at + 1 :]) for at in cuts]
    whole = [pair for pair in pairs if all(_may_stand(part, base_folder) for part in pair)]
    if len(whole) != 1:
        why = "can be cut in more than one way" if whole else "holds more than one +"
        raise _fault(text, f"the reference {why}", "name one model and at most one adapter")
    return _place(whole[0][0], base_folder), _place(whole[0][1], base_folder)


def _may_stand(part: str, base_folder: Path) -> bool:
    return "+" not in part or _is_folder(base_folder, part)


def _place(text: str, base_folder: Path) -> Place:
    if not text:
        raise _fault(text, "there is nothing before or after the +")
    if _is_folder(base_folder, text):
        return LocalPlace(_join(base_folder, text))
    if text.startswith(_ADDRESSES):
        raise _fault(text, "an address is not a reference", "write org/name@revision instead")
    if _looks_like_folder(text):
        return _absent_folder(text, base_folder)
    return _hub_place(text)


def _looks_like_folder(text: str) -> bool:
    return text in {".", "..", "~"} or text.startswith(_FOLDER_SIGNS) or Path(text).is_absolute()


def _absent_folder(text: str, base_folder: Path) -> LocalPlace:
    if "@" in text and _is_folder(base_folder, text.split("@")[0]):
        hint = "leave out the @ and what follows; a folder is whatever lies in it now"
        raise _fault(text, "a folder has no revisions", hint)
    return LocalPlace(_join(base_folder, text))


def _hub_place(text: str) -> HubPlace:
    repository, *revisions = text.split("@")
    if len(revisions) > 1:
        raise _fault(text, "the reference holds more than one @", "name at most one revision")
    if "/" not in repository:
        raise _fault(
            text, "there is no folder of this name, and a model of the Hub is written org/name"
        )
    if not _is_repository(repository):
        raise _fault(text, "there is no folder of this name, and it is not org/name of the Hub")
    if revisions and not _is_revision(revisions[0]):
        raise _fault(
            text, "this cannot be a revision", "name a branch, a tag or a commit after the @"
        )
    return HubPlace(repository, revisions[0] if revisions else None)


def _is_repository(text: str) -> bool:
    return (
        len(text) <= _LONGEST_REPOSITORY
        and _REPOSITORY.fullmatch(text) is not None
        and ".." not in text
        and "--" not in text
        and not text.endswith(".git")
    )


def _is_revision(text: str) -> bool:
    return (
        len(text) <= _LONGEST_REVISION
        and _REVISION.fullmatch(text) is not None
        and ".." not in text
        and "//" not in text
        and not text.endswith(("/", ".", ".lock"))
        and not any(part.startswith(".") for part in text.split("/"))
    )


def _join(base_folder: Path, text: str) -> Path:
    if text != "~" and not text.startswith("~/"):
        return base_folder / text
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no home folder is known
        raise _fault(text, "the home folder is not known", "write the whole path") from error


def _is_folder(base_folder: Path, text: str) -> bool:
    """Say whether a folder of exactly this name exists; never guess where one may not look."""
    try:
        return _join(base_folder, text).is_dir()
    except PermissionError as error:
        raise InputError(
            Code.INPUT_UNREADABLE,
            "it cannot be told whether a folder of this name exists: permission denied",
            where=text,
            hint="make the folder above it readable",
        ) from error
    except OSError:  # for example a part longer than the file system allows
        return False

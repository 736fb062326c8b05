"""Where the policy comes from: an option, the environment, the working folder, or evoreg."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evoreg.policies.reading.read import LARGEST, PolicyFile, read_policy
from evoreg.policies.reading.shipped import SHIPPED, shipped
from evoreg.provenance.records.errors import Code, InputError, UsageError

POLICY = "evoreg-policy.yml"
"""Name of the policy file of a working folder."""

_VARIABLE = "EVOREG_POLICY"


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where a policy is read from."""

    name: str
    """Name of a policy that comes with evoreg, or path of a file."""
    why: str
    """Who chose it: ``--policy``, ``EVOREG_POLICY``, the working folder, or nobody."""

    @property
    def comes_with_evoreg(self) -> bool:
        """True if it is one of `SHIPPED` and not a file."""
        return self.name in SHIPPED


def policy_source(name: str | None, environment: Mapping[str, str], folder: Path) -> PolicySource:
    """Return where the policy is read from.

    Args:
        name: Value of ``--policy``, if it was given: a name or a file.
        environment: Reads ``EVOREG_POLICY``, with the same meaning.
        folder: The working folder, where ``evoreg-policy.yml`` may lie.

    Returns:
        The first of them that is there; else the policy ``default``.

    Raises:
        UsageError: The name or the variable is empty.
    """
    told = environment.get(_VARIABLE)
    for value, why in ((name, "--policy"), (told, _VARIABLE)):
        if value is not None and not value.strip():
            hint = f"give a file, or one of: {', '.join(SHIPPED)}"
            raise UsageError(Code.USAGE, f"{why} is empty", hint=hint)
        if value is not None:
            return PolicySource(value, why)
    if (folder / POLICY).is_file():
        return PolicySource(POLICY, "the working folder")
    return PolicySource("default", "nobody chose another")


def load_policy(name: str | None, environment: Mapping[str, str], folder: Path) -> PolicyFile:
    """Read the policy in force.

    Args:
        name: Value of ``--policy``, if it was given.
        environment: Reads ``EVOREG_POLICY``.
        folder: The working folder; relative paths begin there.

    Returns:
        The policy, its intents, its facts about the releaser and its tests.

    Raises:
        UsageError: There is neither such a policy nor such a file.
        InputError: The file cannot be read.
        PolicyError: What is wrong in the file, all of it.
    """
    return read_source(policy_source(name, environment, folder), folder)


def read_source(source: PolicySource, folder: Path) -> PolicyFile:
    """Read a policy whose place is known.

    Args:
        source: The place.
        folder: Where relative paths begin.

    Returns:
        The policy.

    Raises:
        UsageError: There is neither such a policy nor such a file.
        InputError: The file cannot be read.
        PolicyError: What is wrong in the file.
    """
    if source.comes_with_evoreg:
        return shipped(source.name)
    path = folder / source.name
    if not path.exists():
        raise _absent(source)
    return read_policy(_text(path, source.name), source.name, name=_stem(path))


def _text(path: Path, name: str) -> str:
    hint = "a policy file is a text in UTF-8"
    if not path.is_file():
        raise InputError(Code.INPUT_UNREADABLE, "not a file", where=name, hint=hint)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)  # one more, so that the reader refuses what is longer
        # The cut may go through a character of a file that is refused for its size anyhow.
        return data.decode("utf-8", "replace" if len(data) > LARGEST else "strict")
    except OSError as error:
        what = f"the policy cannot be read: {error.strerror or error}"
        raise InputError(Code.INPUT_UNREADABLE, what, where=name, hint=hint) from error
    except UnicodeDecodeError as error:
        what = "the policy is not UTF-8"
        raise InputError(Code.INPUT_UNREADABLE, what, where=name, hint=hint) from error


def _stem(path: Path) -> str:
    return "".join(sign for sign in path.stem if sign.isprintable())[:80].strip() or "policy"


def _absent(source: PolicySource) -> UsageError:
    near = difflib.get_close_matches(source.name, SHIPPED, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"policies: {', '.join(SHIPPED)}; or a file"
    what = f"there is no policy {source.name!r:.200} (from {source.why})"
    return UsageError(Code.USAGE, what, hint=hint)

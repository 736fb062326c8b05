"""How the index tables hold texts that come from cards which anybody may write."""

import re

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def storable(value: str) -> str:
    """Return a text as the index tables hold it.

    PostgreSQL cannot store U+0000. Names and licence expressions come from cards that anybody may
    write, and must not make an entry unwritable.

    Args:
        value: Any text.

    Returns:
        The text with a backslash as two, and U+0000 as a backslash and a zero.
    """
    if "\\" not in value and "\0" not in value:
        return value
    return value.replace("\\", "\\\\").replace("\0", "\\0")


def storable_or_none(value: str | None) -> str | None:
    """Return a text as `storable` does, and nothing as nothing."""
    return None if value is None else storable(value)


def restored(value: str) -> str:
    """Return a text of the index tables as it was before `storable`.

    Args:
        value: A text that `storable` returned.

    Returns:
        The text as the entry has it.
    """
    if "\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else found[1], value)

"""Rows of data files: JSON, JSON lines and CSV as they are written, Parquet and the Hub by type.

JSON and CSV are read without guessing types: the readers of larger libraries turn ``007`` into 7
and an answer such as ``2024-01-05`` into a time, and give a field to rows that do not have it.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, TypeAlias

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError

Row: TypeAlias = Mapping[str, Json]
MOST = 1_000_000
"""Most rows of a file."""
_HUB = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@(?P<revision>[0-9a-f]{40})")


def read_rows(path: Path) -> tuple[tuple[Row, str], ...]:
    """Read a data file.

    Args:
        path: A file that ends in .jsonl, .json (a list of objects), .csv (first line: names) or
            .parquet.

    Returns:
        Every row with its place, such as ``train.jsonl:12``.

    Raises:
        InputError: Another ending, or not what the ending says; the line is told where it is known.
    """
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise _unreadable(path.name, f"{path.suffix or 'no ending'} is not read")
    try:
        rows = [(_checked(row, at), f"{path.name}:{at}") for at, row in reader(path)]
    except UnicodeDecodeError as error:
        raise _unreadable(path.name, "the file is not UTF-8 text") from error
    except (ValueError, OSError, csv.Error, RecursionError, TypeError) as error:
        what = f"the file cannot be read as {path.suffix}: {error!s:.200}"
        raise _unreadable(path.name, what) from error
    if len(rows) > MOST:
        raise _unreadable(path.name, f"more than {MOST} rows")
    return tuple(rows)


def _json_lines(path: Path) -> Iterable[tuple[int, Any]]:
    # Only line feeds end a line: other separators may stand inside a JSON text.
    with path.open(encoding="utf-8-sig", newline="\n") as lines:
        for at, line in enumerate(lines, 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise _no_object(path, at, error) from error
                if not isinstance(row, dict):
                    raise _no_object(path, at, f"it begins with {line.strip()[:20]!r}")
                yield at, row


def _json_list(path: Path) -> Iterable[tuple[int, Any]]:
    found = json.loads(path.read_text("utf-8-sig"))
    if not isinstance(found, list):
        raise ValueError("a list of objects is expected")
    return enumerate(found, 1)


def _csv_rows(path: Path) -> Iterable[tuple[int, Any]]:
    text = path.read_text("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    names = reader.fieldnames or []
    if len(set(names)) != len(names):
        raise ValueError("two columns have one name")
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num}: not {len(names)} values")
        yield reader.line_num, row


def _parquet_rows(path: Path) -> Iterable[tuple[int, Any]]:
    from datasets import Dataset, disable_progress_bars, enable_progress_bars
    from datasets.utils import are_progress_bars_disabled

    silent = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with TemporaryDirectory() as cache:
            table = Dataset.from_parquet(str(path), cache_dir=cache, keep_in_memory=True)
            # Sound and pictures are decoded, or not, only where a row is taken out.
            rows = list(table) if len(table) <= MOST else []
    except Exception as error:  # the libraries below raise whatever they like for broken bytes
        raise ValueError(str(error)) from error
    finally:
        if not silent:
            enable_progress_bars()
    if len(table) > MOST:
        raise ValueError(f"more than {MOST} rows")
    return enumerate(rows, 1)


_READERS: Mapping[str, Callable[[Path], Iterable[tuple[int, Any]]]] = MappingProxyType(
    {".jsonl": _json_lines, ".json": _json_list, ".csv": _csv_rows, ".parquet": _parquet_rows}
)
ENDINGS = tuple(_READERS)
"""Endings of data files."""


def hub_rows(
    hub: str, config: str | None, split: str, offline: bool
) -> tuple[tuple[Row, str], ...]:
    """Read a split of a data set of the Hub; no code of the data set is ever run.

    Args:
        hub: ``org/name@`` and the commit in full.
        config: Its configuration, if it has several.
        split: Which split.
        offline: Whether the network may not be used.

    Returns:
        Every row with its place.

    Raises:
        InputError: No commit is named, the Hub may not or cannot be asked, there is no such split,
            or the data set needs a script.
    """
    found = _HUB.fullmatch(hub)
    if found is None:
        raise InputError(
            Code.HUB_REVISION,
            "a data set of the Hub is named with its commit",
            where=hub,
            hint="write org/name@ and the 40 digits of the commit",
        )
    if offline:
        raise InputError(
            Code.HUB_UNREACHABLE,
            "this data set is on the Hub, which may not be asked",
            where=hub,
            hint="go online, or use a local file",
        )
    if Path(found["name"]).exists():
        # The library would take the folder instead.
        raise _unreadable(hub, "a local folder has the name of this data set")
    rows = _loaded(found["name"], found["revision"], config, split)
    try:
        return tuple((_checked(row, at), f"{hub}:{split}:{at}") for at, row in enumerate(rows, 1))
    except Exception as error:  # decoding raises whatever it likes
        raise _unreadable(hub, f"a row cannot be read: {error!s:.200}") from error


def _loaded(name: str, revision: str, config: str | None, split: str) -> Iterable[Any]:
    """Load with the library's usual cache: what was fetched before is there without a network."""
    from datasets import disable_progress_bars, enable_progress_bars, load_dataset
    from datasets.utils import are_progress_bars_disabled

    silent = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        rows: Sequence[Any] = load_dataset(name, config, split=split, revision=revision)
    except Exception as error:  # the library has no common class of errors
        reached = not isinstance(error, OSError)
        script = "script" in str(error).lower()
        raise InputError(
            Code.INPUT_UNREADABLE if reached or script else Code.HUB_UNREACHABLE,
            f"the data set cannot be read: {error!s:.200}",
            where=f"{name}@{revision}",
            hint="data sets that need a script are refused" if script else "check name and split",
        ) from error
    finally:
        if not silent:
            enable_progress_bars()
    if len(rows) > MOST:
        raise _unreadable(name, f"more than {MOST} rows")
    return rows


def _checked(row: object, at: int) -> Row:
    if not isinstance(row, dict):
        raise ValueError(f"row {at} is no object: {str(row)[:80]!r}")
    try:
        return {str(key): _plain(value) for key, value in row.items()}
    except ValueError as error:
        raise ValueError(f"row {at}: {error}") from error


def _plain(value: object) -> Json:
    """Return a value as JSON has it; times and decimals as their text."""
    if isinstance(value, str):
        value.encode()  # half a surrogate pair can neither be recorded nor asked
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, date | time | Decimal):
        return str(value)
    raise ValueError(f"a field holds {type(value).__name__}, which is neither text nor number")


def _no_object(path: Path, at: int, why: object) -> InputError:
    said = why.msg if isinstance(why, json.JSONDecodeError) else f"{why!s:.80}"
    column = f", column {why.colno}" if isinstance(why, json.JSONDecodeError) else ""
    return InputError(
        Code.INPUT_UNREADABLE,
        f"this line is not a JSON object: {said}{column}",
        where=f"{path.name}:{at}",
        hint='write one JSON object a line, such as {"prompt": "...", "answer": "..."}',
    )


def _unreadable(where: str, what: str) -> InputError:
    hint = f"data files end in {', '.join(ENDINGS)}, in UTF-8"
    return InputError(Code.INPUT_UNREADABLE, what, where=where, hint=hint)

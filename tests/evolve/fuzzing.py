"""Broken recipes and broken files: seeded mutations of good ones."""

import json
import random
import re
from collections.abc import Callable

VALUES = (
    "-1", "0", "1", "2", "0.5", "1e-5", "1e400", "-1e400", ".nan", ".inf", "null", "~", "true",
    "no", "[]", "{}", "[0, 1]", "[1, 0]", "[0, -1]", "[3, 9]", "[a, b]", "[[1]]", "''", "'*'",
    "../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "a", "./b", "base", "nobody/x",
    "a+b", "a@main", "a+b+c", "@@@@@", "9" * 400, "-" * 40, "'\\x00'", "\u202eabc", "é" * 70,
    "&x [*x, *x]", "!!python/object/apply:os.system ['true']", "!!binary aGk=", "1:30", "0x10",
    "2026-01-01", "{value: 1, filter: mlp}", "[{value: 1, filter: mlp}, {value: 0}]", "[1, {}]",
    "{model: a}", "{model: a, revision: main}", "{kind: zero}", "union", "auto", "chatml",
    "'{{ 7 * 7 }}'", "bfloat16", "float8", "torch.float16", "int64", "linear", "ties", "karcher",
)  # fmt: skip
KEYS = (
    "merge_method", "models", "slices", "modules", "base_model", "parameters", "dtype", "out_dtype",
    "tokenizer_source", "tokenizer", "chat_template", "model", "sources", "layer_range", "weight",
    "density", "t", "lambda", "epsilon", "gamma", "normalize", "value", "filter", "tokens", "force",
    "pad_to_multiple_of", "source", "name", "<<", "residual_weight", "wieght", "default", "",
)  # fmt: skip
SIGNS = "\t\0\x07\x1b\x7f\u2028\ufeff\ud7ff:-[]{}&*!|>'\"%@`#,? \n0a"
NUMBERS = (-(2**63), -1, 0, 1, 2, 3, 7, 255, 2**31, 2**53, 2**63, 2**64, 10**30)


_ODD: tuple[object, ...] = (
    None, -1, 10**30, "", "../../x.safetensors", "/etc/passwd", [], {}, True, "x\0y", 0.5,
)  # fmt: skip


def broken_recipe(text: str, rng: random.Random) -> str:
    """Return a recipe with one to three mutations."""
    for _ in range(rng.randint(1, 3)):
        text = rng.choice(_RECIPE)(text, rng)
    return text


def _line(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = rng.choice(("", " ", "  ", "- ")) + lines[at].lstrip()
        case _:
            lines.insert(at, rng.choice(("---", "...", "# x", "%YAML 1.1", "- ", "? x")))
    return "\n".join(lines)


def _value(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"(?<=[:\-,\[] )[^\n,\]}]+", text))
    if not places:
        return text
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(VALUES) + text[place.end() :]


def _key(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"\w+(?=:)", text))
    if not places:
        return text
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(KEYS) + text[place.end() :]


def _sign(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(SIGNS) + text[at + rng.randint(0, 2) :]


def _cut(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)] if rng.random() < 0.3 else _value(text, rng)


def _added(text: str, rng: random.Random) -> str:
    return f"{text}\n{rng.choice(KEYS)}: {rng.choice(VALUES)}\n"


_RECIPE: tuple[Callable[[str, random.Random], str], ...] = (
    _line, _value, _value, _key, _sign, _cut, _added,
)  # fmt: skip


def broken_weights(data: bytes, rng: random.Random) -> bytes:
    """Return a safetensors file with one to three mutations of its header, or cut short."""
    size = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + size], data[8 + size :]
    match rng.randrange(8):
        case 0:
            return rng.choice(NUMBERS).__abs__().to_bytes(16, "little")[:8] + data[8:]
        case 1:
            return data[: rng.randrange(len(data))]
        case 2:
            return data[:8] + _flipped(header, rng) + body
        case 3:
            body += bytes(rng.randrange(9))
    table = json.loads(header)
    for _ in range(rng.randint(1, 3)):
        _break_table(table, rng)
    text = json.dumps(table, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1:  # one key twice
        text = text[:-1] + "," + text[1:]
    new = text.encode("utf-8", "surrogatepass")
    return len(new).to_bytes(8, "little") + new + body


def _break_table(table: dict[str, object], rng: random.Random) -> None:
    names = [name for name in table if name != "__metadata__"] or ["x"]
    name = rng.choice(names)
    entry = table.get(name)
    facts = dict(entry) if isinstance(entry, dict) else {}
    match rng.randrange(7):
        case 0:
            facts["dtype"] = rng.choice(("F32", "BF16", "F64", "I64", "F8_E4M3", "X", "", 3, None))
        case 1:
            facts["shape"] = [rng.choice(NUMBERS) for _ in range(rng.randrange(4))]
        case 2:
            facts["data_offsets"] = [rng.choice(NUMBERS), rng.choice((*NUMBERS, 512, 1024))]
        case 3:
            table.pop(name, None)
            new = ("", "../../x", "a\0b", "\u202e", "x" * 5000, "model.layers.99999999999.w", "w\n")
            name = rng.choice(new)
        case 4:
            facts.pop(rng.choice(("dtype", "shape", "data_offsets")), None)
        case 5:
            table["__metadata__"] = rng.choice(({"a": 1}, [], "x", {"format": "pickle"}, None))
        case _:
            facts[rng.choice(("shape", "extra"))] = rng.choice(("x", {}, [[]], [1.5], True))
    table[name] = facts


def _flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def broken_json(data: bytes, rng: random.Random) -> bytes:
    """Return an index or a config with a few values replaced, or bytes flipped."""
    if rng.random() < 0.3:
        return _flipped(data, rng)
    value = json.loads(data)
    holders = [value]
    for holder in holders:
        inner = holder.values() if isinstance(holder, dict) else holder
        holders.extend(item for item in inner if isinstance(item, dict | list) and item)
    for _ in range(rng.randint(1, 3)):
        holder = rng.choice(holders)
        new = rng.choice(_ODD)
        if isinstance(holder, dict) and holder:
            key = rng.choice(list(holder))
            holder[rng.choice((key, key, "../y", ""))] = new
        elif isinstance(holder, list) and holder:
            holder[rng.randrange(len(holder))] = new
    return json.dumps(value).encode()

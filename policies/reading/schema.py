"""The JSON schema of policy files, for editors; made from the table of keys."""

from evoreg.policies.reading.keys import TOP, Key
from evoreg.policies.reading.places import AREAS, COUNTRIES
from evoreg.provenance.records.canonical import Json

_ITEMS = {"texts": "text", "choices": "choice", "places": "place"}
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def policy_schema() -> dict[str, Json]:
    """Return the schema (JSON Schema 2020-12) of a policy file.

    What only the licences can tell, and whether a rule is CEL, is left to the reader.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evoreg policy",
        **_table(TOP),
    }


def _table(keys: tuple[Key, ...]) -> dict[str, Json]:
    required: list[Json] = [key.name for key in keys if key.required]
    found: dict[str, Json] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: {"description": key.meaning, **_value(key)} for key in keys},
    }
    return {**found, "required": required} if required else found


def _value(key: Key) -> dict[str, Json]:
    if key.kind == "table":
        return _table(key.keys)
    if key.kind == "rows":
        rows: dict[str, Json] = {"type": "array", "items": _table(key.keys)}
        return {**rows, "minItems": 1} if key.required else rows
    if key.kind in _ITEMS:
        items = _single(key, _ITEMS[key.kind])
        return {"type": "array", "items": items, "uniqueItems": True, "minItems": key.least}
    return _single(key, key.kind)


def _single(key: Key, kind: str) -> dict[str, Json]:
    if kind == "whole":
        return {"type": "integer", "minimum": key.least, "maximum": key.most}
    if kind == "choice":
        return {"enum": [*key.values]}
    if kind == "place":
        return {"enum": [*sorted(COUNTRIES), *AREAS]}
    if kind == "day":
        return {"type": "string", "pattern": _DAY}
    found: dict[str, Json] = {"type": "string", "minLength": 1}
    if key.most:
        found["maxLength"] = key.most
    return {**found, "pattern": f"^({key.pattern})$"} if key.pattern else found

"""Writes docs/schemas/check.json, the JSON Schema of what ``evoreg check --json`` prints.

``python docs/schemas/generate.py`` brings it up to date; a test fails while it is not. The frame is
written here, the part about decisions comes from the records themselves.
"""

import json
from pathlib import Path

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import INTENTS, Decision, Verdict

PAGE = Path(__file__).parent / "check.json"
"""The schema."""

_TEXT: dict[str, Json] = {"type": "string"}
_DIGEST: dict[str, Json] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_COUNT: dict[str, Json] = {"type": "integer", "minimum": 0}


def _object(fields: dict[str, Json], *, optional: tuple[str, ...] = ()) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Json) -> dict[str, Json]:
    return {"type": "array", "items": items}


def _ref(name: str) -> dict[str, Json]:
    return {"$ref": f"#/$defs/{name}"}


def _or_nothing(value: Json) -> dict[str, Json]:
    return {"anyOf": [value, {"type": "null"}]}


def _judged() -> dict[str, Json]:
    return {
        "intent": {"enum": [*INTENTS]},
        "verdict": _ref("Verdict"),
        "decision": _ref("Decision"),
    }


def _target() -> dict[str, Json]:
    fields: dict[str, Json] = {
        "target": {**_TEXT, "description": "As it was written."},
        "kind": {"enum": ["recipe", "folder", "hub"]},
        "verdict": {
            **_or_nothing(_ref("Verdict")),
            "description": "The worst one; null if the target could not be checked.",
        },
        "intents": {**_list(_ref("Judged")), "description": "One for each intent asked about."},
        "card_fields": {
            **_or_nothing(_ref("CardFields")),
            "description": "The licence fields that the card of the result should have.",
        },
        "missing": {**_list(_ref("Problem")), "description": "Papers that are owed and missing."},
        "warnings": _list(_ref("Problem")),
        "problems": {
            **_list(_ref("Problem")),
            "description": "Why the target could not be checked.",
        },
        "earlier": {
            **_list(_object({"name": _TEXT, **_judged()})),
            "description": "Worse decisions about results of earlier recipes in the file.",
        },
        "shares": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[01]\\.[0-9]+$"},
            "description": "Share of each source in a merged folder, by label.",
        },
        "tensors": _COUNT,
        "bytes": _COUNT,
        "stages": _list(_ref("Stage")),
    }
    return _object(fields, optional=("earlier", "shares", "tensors", "bytes", "stages"))


def schema() -> dict[str, Json]:
    """Return the schema, draft 2020-12."""
    decision = Decision.model_json_schema(ref_template="#/$defs/{model}")
    parts: dict[str, Json] = decision.pop("$defs")
    parts |= {
        "Decision": decision,
        "Verdict": {"enum": [str(verdict) for verdict in Verdict]},
        "Judged": _object(_judged()),
        "CardFields": _object(
            {
                "license": _TEXT,
                "license_name": _or_nothing(_TEXT),
                "license_link": _or_nothing(_TEXT),
            }
        ),
        "Problem": _object({"code": _TEXT, "what": _TEXT, "where": _TEXT, "hint": _TEXT}),
        "Stage": _object(
            {
                "name": _TEXT,
                "method": _TEXT,
                "uses": _list(_TEXT),
                "tensors": _COUNT,
                "bytes": _COUNT,
            }
        ),
        "Target": _target(),
    }
    frame = _object(
        {
            "schema": {"const": "evoreg/check/2"},
            "ok": {"type": "boolean"},
            "exit_code": {"type": "integer", "minimum": 0},
            "evoreg": {**_TEXT, "description": "Version of evoreg."},
            "today": {**_TEXT, "format": "date"},
            "policy": _object({"name": _TEXT, "digest": _DIGEST}),
            "knowledge": _or_nothing(_object({"version": _or_nothing(_TEXT), "digest": _DIGEST})),
            "targets": _list(_ref("Target")),
        }
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "evoreg check",
        "description": "What `evoreg check --json` prints. A form with another meaning gets another"
        " version.",
        **frame,
        "$defs": {name: parts[name] for name in sorted(parts)},
    }


def page() -> str:
    """Return the content of the file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

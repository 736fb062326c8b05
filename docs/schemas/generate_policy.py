"""Writes docs/schemas/policy.json, the JSON Schema of policy files, for editors.

``python docs/schemas/generate_policy.py`` brings it up to date; a test fails while it is not.
"""

import json
from pathlib import Path

from evoreg.policies.reading.schema import policy_schema

PAGE = Path(__file__).parent / "policy.json"
"""The schema."""


def page() -> str:
    """Return the schema as it should be in the file."""
    return json.dumps(policy_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

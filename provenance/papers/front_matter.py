"""The front matter of the model card, as the Hugging Face Hub reads it."""

import re

import yaml

from evoreg.provenance.papers.facts import Credit, ReleaseFacts
from evoreg.provenance.papers.gate import gate_fields
from evoreg.provenance.papers.license_plan import INDEX, license_ids, single_license
from evoreg.provenance.records.model import Model

_SAME_SPELLING = (
    "AFL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 "
    "CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 "
    "CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 "
    "CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 "
    "CDLA-Sharing-1.0 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 ISC LPPL-1.3c MIT MPL-2.0 "
    "MS-PL NCSA OFL-1.1 OSL-3.0 OpenMDW-1.0 PostgreSQL Unlicense WTFPL Zlib etalab-2.0"
)

HUB_IDS: dict[str, str] = {key: key.lower() for key in _SAME_SPELLING.split()} | {
    "AGPL-3.0-only": "agpl-3.0",
    "C-UDA-1.0": "c-uda",
    "GPL-2.0-only": "gpl-2.0",
    "GPL-3.0-only": "gpl-3.0",
    "LGPL-2.1-only": "lgpl-2.1",
    "LGPL-3.0-only": "lgpl-3.0",
    "LGPLLR": "lgpl-lr",
    "ODC-By-1.0": "odc-by",
    "ODbL-1.0": "odbl",
    "PDDL-1.0": "pddl",
    "LicenseRef-evoreg-apple-amlr": "apple-amlr",
    "LicenseRef-evoreg-deepfloyd-if": "deepfloyd-if-license",
    "LicenseRef-evoreg-fair-nc-research": "fair-noncommercial-research-license",
    "LicenseRef-evoreg-h-research": "h-research",
    "LicenseRef-evoreg-intel-research": "intel-research",
    "LicenseRef-evoreg-llama3": "llama3",
    "LicenseRef-evoreg-openmdw-1.1": "openmdw-1.1",
    "LicenseRef-evoreg-xai-community": "grok2-community",
    "LicenseRef-scancode-apple-sscl": "apple-ascl",
    "LicenseRef-scancode-bigcode-open-rail-m-v1": "bigcode-openrail-m",
    "LicenseRef-scancode-bigscience-open-rail-m": "bigscience-openrail-m",
    "LicenseRef-scancode-bigscience-open-rail-m2": "openrail++",
    "LicenseRef-scancode-bigscience-rail-1.0": "bigscience-bloom-rail-1.0",
    "LicenseRef-scancode-gemma-tou-2025-03-24": "gemma",
    "LicenseRef-scancode-llama-2-license-2023": "llama2",
    "LicenseRef-scancode-llama-3.1-license-2024": "llama3.1",
    "LicenseRef-scancode-llama-3.2-license-2024": "llama3.2",
    "LicenseRef-scancode-llama-3.3-license-2024": "llama3.3",
    "LicenseRef-scancode-llama-4-cla-2025": "llama4",
    "LicenseRef-scancode-stable-diffusion-2022-08-22": "creativeml-openrail-m",
}
"""Licence tag of the Hub for an SPDX id or LicenseRef; families of licences have none."""

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_METHOD = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


def is_hub_id(text: str) -> bool:
    """Return whether a text can be the id of a model on the Hub.

    Args:
        text: For example ``org/name``.

    Returns:
        True for at most 96 characters, one or two parts, without ``--``, ``..`` or ``.git``.
    """
    parts = text.split("/")
    return (
        len(text) <= 96
        and len(parts) <= 2
        and all(_PART.fullmatch(part) for part in parts)
        and "--" not in text
        and ".." not in text
        and not text.endswith(".git")
    )


def _hub_names(model: Model) -> list[str]:
    own = [model.name] if model.origin == "hub" and is_hub_id(model.name) else []
    return own + (_hub_names(model.adapter) if model.adapter is not None else [])


def _license_fields(facts: ReleaseFacts) -> dict[str, str]:
    ids, single = license_ids(facts.decision.outbound), single_license(facts.decision)
    link = "LICENSE" if single else INDEX
    if facts.card_license:
        given = dict(facts.card_license)
        return {**given, "license_link": link} if "license_link" in given else given
    if not ids:
        return {"license": "unknown"}
    if single in HUB_IDS:
        return {"license": HUB_IDS[single]}
    names = [re.sub(r"^licenseref-(?:scancode-|evoreg-)?", "", key.lower()) for key in ids]
    name = re.sub(r"[^a-z0-9.-]+", "-", "-and-".join(names))
    return {
        "license": "other",
        "license_name": name if len(name) <= 64 else "several-licenses",
        "license_link": link,
    }


def front_matter(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> str:
    """Return the YAML between the two lines of dashes.

    Only ids that the Hub accepts stand in ``base_model``; sources from folders are in the body of
    the card. Sources that are not in the result are not parents.

    Args:
        facts: What the papers are written from.
        sources: The credits, in the order of the recipe.

    Returns:
        YAML that ends in a line end.
    """
    parents = dict.fromkeys(
        name for credit in sources if credit.contribution.used for name in _hub_names(credit.model)
    )
    fields: dict[str, object] = dict(_license_fields(facts))
    if parents:
        fields["base_model"] = list(parents)
    fields["base_model_relation"] = "merge"
    if facts.architectures:
        fields["library_name"] = "transformers"
    method = facts.candidate.recipe.method
    known = [method] if _METHOD.fullmatch(method) else []
    fields["tags"] = list(dict.fromkeys(["merge", "evoreg", *known]))
    fields.update(gate_fields(facts.decision))
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=False, width=1000)

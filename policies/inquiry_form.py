"""The form in which inquiries are written: its fields, and the refusal of everything else."""

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, ValidationError

from evoreg.policies.context import Context
from evoreg.policies.facts import Modality
from evoreg.policies.policy import Policy
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.decision import Intent
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, InputError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Relation
from evoreg.provenance.records.model import Card, Model
from evoreg.provenance.records.record import Grown, Record

SCHEMA = "evoreg/inquiry/1"
"""Name of the form."""

Place = Annotated[int, Field(ge=0)]
"""A place in a list."""


class UnseenForm(Record):
    """A parent that nobody could look at."""

    name: str
    relation: Relation
    why: str


class NodeForm(Grown):
    """One model of the lineage; models are named by their places in lists."""

    LATER: ClassVar[frozenset[str]] = frozenset(
        ("texts", "unread", "claims", "share", "ancestors", "unseen", "modality", "adapter")
    )

    label: str
    model: Place
    texts: tuple[tuple[str, Digest], ...] = ()
    unread: tuple[tuple[str, Digest], ...] = ()
    claims: tuple[Place, ...] = ()
    share: str | None = None
    relation: Relation
    ancestors: tuple[Place, ...] = ()
    unseen: tuple[UnseenForm, ...] = ()
    used: bool
    modality: Modality | None = None
    adapter: Place | None = None


class QuestionForm(Record):
    """What is asked."""

    intent: Intent
    name: str | None
    own: str
    declared: Card | None
    today: str
    policy: Policy
    context: Context


class KnowledgeForm(Record):
    """Which knowledge base was read."""

    digest: Digest
    version: str
    date: str


class InquiryForm(Record):
    """The whole, but for the name of the form."""

    question: QuestionForm
    knowledge: KnowledgeForm
    models: tuple[Model, ...]
    claims: tuple[LicenseClaim, ...]
    nodes: tuple[NodeForm, ...]
    sources: tuple[Place, ...]


def read_form(value: Mapping[str, Json]) -> InquiryForm:
    """Read an inquiry without its texts.

    Args:
        value: JSON, whoever wrote it.

    Returns:
        What stands in it; all places exist, and no model is behind itself.

    Raises:
        InputError: Not an inquiry.
    """
    if value.get("schema") != SCHEMA:
        raise _bad("the schema is another one, or there is none")
    try:
        # Through text, because strict records take lists for tuples only there.
        plain = json.dumps({key: item for key, item in value.items() if key != "schema"})
        told = InquiryForm.model_validate_json(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad(f"it cannot be read ({type(error).__name__})") from error
    _check_places(told)
    return told


def _check_places(told: InquiryForm) -> None:
    """Refuse places that do not exist, and a model that would be behind itself."""
    for number, node in enumerate(told.nodes):
        behind = (*node.ancestors, *([] if node.adapter is None else [node.adapter]))
        if any(place >= number for place in behind):
            raise _bad(f"nodes.{number}: a model stands before what it was made from")
        if node.model >= len(told.models) or any(p >= len(told.claims) for p in node.claims):
            raise _bad(f"nodes.{number}: there is no such model or claim")
    if any(place >= len(told.nodes) for place in told.sources):
        raise _bad("sources: there is no such model")


def _bad(what: str) -> InputError:
    return InputError(
        Code.NOT_A_RECORD,
        f"not an inquiry: {what}",
        hint="it was written by another version of evoreg, or changed by hand",
    )

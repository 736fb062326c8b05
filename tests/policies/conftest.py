"""Builders of models whose licence is known in some way."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge, load
from evoreg.policies.terms import Terms
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import ClaimOrigin, LicenseClaim
from evoreg.provenance.records.model import Card, File, Model

Build = Callable[..., SourceFacts]


def text_of(row: Terms) -> str:
    """Return a stand-in for the licence text of a row."""
    return f"These are all the words of {row.title}, known here as {row.key}."


def model_of(name: str, card: Card) -> Model:
    weights = File(
        path="model.safetensors", size=8, digest=digest_of(name.encode()), role="weights"
    )
    return Model(name=name, origin="local", files=(weights,), card=card)


def claim_of(model: Model, says: str, **changes: Any) -> LicenseClaim:
    origin: ClaimOrigin = changes.pop("origin", "human")
    return LicenseClaim(
        model=model.name,
        identity=model.identity,
        expression=says,
        origin=origin,
        **{"by": "jo@example.org", "at": "2026-01-01T00:00:00Z", **changes},
    )


def card_for(row: Terms, knowledge: Knowledge) -> Card | None:
    """Return a card that names exactly this row; nothing if no card can."""
    if row.key == row.tag:
        return Card(license=(row.key,))
    plain = [name for name in row.names if len(knowledge.by_name(name)) == 1]
    return Card(license=("other",), license_name=plain[0]) if plain else None


@pytest.fixture(scope="session")
def plain() -> Knowledge:
    """The knowledge as it comes."""
    return load()


@pytest.fixture(scope="session")
def knowledge(plain: Knowledge) -> Knowledge:
    """The knowledge with texts for the rows that no card can name."""
    silent = [row for row in plain.rows if card_for(row, plain) is None]
    return plain.with_texts(
        {
            row.expression: text_of(row)
            for row in silent
            if row is plain.by_expression(row.expression)
        }
    )


@pytest.fixture(scope="session")
def under(knowledge: Knowledge) -> Build:
    """Return a builder of sources under a row, given by key."""

    def build(key: str, label: str = "", **changes: Any) -> SourceFacts:
        row = knowledge.by_key(key)
        assert row is not None
        label = label or f"model-{key}"
        card = card_for(row, knowledge)
        texts: tuple[tuple[str, bytes], ...] = ()
        if card is None and knowledge.knows_text_of(row):
            card, texts = Card(license=(row.tag,)), (("LICENSE", text_of(row).encode()),)
        model = model_of(label, card or Card())
        claims = () if card is not None else (claim_of(model, key),)
        fields: Mapping[str, Any] = {
            "texts": texts,
            "claims": claims,
            "modality": "text",
            **changes,
        }
        return SourceFacts(label, model, **fields)

    return build

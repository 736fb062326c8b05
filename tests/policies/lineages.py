"""Lineages and questions as hypothesis draws them, for everything that decides again."""

from collections.abc import Sequence

from hypothesis import strategies as st

from evoreg.policies.context import Context
from evoreg.policies.facts import SourceFacts, Unseen
from evoreg.policies.policy import Permission, Policy
from evoreg.policies.question import Question
from evoreg.provenance.records.decision import INTENTS
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import LicenseClaim, Rider
from evoreg.provenance.records.model import Card, File, Model

KEYS = ("apache-2.0", "mit", "cc-by-nc-4.0", "llama3.1", "gpl-3.0", "agpl-3.0", "gemma", "strange")
RELATIONS = ("merge", "finetune", "quantized", "derived", "distilled", "synthetic_data", "dataset")
TEXTS = (b"Licensed under the Apache License, Version 2.0", b"All rights reserved.")
EXCEPTION = Permission(
    model="m-1@sha256:" + digest_of(b"unknown")[7:19],
    allow=("cc-by-nc-4.0",),
    intents=("commercial",),
    reason="a letter",
    approved_by="jo",
    expires="2026-12-31",
)


def model(name: str, license_: str | None, adapter: Model | None = None) -> Model:
    weights = File(
        path="model.safetensors", size=8, digest=digest_of(name.encode()), role="weights"
    )
    card = Card() if license_ is None else Card(license=(license_,))
    return Model(name=name, origin="local", files=(weights,), card=card, adapter=adapter)


def claim(about: Model, says: str, rider: bool) -> LicenseClaim:
    return LicenseClaim(
        model=about.name,
        identity=about.identity,
        expression=says,
        origin="human",
        by="jo",
        at="2026-01-01T00:00:00Z",
        riders=(Rider(kind="name-prefix", value="Acme"),) if rider else (),
    )


@st.composite
def lineages(draw: st.DrawFn, words: Sequence[bytes] = TEXTS) -> list[SourceFacts]:
    """Draw models each of which is made from some before it: chains, diamonds, adapters."""
    made: list[SourceFacts] = []
    for number in range(draw(st.integers(1, 6))):
        license_ = draw(st.sampled_from((None, *KEYS)))
        adapter = model(f"a-{number}", "mit") if draw(st.booleans()) else None
        own = model(f"m-{number}", license_, adapter)
        below = draw(st.lists(st.sampled_from(made), max_size=3)) if made else []
        facts = None
        if adapter is not None and draw(st.booleans()):
            facts = SourceFacts(adapter.label, adapter, ancestors=tuple(below[:1]))
        claims = draw(st.sampled_from(((), ("cc-by-4.0",), ("", "mit"))))
        made.append(
            SourceFacts(
                own.label,
                own,
                texts=tuple(("LICENSE", data) for data in draw(st.sets(st.sampled_from(words)))),
                unread=(("NOTICE", digest_of(b"x")),) if draw(st.booleans()) else (),
                claims=tuple(claim(own, says, not says) for says in claims),
                share=draw(st.sampled_from((None, "0.250000000"))),
                relation=draw(st.sampled_from(RELATIONS)),
                ancestors=tuple(below),
                unseen=(Unseen("org/far", "finetune", "its card"),) if draw(st.booleans()) else (),
                used=draw(st.booleans()),
                modality=draw(st.sampled_from((None, "text", "image"))),
                adapter=facts,
            )
        )
    return draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))


questions = st.builds(
    Question,
    st.sampled_from(INTENTS),
    st.sampled_from(
        (Policy.default(), Policy(name="other", unknown="review", exceptions=(EXCEPTION,)))
    ),
    st.sampled_from((Context(), Context(kind="company", mau=7, release_territory=("EU", "US")))),
    name=st.sampled_from((None, "acme/merged")),
    own=st.sampled_from(("", "apache-2.0")),
    declared=st.sampled_from((None, Card(license=("mit",)))),
    today=st.sampled_from(("", "2026-11-22")),
)

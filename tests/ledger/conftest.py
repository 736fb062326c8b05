"""Both kinds of database, a clock that stands still, and one record of each kind."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Candidate, Census, Contribution, Engine
from evoreg.provenance.records.decision import Decision, SourceLicense, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import Evidence, LicenseClaim, Rider
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Card, File, Model
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Source
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.text import HeldText

NOON = datetime(2026, 3, 4, 12, 0, 0, 999_999, tzinfo=UTC)


def weights(content: str) -> File:
    data = content.encode()
    return File(path="model.safetensors", size=len(data), digest=digest_of(data), role="weights")


def model(name: str) -> Model:
    config = File(path="config.json", size=2, digest=digest_of(b"{}"), role="config")
    adapter = Model(name=f"{name}-lora", origin="local", files=(weights(f"{name} adapter"),))
    return Model(
        name=name,
        origin="hub",
        revision="1c7e0d2" + "0" * 33,
        files=(config, weights(name)),
        card=Card(license=("apache-2.0",), base_model=("org/base",)),
        adapter=adapter,
    )


def claim(of: Model) -> LicenseClaim:
    return LicenseClaim(
        model=of.name,
        identity=of.identity,
        expression="Apache-2.0",
        origin="card",
        by="ann",
        at="2026-03-04T12:00:00Z",
    )


def edge(child: Model, parent: Model) -> Edge:
    return Edge(
        child=child.name,
        identity=child.identity,
        parent=parent.name,
        revision=parent.revision,
        parent_identity=parent.identity,
        relation="finetune",
        origin="card",
        evidence=Evidence(kind="file", locator="README.md", digest=digest_of(b"#")),
        by="ann",
        at="2026-03-04T12:00:00Z",
    )


def rider(of: Model) -> LicenseClaim:
    prefix = Rider(kind="name-prefix", value="Ann", where="README.md")
    return claim(of).model_copy(update={"expression": "", "origin": "human", "riders": (prefix,)})


def text(content: str) -> HeldText:
    return HeldText.of(content.encode())


def candidate(first: Model, second: Model, seed: int = 0) -> Candidate:
    recipe = Recipe(
        method="linear",
        models=tuple(
            Source(model=item.name, parameters=(("weight", (Setting(value=weight),)),))
            for item, weight in ((first, 0.6), (second, 0.4))
        ),
    )
    shares = (
        Contribution(
            reference=item.name, nominal=share, effective=share, alignment=share, used=True
        )
        for item, share in ((first, "0.600000000"), (second, "0.400000000"))
    )
    return Candidate(
        recipe=recipe,
        ingredients=tuple(
            Ingredient(
                reference=item.name, name=item.name, revision=item.revision, identity=item.identity
            )
            for item in (first, second)
        ),
        seed=seed,
        engine=Engine(version="0.1.0", rules=1),
        contributions=tuple(shares),
        census=Census(tensors=2, parameters=16, copied=0),
        outputs=(weights(f"{first.name}+{second.name} {seed}"),),
    )


def decision(about: Model) -> Decision:
    source = SourceLicense(
        model=about.label,
        identity=about.identity,
        expression="Apache-2.0",
        key="apache-2.0",
        name="Apache License 2.0",
        evidence=("card",),
        verdict=Verdict.ATTRIBUTE,
    )
    return Decision(
        intent="commercial",
        verdict=Verdict.ATTRIBUTE,
        sources=(source,),
        reasons=(),
        obligations=(),
        outbound="Apache-2.0",
        policy=digest_of(b"policy"),
        knowledge=digest_of(b"knowledge"),
    )


def release(of: Candidate, under: Decision) -> Release:
    return Release(
        candidate=of.id,
        decision=under.record_digest(),
        intent="commercial",
        name="org/merged",
        license="Apache-2.0",
        papers=(File(path="README.md", size=1, digest=digest_of(b"#"), role="card"),),
    )


def story() -> list[NewEntry]:
    """Seven entries, every kind of the first tables among them."""
    ann, bob = model("org/ann"), model("org/bob")
    made, decided = candidate(ann, bob), decision(ann)
    return [
        NewEntry("model", ann, {"location": "/models/ann"}),
        NewEntry("model", bob),
        NewEntry("claim", claim(ann)),
        NewEntry("claim", claim(bob)),
        NewEntry("decision", decided),
        NewEntry("candidate", made),
        NewEntry("release", release(made, decided)),
    ]


def lineage() -> list[NewEntry]:
    """Four entries of the kinds that came with the second tables, and a claim of riders."""
    ann, bob = model("org/ann"), model("org/bob")
    return [
        NewEntry("edge", edge(ann, bob)),
        NewEntry("edge", edge(bob, ann).model_copy(update={"parent": "org/\\0\0", "note": "x"})),
        NewEntry("text", text("All rights reserved. \u00a9\n")),
        NewEntry("claim", rider(ann)),
    ]


class Makers:
    """The makers of records, for tests, which cannot import this file."""

    model = staticmethod(model)
    claim = staticmethod(claim)
    edge = staticmethod(edge)
    rider = staticmethod(rider)
    text = staticmethod(text)
    candidate = staticmethod(candidate)
    decision = staticmethod(decision)
    release = staticmethod(release)
    story = staticmethod(story)
    lineage = staticmethod(lineage)


@pytest.fixture(scope="session")
def make() -> type[Makers]:
    """Makers of records."""
    return Makers


def _clock() -> datetime:
    return NOON


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that stands still, a moment before one second after noon."""
    return _clock


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    open_ledger(f"sqlite:///{file}", actor="template", clock=_clock).close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger: a file or a database of its own."""
    if request.param == "sqlite":
        template = request.getfixturevalue("_sqlite_template")
        return f"sqlite:///{shutil.copy(template, tmp_path / 'ledger.db')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'ledger.db'}"
    return str(request.getfixturevalue("bare_postgres_url"))


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    with open_ledger(url, actor="ann", clock=_clock) as opened:
        yield opened


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    """A ledger with the seven entries of the story."""
    ledger.append(story())
    return ledger

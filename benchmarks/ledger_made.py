"""Ledgers with as many candidates as one likes, which nobody searched for: to time their books.

``python -m benchmarks.ledger_made URL [CANDIDATES]`` writes one and tells how long it took. Equal
arguments write equal entries. Six in ten candidates are of one search, the others of eight smaller
ones; beside them stand models with claims and edges, and releases with all that belongs to them.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from benchmarks.ledger_candidates import (
    ENGINE,
    LAYERS,
    MODELS,
    POPULATION,
    MadeSearch,
    ingredients,
    model,
    recipe,
    shares_of,
)
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.publications import confirm, prepare
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Candidate, Census
from evoreg.provenance.records.decision import Decision, SourceLicense, Verdict
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.license import Evidence, LicenseClaim
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import File, Model
from evoreg.provenance.records.publication import Publication
from evoreg.provenance.records.release import Release

RELEASES = 200
"""Releases, each with candidate, decision and two steps of a publication."""

AT = datetime(2026, 1, 1, tzinfo=UTC)
"""When everything was written."""

_STAMP = "2026-01-01T00:00:00Z"


def _models() -> Iterator[NewEntry]:
    for number in range(MODELS):
        made, parent = model(number), model((number * 7 + 1) % MODELS)
        evidence = Evidence(kind="file", locator="README.md", digest=digest_of(b"#"))
        yield NewEntry("model", made, {"location": f"hf://{made.name}"})
        yield NewEntry(
            "claim",
            LicenseClaim(
                model=made.name,
                identity=made.identity,
                expression="Apache-2.0",
                origin="card",
                by="bench",
                at=_STAMP,
            ),
        )
        yield NewEntry(
            "edge",
            Edge(
                child=made.name,
                identity=made.identity,
                parent=parent.name,
                revision=parent.revision,
                parent_identity=parent.identity,
                relation="finetune",
                origin="card",
                evidence=evidence,
                by="bench",
                at=_STAMP,
            ),
        )


def _release(number: int) -> tuple[list[NewEntry], Release]:
    models = [model((number + step) % MODELS) for step in range(3)]
    dice = random.Random(number)
    weights = [dice.random() for _ in range(LAYERS)]
    file = File(
        path="model.safetensors", size=8, digest=digest_of(b"merged %d" % number), role="weights"
    )
    made = Candidate(
        recipe=recipe(models, weights),
        ingredients=ingredients(models),
        seed=number,
        engine=ENGINE,
        contributions=shares_of(models, weights),
        census=Census(tensors=2, parameters=16, copied=0),
        outputs=(file,),
    )
    decided = _decision(models)
    paper = File(path="README.md", size=1, digest=digest_of(b"#"), role="card")
    release = Release(
        candidate=made.id,
        decision=decided.record_digest(),
        intent="commercial",
        name=f"org/merged-{number}",
        license="Apache-2.0",
        papers=(paper,),
    )
    told = [NewEntry("decision", decided), NewEntry("candidate", made)]
    return [*told, NewEntry("release", release)], release


def _decision(models: Sequence[Model]) -> Decision:
    sources = tuple(
        SourceLicense(
            model=source.label,
            identity=source.identity,
            expression="Apache-2.0",
            key="apache-2.0",
            name="Apache License 2.0",
            evidence=("card",),
            verdict=Verdict.ATTRIBUTE,
        )
        for source in models
    )
    return Decision(
        intent="commercial",
        verdict=Verdict.ATTRIBUTE,
        sources=sources,
        reasons=(),
        obligations=(),
        outbound="Apache-2.0",
        policy=digest_of(b"policy"),
        knowledge=digest_of(b"knowledge"),
    )


def _publish(ledger: Ledger, number: int, release: Digest) -> None:
    file = File(path="README.md", size=1, digest=digest_of(b"#"), role="card")
    step = Publication(
        release=release,
        target=f"hf://org/merged-{number}",
        branch="main",
        state="prepared",
        files=(file,),
    )
    confirm(ledger, prepare(ledger, step).seq, f"{number:040x}")


def write(ledger: Ledger, candidates: int) -> None:
    """Write a ledger.

    Args:
        ledger: An empty one.
        candidates: How many candidates of searches; rounded down to whole generations.
    """
    ledger.append(list(_models()))
    small = max(1, candidates // 20 // POPULATION)
    shares = [candidates // POPULATION - 8 * small, *[small] * 8]
    for place, generations in enumerate(shares):
        made = MadeSearch(f"search-{place}", first=place)
        ledger.append(made.begin())
        for _ in range(generations):
            ledger.append(made.generation())
        ledger.append(made.result())
    for number in range(RELEASES):
        told, release = _release(number)
        ledger.append(told)
        _publish(ledger, number, release.record_digest())


def main() -> None:
    """Write a ledger, and tell how long that took."""
    url = sys.argv[1]
    candidates = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    began = time.perf_counter()
    with open_ledger(url, actor="bench", clock=lambda: AT) as ledger:
        write(ledger, candidates)
        entries = ledger.head().seq
    seconds = time.perf_counter() - began
    print(f"{entries:,} entries in {seconds:.1f} s, records made included")


if __name__ == "__main__":
    main()

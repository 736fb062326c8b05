"""Ledgers with thousands of models that were made from each other, to time the walk over them.

``python -m benchmarks.lineage_ledger`` prints how long the walk from one source takes for each
shape of 10,000 models. The numbers that the graphs are drawn from are fixed.
"""

import gc
import hashlib
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from evoreg.policies.facts import SourceFacts
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Card, File, Model
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.settings import Settings

AT = "2026-01-01T00:00:00Z"
Parents = Mapping[int, Sequence[int]]


def chain(count: int) -> Parents:
    """Each model was made from the next one."""
    return {number: [number + 1] for number in range(count - 1)}


def ring(count: int) -> Parents:
    """Each model is said to be made from the next one, and the last from the first."""
    return {number: [(number + 1) % count] for number in range(count)}


def layers(count: int, width: int = 100) -> Parents:
    """Layers of models, each made from three of the layer below: wide diamonds."""
    rows = count // width
    return {
        row * width + place: sorted(
            {(row + 1) * width + (place + step) % width for step in (0, 1, 7)}
        )
        for row in range(rows - 1)
        for place in range(width)
    }


def random_graph(count: int, seed: int = 7) -> Parents:
    """Each model was made from one to three models that are a little older."""
    drawn = random.Random(seed)
    return {
        number: sorted(
            {min(number + drawn.randint(1, 50), count - 1) for _ in range(drawn.randint(1, 3))}
        )
        for number in range(count - 1)
    }


SHAPES: Mapping[str, Callable[[int], Parents]] = {
    "chain": chain,
    "ring": ring,
    "layers": layers,
    "random": random_graph,
}
"""The shapes of lineages."""


def models(parents: Parents, count: int, *, cards: bool = False) -> Iterator[Model]:
    """Yield models; every thousandth is under a licence of its own kind.

    Args:
        parents: Who was made from whom.
        count: How many.
        cards: Write the parents into the cards.

    Yields:
        Models called ``org/m0`` and so on.
    """
    for number in range(count):
        licence = "cc-by-nc-4.0" if number % 1000 == 999 else "apache-2.0"
        named = tuple(f"org/m{parent}" for parent in parents.get(number, ())) if cards else ()
        files = (
            File(path="README.md", size=100, digest=_digest("card", number), role="card"),
            File(path="model.safetensors", size=100, digest=_digest("w", number), role="weights"),
        )
        card = Card(license=(licence,), base_model=named)
        revision = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
        yield Model(name=f"org/m{number}", origin="hub", revision=revision, files=files, card=card)


def write_ledger(url: str, shape: str, count: int, *, cards: bool = False) -> Model:
    """Write a ledger with a lineage.

    Args:
        url: Address of a ledger that is not there yet.
        shape: One of `SHAPES`.
        count: How many models.
        cards: Let cards tell of the parents, and not edges.

    Returns:
        The model at the top, which is not registered: it was made from ``org/m0``.
    """
    parents = SHAPES[shape](count)
    made = list(models(parents, count, cards=cards))
    news = [NewEntry("model", model) for model in made]
    if not cards:
        news += [
            NewEntry("edge", _edge(made[child], made[parent]))
            for child, below in parents.items()
            for parent in below
        ]
    with open_ledger(url, actor="benchmark", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as it:
        it.append(news)
    files = (File(path="model.safetensors", size=1, digest=_digest("top", 0), role="weights"),)
    return Model(name="top", origin="local", files=files, card=Card(base_model=("org/m0",)))


def walk(folder: Path, url: str, top: Model) -> SourceFacts:
    """Walk from one model to all roots.

    Args:
        folder: Where caches may lie.
        url: Address of the ledger.
        top: The model.

    Returns:
        What policy reads.
    """
    settings = Settings(folder, url, "benchmark", offline=True)
    found = ResolvedModel("top", top, folder, (), ())
    (source,), _ = source_facts({"top": found}, settings)
    return source


def count_of(source: SourceFacts) -> int:
    """Return how many values are reached from a source, itself among them."""
    seen, waiting = {id(source)}, [source]
    while waiting:
        for one in waiting.pop().ancestors:
            if id(one) not in seen:
                seen.add(id(one))
                waiting.append(one)
    return len(seen)


def main(count: int = 10_000) -> None:
    """Time the walk for each shape."""
    for shape in SHAPES:
        for cards in (False, True):
            with TemporaryDirectory() as place:
                url = f"sqlite:///{place}/ledger.sqlite"
                top = write_ledger(url, shape, count, cards=cards)
                gc.collect()
                start, busy = time.perf_counter(), time.process_time()
                source = walk(Path(place), url, top)
                seconds, busy = time.perf_counter() - start, time.process_time() - busy
            told = "cards" if cards else "edges"
            took = f"{seconds:6.2f} s ({busy:.2f} s busy)"
            sys.stdout.write(f"{shape:<8} {told}  {count_of(source):>6} models  {took}\n")


def _edge(child: Model, parent: Model) -> Edge:
    return Edge(
        child=child.name,
        identity=child.identity,
        parent=parent.name,
        relation="finetune",
        origin="card",
        by="benchmark",
        at=AT,
    )


def _digest(kind: str, number: int) -> str:
    return f"sha256:{hashlib.sha256(f'{kind} {number}'.encode()).hexdigest()}"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

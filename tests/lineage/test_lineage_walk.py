"""The walk from the sources to the roots: over folders, the ledger, the Hub cache and the Hub."""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from huggingface_hub import constants
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.lineage_ledger import SHAPES, count_of, walk, write_ledger
from evoreg.policies.facts import SourceFacts
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Edge, Relation
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.text import HeldText
from evoreg.registry.lineage import scout
from evoreg.registry.lineage.circles import groups
from evoreg.registry.merging.sources import source_facts
from evoreg.registry.models.card import UNREADABLE
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.hub import HubSettings
from evoreg.registry.models.resolve import ResolvedModel, resolve
from evoreg.registry.settings import Settings, now
from tests.hub_server import Fault, HubServer
from tests.models.builders import safetensors, write_files

AT = "2026-01-01T00:00:00Z"


def card(licence: str | None, *parents: str, relation: str | None = None) -> bytes:
    """A card; parents and licence as a careful author writes them."""
    fields: dict[str, object] = {"tags": ["x"]}
    if licence is not None:
        fields["license"] = licence
    if parents:
        fields["base_model"] = list(parents)
    if relation is not None:
        fields["base_model_relation"] = relation
    return f"---\n{json.dumps(fields)}\n---\n".encode()


class Bench:
    """A folder with models, a ledger and a Hub cache."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        (folder / ".evoreg").mkdir()
        shutil.copyfile(template, folder / ".evoreg" / "ledger.sqlite")
        self.settings = Settings(
            folder / ".evoreg", f"sqlite:///{folder / '.evoreg' / 'ledger.sqlite'}", "tests", True
        )
        self.hub = HubSettings(folder / "cache")
        self.asked: list[str] = []

    def folder_of(self, name: str, weights: float, files: Mapping[str, bytes]) -> ResolvedModel:
        """Write a model and read it."""
        own = {"config.json": b"{}", "model.safetensors": safetensors(weights), **files}
        write_files(self.folder / name, own)
        return resolve(f"./{name}", base_folder=self.folder, hasher=measure)

    def plain(
        self,
        name: str,
        weights: float,
        licence: str | None,
        *parents: str,
        relation: str | None = None,
    ) -> ResolvedModel:
        """Write a model that is nothing but weights and a card."""
        return self.folder_of(
            name, weights, {"README.md": card(licence, *parents, relation=relation)}
        )

    def record(self, *records: Record) -> None:
        """Write into the ledger."""
        kinds = {Model: "model", LicenseClaim: "claim", Edge: "edge", HeldText: "text"}
        news = [NewEntry(kinds[type(record)], record) for record in records]  # type: ignore[arg-type]
        with open_ledger(self.settings.ledger, actor="tests", clock=now) as ledger:
            ledger.append(news)

    def register(self, found: ResolvedModel, name: str | None = None) -> Model:
        """Register a model, perhaps under another name, and take its folder away."""
        model = found.model if name is None else found.model.model_copy(update={"name": name})
        self.record(model)
        shutil.rmtree(found.folder)
        return model

    def facts(self, *found: ResolvedModel) -> tuple[SourceFacts, ...]:
        return self.told(*found)[0]

    def told(self, *found: ResolvedModel) -> tuple[tuple[SourceFacts, ...], tuple[Problem, ...]]:
        models = {f"m{number}": model for number, model in enumerate(found)}
        return source_facts(models, self.settings, hub=self.hub, progress=self.asked.append)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    open_ledger(f"sqlite:///{path}", actor="tests", clock=now).close()
    return path


@pytest.fixture
def bench(tmp_path: Path, empty_ledger: Path) -> Bench:
    return Bench(tmp_path, empty_ledger)


def edge(child: Model, parent: str, relation: Relation, **more: str) -> Edge:
    return Edge(
        child=child.name,
        identity=child.identity,
        parent=parent,
        revision=more.get("revision"),
        parent_identity=more.get("parent_identity"),
        relation=relation,
        origin="human",
        by="ada",
        at=AT,
    )


def all_of(source: SourceFacts) -> dict[int, SourceFacts]:
    """Every value that is reached from a source, once."""
    found: dict[int, SourceFacts] = {}
    waiting = [source]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += [*one.ancestors, *([one.adapter] if one.adapter is not None else [])]
    return found


def labels(source: SourceFacts) -> list[str]:
    return sorted(one.label for one in all_of(source).values())


def lines(source: SourceFacts) -> list[str]:
    """The ancestors, one line each: how and who, indented by depth."""
    found, waiting = [], [(source, 0)]
    while waiting:
        one, depth = waiting.pop()
        found.append(
            f"{' ' * depth}{one.relation} {one.model.name} {','.join(one.model.card.license)}"
        )
        found += [f"{' ' * depth} ? {u.relation} {u.name}" for u in one.unseen]
        waiting += [(item, depth + 1) for item in reversed(one.ancestors)]
    return found


# The ledger ------------------------------------------------------------------------------------


def test_a_chain_of_cards_is_walked_to_its_root(bench: Bench) -> None:
    for number, licence in ((3, "cc-by-nc-4.0"), (2, "mit"), (1, "mit")):
        parents = [f"org/m{number + 1}"] if number < 3 else []
        bench.register(bench.plain(f"m{number}", number, licence, *parents), f"org/m{number}")
    source = bench.plain("mine", 0, "apache-2.0", "org/m1", relation="finetune")
    (found,) = bench.facts(source)
    assert lines(found) == [
        "merge mine apache-2.0",
        " finetune org/m1 mit",
        "  derived org/m2 mit",
        "   derived org/m3 cc-by-nc-4.0",
    ]
    assert found.unseen == ()
    assert "(ledger entry 3)" in found.ancestors[0].label


def test_a_diamond_stays_a_diamond(bench: Bench) -> None:
    root = bench.register(bench.plain("root", 9, "llama3"), "org/root")
    for number in (1, 2):
        bench.register(bench.plain(f"m{number}", number, "mit", "org/root"), f"org/m{number}")
    one = bench.plain("one", 3, "mit", "org/m1", "org/m2")
    two = bench.plain("two", 4, "mit", "org/root")
    first, second = bench.facts(one, two)
    assert [item.relation for item in first.ancestors] == ["merge", "merge"]
    left, right = first.ancestors
    assert left.ancestors[0] is right.ancestors[0] is second.ancestors[0]
    assert left.ancestors[0].model == root
    assert len(all_of(first)) == 4


def test_models_made_from_each_other_end_and_keep_all_terms(bench: Bench) -> None:
    outside = bench.register(bench.plain("root", 9, "cc-by-nc-4.0"), "org/root")
    a = bench.plain("a", 1, "mit", "org/b")
    b = bench.plain("b", 2, "llama3", "org/a", "org/root")
    bench.register(a, "org/a"), bench.register(b, "org/b")
    mine, other = bench.plain("mine", 3, "mit", "org/a"), bench.plain("other", 4, "mit", "org/b")
    sources, problems = bench.told(mine, other)
    assert [problem.code for problem in problems] == [Code.LINEAGE_ODD]
    assert "org/a (ledger entry 2), org/b (ledger entry 3)" in problems[0].what
    for source in sources:
        inside = {one.model.name for one in all_of(source).values()}
        assert {"org/a", "org/b", outside.name} <= inside


def test_a_long_circle_ends(bench: Bench) -> None:
    models = [bench.plain(f"m{n}", n, "mit", f"org/m{(n + 1) % 40}").model for n in range(40)]
    bench.record(*(model.model_copy(update={"name": f"org/{model.name}"}) for model in models))
    (source,) = bench.facts(bench.plain("mine", 99, "mit", "org/m7"))
    assert {one.model.name for one in all_of(source).values()} == {
        "mine",
        *(f"org/m{n}" for n in range(40)),
    }


def test_a_model_that_names_itself(bench: Bench) -> None:
    bench.register(bench.plain("m", 1, "mit", "org/m"), "org/m")
    (source,) = bench.facts(bench.plain("mine", 2, "mit", "org/m"))
    assert lines(source) == ["merge mine mit", " derived org/m mit"]


def test_edges_tell_relations_that_a_card_does_not(bench: Bench) -> None:
    teacher = bench.register(bench.plain("t", 1, "llama3"), "org/teacher")
    source = bench.plain("mine", 2, "mit")
    bench.record(
        edge(source.model, "org/teacher", "distilled"),
        edge(source.model, "org/words", "dataset"),
        edge(source.model, "org/gone", "quantized"),
    )
    (found,) = bench.facts(source)
    assert [(one.model, one.relation) for one in found.ancestors] == [(teacher, "distilled")]
    assert not found.ancestors[0].by_weights
    assert [(one.name, one.relation) for one in found.unseen] == [("org/gone", "quantized")]
    assert "a person of mine names it" in found.unseen[0].why


def test_ledger_and_card_disagree_and_both_count(bench: Bench) -> None:
    for name, weights in (("said", 1.0), ("true", 2.0)):
        bench.register(bench.plain(name, weights, "mit"), f"org/{name}")
    source = bench.plain("mine", 3, "mit", "org/said", relation="finetune")
    bench.record(
        edge(source.model, "org/true", "merge"), edge(source.model, "org/said", "distilled")
    )
    (found,) = bench.facts(source)
    assert lines(found)[1:] == [
        " merge org/true mit",
        " distilled org/said mit",
        " finetune org/said mit",
    ]


def test_a_parent_known_by_its_weights(bench: Bench) -> None:
    parent = bench.register(bench.plain("p", 1, "cc-by-nc-4.0"), "somebody/renamed")
    source = bench.plain("mine", 2, "mit")
    bench.record(edge(source.model, "org/p", "finetune", parent_identity=parent.identity))
    assert lines(bench.facts(source)[0])[1:] == [" finetune somebody/renamed cc-by-nc-4.0"]


def test_the_newest_registration_of_a_name_counts(bench: Bench) -> None:
    for weights, licence in ((1.0, "mit"), (2.0, "cc-by-nc-4.0")):
        bench.register(bench.plain("p", weights, licence), "org/p")
    (found,) = bench.facts(bench.plain("mine", 3, "mit", "org/p"))
    assert lines(found)[1:] == [" derived org/p cc-by-nc-4.0"]


def test_texts_of_ancestors_come_from_the_ledger(bench: Bench) -> None:
    files = {"README.md": card("other"), "LICENSE": b"words\n", "NOTICE": b"more\n"}
    bench.register(bench.folder_of("p", 1, files), "org/p")
    bench.record(HeldText.of(b"words\n"))
    source = bench.folder_of("mine", 2, {"README.md": card("mit", "org/p"), "LICENSE": b"own\n"})
    (found,) = bench.facts(source)
    (parent,) = found.ancestors
    assert found.texts == (("LICENSE", b"own\n"),)
    assert parent.texts == (("LICENSE", b"words\n"),)
    assert [path for path, _ in parent.unread] == ["NOTICE"]
    assert parent.unread[0][1] == parent.model.files[1].digest


def test_claims_about_ancestors_are_found(bench: Bench) -> None:
    parent = bench.register(bench.plain("p", 1, None), "org/p")
    claim = LicenseClaim(
        model="org/p",
        identity=parent.identity,
        expression="cc-by-nc-4.0",
        origin="human",
        by="ada",
        at=AT,
    )
    bench.record(claim)
    (found,) = bench.facts(bench.plain("mine", 2, "mit", "org/p"))
    assert found.ancestors[0].own_claims == (claim,)


# Attempts to wash a licence off ----------------------------------------------------------------


def test_the_same_weights_under_another_name_and_licence(bench: Bench) -> None:
    bench.register(bench.plain("root", 8, "llama3"), "org/root")
    bench.register(bench.plain("p", 1, "cc-by-nc-4.0", "org/root"), "org/p")
    (found,) = bench.facts(bench.plain("washed", 1, "apache-2.0"))
    assert lines(found) == [
        "merge washed apache-2.0",
        " derived org/p cc-by-nc-4.0",
        " derived org/root llama3",
    ]
    assert found.claims == ()


def test_the_same_weights_without_their_licence_file(bench: Bench) -> None:
    files = {"README.md": card("mit"), "LICENSE": b"not mit at all\n"}
    bench.register(bench.folder_of("p", 1, files), "org/p")
    bench.record(HeldText.of(b"not mit at all\n"))
    (found,) = bench.facts(bench.plain("washed", 1, "mit"))
    assert found.ancestors[0].texts == (("LICENSE", b"not mit at all\n"),)


def test_an_earlier_card_of_the_same_model_is_a_claim(bench: Bench) -> None:
    first = bench.plain("m", 1, "cc-by-nc-4.0", "org/p")
    bench.register(first)
    (found,) = bench.facts(bench.plain("m", 1, "apache-2.0"))
    assert [(c.origin, c.expression) for c in found.own_claims] == [("card", "cc-by-nc-4.0")]
    # Anybody may write into the card of a folder, so what it said before applies too.
    assert [twin.model.card.license for twin in found.ancestors] == [("cc-by-nc-4.0",)]
    assert [unseen.name for unseen in found.unseen] == ["org/p"]
    (same,) = bench.facts(bench.plain("m", 1, "CC-BY-NC-4.0", "org/p"))
    assert same.claims == ()


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"license": ["mit", "apache-2.0"]}, "mit AND apache-2.0"),
        ({"license": "other", "license_name": "tulu-3"}, "tulu-3"),
        ({"license": ["other", "mit"], "license_name": "tulu-3"}, "tulu-3 AND mit"),
        ({"license_name": "tulu-3"}, "tulu-3"),
    ],
)
def test_an_earlier_card_in_words(bench: Bench, fields: dict[str, object], expression: str) -> None:
    bench.register(
        bench.folder_of("m", 1, {"README.md": f"---\n{json.dumps(fields)}\n---".encode()})
    )
    (found,) = bench.facts(bench.plain("m", 1, None))
    assert [claim.expression for claim in found.own_claims] == [expression]


def test_other_weights_under_the_same_name_are_noted(bench: Bench) -> None:
    model = bench.plain("m", 1, "cc-by-nc-4.0").model
    bench.record(model.model_copy(update={"name": "org/m", "origin": "hub", "revision": "1" * 40}))
    found = bench.plain("m", 2, "mit")
    now_there = found.model.model_copy(update={"name": "org/m", "origin": "hub"})
    sources, problems = bench.told(ResolvedModel("org/m", now_there, found.folder, found.texts, ()))
    assert (sources[0].claims, sources[0].ancestors) == ((), ())
    assert [problem.code for problem in problems] == [Code.LINEAGE_ODD]
    assert "cc-by-nc-4.0" in problems[0].what


def test_a_recipe_in_the_folder_names_a_parent_that_the_card_drops(bench: Bench) -> None:
    bench.register(bench.plain("p", 1, "cc-by-nc-4.0"), "org/p")
    recipe = b"merge_method: linear\nmodels:\n- model: org/p\n  parameters: {weight: 1}\n"
    source = bench.folder_of("mine", 2, {"README.md": card("mit"), "mergekit_config.yml": recipe})
    (found,) = bench.facts(source)
    assert lines(found)[1:] == [" merge org/p cc-by-nc-4.0"]


# By name ---------------------------------------------------------------------------------------


def test_a_folder_of_the_recipe_is_the_parent_by_the_last_part_of_its_name(bench: Bench) -> None:
    base = bench.plain("base", 1, "mit")
    child = bench.plain("child", 2, "mit", "somebody/base", relation="finetune")
    first, second = bench.facts(base, child)
    assert second.unseen == ()
    assert [(one.model, one.relation) for one in second.ancestors] == [(first.model, "finetune")]
    assert second.ancestors[0].label == "base (taken for somebody/base by its name)"
    assert first.label == "base"
    (alone,) = bench.facts(child)
    assert [unseen.name for unseen in alone.unseen] == ["somebody/base"]
    bench.register(base)
    (still,) = bench.facts(child)
    assert [unseen.name for unseen in still.unseen] == ["somebody/base"]


def test_a_folder_never_stands_for_its_own_parent(bench: Bench) -> None:
    (found,) = bench.facts(bench.plain("base", 1, "mit", "meta/base"))
    assert [unseen.name for unseen in found.unseen] == ["meta/base"]


def test_a_folder_that_was_registered_as_a_model_of_the_hub(bench: Bench) -> None:
    base = bench.plain("local-base", 1, "mit")
    bench.record(base.model.model_copy(update={"name": "org/base"}))
    child = bench.plain("child", 2, "mit", "org/base")
    _, second = bench.facts(base, child)
    assert second.unseen == ()
    assert second.ancestors[0].model == base.model


# Adapters --------------------------------------------------------------------------------------


def test_the_model_of_an_adapter_is_no_stranger_and_another_one_is(bench: Bench) -> None:
    bench.plain("base", 1, "mit")
    settings = json.dumps({"base_model_name_or_path": "org/base"}).encode()
    for name, extra in (("own", ()), ("strange", ("org/base", "org/other"))):
        files = {
            "adapter_model.safetensors": safetensors(5.0),
            "adapter_config.json": settings,
            "README.md": card("mit", *extra),
        }
        write_files(bench.folder / name, files)
        pair = resolve(f"./base+./{name}", base_folder=bench.folder, hasher=measure)
        (found,) = bench.facts(pair)
        assert found.adapter is not None
        assert found.adapter.relation == "adapter"
        assert found.unseen == ()
        assert [u.name for u in found.adapter.unseen] == (["org/other"] if extra else [])


def test_both_halves_of_a_pair_keep_their_history(bench: Bench) -> None:
    base = bench.plain("base", 1, "mit")
    files = {"adapter_model.safetensors": safetensors(5.0), "adapter_config.json": b"{}"}
    write_files(bench.folder / "lora", {**files, "README.md": card("mit", "org/teacher")})
    pair = resolve("./base+./lora", base_folder=bench.folder, hasher=measure)
    assert pair.adapter is not None
    bench.record(
        base.model.model_copy(update={"name": "org/old"}),
        edge(base.model, "org/root", "finetune"),
        LicenseClaim(
            model="base",
            identity=base.model.identity,
            expression="llama3",
            origin="human",
            by="ada",
            at=AT,
        ),
        LicenseClaim(
            model="lora",
            identity=pair.adapter.model.identity,
            expression="gemma",
            origin="human",
            by="ada",
            at=AT,
        ),
    )
    (found,) = bench.facts(pair)
    assert [unseen.name for unseen in found.unseen] == ["org/root"]
    assert {claim.expression for claim in found.claims} == {"llama3", "gemma"}
    assert found.adapter is not None
    assert [unseen.name for unseen in found.adapter.unseen] == ["org/teacher"]
    assert [claim.expression for claim in found.adapter.claims] == ["gemma"]


# The Hub ---------------------------------------------------------------------------------------


@pytest.fixture
def hub(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with HubServer() as server:
        bench.hub = HubSettings(bench.folder / "cache", server.endpoint)
        bench.settings = Settings(bench.settings.project, bench.settings.ledger, "tests", False)
        yield server


def repository(weights: float, text: bytes) -> dict[str, bytes]:
    return {"model.safetensors": safetensors(weights), "config.json": b"{}", "README.md": text}


def test_parents_are_looked_up_at_the_hub_to_the_root(bench: Bench, hub: HubServer) -> None:
    root = {"README.md": card("llama3"), "LICENSE": b"words\n", "weights.bin": b"x"}
    hub.create("org/root").commit(root)
    hub.create("org/mid").commit(repository(1, card("mit", "org/root", relation="quantized")))
    source = bench.plain("mine", 2, "mit", "org/mid", "org/mid2")
    hub.create("org/mid2").commit(repository(3, card("mit", "org/root")))
    (found,) = bench.facts(source)
    assert lines(found) == [
        "merge mine mit",
        " merge org/mid mit",
        "  quantized org/root llama3",
        " merge org/mid2 mit",
        "  derived org/root llama3",
    ]
    root_seen = found.ancestors[0].ancestors[0]
    assert root_seen.texts == (("LICENSE", b"words\n"),)
    assert root_seen.label.endswith("(from the Hub, its default branch)")
    assert bench.asked == ["org/mid", "org/mid2", "org/root"]
    assert not [line for line in hub.log if "safetensors" in line or "bin" in line]
    bench.settings = Settings(bench.settings.project, bench.settings.ledger, "tests", True)
    hub.log.clear()
    assert lines(bench.facts(source)[0]) == lines(found)
    assert hub.log == []


def test_the_named_revision_is_looked_at(bench: Bench, hub: HubServer) -> None:
    place = hub.create("org/p")
    old = place.commit(repository(1, card("cc-by-nc-4.0")))
    place.commit(repository(1, card("mit")))
    source = bench.plain("mine", 2, "mit", "org/p")
    bench.record(edge(source.model, "org/p", "finetune", revision=old))
    (found,) = bench.facts(source)
    assert lines(found)[1:] == [" finetune org/p cc-by-nc-4.0", " derived org/p mit"]


@pytest.mark.parametrize(
    ("change", "why"),
    [("gated", "gated"), ("private", "no such model"), ("missing", "no such model")],
)
def test_parents_that_the_hub_does_not_show(
    bench: Bench, hub: HubServer, change: str, why: str
) -> None:
    if change != "missing":
        place = hub.create("org/p")
        place.commit(repository(1, card("mit")))
        setattr(place, change, True)
    (found,) = bench.facts(bench.plain("mine", 2, "mit", "org/p"))
    assert found.ancestors == ()
    assert [unseen.name for unseen in found.unseen] == ["org/p"]
    assert why in found.unseen[0].why


def test_a_withdrawn_parent_is_known_from_the_ledger(bench: Bench, hub: HubServer) -> None:
    bench.register(bench.plain("p", 1, "cc-by-nc-4.0"), "org/p")
    (found,) = bench.facts(bench.plain("mine", 2, "mit", "org/p"))
    assert lines(found)[1:] == [" derived org/p cc-by-nc-4.0"]
    assert hub.log == []


def test_a_hub_that_is_down_is_not_asked_on_and_on(bench: Bench, hub: HubServer) -> None:
    hub.faults = [Fault("", "drop")]
    source = bench.plain("mine", 2, "mit", *(f"org/p{number}" for number in range(5)))
    (found,) = bench.facts(source)
    assert [unseen.name for unseen in found.unseen] == [f"org/p{n}" for n in range(5)]
    assert len(set(hub.log)) == 3
    assert bench.asked == ["org/p0", "org/p1", "org/p2"]


def test_one_broken_model_does_not_silence_the_hub(bench: Bench, hub: HubServer) -> None:
    for number in range(5):
        hub.create(f"org/p{number}").commit(repository(number, card("mit")))
    hub.faults = [Fault("org/p[023]/tree", 200, body=b"no json")]
    source = bench.plain("mine", 9, "mit", *(f"org/p{number}" for number in range(5)))
    (found,) = bench.facts(source)
    assert [unseen.name for unseen in found.unseen] == ["org/p0", "org/p2", "org/p3"]
    assert len(found.ancestors) == 2


def test_no_more_than_so_many_parents_are_looked_up(
    bench: Bench, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scout, "MOST", 2)
    for number in range(4):
        hub.create(f"org/p{number}").commit(repository(number, card("mit")))
    (found,) = bench.facts(
        bench.plain("mine", 9, "mit", *(f"org/p{number}" for number in range(4)))
    )
    assert len(found.ancestors) == 2
    assert [unseen.name for unseen in found.unseen] == ["org/p2", "org/p3"]
    assert "more than 2" in found.unseen[0].why


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("../etc", "etc"),
        ("/etc/passwd", "passwd"),
        ("a b", "a b"),
        ("org/..", "org"),
        ("https://x.org/y/z", "https://x.org/y/z"),
        ("p", "p"),
        ("x" * 600, UNREADABLE),
    ],
)
def test_names_that_are_no_models_are_never_asked_for(
    bench: Bench, hub: HubServer, written: str, name: str
) -> None:
    (found,) = bench.facts(bench.plain("mine", 2, "mit", written))
    assert [unseen.name for unseen in found.unseen] == [name]
    assert hub.log == []
    assert bench.asked == []


# Broken ledgers and sizes ----------------------------------------------------------------------


def test_without_a_ledger_the_folders_speak(bench: Bench) -> None:
    shutil.rmtree(bench.settings.project)
    sources, problems = bench.told(bench.plain("mine", 2, "mit", "org/p"))
    assert [unseen.name for unseen in sources[0].unseen] == ["org/p"]
    assert problems == ()
    assert not (bench.settings.project / "ledger.sqlite").exists()


def test_an_entry_that_cannot_be_read_is_a_missing_fact(bench: Bench) -> None:
    for name, weights in (("good", 1.0), ("bad", 2.0)):
        bench.register(bench.plain(name, weights, "mit"), f"org/{name}")
    with closing(sqlite3.connect(bench.settings.project / "ledger.sqlite")) as link:
        triggers = link.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
        found = triggers.fetchall()
        for name, _ in found:
            link.execute(f"DROP TRIGGER {name}")
        link.execute("UPDATE entries SET body = '{}' WHERE seq = 2")
        for _, statement in found:
            link.execute(statement)
        link.commit()
    (source,) = bench.facts(bench.plain("mine", 3, "mit", "org/good", "org/bad"))
    assert [one.model.name for one in source.ancestors] == ["org/good"]
    assert [unseen.name for unseen in source.unseen] == ["org/bad"]
    (same,) = bench.facts(bench.plain("twin", 2, "apache-2.0"))
    assert [unseen.name for unseen in same.unseen] == ["entry 2 of the ledger"]


def test_another_state_of_a_parent_counts_and_does_not_stand_in_for_the_named_one(
    bench: Bench,
) -> None:
    bench.register(bench.plain("p", 1, "cc-by-nc-4.0"), "org/p")
    source = bench.plain("mine", 2, "mit")
    bench.record(edge(source.model, "org/p", "finetune", revision="1" * 40))
    (found,) = bench.facts(source)
    assert [(one.relation, one.model.name) for one in found.ancestors] == [("finetune", "org/p")]
    assert [unseen.name for unseen in found.unseen] == [f"org/p@{'1' * 40}"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cards", [True, False])
def test_every_shape_of_lineage_is_walked_whole(tmp_path: Path, shape: str, cards: bool) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    top = write_ledger(url, shape, 300, cards=cards)
    source = walk(tmp_path, url, top)
    reached, waiting = {0}, [0]
    parents = SHAPES[shape](300)
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in reached:
                reached.add(parent)
                waiting.append(parent)
    found = all_of(source).values()
    assert {one.model.name for one in found} == {"top", *(f"org/m{n}" for n in reached)}
    if shape != "ring":
        assert count_of(source) == len({(one.model.name, one.relation) for one in found})
    assert not any(one.unseen for one in found)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_groups_come_after_what_they_lead_to_and_hold_every_circle(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    names = [str(number) for number in range(count)]
    below = {name: data.draw(st.lists(st.sampled_from(names), max_size=4)) for name in names}
    found = groups(below)
    assert sorted(name for group in found for name in group) == names
    reached = {name: _reached(below, name) for name in names}
    place = {name: number for number, group in enumerate(found) for name in group}
    for one in names:
        for other in reached[one]:
            assert place[other] <= place[one]
            assert (place[other] == place[one]) == (other == one or one in reached[other])


def _reached(below: Mapping[str, list[str]], name: str) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for one in below[waiting.pop()]:
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen

"""Parents, riders and held texts in a real ledger of each kind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, UsageError
from evoreg.provenance.records.text import LONGEST
from evoreg.registry.models.catalogue import add_model, show_model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.resolve import ResolvedModel, joined, resolve
from evoreg.registry.models.statements import Statement, claim_license, state_parent
from tests.models.builders import model_files, safetensors, write_files

AT = "2026-01-31T00:00:00Z"
STATED = Statement("", "Ada", AT, "https://example.org/paper", "page 3")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CARD = b"---\nlicense: mit\nbase_model: [org/a, org/b]\n---\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger of each kind."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    with open_ledger(url, actor="tests", clock=lambda: moment) as opened:
        yield opened
        assert verify(opened).problems == ()


def model(folder: Path, name: str, value: float = 0.0, **files: bytes) -> ResolvedModel:
    contents = model_files(value) | {key.replace("__", "."): data for key, data in files.items()}
    write_files(folder / name, contents)
    return resolve(f"./{name}", base_folder=folder, hasher=measure)


def nothing(_expression: str) -> None:
    """Accept every licence."""


def test_folder_texts_and_edges_are_written_in_one_go(ledger: Ledger, tmp_path: Path) -> None:
    found = model(tmp_path, "m", README__md=CARD, NOTICE=b"\xff", COPYING=b"x" * (LONGEST + 1))
    done = add_model(ledger, found)
    assert [entry.kind for entry in ledger.entries()] == ["model", *["edge"] * 2, *["text"] * 3]
    assert [(edge.by, edge.at) for edge in done.edges] == [("tests", AT)] * 2
    assert ledger.edges_for(found.model.identity) == done.edges
    contents = {text.path: text.data for text in found.texts}
    held = ledger.texts(digest_of(data) for data in contents.values())
    assert {path: held[digest_of(data)].data for path, data in contents.items()} == {
        "LICENSE": b"a licence\n",
        "NOTICE": None,
        "COPYING": None,
    }
    assert add_model(ledger, found).texts == ()
    assert ledger.head().seq == 6


def test_what_an_older_program_left_out_is_added(ledger: Ledger, tmp_path: Path) -> None:
    found = model(tmp_path, "m")
    ledger.append([NewEntry("model", found.model, {"location": "there"})])
    done = add_model(ledger, found)
    assert (done.added, done.entry.seq) == (False, 1)
    assert [entry.kind for entry in ledger.entries()] == ["model", "edge", "text"]


def test_edges_go_with_the_weights_and_stand_once(ledger: Ledger, tmp_path: Path) -> None:
    first = add_model(ledger, model(tmp_path, "m", README__md=CARD))
    changed = CARD.replace(b"mit", b"apache-2.0").replace(b"org/b", b"org/c")
    second = add_model(ledger, model(tmp_path, "m", README__md=changed))
    assert [edge.parent for edge in first.edges] == ["org/a", "org/b"]
    assert [edge.parent for edge in second.edges] == ["org/c"]
    # A parent that a later card leaves out is still there.
    assert [edge.parent for edge in show_model(ledger, "m").edges] == ["org/a", "org/b", "org/c"]


def test_a_pair_has_the_parents_of_both(ledger: Ledger, tmp_path: Path) -> None:
    base = model(tmp_path, "base")
    files = {
        "adapter_config.json": b'{"peft_type": "LORA", "base_model_name_or_path": "org/x"}',
        "adapter_model.safetensors": safetensors(3.0),
        "LICENSE": b"of the adapter\n",
    }
    write_files(tmp_path / "lora", files)
    lora = resolve("./lora", base_folder=tmp_path, hasher=measure)
    done = add_model(ledger, joined(base, lora))
    assert [(edge.child, edge.parent, edge.relation) for edge in done.edges] == [
        ("base", "org/parent", "derived"),
        ("lora", "org/x", "adapter"),
    ]
    assert ledger.edges_for(base.model.identity) == done.edges[:1]
    assert ledger.edges_for(lora.model.identity) == done.edges[1:]
    shown = show_model(ledger, "base")
    assert (shown.edges, len(shown.texts)) == (done.edges, 2)


def test_a_stated_parent_is_pinned_if_the_ledger_knows_it(ledger: Ledger, tmp_path: Path) -> None:
    child = add_model(ledger, model(tmp_path, "child", 1.0)).entry.model
    known = add_model(ledger, model(tmp_path, "known", 2.0)).entry.model
    edge = state_parent(ledger, child, ("known", "finetune"), STATED)
    assert (edge.parent, edge.parent_identity, edge.revision) == ("known", known.identity, None)
    assert (edge.origin, edge.by, edge.at, edge.note) == ("human", "Ada", AT, "page 3")
    assert edge.evidence is not None
    assert edge.evidence.locator == "https://example.org/paper"
    other = state_parent(ledger, child, (f"org/x@{COMMIT}", "synthetic_data"), STATED)
    assert (other.parent, other.parent_identity, other.revision) == ("org/x", None, COMMIT)
    assert ledger.edges_for(child.identity)[-2:] == (edge, other)
    assert ledger.lineage().edges[child.identity][-1].revision == COMMIT


def test_several_states_of_a_parent_must_be_told_apart(ledger: Ledger, tmp_path: Path) -> None:
    child = add_model(ledger, model(tmp_path, "child", 1.0)).entry.model
    add_model(ledger, model(tmp_path, "known", 2.0))
    exact = add_model(ledger, model(tmp_path, "known", 3.0)).entry.model
    with pytest.raises(UsageError, match="different weights"):
        state_parent(ledger, child, ("known", "merge"), STATED)
    edge = state_parent(ledger, child, (exact.identity, "merge"), STATED)
    assert (edge.parent, edge.parent_identity) == ("known", exact.identity)


@pytest.mark.parametrize(
    ("parent", "change", "code"),
    [
        (("org/x", "made"), {}, Code.USAGE),
        (("", "merge"), {}, Code.USAGE),
        (("org/x\u202e", "merge"), {}, Code.USAGE),
        (("x", "merge"), {}, Code.MODEL_UNKNOWN),
        (("child", "merge"), {}, Code.USAGE),
        (("org/x", "merge"), {"at": "today"}, Code.USAGE),
        (("org/x", "merge"), {"evidence": "no-such-file"}, Code.INPUT_MISSING),
    ],
)
def test_a_parent_that_is_none_is_not_written(
    ledger: Ledger, tmp_path: Path, parent: tuple[str, str], change: dict[str, Any], code: Code
) -> None:
    child = add_model(ledger, model(tmp_path, "child")).entry.model
    before = ledger.head()
    with pytest.raises(EvoregError) as caught:
        state_parent(ledger, child, parent, replace(Statement("", "Ada", AT), **change))
    assert (caught.value.code, ledger.head()) == (code, before)


def test_riders_add_up(ledger: Ledger, tmp_path: Path) -> None:
    found = add_model(ledger, model(tmp_path, "m")).entry.model
    riders = ("name-prefix = Llama", "hosting-forbidden", "hosting-forbidden")
    alone = claim_license(ledger, found, Statement("", "Ada", AT, riders=riders), nothing)
    assert [(rider.kind, rider.value) for rider in alone.riders] == [
        ("name-prefix", "Llama"),
        ("hosting-forbidden", ""),
    ]
    both = claim_license(
        ledger, found, Statement("mit", "Ada", AT, riders=("display=Hi",)), nothing
    )
    assert ledger.claims_for(found.identity) == (alone, both)


def test_a_claim_must_say_something(ledger: Ledger, tmp_path: Path) -> None:
    found = add_model(ledger, model(tmp_path, "m")).entry.model
    with pytest.raises(UsageError, match="expression"):
        claim_license(ledger, found, Statement("", "Ada", AT), nothing)
    assert ledger.claims_for(found.identity) == ()

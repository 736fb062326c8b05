"""The catalogue: registering models, finding them, and claims about their licences."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError, PolicyError, UsageError
from evoreg.registry.models.catalogue import add_model, find_model, list_models, show_model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.resolve import ResolvedModel, resolve
from evoreg.registry.models.statements import Statement, claim_license
from tests.models.builders import model_files, write_files

CARD = {"README.md": b"---\nlicense: mit\n---\n"}
LICENSE = {**CARD, "LICENSE": b"another licence"}
AT = "2026-01-31T12:00:00Z"
STATEMENT = Statement("mit", "Ada", AT, "https://example.org/licence", "I asked\nthem.")


def accept(expression: str) -> str:
    return expression


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    clock = datetime(2026, 1, 31, tzinfo=UTC)
    with open_ledger(url, actor="test", clock=lambda: clock) as opened:
        yield opened


class Shelf:
    """Model folders on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def model(
        self, name: str, value: float = 0.0, change: dict[str, bytes] | None = None
    ) -> ResolvedModel:
        write_files(self.folder / name, {**model_files(value), **(change or {})})
        return resolve(f"./{name}", base_folder=self.folder, hasher=measure)

    def hub_model(self, name: str, value: float, commit: str) -> ResolvedModel:
        found = self.model(name.replace("/", "-"), value)
        change = {"name": name, "origin": "hub", "revision": commit}
        model = found.model.model_copy(update=change)
        return ResolvedModel(name, model, found.folder, found.texts, ())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


def test_the_same_model_is_registered_once(ledger: Ledger, shelf: Shelf) -> None:
    first = add_model(ledger, shelf.model("m"))
    again = add_model(ledger, shelf.model("m"))
    assert (first.added, again.added) == (True, False)
    assert first.entry == again.entry
    assert first.entry.location == str(shelf.folder / "m")
    assert [entry.kind for entry in ledger.entries()] == ["model", "edge", "text"]
    assert (len(first.edges), len(first.texts), again.edges, again.texts) == (1, 1, (), ())


def test_another_card_licence_or_name_is_another_registration(ledger: Ledger, shelf: Shelf) -> None:
    add_model(ledger, shelf.model("m"))
    assert add_model(ledger, shelf.model("other")).added
    assert add_model(ledger, shelf.model("m", change=CARD)).added
    assert add_model(ledger, shelf.model("m", change=LICENSE)).added
    shown = show_model(ledger, "m")
    # The same edge is not written again; the second licence text is.
    kinds = ["model", "edge", "text", "model", "model", "model", "text"]
    assert [entry.kind for entry in ledger.entries()] == kinds
    assert shown.entry.seq == 6
    assert [other.seq for other in shown.others] == [5, 1]
    assert [entry.seq for entry in list_models(ledger)] == [6, 4]


def test_models_are_listed_by_name_and_weights(ledger: Ledger, shelf: Shelf) -> None:
    assert list_models(ledger) == ()
    for name, value in (("b", 1.0), ("a", 2.0), ("b", 3.0)):
        add_model(ledger, shelf.model(name, value))
    listed = [(entry.model.name, entry.seq) for entry in list_models(ledger)]
    assert listed == [("a", 4), ("b", 1), ("b", 6)]


def test_a_model_is_found_by_name_revision_or_weights(ledger: Ledger, shelf: Shelf) -> None:
    old = shelf.hub_model("org/m", 1.0, "a" * 40)
    new = shelf.hub_model("org/m", 2.0, "b" * 40)
    for resolved in (old, new):
        add_model(ledger, resolved)
    assert show_model(ledger, "org/m").entry.model == new.model
    assert find_model(ledger, "org/m@aaaaaaa") == old.model
    assert find_model(ledger, old.model.identity) == old.model
    assert find_model(ledger, new.model.identity[:14]) == new.model
    assert show_model(ledger, "org/m").entry.location == f"hf://org/m@{'b' * 40}"
    with pytest.raises(UsageError, match="different weights"):
        find_model(ledger, "org/m")


@pytest.mark.parametrize(
    "wanted", ["org/n", "", "org/m@", "org/m@a", "org/m@ccccccc", "sha256:", "@"]
)
def test_an_unknown_model_is_told_with_near_names(
    ledger: Ledger, shelf: Shelf, wanted: str
) -> None:
    add_model(ledger, shelf.hub_model("org/m", 1.0, "a" * 40))
    with pytest.raises(InputError) as caught:
        show_model(ledger, wanted)
    assert caught.value.code is Code.MODEL_UNKNOWN
    if wanted.startswith("org/"):
        assert "did you mean org/m" in caught.value.problems[0].hint


def test_a_claim_is_written_and_shown(ledger: Ledger, shelf: Shelf, tmp_path: Path) -> None:
    model = add_model(ledger, shelf.model("m")).entry.model
    asked: list[str] = []
    claim = claim_license(ledger, model, STATEMENT, asked.append)
    assert asked == ["mit"]
    assert (claim.model, claim.identity, claim.origin) == ("m", model.identity, "human")
    assert (claim.by, claim.at, claim.note) == ("Ada", AT, "I asked\nthem.")
    assert claim.evidence is not None
    assert (claim.evidence.kind, claim.evidence.digest) == ("url", None)
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"you may")
    second = claim_license(ledger, model, Statement("mit", "Bob", AT, str(letter)), accept)
    assert second.evidence is not None
    assert second.evidence.locator == "letter.txt"
    assert second.evidence.digest == digest_of(b"you may")
    bare = claim_license(ledger, model, Statement("mit", "Bob", AT), accept)
    assert bare.evidence is None
    assert show_model(ledger, "m").claims == (claim, second, bare)


def test_claims_go_with_the_weights_not_with_the_name(ledger: Ledger, shelf: Shelf) -> None:
    model = add_model(ledger, shelf.model("m", 1.0)).entry.model
    claim = claim_license(ledger, model, STATEMENT, accept)
    add_model(ledger, shelf.model("copy", 1.0))
    add_model(ledger, shelf.model("m", 2.0))
    assert show_model(ledger, "copy").claims == (claim,)
    assert show_model(ledger, "m").claims == ()


def reject(expression: str) -> None:
    raise PolicyError(Code.POLICY_EXPRESSION, "no licence")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expression": ""}, Code.USAGE),
        ({"expression": "mit\n"}, Code.USAGE),
        ({"by": " "}, Code.USAGE),
        ({"by": "A\u202eda"}, Code.USAGE),
        ({"at": "yesterday"}, Code.USAGE),
        ({"at": "2026-01-31T12:00:00+01:00"}, Code.USAGE),
        ({"note": "a\0b"}, Code.USAGE),
        ({"evidence": "https://"}, Code.USAGE),
        ({"evidence": "https://[x"}, Code.USAGE),
        ({"evidence": "https://a b"}, Code.USAGE),
        ({"evidence": "no-such-file"}, Code.INPUT_MISSING),
        ({"evidence": "/dev/null"}, Code.INPUT_MISSING),
    ],
)
def test_a_claim_that_is_none_is_refused_and_not_written(
    ledger: Ledger, shelf: Shelf, change: dict[str, Any], code: Code
) -> None:
    model = add_model(ledger, shelf.model("m")).entry.model
    with pytest.raises(EvoregError) as caught:
        claim_license(ledger, model, replace(Statement("mit", "Ada", AT), **change), accept)
    assert caught.value.code is code
    assert ledger.claims_for(model.identity) == ()


def test_a_claim_needs_a_registered_model_and_a_licence(ledger: Ledger, shelf: Shelf) -> None:
    model = shelf.model("m")
    with pytest.raises(InputError) as caught:
        claim_license(ledger, model.model, STATEMENT, accept)
    assert caught.value.code is Code.MODEL_UNKNOWN
    add_model(ledger, model)
    with pytest.raises(PolicyError):
        claim_license(ledger, model.model, STATEMENT, reject)
    assert ledger.claims_for(model.model.identity) == ()

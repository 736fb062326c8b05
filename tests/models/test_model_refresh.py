"""Looking again at registered models: what changed at the Hub or in a folder, and who is told."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.records.errors import Code, EvoregError
from evoreg.registry.cli.refreshed import exit_code, row
from evoreg.registry.models.catalogue import add_model
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.hub import HubSettings
from evoreg.registry.models.peek import peek
from evoreg.registry.models.refresh import Lookout, Refreshed, refresh
from evoreg.registry.models.resolve import resolve
from evoreg.registry.settings import now
from tests.hub_server import Fault, HubServer, Repository
from tests.models.builders import safetensors, write_files

MODEL = "org/m"


def files(**changes: bytes | None) -> dict[str, bytes]:
    """A model of the Hub; `changes` replace files (dots are written `__`) or leave them out."""
    whole: dict[str, bytes | None] = {
        "README.md": b"---\nlicense: mit\nbase_model: org/p\n---\n",
        "LICENSE": b"words\n",
        "config.json": b"{}",
        "model.safetensors": safetensors(1.0),
        **{name.replace("__", "."): data for name, data in changes.items()},
    }
    return {name: data for name, data in whole.items() if data is not None}


class Watch:
    """A ledger with a model of a Hub."""

    def __init__(self, ledger: Ledger, hub: HubServer, folder: Path) -> None:
        self.ledger, self.hub, self.folder = ledger, hub, folder
        self.settings = HubSettings(folder / "cache", hub.endpoint)
        self.place: Repository = hub.create(MODEL)
        self.place.commit(files())

    def add(self, reference: str = MODEL) -> None:
        found = peek(reference, base_folder=self.folder, hasher=measure, hub=self.settings)
        add_model(self.ledger, found)

    def look(self, *names: str, offline: bool = False) -> list[Refreshed]:
        return list(refresh(self.ledger, names, Lookout(measure, offline, self.settings)))

    def one(self) -> Refreshed:
        (seen,) = self.look()
        return seen

    def changed(self) -> list[tuple[str, str, str]]:
        """What changed, the commit left aside."""
        return [(c.what, c.before, c.after) for c in self.one().changes if c.what != "commit"]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    with open_ledger(url, actor="tests", clock=now) as ledger, HubServer() as hub:
        found = Watch(ledger, hub, tmp_path)
        found.add()
        yield found


def test_nothing_changed_and_nothing_is_written(watch: Watch) -> None:
    before = watch.ledger.head()
    seen = watch.one()
    assert (seen.state, seen.changes, seen.recorded) == ("unchanged", (), None)
    assert exit_code([seen]) == 0
    assert watch.ledger.head() == before
    assert not [line for line in watch.hub.log if "safetensors" in line]


def test_a_licence_that_changed_is_told_and_recorded(watch: Watch) -> None:
    watch.place.commit(files(README__md=b"---\nlicense: cc-by-nc-4.0\nbase_model: org/p\n---\n"))
    seen = watch.one()
    assert [(c.what, c.before, c.after) for c in seen.changes if c.licence] == [
        ("licence", "mit", "cc-by-nc-4.0")
    ]
    assert seen.alarming
    assert exit_code([seen]) == 8
    old, new = watch.ledger.find_model(MODEL)
    assert new.seq == seen.recorded
    assert (old.model.card.license, new.model.card.license) == (("mit",), ("cc-by-nc-4.0",))
    assert old.model.identity == new.model.identity
    assert watch.one().state == "unchanged"


def test_a_card_that_was_emptied(watch: Watch) -> None:
    watch.place.commit(files(README__md=b"# nothing\n"))
    assert watch.changed() == [("licence", "mit", ""), ("parents", "org/p", "")]
    assert exit_code(watch.look()) == 0  # the new state is what the next look compares with


def test_a_recipe_that_was_left_in_a_folder_later_tells_of_parents(
    watch: Watch, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    write_files(folder, files())
    add_model(watch.ledger, resolve("./mine", base_folder=tmp_path, hasher=measure))
    (folder / "mergekit_config.yml").write_text("models: [{model: org/secret}]")
    (seen,) = watch.look("mine")
    assert [(c.what, c.before, c.licence) for c in seen.changes] == [("recipe", "", False)]
    assert seen.recorded is not None
    identity = seen.entry.model.identity
    assert "org/secret" in [edge.parent for edge in watch.ledger.edges_for(identity)]
    assert watch.look("mine")[0].state == "unchanged"


@pytest.mark.parametrize("after", [b"other words\n", None])
def test_a_licence_file_that_was_replaced_or_removed(watch: Watch, after: bytes | None) -> None:
    watch.place.commit(files(LICENSE=after))
    seen = watch.one()
    (change,) = [change for change in seen.changes if change.licence]
    assert change.what == "licence text LICENSE"
    assert bool(change.after) is (after is not None)
    assert exit_code([seen]) == 8
    if after is not None:
        newest = watch.ledger.find_model(MODEL)[-1].model
        digest = next(file.digest for file in newest.files if file.path == "LICENSE")
        held = watch.ledger.text(digest)
        assert held is not None
        assert held.data == after


def test_weights_and_parents_that_changed_alarm_nobody(watch: Watch) -> None:
    card = b"---\nlicense: mit\nbase_model: org/q\nbase_model_relation: finetune\n---\n"
    watch.place.commit(files(README__md=card, model__safetensors=safetensors(2.0)))
    seen = watch.one()
    assert [change.what for change in seen.changes] == ["parents", "relation", "weights", "commit"]
    assert exit_code([seen]) == 0
    newest = watch.ledger.find_model(MODEL)[-1].model
    assert [edge.parent for edge in watch.ledger.edges_for(newest.identity)] == ["org/q"]


def test_weights_that_were_taken_away(watch: Watch) -> None:
    watch.place.commit(files(model__safetensors=None))
    assert [what for what, _, after in watch.changed() if not after] == ["weights"]


@pytest.mark.parametrize("how", ["deleted", "private", "410"])
def test_a_model_that_is_gone(watch: Watch, how: str) -> None:
    before = watch.ledger.head()
    if how == "deleted":
        del watch.hub.repositories[MODEL]
    elif how == "private":
        watch.place.private = True
    else:
        watch.hub.faults = [Fault("/api/", 410)]
    seen = watch.one()
    assert (seen.state, seen.changes, seen.recorded) == ("gone", (), None)
    assert seen.why
    assert exit_code([seen]) == 8
    assert watch.ledger.head() == before


def test_a_model_that_is_gated_now(watch: Watch) -> None:
    watch.place.gated = True
    before = watch.ledger.head()
    assert watch.changed() == [("access", "", "the Hub asks for consent before a download")]
    assert exit_code(watch.look()) == 0
    assert watch.ledger.head() == before
    watch.place.commit(files(LICENSE=b"other words\n"))
    seen = watch.one()
    assert seen.state == "refused"
    assert "gated" in seen.why
    assert exit_code([seen]) == 8


def test_a_hub_that_is_down_is_no_withdrawal(watch: Watch) -> None:
    watch.hub.faults = [Fault("/api/", 500)]
    seen = watch.one()
    assert (seen.state, seen.alarming) == ("unseen", False)
    assert exit_code([seen]) == 5


def test_offline_the_hub_is_not_asked(watch: Watch) -> None:
    watch.hub.log.clear()
    (seen,) = watch.look(offline=True)
    assert (seen.state, exit_code([seen])) == ("skipped", 0)
    assert watch.hub.log == []


def test_folders_are_looked_at_too(watch: Watch) -> None:
    folder = write_files(watch.folder / "mine", files())
    add_model(watch.ledger, resolve("./mine", base_folder=watch.folder, hasher=measure))
    assert [item.state for item in watch.look("mine")] == ["unchanged"]
    (folder / "README.md").write_bytes(b"---\nlicense: apache-2.0\n---\n")
    (seen,) = watch.look("mine")
    assert [c.what for c in seen.changes] == ["licence", "parents"]
    shutil.rmtree(folder)
    (gone,) = watch.look("mine")
    assert (gone.state, exit_code([gone])) == ("unseen", 5)


def test_an_adapter_is_looked_at_with_its_model(watch: Watch) -> None:
    write_files(watch.folder / "mine", files())
    lora = {"adapter_model.safetensors": safetensors(5.0), "adapter_config.json": b"{}"}
    place = watch.hub.create("org/lora")
    place.commit({**lora, "README.md": b"---\nlicense: mit\n---\n"})
    watch.add("./mine+org/lora")
    assert [item.state for item in watch.look("mine")] == ["unchanged"]
    place.commit({**lora, "README.md": b"---\nlicense: llama3\n---\n"})
    (seen,) = watch.look("mine")
    assert [(c.what, c.after) for c in seen.changes if c.licence] == [("licence", "llama3")]


def test_only_the_named_models_in_order(watch: Watch) -> None:
    watch.hub.create("org/a").commit(files())
    watch.add("org/a")
    assert [item.entry.model.name for item in watch.look()] == ["org/a", MODEL]
    assert [item.entry.model.name for item in watch.look(MODEL)] == [MODEL]
    with pytest.raises(EvoregError) as caught:
        watch.look("org/unknown")
    assert caught.value.code is Code.MODEL_UNKNOWN


def test_what_is_told_is_plain_json(watch: Watch) -> None:
    watch.place.commit(files(README__md=b"---\nlicense: gpl-3.0\nbase_model: org/p\n---\n"))
    told = row(watch.one())
    assert json.loads(json.dumps(told)) == told
    assert (told["state"], told["alarming"], told["recorded"]) == ("changed", True, 4)

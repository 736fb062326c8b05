"""`evoreg ledger keygen, checkpoint, prove, prove-growth, check`: proofs for people elsewhere."""

import stat
from pathlib import Path

import pytest

from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.rebuild import rebuild
from evoreg.provenance.ledger.store import open_store
from evoreg.provenance.ledger.triggers import SQLITE_TRIGGERS, install_triggers
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.ledger.verify import verify
from evoreg.provenance.proofs.checkpoint import read_checkpoint
from evoreg.provenance.records.errors import VerificationError
from evoreg.provenance.records.text import HeldText
from evoreg.registry.checkpoints import folder, keep, kept
from evoreg.registry.ledger_keys import signing_key
from evoreg.registry.settings import Settings, now, settings_from
from tests.registry.desk import Desk


def settings_of(desk: Desk) -> Settings:
    return settings_from({"EVOREG_ACTOR": "ann"}, desk.folder, offline=True)


def write(desk: Desk, count: int) -> None:
    with open_ledger(settings_of(desk).ledger, actor="ann", clock=now) as ledger:
        news = [HeldText.of(f"text {number}\n".encode()) for number in range(count)]
        ledger.append([NewEntry("text", new) for new in news])


def test_the_whole_way(desk: Desk) -> None:
    write(desk, 5)
    assert desk.run("ledger", "checkpoint", "--out", "old.txt").code == 0
    assert desk.run("ledger", "keygen", "--name", "example.org/ann").code == 0
    key = desk.path(".evoreg") / "ledger.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    write(desk, 4)
    said = desk.run("ledger", "checkpoint")
    assert read_checkpoint(said.out).checkpoint.size == 9
    assert "signed by example.org/ann" in said.err
    assert desk.run("ledger", "prove", "7", "--out", "7.tlog-proof").code == 0
    assert desk.run("ledger", "prove-growth", "old.txt", "--out", "growth.txt").code == 0

    (desk.folder / ".evoreg" / "ledger.sqlite").unlink()  # the rest needs no ledger
    told = desk.run("ledger", "check", "7.tlog-proof", "--key", ".evoreg/ledger.pub", "--json").json
    assert (told["kind"], told["size"], told["entry"]["seq"]) == ("inclusion", 9, 7)
    assert told["signers"] == ["example.org/ann"]
    said = desk.run("ledger", "check", "growth.txt", "--since", "old.txt")
    assert (said.code, said.err) == (0, "")
    assert "has only grown since 5 entries" in said.out
    assert "which was not checked" in said.out


def test_keys_are_never_replaced(desk: Desk) -> None:
    assert desk.run("ledger", "keygen").code == 0
    before = (desk.path(".evoreg") / "ledger.key").read_bytes()
    said = desk.run("ledger", "keygen", "--name", "other")
    assert (said.code, "EVO-O001" in said.err) == (2, True)
    assert (desk.path(".evoreg") / "ledger.key").read_bytes() == before


def test_a_public_key_that_was_lost_comes_back(desk: Desk) -> None:
    """Killed between the two files, or only the secret one was copied."""
    public = desk.run("ledger", "keygen").out
    (desk.folder / ".evoreg" / "ledger.pub").unlink()
    for _ in range(2):
        assert desk.run("ledger", "keygen").code == 2
        assert (desk.folder / ".evoreg" / "ledger.pub").read_text() == public


def test_a_new_key_leaves_the_old_public_one(desk: Desk) -> None:
    assert desk.run("ledger", "keygen", "--name", "first").code == 0
    (desk.folder / ".evoreg" / "ledger.key").unlink()
    assert desk.run("ledger", "keygen", "--name", "second").code == 0
    lines = (desk.path(".evoreg") / "ledger.pub").read_text().splitlines()
    assert [line.partition("+")[0] for line in lines] == ["first", "second"]


def test_a_key_that_others_may_read_signs_nothing(desk: Desk) -> None:
    write(desk, 1)
    desk.run("ledger", "keygen")
    for mode in (0o644, 0o640, 0o620):
        (desk.folder / ".evoreg" / "ledger.key").chmod(mode)
        said = desk.run("ledger", "checkpoint")
        assert (said.code, said.out) == (2, "")
        assert "chmod 600" in said.err


def test_a_file_that_is_no_key_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write(desk, 1)
    (desk.folder / "mine").write_text("PRIVATE+KEY+ann+00000000+AAAA\n")
    (desk.folder / "mine").chmod(0o600)
    monkeypatch.setenv("EVOREG_LEDGER_KEY", "mine")
    said = desk.run("ledger", "checkpoint")
    assert (said.code, "--> mine" in said.err, "AAAA" in said.err) == (5, True, False)


def test_the_environment_names_another_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("ledger", "keygen", "--name", "here")
    (desk.folder / ".evoreg" / "ledger.key").rename(desk.folder / "elsewhere")
    assert signing_key(settings_of(desk), {}) is None
    monkeypatch.setenv("EVOREG_LEDGER_KEY", str(desk.folder / "elsewhere"))
    found = signing_key(settings_of(desk))
    assert found is not None
    assert found.name == "here"
    monkeypatch.setenv("EVOREG_LEDGER_KEY", "nowhere")
    assert desk.run("ledger", "checkpoint").code == 5


def test_what_was_kept_is_not_contradicted(desk: Desk) -> None:
    write(desk, 3)
    desk.run("ledger", "checkpoint", "--out", "mine.txt")
    (found,) = kept(settings_of(desk)).checkpoints
    assert found.size == 3
    text = (desk.folder / "mine.txt").read_text()
    keep(settings_of(desk), text)
    with pytest.raises(VerificationError):
        keep(settings_of(desk), text.replace(found.origin, "other"))
    (desk.folder / ".evoreg" / "ledger.sqlite").unlink()
    with open_ledger(settings_of(desk).ledger, actor="ann", clock=now) as ledger:
        ledger.append([NewEntry("text", HeldText.of(b"another"))])
    said = desk.run("ledger", "checkpoint")
    assert (said.code, said.out) == (4, "")
    assert "another ledger" in said.err


def test_what_was_kept_moves_along_with_the_project(desk: Desk, tmp_path: Path) -> None:
    write(desk, 3)
    desk.run("ledger", "checkpoint")
    (desk.folder / ".evoreg").rename(tmp_path / ".evoreg")
    moved = settings_from({}, tmp_path, offline=True)
    assert [one.size for one in kept(moved).checkpoints] == [3]
    elsewhere = settings_from({"EVOREG_LEDGER": "sqlite:///ledger.sqlite"}, tmp_path, offline=True)
    assert kept(elsewhere).checkpoints == ()


def test_addresses_of_one_ledger_and_of_several(tmp_path: Path, desk: Desk) -> None:
    def at(url: str) -> Path:
        return folder(Settings(tmp_path / ".evoreg", url, "ann", offline=True))

    one = at("postgresql://ann:secret@host/books")
    assert at("postgresql+psycopg://bob@host:5432/books?connect_timeout=3") == one
    assert at("sqlite:///books.db") == at(f"sqlite:///{desk.folder}/books.db")
    several = (
        "postgresql://ann@host/others",
        "postgresql://ann@other/books",
        "postgresql://ann@host",  # a database that is called as its user
        "postgresql://bob@host",
        "postgresql://ann@one:1,two:2/books",
        "sqlite:///books.db",
    )
    assert len({one, *map(at, several)}) == 1 + len(several)
    assert at("postgresql://ann:a@one:1,two:2/b") == at("postgresql://bob:b@one:1,two:2/b")


@pytest.mark.parametrize("url", ["postgresql://host:port/books", "postgresql://[::1/books"])
@pytest.mark.parametrize("command", ["verify", "checkpoint"])
def test_an_address_that_is_none_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, url: str, command: str
) -> None:
    monkeypatch.setenv("EVOREG_LEDGER", url)
    said = desk.run("ledger", command)
    assert said.code in (2, 5)
    assert "bug" not in said.err


def test_a_broken_kept_checkpoint_is_told(desk: Desk) -> None:
    write(desk, 3)
    desk.run("ledger", "keygen")
    desk.run("ledger", "checkpoint")
    (file,) = (desk.folder / ".evoreg" / "checkpoints").rglob("3.txt")
    text = file.read_text()
    for broken in ("no checkpoint\n", text.replace("\n3\n", "\n4\n"), text[:-9] + "AAAAAAA=\n"):
        file.write_text(broken)
        found = kept(settings_of(desk))
        assert (found.checkpoints, len(found.problems)) == ((), 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("missing.txt",), 5),
        (("folder",), 5),
        (("binary",), 5),
        (("good.txt", "--key", "nowhere"), 5),
        (("good.txt", "--key", "a+b+c"), 5),
        (("good.txt", "--key", "x" * 300 + "+b+c"), 5),
        (("good.txt", "--key", "good.txt"), 5),
        (("good.txt", "--since", "good.txt"), 0),
        (("good.txt", "--since", "longer.txt"), 2),
        (("growth.txt",), 2),
    ],
)
def test_what_check_says(desk: Desk, arguments: tuple[str, ...], code: int) -> None:
    write(desk, 2)
    desk.run("ledger", "checkpoint", "--out", "good.txt")
    write(desk, 1)
    desk.run("ledger", "checkpoint", "--out", "longer.txt")
    desk.run("ledger", "prove-growth", "good.txt", "--out", "growth.txt")
    Path(desk.folder / "folder").mkdir()
    Path(desk.folder / "binary").write_bytes(b"\xff\xfe")
    said = desk.run("ledger", "check", *arguments)
    assert said.code == code
    assert bool(said.out) == (code == 0)
    if arguments == ("folder",):
        assert "no plain file" in said.err


def test_files_are_not_replaced_unasked(desk: Desk) -> None:
    write(desk, 2)
    (desk.folder / "mine").write_text("mine")
    assert desk.run("ledger", "checkpoint", "--out", "mine").code == 2
    assert (desk.folder / "mine").read_text() == "mine"
    assert desk.run("ledger", "checkpoint", "--out", "mine", "--force").code == 0
    told = desk.run("ledger", "check", "mine", "--json").json
    assert (told["kind"], told["size"], told["signed"]) == ("checkpoint", 2, False)


def test_what_was_changed_is_not_proved(desk: Desk) -> None:
    write(desk, 3)
    change(desk, "UPDATE entries SET body = replace(body, 'text', 'tent') WHERE seq = 2")
    said = desk.run("ledger", "prove", "2")
    assert (said.code, said.out) == (4, "")
    assert "EVO-L001" in said.err
    assert desk.run("ledger", "prove", "3").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("model", "add", "ann"),
        ("ledger", "prune", "--item-scores", "--why", "old"),
        ("model", "claim", "org/x", "--license", "mit", "--evidence", "https://example.org/x"),
    ],
)
def test_nothing_is_written_upon_a_cut_ledger(desk: Desk, command: tuple[str, ...]) -> None:
    desk.copy("a", "ann")
    write(desk, 5)
    assert desk.run("ledger", "checkpoint").code == 0
    cut = "DELETE FROM texts WHERE seq > 3; DELETE FROM entries WHERE seq > 3"
    change(desk, f"{cut}; UPDATE head SET seq = 3, hash = (SELECT hash FROM entries WHERE seq = 3)")
    with open_ledger(settings_of(desk).ledger, actor="ann", clock=now) as ledger:
        rebuild(ledger)
        assert verify(ledger).problems == ()
    said = desk.run(*command)
    assert (said.code, "EVO-L001" in said.err) == (4, True)
    with open_ledger(settings_of(desk).ledger, actor="ann", clock=now) as ledger:
        assert ledger.head().seq == 3


def change(desk: Desk, statements: str) -> None:
    """Do what the owner of the file can do, and leave the triggers as they were."""
    store = open_store(settings_of(desk).ledger, 5.0)
    with store.writing() as connection:
        for name in SQLITE_TRIGGERS:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements.split("; "):
            connection.exec_driver_sql(statement)
        install_triggers(connection)
    store.close()

"""What users see: transcripts at two widths and in a poor terminal, misuse, and readers that go.

``EVOREG_UPDATE_GOLDENS=1`` writes the transcripts anew; look at the difference before keeping it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from evoreg.registry.settings import evoreg_version
from tests.registry.desk import MODELS, MODULE, Desk, card, process

GOLDENS = Path(__file__).with_name("goldens")
RECIPE = """merge_method: linear
models:
  - model: ./a-plain-model   # 60 %
    parameters:
      weight: 0.6
  - model: ./a-model-with-quite-a-long-name-as-they-have-on-the-hub
    parameters:
      weight: 0.4
"""
LONG = "a-model-with-quite-a-long-name-as-they-have-on-the-hub"
TERMINALS: Mapping[str, Mapping[str, str]] = {
    "60": {"COLUMNS": "60"},
    "100": {"COLUMNS": "100"},
    "ascii": {"COLUMNS": "80", "PYTHONIOENCODING": "ascii"},
}


def transcript(desk: Desk, terminal: str, *arguments: str) -> str:
    """What a command prints without a terminal, with what changes from run to run taken out."""
    environment = {"NO_COLOR": "1", **TERMINALS[terminal]}
    if terminal == "ascii":
        said = process(desk.folder, *arguments, **environment)
    else:
        for key, value in environment.items():
            desk.patch.setenv(key, value)
        said = desk.run(*arguments)
    text = (
        f"$ evoreg {' '.join(arguments)}\n--- stdout\n{said.out}--- stderr\n{said.err}"
        f"--- exit {said.code}\n"
    )
    assert "\x1b" not in text
    text = text.replace(evoreg_version(), "VERSION")
    text = re.sub(r"in \d+\.\d s", "in TIME s", text)
    text = re.sub(r"\bon \d{4}-\d\d-\d\d\b", "on YYYY-MM-DD", text)
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", text)
    return re.sub(r"  [0-9a-f]{12}$", "  IDENTITY", text, flags=re.MULTILINE)


def place_models(folder: Path, licence: str) -> None:
    for name, source, text in (("a-plain-model", "a", "apache-2.0"), (LONG, "b", licence)):
        shutil.copytree(MODELS / source, folder / name, copy_function=shutil.copyfile)
        (folder / name).chmod(0o755)
        (folder / name / "README.md").write_text(card(text))
    (folder / "recipe.yml").write_text(RECIPE)


def compare(name: str, text: str) -> None:
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("EVOREG_UPDATE_GOLDENS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("terminal", TERMINALS)
def test_transcript_of_a_refusal(desk: Desk, terminal: str) -> None:
    place_models(desk.folder, "cc-by-nc-4.0")
    text = transcript(desk, terminal, "merge", "recipe.yml", "out")
    compare(f"refusal-{terminal}", text)


@pytest.mark.parametrize("terminal", TERMINALS)
def test_transcript_of_a_merge(desk: Desk, terminal: str) -> None:
    place_models(desk.folder, "mit")
    text = transcript(desk, terminal, "merge", "recipe.yml", "out")
    compare(f"merge-{terminal}", text)


def test_names_are_never_cut(desk: Desk) -> None:
    place_models(desk.folder, "mit")
    desk.patch.setenv("COLUMNS", "40")
    said = desk.run("merge", "recipe.yml", "out")
    for text in (said.out, said.err):
        assert any(line.split()[:1] == [LONG] for line in text.splitlines())


def test_a_poor_terminal_gets_ascii(desk: Desk) -> None:
    """Also where Python does not turn the C locale into UTF-8 by itself."""
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    desk.copy("b", "日本")
    (desk.path("日本") / "README.md").write_text(card("cc-by-nc-4.0"))
    assert desk.run("model", "add", "日本").out == "✓ 日本: registered, entry 1\n"
    shown = process(desk.folder, "model", "list", **poor)
    assert (shown.code, shown.err, shown.out.isascii()) == (0, "", True)
    assert r"\u65e5\u672c" in shown.out
    assert process(desk.folder, "ledger", "verify", **poor).out.startswith("ok the ledger is whole")
    told = process(desk.folder, "model", "list", "--json", **poor)
    assert [item["name"] for item in told.json["models"]] == ["日本"]


# --- misuse


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mrge"], "Did you mean 'merge'?"),
        (["model", "lst"], "Did you mean 'list'?"),
        (["ledger", "verfy"], "Did you mean 'verify'?"),
        (["check", "x.yml", "--inten", "research"], "--intent"),
        (["merge", "x.yml", "out", "--thread", "2"], "--threads"),
        (["merge", "x.yml"], "Missing argument 'out'"),
        (["merge", "x.yml", "out", "more"], "more"),
        (["merge", "x.yml", "out", "--threads", "0"], "--threads"),
        (["merge", "x.yml", "out", "--threads", "many"], "--threads"),
        (["merge", "x.yml", "out", "--seed", "-1"], "--seed"),
        (["merge", "x.yml", "out", "--seed", str(2**53)], "--seed"),
        (["merge", "x.yml", "out", "--shard-size", "big"], "is no size"),
        (["merge", "x.yml", "out", "--shard-size", "0"], "is no size"),
        (["merge", "x.yml", "out", "--intent", "comercial"], "intents: research, commercial"),
        (["merge", "x.yml", "out", "--domicile", "Japan"], "did you mean 'JP'"),
        (["merge", "x.yml", "out", "--users", "-5"], "--users"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_misuse_is_told_in_one_sentence(desk: Desk, arguments: list[str], says: str) -> None:
    before, head = desk.things(), desk.head()
    said = desk.run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error[EVO-U001]: ")
    assert says in said.err
    told = desk.run(*arguments, "--json")
    assert (told.code, told.err) == (2, "")
    assert (told.json["schema"], told.json["exit_code"]) == ("evoreg/error/1", 2)
    assert says in told.out.replace("\\n", " ") or "--json" in told.out
    assert (desk.things(), desk.head()) == (before, head)


@pytest.mark.parametrize("arguments", [[], ["model"], ["ledger"]])
def test_without_a_command_there_is_help(desk: Desk, arguments: list[str]) -> None:
    said = desk.run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: ")
    assert "error" not in said.err


def test_help_is_whole_at_eighty_columns(desk: Desk) -> None:
    desk.patch.setenv("COLUMNS", "80")
    said = desk.run("merge", "--help")
    assert said.code == 0
    for name in ("--intent", "--out-shard-size", "--random-seed", "--territory", "--json"):
        assert name in said.out
    assert "…" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_version(desk: Desk) -> None:
    said = desk.run("--version")
    assert (said.code, said.out) == (0, f"evoreg {evoreg_version()}\n")


# --- readers that go away


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("command", [["ledger", "log"], ["model", "show", "a"], ["--help"]])
def test_a_closed_reader_makes_no_noise(desk: Desk, command: list[str], options: list[str]) -> None:
    desk.run("model", "add", MODELS / "a")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*MODULE, *command, *([] if command == ["--help"] else options)],
            cwd=desk.folder,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_merge_whose_reader_went_is_kept(desk: Desk) -> None:
    place_models(desk.folder, "mit")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*MODULE, "merge", "recipe.yml", "out"],
            cwd=desk.folder,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert (desk.path("out") / "evoreg.json").is_file()
    assert desk.run("ledger", "verify").code == 0


# --- no place for words

FULL = Path("/dev/full")


def into(desk: Desk, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Carry out a command with a redirection of the shell."""
    script = f'exec "$@" {redirection}'
    return subprocess.run(
        ["sh", "-c", script, "sh", *MODULE, *arguments],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_merge_whose_output_cannot_be_written_is_kept(desk: Desk, options: list[str]) -> None:
    place_models(desk.folder, "mit")
    said = into(desk, ">/dev/full", "merge", "recipe.yml", "out", *options)
    assert said.returncode == 2
    assert "error[EVO-O002]: the output cannot be written: No space left" in said.stderr
    assert "--> standard output" in said.stderr
    assert not re.search("Traceback|EVO-B001|Exception ignored", said.stderr)
    assert (desk.path("out") / "evoreg.json").is_file()
    assert desk.run("ledger", "verify").code == 0


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["model", "list", "--json"]])
def test_full_output(desk: Desk, arguments: list[str]) -> None:
    said = into(desk, ">/dev/full", *arguments)
    assert said.returncode == 2
    assert said.stderr.splitlines() == [
        "error[EVO-O002]: the output cannot be written: No space left on device",
        "  --> standard output",
        "  = fix: what the command did before stands; print to a place with room",
    ]


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_an_error_that_finds_no_output_is_told_as_text(desk: Desk) -> None:
    code = desk.run("check", "no.yml").code
    said = into(desk, ">/dev/full", "check", "no.yml", "--json")
    lines = [line for line in said.stderr.splitlines() if line.startswith("error")]
    assert said.returncode == code
    assert ["no.yml" in said.stderr, "EVO-O002" in lines[1], len(lines)] == [True, True, 2]
    assert "Traceback" not in said.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
def test_talk_that_cannot_be_written_stops_nothing(desk: Desk) -> None:
    place_models(desk.folder, "mit")
    said = into(desk, "2>/dev/full", "merge", "recipe.yml", "out")
    assert (said.returncode, said.stderr) == (0, "")
    assert "ledger     entry" in said.stdout
    both = into(desk, ">/dev/full 2>&1", "ledger", "verify")
    assert (both.returncode, both.stdout, both.stderr) == (2, "", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_closed_streams(desk: Desk, closed: str, options: list[str]) -> None:
    place_models(desk.folder, "mit")
    said = into(desk, closed, "check", "recipe.yml", *options)
    assert said.returncode == 0
    assert (said.stdout == "") == (closed != "2>&-")
    assert "Traceback" not in said.stderr


# --- Ctrl-C after the work


def test_ctrl_c_after_the_result_is_there(desk: Desk) -> None:
    """It comes while the summary is printed; nothing false is said about what was left."""

    def pressed(*_rest: object) -> None:
        raise KeyboardInterrupt

    place_models(desk.folder, "mit")
    desk.patch.setattr("evoreg.registry.cli.merging.show_summary", pressed)
    said = desk.run("merge", "recipe.yml", "out")
    assert said.code == 130
    assert said.err.splitlines()[-1] == "interrupted; no half-made result was left"
    assert (desk.path("out") / "evoreg.json").is_file()
    assert desk.run("ledger", "verify").code == 0


def test_a_check_needs_no_name(desk: Desk) -> None:
    of_check, of_merge = (
        " ".join(desk.run(name, "--help").out.split()) for name in ("check", "merge")
    )
    assert "without it naming rules are only listed as duties" in of_check
    assert "(default: the folder's name)" in of_merge

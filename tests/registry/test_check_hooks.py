"""The pre-commit hook and the GitHub Action: their files are sound, and their commands run."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from evoreg.registry.cli.main import answer
from tests.registry.desk import MODULE, Desk, card, linear, model

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"


def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


# --- pre-commit


def hook() -> dict[str, Any]:
    (found,) = document(ROOT / ".pre-commit-hooks.yaml")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("recipe.yml", True),
        ("recipes/recipe-7b.yaml", True),
        ("a/b/mergekit_config.yml", True),
        ("merge.yml", True),
        ("my-recipe.yml", False),
        ("recipe.json", False),
        ("evoreg-policy.yml", False),
        (".github/workflows/ci.yml", False),
    ],
)
def test_the_hook_takes_recipes(path: str, meant: bool) -> None:
    assert (re.search(hook()["files"], path) is not None) == meant


def test_the_entry_of_the_hook_runs(desk: Desk) -> None:
    found = hook()
    assert (found["id"], found["language"], found["pass_filenames"]) == (
        "evoreg-check",
        "python",
        True,
    )
    desk.copy("b", "never", README__md=card("cc-by-nc-4.0"))
    good = desk.recipe(linear(model("a", weight=1), model("b", weight=1)), "merge.yml")
    bad = desk.recipe(linear(model("a", weight=1), model("./never", weight=1)), "recipe.yml")
    program, *words = shlex.split(found["entry"])
    assert program == "evoreg"
    assert desk.run(*words, good).code == 0
    done = subprocess.run(
        [*MODULE, *words, good.name, bad.name], cwd=desk.folder, capture_output=True, check=False
    )
    assert done.returncode == 3
    assert b"recipe.yml:" in done.stderr


# --- the action


def steps() -> dict[str, dict[str, Any]]:
    found = document(ACTION)["runs"]["steps"]
    return {step["name"]: step for step in found}


def test_the_action_puts_nothing_foreign_into_a_shell() -> None:
    found = document(ACTION)
    assert found["runs"]["using"] == "composite"
    for step in steps().values():
        assert "${{" not in step.get("run", "")
        assert step.get("shell", "bash") == "bash"
    told = {value for step in steps().values() for value in step.get("env", {}).values()}
    assert told == {f"${{{{ inputs.{name} }}}}" for name in found["inputs"]}
    outputs = {item["value"] for item in found["outputs"].values()}
    assert outputs == {f"${{{{ steps.check.outputs.{name} }}}}" for name in found["outputs"]}


class Runner:
    """A machine that runs the steps of an action: programs, variables, and files for answers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.programs = desk.path("programs")
        self.programs.mkdir()
        self.outputs, self.summary = desk.path("outputs"), desk.path("summary.md")
        self.outputs.touch()
        self.summary.touch()
        self.program("evoreg", f'exec {shlex.join(MODULE)} "$@"')
        self.program("python", f'exec {shlex.quote(sys.executable)} "$@"')

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, step: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        wanted = steps()[step]
        names = {value: key for key, value in wanted["env"].items()}
        given = {names[f"${{{{ inputs.{key} }}}}"]: value for key, value in inputs.items()}
        given = {key: given.get(key, "") for key in wanted["env"]}
        environment = {
            **os.environ,
            **given,
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_ACTION_PATH": "/the action",
            "RUNNER_TEMP": str(self.desk.folder),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", wanted["run"]],
            cwd=self.desk.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def answers(self) -> dict[str, str]:
        lines = self.outputs.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def test_the_action_checks(desk: Desk) -> None:
    runner = Runner(desk)
    desk.copy("b", "never", README__md=card("cc-by-nc-4.0"))
    desk.recipe(linear(model("a", weight=1), model("./never", weight=1)), "my recipe.yml")
    target = "\n  my recipe.yml  \n\nnever\n"
    done = runner.run("Check", target=target, intent="commercial", format="json", policy="default")
    assert done.returncode == 3
    assert "error[EVL104" in done.stderr
    assert runner.answers["verdict"] == "block"
    sarif = json.loads(Path(runner.answers["sarif-file"]).read_text())
    assert sarif["version"] == "2.1.0"
    report = json.loads(Path(runner.answers["report-file"]).read_text())
    assert [item["target"] for item in report["targets"]] == ["my recipe.yml", "never"]
    assert runner.summary.read_text().startswith("# evoreg check\n")


def test_the_action_takes_all_intents_and_no_commands(desk: Desk) -> None:
    runner = Runner(desk)
    desk.copy("b", "free", README__md=card("mit"))
    target = "free\n$(touch pwned)\n; touch pwned\n--output=pwned\n"
    done = runner.run("Check", target=target, intent="all", format="sarif")
    assert done.returncode in (2, 5)
    assert runner.answers["verdict"] == "error"
    assert runner.answers["report-file"] == runner.answers["sarif-file"]
    assert not desk.path("pwned").exists()


def test_the_action_tells_misuse(desk: Desk) -> None:
    runner = Runner(desk)
    done = runner.run("Check", target="free", intent="fun", format="sarif")
    assert (done.returncode, runner.answers) == (2, {"verdict": "error"})
    assert runner.summary.read_text().startswith("evoreg check did not run: ")
    assert "::error::" in done.stdout


@pytest.mark.parametrize("form", ["xml", "", "sarif\n::notice::x", "--json"])
def test_the_action_refuses_unknown_forms_at_once(desk: Desk, form: str) -> None:
    runner = Runner(desk)
    runner.program("evoreg", "touch ran")
    done = runner.run("Check", target="free", intent="commercial", format=form)
    assert (done.returncode, runner.answers) == (2, {"verdict": "error"})
    assert done.stdout.splitlines() == [
        "::error::there is no such format; formats are text, json, sarif and markdown"
    ]
    assert "there is no such format" in runner.summary.read_text()
    assert not desk.path("ran").exists()


def test_the_action_tells_of_a_policy_that_is_at_fault(desk: Desk) -> None:
    runner = Runner(desk)
    desk.copy("b", "free", README__md=card("mit"))
    desk.path("house.yml").write_text("version: nine\n")
    done = runner.run(
        "Check", target="free", intent="commercial", format="json", policy="house.yml"
    )
    assert done.returncode == 2
    assert "exit code 2" in runner.summary.read_text()
    assert runner.answers == {"verdict": "error"}


@pytest.mark.parametrize(
    ("version", "installed"),
    [("", "/the action"), ("1.2.3", "evoreg==1.2.3"), ("1.0rc1", "evoreg==1.0rc1")],
)
def test_the_action_installs(desk: Desk, version: str, installed: str) -> None:
    runner = Runner(desk)
    runner.program("python", 'printf "%s\\n" "$@" > installed')
    assert runner.run("Install evoreg", version=version).returncode == 0
    assert desk.path("installed").read_text().splitlines()[-1] == installed


@pytest.mark.parametrize("version", ["1.0 --index-url x", "$(touch pwned)", "../x", "-r x"])
def test_the_action_installs_versions_only(desk: Desk, version: str) -> None:
    runner = Runner(desk)
    runner.program("python", "touch installed")
    assert runner.run("Install evoreg", version=version).returncode == 2
    assert not desk.path("installed").exists()
    assert not desk.path("pwned").exists()


def test_every_option_of_the_action_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["check", "--help"]) == 0
    told = capsys.readouterr().out
    used = set(re.findall(r"--[a-z-]+", steps()["Check"]["run"])) - {"--"}
    assert {"--format", "--output", "--policy", "--intent", "--all-intents"} <= used
    assert all(option in told for option in used)

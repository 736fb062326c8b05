"""What an import brings along: one name for each file, light floors, and a light command line."""

import json
import os
import subprocess
import sys

from tests.house.house import ROOMS, ROOT, module_name, room_modules

# Alembic runs this file itself, with a context that only exists then; the other one is a script.
NOT_IMPORTED = ("evoreg.provenance.ledger.migrations.env", "evoreg.registry.__main__")

_PROGRAM = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by(*names: str) -> set[str]:
    """Return the modules that a fresh interpreter has after importing some."""
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, json.dumps(names)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(*rooms: str) -> list[str]:
    """Return the importable modules of some rooms."""
    names = [module_name(path) for path in room_modules() if path.split("/")[0] in rooms]
    return [name for name in names if name not in NOT_IMPORTED]


def test_every_file_has_one_name() -> None:
    names = modules_of(*ROOMS)
    loaded = loaded_by(*names)
    assert set(names) <= loaded
    bare = {name for name in loaded if name.split(".")[0] in ROOMS}
    assert bare == set(), "say evoreg.<room>"


def test_books_and_rules_need_no_tensors() -> None:
    names = modules_of("provenance", "policies")
    assert len(names) > 40
    heavy = {"torch", "transformers", "datasets", "cma", "numpy", "safetensors"}
    assert loaded_by(*names) & heavy == set()


def test_reading_a_recipe_needs_no_tensors() -> None:
    names = [name for name in modules_of("evolve") if name.startswith("evoreg.evolve.recipes")]
    assert loaded_by(*names) & {"torch", "transformers", "numpy"} == set()


def test_the_command_line_starts_light() -> None:
    heavy = {"torch", "transformers", "sqlalchemy", "pydantic", "huggingface_hub", "numpy"}
    assert loaded_by("evoreg.registry.cli.main") & (heavy | {"alembic", "jinja2"}) == set()

"""A model with an adapter on it, as it is found: one reference, two folders, two sets of papers."""

import json
from pathlib import Path

import pytest

from evoreg.provenance.records.errors import Code, InputError
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.resolve import ResolvedModel, resolve
from tests.models.builders import model_files, safetensors, write_files


def adapter_files() -> dict[str, bytes]:
    return {
        "adapter_model.safetensors": safetensors(5.0),
        "adapter_config.json": json.dumps({"peft_type": "LORA", "r": 2}).encode(),
        "README.md": b"---\nlicense: mit\n---\n",
        "LICENSE": b"the licence of the adapter\n",
    }


def find(folder: Path, text: str) -> ResolvedModel:
    return resolve(text, base_folder=folder, hasher=measure, offline=True)


def test_model_and_adapter_keep_their_own_papers(tmp_path: Path) -> None:
    write_files(tmp_path / "a", model_files())
    write_files(tmp_path / "l", adapter_files())
    found = find(tmp_path, "./a+./l")
    assert found.adapter is not None
    assert [text.data for text in found.texts] == [b"a licence\n"]
    assert [text.data for text in found.adapter.texts] == [b"the licence of the adapter\n"]
    assert found.model.adapter == found.adapter.model
    assert found.model.label == "a+l"
    assert found.problems == ()
    bare, alone = find(tmp_path, "./a"), find(tmp_path, "./l")
    assert len({x.model.identity for x in (found, bare, alone)}) == 3


def test_an_adapter_beside_other_weights_is_refused(tmp_path: Path) -> None:
    """The weights that were measured must be those that are applied."""
    write_files(tmp_path / "a", model_files())
    write_files(tmp_path / "l", {**model_files(1.0), **adapter_files()})
    with pytest.raises(InputError, match=r"other weights: model\.safetensors") as caught:
        find(tmp_path, "./a+./l")
    assert caught.value.code == Code.INPUT_CONFIG

"""Model folders for tests: real safetensors files, very small."""

import json
import struct
from pathlib import Path

CARD = b"---\nlicense: apache-2.0\nbase_model: org/parent\n---\n# A model\n"


def safetensors(value: float = 0.0, name: str = "w") -> bytes:
    """Return a valid safetensors file with one tensor of four numbers."""
    data = struct.pack("<4f", *[value] * 4)
    header = json.dumps({name: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def model_files(value: float = 0.0) -> dict[str, bytes]:
    """Return the files of a small model."""
    return {
        "model.safetensors": safetensors(value),
        "config.json": b'{"model_type":"tiny"}',
        "README.md": CARD,
        "LICENSE": b"a licence\n",
        "tokenizer.json": b"{}",
    }


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder, which is made; return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder

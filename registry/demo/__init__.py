"""Small trained models that ship with evoreg, so that the main job can be seen at work offline.

Four models of half a million weights each live in `models/`: a base, an expert in
English maths and two experts in Japanese. None of them can do Japanese maths well; `recipe.yml`
merges two of them into one that can. `recipe-refused.yml` asks for the same with a source that may
not be used commercially. The models are made by `examples/demo_models/train.py`.
"""

from importlib.resources import files
from pathlib import Path

__all__ = [
    "demo_folder",
    "models_folder",
    "problems_file",
    "recipe_file",
    "refused_recipe_file",
    "search_file",
]


def demo_folder() -> Path:
    """The folder that holds the recipes, the test problems and the models."""
    # evoreg is never imported from a zip file (torch cannot be), so that its resources are files.
    return Path(str(files("evoreg.registry.demo")))


def models_folder() -> Path:
    """The folder with one folder for each model."""
    return demo_folder() / "models"


def recipe_file() -> Path:
    """The recipe of the merge that the demo makes."""
    return demo_folder() / "recipe.yml"


def refused_recipe_file() -> Path:
    """The recipe that a commercial release must be refused, for the licence of one source."""
    return demo_folder() / "recipe-refused.yml"


def search_file() -> Path:
    """The search file of a short search over all the models."""
    return demo_folder() / "search.yml"


def problems_file() -> Path:
    """Japanese maths problems with operands that no demo model was trained on, as JSON lines."""
    return demo_folder() / "japanese-maths-test.jsonl"

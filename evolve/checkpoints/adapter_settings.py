"""What adapter_config.json says: how strongly a LoRA adapter is applied, and whether it can be.

The file belongs to a stranger. A setting that is not known and not empty is refused, since it may
change what the weights mean.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evoreg.evolve.checkpoints.adapter_patterns import NONE, Patterns, is_plain, is_tame
from evoreg.evolve.checkpoints.folder import read_json
from evoreg.provenance.records.canonical import Json, to_canonical
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, InputError, RecipeError

ADAPTER_CONFIG = "adapter_config.json"
"""The settings of an adapter."""

_LARGEST = 4 * 2**20
_MOST_EXPRESSIONS = 100
_LARGEST_RANK = 2**20
_DEFAULT = 8
_KIND = "LORA"

# Settings that say how the adapter was trained; its tensors tell all that matters of them.
_INERT = frozenset(
    (
        "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying",
        "ephemeral_gpu_offload", "eva_config", "exclude_modules", "inference_mode",
        "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config", "lora_bias",
        "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "merge_weights",
        "modules_to_save", "modules_to_tie", "peft_type", "peft_version", "qalora_group_size",
        "revision", "runtime_config", "target_modules", "target_modules_to_tie", "task_type"
    )
)  # fmt: skip
_DECISIVE = frozenset(
    (
        "alpha_pattern", "fan_in_fan_out", "lora_alpha", "r", "rank_pattern", "use_dora",
        "use_rslora"
    )
)  # fmt: skip
_HARMLESS_STARTS = ("gaussian", "eva", "orthogonal", "mica", "true", "false")
"""Ways to begin the training of an adapter that leave the model below it as it is."""


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """How a LoRA adapter is applied."""

    rank: int
    """Columns of B and rows of A, where no pattern says otherwise."""
    alpha: float
    """Numerator of the scale, where no pattern says otherwise."""
    ranks: Patterns = NONE
    """Ranks by pattern."""
    alphas: Patterns = NONE
    """Numerators by pattern."""
    root: bool = False
    """True if alpha is divided by the square root of the rank (rsLoRA)."""
    magnitudes: bool = False
    """True if the length of each row is set by a vector of its own (DoRA)."""
    turned: bool = False
    """True if weights are stored as (in, out), as the layers of GPT-2 are."""
    whole: tuple[str, ...] = ()
    """Ends of the names of modules that it brings whole (`modules_to_save`)."""
    biases: bool = False
    """True if it brings biases whole."""

    def rank_of(self, module: str) -> int:
        """Return the rank that a module should have."""
        return int(self.ranks.value(module, self.rank))

    def brings(self, module: str, *, bias: bool) -> bool:
        """Tell whether the settings announce a tensor that takes the place of the model's.

        Args:
            module: The module that holds it.
            bias: Whether it is a bias.

        Returns:
            True if it is a bias that was trained, or if the module is, or lies in, one that is
            brought whole.
        """
        words = module.split(".")
        outer = [".".join(words[: at + 1]) for at in range(len(words))]
        named = any(name.endswith(end) for end in self.whole for name in outer)
        return named or (bias and self.biases)

    def scale(self, module: str) -> float:
        """Return what B A is multiplied by in a module.

        Args:
            module: Its name in the model that the adapter was trained on, without a prefix.

        Returns:
            alpha / r, or alpha / sqrt(r) with rsLoRA; both with the patterns taken into account.
        """
        rank = self.rank_of(module)
        alpha = self.alphas.value(module, self.alpha)
        return alpha / math.sqrt(rank) if self.root else alpha / rank

    @property
    def digest(self) -> Digest:
        """Digest of all that decides what the adapter's weights mean."""
        body: dict[str, Json] = {
            "alpha": self.alpha,
            "alphas": [list(pair) for pair in self.alphas.pairs],
            "magnitudes": self.magnitudes,
            "rank": self.rank,
            "ranks": [list(pair) for pair in self.ranks.pairs],
            "root": self.root,
            "turned": self.turned,
        }
        return digest_of(to_canonical(body))


def read_settings(folder: Path) -> AdapterSettings:
    """Read the settings of an adapter.

    Args:
        folder: The adapter's folder.

    Returns:
        What decides how it is applied.

    Raises:
        InputError: Missing, too large or broken (INPUT_MISSING, INPUT_CONFIG).
        RecipeError: Another kind of adapter, or a setting that evoreg does not carry out
            (RECIPE_UNSUPPORTED).
    """
    path = folder / ADAPTER_CONFIG
    if path.is_file() and path.stat().st_size > _LARGEST:
        raise _broken(path, f"the file is larger than {_LARGEST:,} bytes")
    config = read_json(path, code=Code.INPUT_CONFIG)
    _check_kind(path, config)
    whole = config.get("modules_to_save")
    named = [name for name in whole if isinstance(name, str)] if isinstance(whole, list) else []
    return AdapterSettings(
        rank=_rank(path, config.get("r", _DEFAULT)),
        alpha=_number(path, "lora_alpha", config.get("lora_alpha", _DEFAULT)),
        ranks=Patterns(
            tuple(
                (pattern, _rank(path, value)) for pattern, value in _patterns(path, config, "rank")
            )
        ),
        alphas=Patterns(
            tuple(
                (pattern, _number(path, "alpha_pattern", value))
                for pattern, value in _patterns(path, config, "alpha")
            )
        ),
        root=_flag(path, config, "use_rslora"),
        magnitudes=_flag(path, config, "use_dora"),
        turned=_flag(path, config, "fan_in_fan_out"),
        whole=tuple(name for name in named if name),
        biases=config.get("bias") in ("all", "lora_only"),
    )


def model_of(folder: Path) -> str:
    """Return what an adapter says that it was trained on.

    Args:
        folder: The adapter's folder.

    Returns:
        A name or path as its maker wrote it, or ``MODEL`` if it does not say or cannot be read.
    """
    try:
        named = read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    except InputError:
        return "MODEL"
    fit = isinstance(named, str) and named.strip() and named.isprintable() and len(named) < 200
    return str(named) if fit else "MODEL"


def _broken(path: Path, what: str) -> InputError:
    hint = "download the adapter again, or ask its maker"
    return InputError(Code.INPUT_CONFIG, what, where=str(path), hint=hint)


def _refused(path: Path, what: str, hint: str) -> RecipeError:
    return RecipeError(Code.RECIPE_UNSUPPORTED, what, where=str(path), hint=hint)


def _check_kind(path: Path, config: Mapping[str, Json]) -> None:
    whole = "merge it into its model with the library that made it, and name that folder"
    kind = config.get("peft_type")
    if not isinstance(kind, str):
        raise _broken(path, "peft_type is missing, so it is not known what kind of adapter this is")
    if kind.upper() != _KIND:
        raise _refused(path, f"adapters of the kind {kind!r:.40} are not offered, only LoRA", whole)
    for name, value in sorted(config.items()):
        if name not in _INERT | _DECISIVE and value not in (None, False, [], {}, ""):
            raise _refused(path, f"the setting {name!r:.60} of this adapter is not offered", whole)
    start = str(config.get("init_lora_weights", True)).lower()
    if start not in _HARMLESS_STARTS:
        what = f"init_lora_weights {start!r:.40}: it was trained on a changed copy of its model"
        hint = "save it with path_initial_model_for_weight_conversion, which makes a plain LoRA"
        raise _refused(path, what, hint)


def _flag(path: Path, config: Mapping[str, Json], name: str) -> bool:
    value = config.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _broken(path, f"{name} is neither true nor false")


def _rank(path: Path, value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST_RANK:
        return value
    raise _broken(path, f"this is no rank: {value!r:.40}")


def _number(path: Path, name: str, value: Json) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e30:
        return float(value)
    raise _broken(path, f"{name} is no finite number: {value!r:.40}")


def _patterns(path: Path, config: Mapping[str, Json], kind: str) -> list[tuple[str, Json]]:
    found = config.get(f"{kind}_pattern")
    if found is None:
        return []
    if not isinstance(found, dict) or sum(not is_plain(name) for name in found) > _MOST_EXPRESSIONS:
        raise _broken(path, f"{kind}_pattern is no mapping, or one of too many expressions")
    for pattern in found:
        if not is_tame(pattern):
            what = f"{kind}_pattern holds an expression that is too complicated: {pattern!r:.80}"
            raise _refused(path, what, "write the names of the modules instead")
    return list(found.items())

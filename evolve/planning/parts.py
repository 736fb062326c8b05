"""The parts of a model, told from its tensor names: text decoder, vision tower, encoder and so on.

A tensor belongs to the part with the longest prefix that its name begins with. The table below is
the only knowledge about architectures here; `modules` of a recipe may name these parts, or any
prefix as it stands in the files.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from evoreg.evolve.checkpoints.tensors import stack_of, stacks
from evoreg.provenance.records.errors import Code, Problem

TEXT = "text_decoder"
"""The part that holds the language model."""
DEFAULT = "default"
"""The module that takes whatever no other module claims."""
_SAME = {"vision_model": "vision_tower", "language_model": TEXT}
"""Other names of parts, for files that do not use them as prefixes."""

Rows = Mapping[str, str]
"""Part by prefix."""


def _rows(parts: Mapping[str, str]) -> Rows:
    return MappingProxyType(
        {prefix: part for part, prefixes in parts.items() for prefix in prefixes.split()}
    )


# The text decoder comes with and without a prefix of its own: "model.visual" is a longer prefix
# than "model", so that what remains under "model" is the decoder's.
MULTIMODAL = _rows(
    {
        TEXT: "model transformer language_model model.language_model text_model model.text_model "
        "llm language gpt_neox lm_head embed_out",
        "vision_tower": "vision_tower vision_model vision_encoder vision_backbone vision visual "
        "vpm model.vision_tower model.vision_model model.vision_encoder model.vision_backbone "
        "model.vision model.visual model.vision_embed_tokens transformer.visual",
        "audio_tower": "audio_tower audio_encoder model.audio_tower model.audio_encoder",
        "multi_modal_projector": "multi_modal_projector model.multi_modal_projector mm_projector "
        "model.mm_projector connector model.connector visual.merger model.visual.merger "
        "visual.deepstack_merger_list model.visual.deepstack_merger_list mlp1 resampler qformer "
        "query_tokens language_projection aligner projector image_newline "
        "model.image_newline embed_vision model.embed_vision embed_audio model.embed_audio",
    }
)
"""The parts of models with one language model, perhaps with eyes and ears."""

PAIRED = _rows(
    {
        "encoder": "encoder model.encoder",
        "decoder": "decoder model.decoder",
        "shared": "shared model.shared lm_head proj_out final_logits_bias",
    }
)
"""The parts of models with an encoder and a decoder."""

PART_NAMES = tuple(dict.fromkeys((*MULTIMODAL.values(), *PAIRED.values(), DEFAULT)))
"""What a module may be called, besides prefixes of tensor names."""


def rows_for(names: Iterable[str]) -> Rows:
    """Return the table of parts that fits some tensors.

    Args:
        names: All tensor names of a model.

    Returns:
        `PAIRED` if both an encoder and a decoder have layers, else `MULTIMODAL`.
    """
    found = stacks(names)
    paired = all(
        any(stack.startswith((f"{part}.", f"model.{part}.")) for stack in found)
        for part in ("encoder", "decoder")
    )
    return PAIRED if paired else MULTIMODAL


def begins_with(name: str, prefix: str) -> bool:
    """Tell whether a tensor name is a prefix or goes on after it with a dot."""
    return name == prefix or name.startswith(f"{prefix}.")


def part_of(name: str, rows: Rows) -> tuple[str | None, int]:
    """Return the part that a tensor belongs to.

    Args:
        name: Tensor name, or the name of a stack.
        rows: See `rows_for`.

    Returns:
        The part and the length of the prefix that decided it; nothing and -1 if none fits.
    """
    end = len(name)
    while end > 0:
        part = rows.get(name[:end])
        if part is not None:
            return part, end
        end = name.rfind(".", 0, end)
    return None, -1


def parts_among(names: Collection[str]) -> list[str]:
    """Return the known parts that some tensors belong to.

    Args:
        names: Tensor names.

    Returns:
        Parts in the order of their table.
    """
    rows = rows_for(names)
    present = {part_of(name, rows)[0] for name in names}
    return [part for part in dict.fromkeys(rows.values()) if part in present]


def labels(names: Collection[str]) -> dict[str, str]:
    """Return the part of each tensor as shares are told by it.

    Args:
        names: All tensor names of the result.

    Returns:
        By name: empty for the text decoder and for models with one stack of layers; else the part,
        or the stack itself where no part is known.
    """
    if len(stacks(names)) < 2:
        return dict.fromkeys(names, "")
    rows = rows_for(names)
    found = {}
    for name in names:
        part, _ = part_of(name, rows)
        found[name] = "" if part == TEXT else part or stack_of(name) or ""
    return found


@dataclass(frozen=True)
class Owners:
    """Which module each tensor belongs to, and what stands against it."""

    modules: Mapping[str, str]
    """Module by tensor name."""
    problems: tuple[Problem, ...]
    """Unknown modules, tensors that two modules claim, and tensors that none claims."""


def owners(modules: Sequence[str], names: Collection[str]) -> Owners:
    """Share out the tensors among the modules of a recipe.

    Args:
        modules: Names of the modules: parts, prefixes or `DEFAULT`.
        names: The tensors of all models.

    Returns:
        The owner of each tensor: the module that claims it by the longest prefix.
    """
    rows = rows_for(names)
    problems = [_unknown(module, names, rows) for module in modules]
    found = [problem for problem in problems if problem is not None]
    if found:
        return Owners({}, tuple(found))
    taken: dict[str, str] = {}
    for name in names:
        claims = sorted(((_claim(module, name, rows), module) for module in modules), reverse=True)
        best = claims[0][0]
        rivals = sorted(module for length, module in claims if length == best)
        if best >= 0 and len(rivals) > 1:
            what = f"{' and '.join(rivals)} both claim {name}"
            hint = "name prefixes of which one is longer, or only one of these modules"
            found.append(Problem(Code.RECIPE_STRUCTURE, what, "modules", hint))
        elif best >= 0:
            taken[name] = rivals[0]
    found += _unclaimed([name for name in names if name not in taken], rows) if not found else []
    found += [_idle(module) for module in modules if not found and module not in taken.values()]
    return Owners(taken, tuple(found))


def _claim(module: str, name: str, rows: Rows) -> int:
    """Return the length of the prefix by which a module claims a tensor, or -1."""
    if module == DEFAULT:
        return 0
    if module in rows.values():
        part, length = part_of(name, rows)
        return length if part == module else -1
    if begins_with(name, module):
        return len(module)
    return _claim(_SAME[module], name, rows) if _SAME.get(module) in rows.values() else -1


def _unknown(module: str, names: Collection[str], rows: Rows) -> Problem | None:
    if any(_claim(module, name, rows) >= 0 for name in names):
        return None
    known = list(dict.fromkeys([*parts_among(names), *_roots(names), DEFAULT]))
    near = difflib.get_close_matches(module, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"parts of these models: {', '.join(known)}"
    what = f"the models have no module {module!r:.60}"
    return Problem(Code.RECIPE_STRUCTURE, what, f"modules.{module}", hint)


def _roots(names: Iterable[str]) -> list[str]:
    """Return prefixes that a person would name: first words and stacks."""
    words = {name.split(".", 1)[0] for name in names}
    return [*sorted(words), *stacks(names)][:12]


def _idle(module: str) -> Problem:
    what = f"the module {module!r:.60} has no tensor left: longer prefixes claim them all"
    return Problem(Code.RECIPE_STRUCTURE, what, f"modules.{module}", "leave it out")


def _unclaimed(names: Sequence[str], rows: Rows) -> list[Problem]:
    """Return one problem for each part that no module claims."""
    left: dict[str, list[str]] = {}
    for name in names:
        left.setdefault(part_of(name, rows)[0] or name.split(".", 1)[0], []).append(name)
    if not left:
        return []
    add = ", ".join(left)
    return [
        Problem(
            Code.RECIPE_STRUCTURE,
            f"no module claims {part} ({len(found)} tensors, such as {found[0]})",
            "modules",
            f"add under modules: {add}; or default for all that is left",
        )
        for part, found in left.items()
    ]

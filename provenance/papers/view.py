"""What the templates print: the facts, put into words, every word escaped."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from evoreg.provenance.papers import words
from evoreg.provenance.papers.escape import (
    Markdown,
    label_text,
    markdown,
    visible,
    web_address,
    without_path,
)
from evoreg.provenance.papers.facts import Credit, Earlier, Evaluation, ReleaseFacts
from evoreg.provenance.papers.front_matter import is_hub_id
from evoreg.provenance.papers.license_plan import Plan, license_ids
from evoreg.provenance.papers.words import prose, source_name
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.model import Model
from evoreg.provenance.records.recipe import Recipe, Settings

HUB = "https://huggingface.co"

KIND_WORDS: dict[str, str] = {
    "license_text": "a copy of the licence",
    "notice": "a notice, in NOTICE",
    "attribution": "attribution",
    "display": "words to be shown to the public",
    "name_prefix": "a rule for the name",
    "use_restrictions": "use restrictions, in USE_RESTRICTIONS.md",
    "source_offer": "an offer of the source form",
    "modification_statement": "a statement of the changes, in MODIFICATIONS.md",
    "credits": "credits",
    "acceptance": "recipients must accept the restrictions before they get the model",
    "eu_gate": "the page must keep the European Union out",
}
CONDITIONAL = "words to be shown to the public, not in force by themselves"
"""The same for words that must be shown only where a condition holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the credits table."""

    source: Markdown
    revision: Markdown
    who: Markdown
    license: Markdown
    effective: Markdown
    alignment: Markdown
    nominal: Markdown


def percent(fraction: str) -> str:
    """Return a fraction in per cent.

    Args:
        fraction: A number as text, such as ``0.312500000``.

    Returns:
        Two decimals, such as ``31.25 %``; ``< 0.01 %`` for less that is not zero.
    """
    value = Decimal(fraction) * 100
    if value != 0 and abs(value) < Decimal("0.01"):
        return "< 0.01 %"
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN)} %"


def decimals(fraction: str) -> str:
    """Return a fraction with four decimals, never ``-0.0000``."""
    value = Decimal(fraction).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
    return f"{abs(value) if value == 0 else value}"


def makers(model: Model) -> str:
    """Return who made a model: the card's authors, else the namespace on the Hub.

    Args:
        model: A source.

    Returns:
        Names joined by commas, or ``maker not stated``; then those of its adapter.
    """
    if model.adapter is not None:
        bare = model.model_copy(update={"adapter": None})
        return f"{makers(bare)}; adapter: {makers(model.adapter)}"
    if model.card.authors:
        return ", ".join(model.card.authors)
    namespace, slash, _ = model.name.partition("/")
    return namespace if slash and model.origin == "hub" else "maker not stated"


def _linked(model: Model) -> Markdown:
    text = source_name(model.label)
    if model.origin != "hub" or not is_hub_id(model.name):
        return text
    tree = f"/tree/{model.revision}" if model.revision else ""
    return Markdown(f"[{text}]({HUB}/{model.name}{tree})")


def revision_of(model: Model) -> str:
    """Return the exact state of a model and its adapter: commit, or digest digits of weights."""
    if model.adapter is not None:
        bare = model.model_copy(update={"adapter": None})
        return f"{revision_of(bare)} + {revision_of(model.adapter)}"
    return model.revision or f"weights {short(model.identity)}"


def _license_cell(credit: Credit, plan: Plan) -> Markdown:
    stored = {text.id: text.path for text in plan.texts if text.data is not None}
    name = markdown(credit.license.name or credit.license.expression)
    address = web_address(credit.license.url)
    head = f"[{name}]({address})" if address else name
    ids = license_ids(credit.license.expression)
    links = [f"[{markdown(key)}]({stored[key]})" if key in stored else markdown(key) for key in ids]
    return Markdown(f"{head} ({', '.join(links)})" if links else head)


def credit_row(credit: Credit, plan: Plan) -> Row:
    """Return the line of the credits table for one source.

    Args:
        credit: The source.
        plan: Which licence texts lie in the release.

    Returns:
        Cells without active characters of upstream.
    """
    part = credit.contribution
    remark = words.BASE_MARK if credit.base else ""
    who = "made on the way" if credit.made else makers(credit.model)
    return Row(
        source=Markdown(_linked(credit.model) + remark),
        revision=markdown(revision_of(credit.model)),
        who=markdown(who),
        license=_license_cell(credit, plan),
        effective=markdown(share_text(credit)),
        alignment=markdown(decimals(part.alignment)),
        nominal=markdown(decimals(part.nominal)),
    )


def share_text(credit: Credit) -> str:
    """Return the effective share of a source, and of what it is one.

    Args:
        credit: The source.

    Returns:
        For example ``31.25 %``, or ``31.25 % of NAME`` for a source of an earlier result.
    """
    if not credit.contribution.used:
        return "not in the result"
    of = f" of {label_text(credit.step)}" if credit.step else ""
    return percent(credit.contribution.effective) + of


def settings_text(settings: Settings) -> str:
    """Return parameters in one line.

    Args:
        settings: Parameters by name.

    Returns:
        For example ``density = 0.5, weight = [0.0, 1.0] (self_attn)``; ``none`` without any.
    """
    found = []
    for name, values in settings:
        for setting in values:
            value = setting.value
            shown = (
                f"[{', '.join(_scalar(item) for item in value)}]"
                if isinstance(value, tuple)
                else _scalar(value)
            )
            found.append(f"{name} = {shown}" + (f" ({setting.filter})" if setting.filter else ""))
    return ", ".join(found) or "none"


def _scalar(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return without_path(value) if isinstance(value, str) else repr(value)


def how_rows(facts: ReleaseFacts, sources: tuple[Credit, ...]) -> list[tuple[Markdown, Markdown]]:
    """Return what was done, as pairs of a word and its value.

    Args:
        facts: What the papers are written from.
        sources: The credits, in the order of the recipe.

    Returns:
        Pairs for a two-column table.
    """
    recipe, candidate = facts.candidate.recipe, facts.candidate
    labels = {c.contribution.reference: c.model.label for c in sources if not c.step}
    base = labels.get(recipe.base_model or "", "none")
    pairs = [
        ("method", recipe.method),
        ("base", label_text(base)),
        ("parameters", settings_text(recipe.parameters)),
        *_part_pairs(recipe, labels),
        ("seed", str(candidate.seed)),
        ("dtype", recipe.dtype or "that of the sources"),
        ("out_dtype", recipe.out_dtype or recipe.dtype or "that of the sources"),
        ("tensors", f"{candidate.census.tensors} ({candidate.census.parameters} numbers)"),
        ("made by", f"evoreg {candidate.engine.version}, arithmetic {candidate.engine.rules}"),
        ("papers by", f"evoreg {facts.evoreg}"),
        ("candidate", candidate.id),
        *((f"made before: {one.name}", _step_text(one)) for one in facts.earlier),
        ("recipe", recipe.record_digest()),
        ("policy", facts.decision.policy),
        ("licence knowledge", facts.decision.knowledge),
        *((name, version) for name, version in sorted(facts.libraries)),
    ]
    if facts.date:
        pairs.append(("date", facts.date))
    return [(markdown(word), prose(value)) for word, value in pairs]


def _step_text(step: Earlier) -> str:
    labels = (label_text(model.label) for model in step.models.values())
    made = step.candidate
    return f"{made.recipe.method} of {', '.join(labels)}; seed {made.seed}; candidate {made.id}"


def _part_pairs(recipe: Recipe, labels: dict[str, str]) -> list[tuple[str, str]]:
    """Return the parameters of each model, or of each layer range."""
    found = []
    for source in recipe.models:
        label = label_text(labels.get(source.model, source.model))
        found.append((f"parameters of {visible(label)}", settings_text(source.parameters)))
    for number, piece in enumerate(recipe.slices, 1):
        for source in piece.sources:
            label = label_text(labels.get(source.model, source.model))
            first, end = source.layer_range or (0, 0)
            layers = f"layers {first} to {end - 1}" if source.layer_range else "all layers"
            text = f"{layers} of {visible(label)}; {settings_text(source.parameters)}"
            found.append((f"slice {number}", text))
    return found


def score_cells(row: Evaluation) -> list[Markdown]:
    """Return the cells of one line of the evaluation table."""
    error = "" if row.error is None else f"{row.error:.4f}"
    items = "" if row.items is None else str(row.items)
    texts = (row.task, row.split, row.metric, f"{row.value:.4f}", error, items)
    return [markdown(label_text(row.model)), *(markdown(text) for text in texts)]

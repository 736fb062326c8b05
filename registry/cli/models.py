"""How models look on the screen, and the check of a licence that somebody claims."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from rich.table import Table
from rich.text import Text

from evoreg.policies.claims import NO_GRANT
from evoreg.policies.expressions import parse
from evoreg.policies.knowledge.book import load
from evoreg.provenance.ledger.values import RegisteredModel
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, PolicyError
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.lineage import Relation
from evoreg.provenance.records.model import File, Model
from evoreg.registry.cli.screen import plain, styled
from evoreg.registry.models.catalogue import ShownModel, is_paper

_RELATIONS: tuple[Relation, ...] = get_args(Relation)


def models_table(entries: Sequence[RegisteredModel]) -> Table:
    """Return a table of registered models.

    Args:
        entries: The models.

    Returns:
        Entry, name, licence of the card, size, identity.
    """
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    table.add_column("entry", justify="right", no_wrap=True)
    for title in ("model", "card's licence"):
        table.add_column(title, no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("identity", no_wrap=True)
    for item in entries:
        size = sum(file.size for file in item.model.weights)
        table.add_row(
            str(item.seq),
            styled(item.model.label),
            styled(", ".join(item.model.card.license) or "none"),
            f"{size:,}",
            short(item.model.identity),
        )
    return table


def model_lines(shown: ShownModel) -> Iterator[Text]:
    """Yield what is known about a model, line by line.

    Args:
        shown: The model with its claims.

    Yields:
        Printable lines.
    """
    model = shown.entry.model
    yield styled(model.label, "bold")
    yield styled(f"  identity   {model.identity}")
    yield styled(f"  entry      {shown.entry.seq}, {shown.entry.at}, by {shown.entry.by}")
    yield styled(f"  location   {shown.entry.location}")
    yield styled(f"  licence    {', '.join(model.card.license) or 'none'} (card)")
    if model.card.license_name:
        yield styled(f"             {model.card.license_name} (card's license_name)")
    yield from _parent_lines(shown)
    for file in model.files:
        held = "  kept" if is_paper(file) and _paper(file, shown)["kept"] else ""
        line = f"  {file.role:<9}  {file.path}  {file.size:,}  {short(file.digest)}{held}"
        yield styled(line, "dim")
    for claim in shown.claims:
        yield from _claim_lines(claim)


def papers(shown: ShownModel) -> tuple[Mapping[str, Json], ...]:
    """Return the licence and notice files of a model, and which of their texts the ledger keeps.

    Args:
        shown: The model.

    Returns:
        Path, digest, size and ``kept`` of each file, in the order of the model; those of an
        adapter follow.
    """
    found: list[Mapping[str, Json]] = []
    part: Model | None = shown.entry.model
    while part is not None:
        found += [_paper(file, shown) for file in part.files if is_paper(file)]
        part = part.adapter
    return tuple(found)


def _paper(file: File, shown: ShownModel) -> Mapping[str, Json]:
    text = shown.texts.get(file.digest)
    kept = text is not None and text.content is not None
    return {"path": file.path, "digest": file.digest, "size": file.size, "kept": kept}


def _parent_lines(shown: ShownModel) -> Iterator[Text]:
    """Yield the parents, those that only the card of an older registration names last."""
    card = shown.entry.model.card
    edges = sorted(shown.edges, key=lambda e: (_RELATIONS.index(e.relation), e.parent, e.origin))
    for edge in edges:
        exact = f"@{edge.revision[:7]}" if edge.revision else ""
        who = f"by {edge.by}" if edge.origin == "human" else edge.origin
        yield styled(f"  parent     {edge.relation:<14}  {edge.parent}{exact} ({who})")
        if edge.note:
            yield styled(f"             {edge.note}")
    if not any(edge.origin == "card" for edge in edges):
        for name in card.base_model:
            yield styled(f"  made from  {name} ({card.base_model_relation or 'card'})")


def _claim_lines(claim: LicenseClaim) -> Iterator[Text]:
    proof = claim.evidence.locator if claim.evidence else "no evidence"
    said = claim.expression or "no licence"
    yield styled(f"  claim      {said}  by {claim.by}, {claim.at}: {proof}")
    for rider in claim.riders:
        value = f" {rider.value}" if rider.value else ""
        yield styled(f"  rider      {rider.kind}{value}")
    if claim.note:
        yield styled(f"             {claim.note}")


def check_expression(text: str) -> None:
    """Refuse a licence that the knowledge base does not know.

    Args:
        text: A licence key, Hub id or expression.

    Raises:
        PolicyError: It cannot be read, names an unknown licence, or a key that states nothing.
    """
    if text.strip() == NO_GRANT:  # a fact that may be claimed: nobody licensed the weights
        return
    found = parse(text, load())
    if found.problem or not found.known:
        names = ", ".join(found.unknown)
        what = found.problem or f"unknown licence: {names}"
        raise PolicyError(
            Code.POLICY_EXPRESSION,
            plain(what),
            hint="use a Hub id such as apache-2.0, or an SPDX expression (docs/licensing.md)",
        )
    rows = {row.key: row for choice in found.alternatives for row in choice}
    empty = sorted(key for key, row in rows.items() if row.kind in ("other", "unknown"))
    if empty:
        raise PolicyError(
            Code.POLICY_EXPRESSION,
            f"this names no licence: {', '.join(empty)}",
            hint="name the licence that the evidence grants; without one, make no claim",
        )

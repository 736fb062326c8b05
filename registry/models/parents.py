"""Parents: what a model's own folder says about what the model was made from.

Three files speak: the card (``base_model``, ``datasets``), a recipe of mergekit or evoreg that was
left in the folder, and the settings of an adapter. All three are written by strangers. What they
say becomes edges of the lineage. What cannot be read becomes a problem, and an edge to a parent
that nobody will find: a parent that is hidden by broken writing must not count as none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evoreg.evolve.recipes.marked import LARGEST, Items, Leaf, Marked, Table, load_stream
from evoreg.provenance.records.errors import Code, EvoregError, Problem
from evoreg.provenance.records.license import Evidence
from evoreg.provenance.records.lineage import Edge, EdgeOrigin, Relation
from evoreg.provenance.records.model import File, Model
from evoreg.registry.models.card import UNREADABLE
from evoreg.registry.models.inside import read_inside, read_object
from evoreg.registry.models.parent_names import ParentName, parent_name
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.models.roles import ADAPTER_CONFIG, CARD

MOST_PARENTS = 1000
"""Edges of one model that are kept; of the others one is, to a parent that cannot be read."""
RELATIONS: dict[str, Relation] = {
    "adapter": "adapter",
    "finetune": "finetune",
    "merge": "merge",
    "quantized": "quantized",
}
"""What ``base_model_relation`` of a card may say."""
_REFERENCES = ("model", "base_model", "source_model", "tokenizer_source", "source", "lora")
_NO_MODELS = ("union", "base")
"""What a recipe may say instead of a model where it says whose tokenizer it wants."""


def edges_of(
    model: Model, folder: Path, by: str, at: str
) -> tuple[tuple[Edge, ...], tuple[Problem, ...]]:
    """Read what a model's folder says about its parents.

    Args:
        model: The model; of one with an adapter only the model below it is looked at.
        folder: Its folder, which the files of the model lie in.
        by: Who records it.
        at: When: ISO 8601, UTC, to the second, ending in Z.

    Returns:
        The edges, each once, sorted by parent, at most `MOST_PARENTS` and one for those left out;
        and what could not be read, whose parent is called `UNREADABLE`.
    """
    bare = model.model_copy(update={"adapter": None})
    reader = _Reader(bare, folder, by, at)
    reader.read()
    # Data last: a long list of it must not push out the weights.
    edges = sorted(reader.edges.values(), key=lambda e: (e.relation == "dataset", _order(e)))
    if len(edges) > MOST_PARENTS:
        reader.tell(
            Code.INPUT_CARD,
            f"it names more than {MOST_PARENTS} parents, and the rest were left out",
            "",
            "look at the files yourself and record the others with evoreg model parent",
        )
    kept, left = edges[:MOST_PARENTS], edges[MOST_PARENTS:]
    kept += [_unreadable(edge) for edge in left if edge.relation != "dataset"][:1]
    return tuple(sorted(kept, key=_order)), tuple(reader.problems)


def told_parents(resolved: ResolvedModel, by: str = "", at: str = "") -> tuple[Edge, ...]:
    """Return what the folder of a resolved model says about its parents, its adapter left aside.

    Args:
        resolved: The model.
        by: Who records it.
        at: When.

    Returns:
        The edges of `edges_of`.
    """
    return edges_of(resolved.model, resolved.folder, by, at)[0]


def _order(edge: Edge) -> tuple[str, str, str, str]:
    return edge.parent, edge.revision or "", edge.relation, edge.origin


def _unreadable(edge: Edge) -> Edge:
    """Return the edge that stands for all that were left out."""
    note = "more parents are named than are kept"
    return edge.model_copy(update={"parent": UNREADABLE, "revision": None, "note": note})


@dataclass
class _Reader:
    """Collects edges and problems."""

    model: Model
    folder: Path
    by: str
    at: str
    edges: dict[tuple[str, str, str, str], Edge] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self) -> None:
        """Ask all files that may say something."""
        settings = None
        for file in self.model.files:
            if file.path == CARD:
                self.card(file)
            elif file.path == ADAPTER_CONFIG:
                settings = file
            elif file.role == "recipe":
                self.recipe(file)
        if settings is not None:
            self.adapter(settings)

    @property
    def is_adapter(self) -> bool:
        """True if the folder is an adapter."""
        return any(file.path == ADAPTER_CONFIG for file in self.model.files)

    def card(self, file: File) -> None:
        """Take the parents and the data that the card names."""
        card = self.model.card
        relation = self.relation(len(card.base_model))
        for text in card.base_model:
            self.add(text, None, relation, ("card", file))
        for text in card.datasets:
            self.add(text, None, "dataset", ("card", file))

    def relation(self, parents: int) -> Relation:
        """Return how the card says that its parents reached it."""
        said = (self.model.card.base_model_relation or "").strip()
        known = RELATIONS.get(said.casefold())
        if known is not None:
            return known
        if said and parents:
            what = f"base_model_relation {said[:60]!r} is none that is known; it counts as derived"
            self.tell(Code.INPUT_CARD, what, CARD, f"write one of {', '.join(sorted(RELATIONS))}")
            return "derived"
        if self.is_adapter:
            return "adapter"
        return "merge" if parents > 1 else "derived"

    def recipe(self, file: File) -> None:
        """Take every model that a recipe in the folder names."""
        try:
            text = read_inside(self.folder, file, LARGEST).decode()
            documents = load_stream(text, file.path)
        except UnicodeDecodeError:
            self.tell(Code.RECIPE_SYNTAX, "the recipe is not UTF-8", file.path, "look at it")
            self.hidden("merge", ("recipe", file))
            return
        except EvoregError as error:
            self.fail(error, file)
            self.hidden("merge", ("recipe", file))
            return
        own = {name for table in documents.values() if (name := _text(table, "name"))}
        for text, revision in (pair for table in documents.values() for pair in _named(table)):
            for part in text.split("+") if text not in own else ():
                self.add(part, revision if part == text else None, "merge", ("recipe", file))

    def adapter(self, file: File) -> None:
        """Take the model that an adapter says it was trained on."""
        try:
            said = read_object(self.folder, file)
        except EvoregError as error:
            self.fail(error, file)
            self.hidden("adapter", ("adapter", file))
            return
        name = said.get("base_model_name_or_path")
        if isinstance(name, str) and name.strip():
            self.add(name, said.get("revision"), "adapter", ("adapter", file))
        elif name is not None and not isinstance(name, str):
            what = "base_model_name_or_path is no text, so its parent counts as unknown"
            self.tell(Code.INPUT_CONFIG, what, file.path, "ask its maker what it was trained on")
            self.hidden("adapter", ("adapter", file))

    def add(
        self, text: str, revision: object, relation: Relation, told: tuple[EdgeOrigin, File]
    ) -> None:
        """Note a parent; `object` because what stands for a revision may be anything."""
        found = parent_name(text, revision)
        if found is None:
            what = "a parent is named by a text that is empty, too long or holds invisible signs"
            self.tell(Code.INPUT_CARD, what, told[1].path, "look at the file yourself")
            self.hidden(relation, told)
            return
        self.note(found, relation, told)

    def hidden(self, relation: Relation, told: tuple[EdgeOrigin, File]) -> None:
        """Note a parent that is there and cannot be read; of data nothing depends on it."""
        if relation != "dataset":
            self.note(ParentName(UNREADABLE, note="it cannot be read"), relation, told)

    def note(self, named: ParentName, relation: Relation, told: tuple[EdgeOrigin, File]) -> None:
        """Note a parent, each once."""
        edge = self.edge(named, relation, *told)
        self.edges.setdefault(_order(edge), edge)

    def edge(self, named: ParentName, relation: Relation, origin: EdgeOrigin, file: File) -> Edge:
        """Return the edge to a parent."""
        return Edge(
            child=self.model.name,
            identity=self.model.identity,
            parent=named.name,
            revision=named.revision,
            relation=relation,
            origin=origin,
            evidence=Evidence(kind="file", locator=file.path, digest=file.digest),
            by=self.by,
            at=self.at,
            note=named.note,
        )

    def fail(self, error: EvoregError, file: File) -> None:
        """Note that a file cannot be read."""
        first = error.problems[0]
        what = f"it cannot be read, so its parents count as unknown: {first.what}"
        self.tell(first.code, what, file.path, first.hint or "look at the file yourself")

    def tell(self, code: Code, what: str, path: str, hint: str) -> None:
        """Note a problem, each once."""
        where = f"{self.model.label}: {path}" if path else self.model.label
        shown = "".join(sign if sign.isprintable() else "?" for sign in what)
        problem = Problem(code, shown, where, hint)
        if problem not in self.problems:
            self.problems.append(problem)


def _named(value: Marked) -> Iterator[tuple[str, object]]:
    """Yield what stands where a recipe names a model, with the revision beside it.

    `object` because a stranger may write anything for a revision.
    """
    if isinstance(value, Items):
        for item in value.items:
            yield from _named(item)
    if not isinstance(value, Table):
        return
    path = _text(value, "path")
    if path:
        yield path, _text(value, "revision")
    for key, inner in value.pairs.items():
        if key in _REFERENCES and isinstance(inner, Leaf):
            name = "" if inner.value is None else str(inner.value).strip()
            if name and not (name in _NO_MODELS and key in ("source", "tokenizer_source")):
                yield name, None
        elif key != "parameters":
            yield from _named(inner)


def _text(table: Table, key: str) -> str | None:
    leaf = table.pairs.get(key)
    value = leaf.value if isinstance(leaf, Leaf) else None
    return value.strip() if isinstance(value, str) else None

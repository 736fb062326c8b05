"""Parents: what card, recipe and adapter settings say becomes edges, and nothing worse."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.lineage import Edge
from evoreg.provenance.records.model import Model
from evoreg.registry.models.card import UNREADABLE
from evoreg.registry.models.hashing import measure
from evoreg.registry.models.parent_names import ParentName, parent_name
from evoreg.registry.models.parents import MOST_PARENTS, edges_of, told_parents
from evoreg.registry.models.resolve import ResolvedModel, resolve
from tests.models.builders import model_files, safetensors, write_files

AT = "2026-01-31T12:00:00Z"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATH_NOTE = "named by a path; its folder is all that is kept of it"
CACHE = f"/data/cache/huggingface/hub/models--org--base/snapshots/{COMMIT}"


def found(folder: Path, **files: str | bytes | None) -> ResolvedModel:
    """A model with some files; the name of a keyword has two underscores for a dot."""
    contents: dict[str, bytes] = {**model_files(), "README.md": b"# none\n"}
    for name, content in files.items():
        key = name.replace("__", ".")
        contents.pop(key, None)
        if content is not None:
            contents[key] = content.encode() if isinstance(content, str) else content
    write_files(folder / "m", contents)
    return resolve("./m", base_folder=folder, hasher=measure)


def read(folder: Path, **files: str | bytes | None) -> tuple[tuple[Edge, ...], tuple[Problem, ...]]:
    model = found(folder, **files)
    return edges_of(model.model, model.folder, "Ada", AT)


def brief(edges: tuple[Edge, ...]) -> list[tuple[str, str, str]]:
    return [(edge.parent, edge.relation, edge.origin) for edge in edges]


def card(text: str) -> str:
    return f"---\n{text}\n---\n"


def adapter(**settings: object) -> dict[str, str | bytes | None]:
    config = json.dumps({"peft_type": "LORA", **settings})
    return {
        "adapter_config__json": config,
        "adapter_model__safetensors": safetensors(),
        "model__safetensors": None,
        "config__json": None,
    }


# --- the card


def test_a_model_that_says_nothing_has_no_edges(tmp_path: Path) -> None:
    assert read(tmp_path) == ((), ())


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("base_model: org/a", "derived"),
        ("base_model: org/a\nbase_model_relation: finetune", "finetune"),
        ("base_model: org/a\nbase_model_relation: ' Quantized '", "quantized"),
        ("base_model: [org/a]\nbase_model_relation: adapter", "adapter"),
        ("base_model: org/a\nbase_model_relation: merge", "merge"),
    ],
)
def test_the_relation_is_what_the_card_says(tmp_path: Path, text: str, relation: str) -> None:
    (edge,), problems = read(tmp_path, README__md=card(text))
    assert problems == ()
    assert (edge.parent, edge.relation, edge.origin) == ("org/a", relation, "card")
    assert (edge.child, edge.by, edge.at, edge.note) == ("m", "Ada", AT, "")
    assert edge.evidence is not None
    assert (edge.evidence.kind, edge.evidence.locator) == ("file", "README.md")
    assert edge.evidence.digest == measure(tmp_path / "m" / "README.md")


def test_several_parents_are_a_merge(tmp_path: Path) -> None:
    text = "base_model: [org/b, org/a, org/b]\ndatasets: [org/data, org/data]"
    edges, problems = read(tmp_path, README__md=card(text))
    assert problems == ()
    assert brief(edges) == [
        ("org/a", "merge", "card"),
        ("org/b", "merge", "card"),
        ("org/data", "dataset", "card"),
    ]


def test_an_unknown_relation_is_told(tmp_path: Path) -> None:
    text = card("base_model: [org/a, org/b]\nbase_model_relation: stirred")
    edges, (problem,) = read(tmp_path, README__md=text)
    assert [edge.relation for edge in edges] == ["derived", "derived"]
    assert problem.code is Code.INPUT_CARD
    assert "'stirred'" in problem.what
    assert problem.where == "m: README.md"


# --- recipes in the folder

RECIPE = f"""\
models:
  - model: org/a@{COMMIT}
    parameters: {{weight: [{{filter: mlp, value: 1}}], model: org/no}}
  - model: {{model: {{path: org/b, revision: {COMMIT}}}, lora: {{path: org/lora}}}}
  - model: org/c+org/d
slices:
  - sources:
      - model: /home/me/models/e
        layer_range: [0, 4]
      - model: ./f
    base_model: https://huggingface.co/org/g
merge_method: ties
base_model: org/base@main
tokenizer_source: union
tokenizer:
  source: base
  tokens:
    model: {{source: org/t}}
    x: {{source: {{kind: model_token, model: org/u, token: y}}}}
    z: {{source: {{kind: zero}}}}
"""


def test_every_model_of_a_recipe_is_a_parent(tmp_path: Path) -> None:
    edges, problems = read(tmp_path, mergekit_config__yml=RECIPE)
    assert problems == ()
    assert {edge.relation for edge in edges} == {"merge"}
    assert {edge.origin for edge in edges} == {"recipe"}
    assert [(edge.parent, edge.revision, edge.note) for edge in edges] == [
        ("e", None, PATH_NOTE),
        ("f", None, PATH_NOTE),
        ("org/a", COMMIT, ""),
        ("org/b", COMMIT, ""),
        ("org/base", None, "at main"),
        ("org/c", None, ""),
        ("org/d", None, ""),
        ("org/g", None, ""),
        ("org/lora", None, ""),
        ("org/t", None, ""),
        ("org/u", None, ""),
    ]


def test_several_documents_name_each_other_and_not_parents(tmp_path: Path) -> None:
    text = (
        "name: first\nmodels: [{model: org/a}]\nmerge_method: linear\n---\n"
        "models: [{model: first}, {model: org/b}]\nmerge_method: linear\n"
    )
    edges, problems = read(tmp_path, mergekit_config__yml=text)
    assert (problems, [edge.parent for edge in edges]) == ((), ["org/a", "org/b"])


def test_mixtures_of_experts_have_parents_too(tmp_path: Path) -> None:
    text = "base_model: org/a\nexperts:\n- source_model: org/b\n  positive_prompts: [model]\n"
    edges, _ = read(tmp_path, mergekit_config__yaml=text)
    assert [edge.parent for edge in edges] == ["org/a", "org/b"]


@pytest.mark.parametrize(
    "text",
    [
        "models: [org/a",
        "- model: org/a",
        "model: !!python/name:os.system x",
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9)) + "<<: {c: 1}",
        "models: " + "[" * 500 + "]" * 500,
        "models: [" + "{model: org/a}, " * 20_000 + "]",
        "x: '" + "y" * 300_000 + "'",
        "---\n".join(["model: a\n"] * 200),
        "model: a\nmodel: b",
        b"\xff\xfem\x00",
        "",
        "\x00",
    ],
)
def test_a_broken_recipe_hides_a_parent_and_is_told(tmp_path: Path, text: str | bytes) -> None:
    edges, problems = read(tmp_path, mergekit_config__yml=text, README__md=card("base_model: o/p"))
    assert brief(edges) == [(UNREADABLE, "merge", "recipe"), ("o/p", "derived", "card")]
    assert len(problems) == 1
    assert problems[0].where == "m: mergekit_config.yml"
    assert str(problems[0]).isprintable()


def test_a_recipe_that_was_changed_or_leads_outside_is_not_read(tmp_path: Path) -> None:
    model = found(tmp_path, mergekit_config__yml="model: org/a")
    path = model.folder / "mergekit_config.yml"
    path.write_text("model: org/b")
    edges, (problem,) = edges_of(model.model, model.folder, "Ada", AT)
    hidden = [(UNREADABLE, "merge", "recipe")]
    assert (brief(edges), problem.code) == (hidden, Code.INPUT_CHANGED)
    path.unlink()
    path.symlink_to("/etc/hostname")
    edges, (problem,) = edges_of(model.model, model.folder, "Ada", AT)
    assert (brief(edges), problem.code) == (hidden, Code.INPUT_ESCAPES)
    path.unlink()
    edges, (problem,) = edges_of(model.model, model.folder, "Ada", AT)
    assert (brief(edges), problem.code) == (hidden, Code.INPUT_UNREADABLE)


def test_names_with_hidden_signs_are_told_and_count_as_unknown(tmp_path: Path) -> None:
    text = 'models: [{model: "org/\\u202ea"}, {model: "org/b\\e[31m"}, {model: org/c}]'
    edges, problems = read(tmp_path, mergekit_config__yml=text)
    assert [edge.parent for edge in edges] == [UNREADABLE, "org/c"]
    assert [problem.code for problem in problems] == [Code.INPUT_CARD]


def test_too_many_parents_are_cut_and_told(tmp_path: Path) -> None:
    names = [f"org/m{number:05}" for number in range(MOST_PARENTS + 5)]
    text = "models:\n" + "".join(f"- model: {name}\n" for name in names)
    edges, (problem,) = read(tmp_path, mergekit_config__yml=text)
    assert [edge.parent for edge in edges] == [UNREADABLE, *names[:MOST_PARENTS]]
    assert "more than 1000 parents" in problem.what


def test_data_does_not_push_out_weights(tmp_path: Path) -> None:
    data = ", ".join(f"a/{number}" for number in range(1000))
    text = card(f"datasets: [{data}]\nbase_model: zzz/parent")
    edges, (problem,) = read(tmp_path, README__md=text)
    assert (len(edges), edges[-1].parent) == (MOST_PARENTS, "zzz/parent")
    assert problem.code is Code.INPUT_CARD


# --- adapters


def test_an_adapter_names_its_base(tmp_path: Path) -> None:
    files = adapter(base_model_name_or_path="org/base", revision=COMMIT)
    files["README.md"] = card("base_model: org/base")
    (told, said), problems = read(tmp_path, **files)
    assert problems == ()
    assert (told.origin, told.relation, told.revision) == ("card", "adapter", None)
    assert (said.origin, said.relation, said.revision) == ("adapter", "adapter", COMMIT)
    assert said.evidence is not None
    assert said.evidence.locator == "adapter_config.json"


@pytest.mark.parametrize(
    ("said", "parent", "revision"),
    [
        ("/home/me/base", "base", None),
        ("C:\\models\\base", "base", None),
        ("../base/", "base", None),
        (CACHE, "org/base", COMMIT),
        ("gpt2", "gpt2", None),
    ],
)
def test_paths_of_an_adapter_are_cut(
    tmp_path: Path, said: str, parent: str, revision: str | None
) -> None:
    (edge,), _ = read(tmp_path, **adapter(base_model_name_or_path=said))
    assert (edge.parent, edge.revision) == (parent, revision)


@pytest.mark.parametrize("said", [5, ["org/a"], {"x": 1}, True, "a\u202eb", "..", "/", "x" * 501])
def test_an_adapter_that_names_nonsense(tmp_path: Path, said: object) -> None:
    edges, problems = read(tmp_path, **adapter(base_model_name_or_path=said))
    assert (brief(edges), len(problems)) == ([(UNREADABLE, "adapter", "adapter")], 1)


@pytest.mark.parametrize("said", [None, "", " "])
def test_an_adapter_that_names_nobody(tmp_path: Path, said: object) -> None:
    assert read(tmp_path, **adapter(base_model_name_or_path=said)) == ((), ())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"null"])
def test_broken_settings_hide_a_parent_and_are_told(tmp_path: Path, data: bytes) -> None:
    files = {**adapter(), "adapter_config__json": data}
    edges, (problem,) = read(tmp_path, **files)
    assert brief(edges) == [(UNREADABLE, "adapter", "adapter")]
    assert problem.code is Code.INPUT_CONFIG


def test_a_pair_tells_of_the_model_below_alone(tmp_path: Path) -> None:
    base = found(tmp_path, README__md=card("base_model: org/a"))
    lora = Model(name="lora", origin="local", files=())
    pair = base.model.model_copy(update={"adapter": lora})
    (edge,), _ = edges_of(pair, base.folder, "Ada", AT)
    assert edge.identity == base.model.identity != pair.identity
    assert [one.parent for one in told_parents(base)] == ["org/a"]


# --- names

NAMES = {
    "org/name": ParentName("org/name"),
    " org/name ": ParentName("org/name"),
    f"org/name@{COMMIT}": ParentName("org/name", COMMIT),
    "org/name@v1.0": ParentName("org/name", None, "at v1.0"),
    "org/name@": ParentName("org/name"),
    "https://huggingface.co/org/name": ParentName("org/name"),
    "http://www.HuggingFace.co/org/name/": ParentName("org/name"),
    "huggingface.co/org/name": ParentName("org/name"),
    "hf.co/org/name?x=1#y": ParentName("org/name"),
    f"https://huggingface.co/org/name/tree/{COMMIT}": ParentName("org/name", COMMIT),
    "https://huggingface.co/org/name/blob/main/README.md": ParentName("org/name", None, "at main"),
    "https://huggingface.co/datasets/org/data": ParentName("org/data"),
    f"hf://org/name@{COMMIT}": ParentName("org/name", COMMIT),
    "https://huggingface.co/gpt2": ParentName("gpt2"),
    "https://huggingface.co/": None,
    "https://huggingface.co/org/%1b%5bm": None,
    "https://me:secret@example.org/m?token=1": ParentName(
        "https://example.org/m", None, "an address"
    ),
    "https://[x": ParentName("https://[x", None, "an address that cannot be read"),
    "gpt2": ParentName("gpt2"),
    "My own data": ParentName("My own data"),
    "/data/me/name": ParentName("name", None, PATH_NOTE),
    "~/name": ParentName("name", None, PATH_NOTE),
    "a/b/c": ParentName("c", None, PATH_NOTE),
    "./": None,
    "..": None,
    "": None,
    "a\x07b": None,
    "a\nb": None,
    CACHE: ParentName("org/base", COMMIT, "named by a path in a Hub cache"),
}


@pytest.mark.parametrize("text", NAMES)
def test_names_are_reduced(text: str) -> None:
    assert parent_name(text) == NAMES[text]


def test_a_revision_beside_a_name() -> None:
    assert parent_name("org/a", COMMIT) == ParentName("org/a", COMMIT)
    assert parent_name("org/a", "main") == ParentName("org/a", None, "at main")
    assert parent_name("org/a", 5) == ParentName("org/a")
    assert parent_name("org/a", "m\x07") == ParentName("org/a")


@given(st.text(max_size=60) | st.text(string.ascii_letters + "/@.:+-_%\\~", max_size=60))
def test_whatever_is_written_a_name_can_be_shown_and_kept(text: str) -> None:
    named = parent_name(text, text)
    if named is not None:
        assert named.name.isprintable()
        assert 1 <= len(named.name) <= 500
        assert named.note.isprintable()
        again = parent_name(named.name)
        assert again is None or again.name.isprintable()

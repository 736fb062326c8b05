"""The written papers: a golden card, real readers, hostile names, and the same bytes each time."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evoreg.provenance.papers.facts import UpstreamFile
from evoreg.provenance.papers.front_matter import is_hub_id
from evoreg.provenance.papers.license_plan import license_ids, license_plan
from evoreg.provenance.papers.license_texts import license_text
from evoreg.provenance.papers.recipe import recipe_bytes
from evoreg.provenance.papers.view import decimals, percent
from evoreg.provenance.papers.words import AGREE
from evoreg.provenance.papers.write import papers, record_bytes
from evoreg.provenance.records.decision import Reason, Verdict
from evoreg.provenance.records.entry import GENESIS, Entry, entry_hash
from evoreg.provenance.records.errors import (
    EvoregError,
    InputError,
    PolicyError,
    RecipeError,
    RefusedError,
    VerificationError,
)
from evoreg.provenance.records.model import Card, Model
from tests.papers import papers_example as ex

REF = "LicenseRef-evoreg-"
HERE = Path(__file__).parent
GOLDENS = {
    "README.md": "card.md",
    "NOTICE": "notice.txt",
    "MODIFICATIONS.md": "modifications.md",
    "USE_RESTRICTIONS.md": "use_restrictions.md",
    "LICENSES/README.md": "licenses.md",
}


def texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: data.decode() for path, data in files.items()}


@pytest.mark.parametrize(("path", "golden"), GOLDENS.items())
def test_papers_are_as_they_were(path: str, golden: str) -> None:
    written = papers(ex.example()).files[path]
    place = HERE / "goldens" / golden
    if os.environ.get("EVOREG_UPDATE_GOLDENS") == "1":
        place.write_bytes(written)
    assert written.decode() == place.read_bytes().decode()


def test_the_example_owes_nothing_more() -> None:
    written = papers(ex.example())
    assert written.problems == ()
    assert list(written.files) == [
        "LICENSE",
        "LICENSES/Apache-2.0.txt",
        f"LICENSES/{ex.LLAMA}.txt",
        "LICENSES/MIT.txt",
        "LICENSES/README.md",
        "LICENSES/chat-lab-chat_lora-3333333/LICENSE.md",
        "MODIFICATIONS.md",
        "NOTICE",
        "README.md",
        "USE_RESTRICTIONS.md",
        "mergekit_config.yml",
    ]
    assert written.files["LICENSE"] == ex.LLAMA_TEXT
    assert written.files["LICENSES/chat-lab-chat_lora-3333333/LICENSE.md"] == ex.MIT_FILLED
    assert written.files["mergekit_config.yml"] == ex.RECIPE.encode()
    assert ex.LLAMA_NOTICE in written.files["NOTICE"].decode().split("\n")


def test_the_real_card_reader_agrees() -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(papers(ex.example()).files["README.md"].decode()).data
    assert data.to_dict() == {
        "license": "llama3.1",
        "base_model": ["meta-llama/Llama-3.1-8B", "lab/math", "lab/chat_lora"],
        "base_model_relation": "merge",
        "library_name": "transformers",
        "tags": ["merge", "evoreg", "ties"],
        "extra_gated_prompt": (
            f"You agree to the use restrictions of Llama 3.1. ({ex.LLAMA})\n\n"
            "No rights are given in the European Union. (MIT)\n\n"
            "All restrictions, with the places of the full texts, stand in USE_RESTRICTIONS.md."
        ),
        "extra_gated_fields": {AGREE: "checkbox"},
        "extra_gated_eu_disallowed": True,
    }


@pytest.mark.parametrize(
    ("outbound", "fields"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("GPL-3.0-only", {"license": "gpl-3.0"}),
        ("NOASSERTION", {"license": "unknown"}),
        (
            "Apache-2.0 AND LicenseRef-scancode-qwen-2024",
            {
                "license": "other",
                "license_name": "apache-2.0-and-qwen-2024",
                "license_link": "LICENSES/README.md",
            },
        ),
        (
            "LicenseRef-scancode-qwen-2024",
            {"license": "other", "license_name": "qwen-2024", "license_link": "LICENSE"},
        ),
        (
            " AND ".join((ex.LLAMA, f"{REF}cohere-cc-by-nc-aup", f"{REF}mistral-modified-mit")),
            {
                "license": "other",
                "license_name": "several-licenses",
                "license_link": "LICENSES/README.md",
            },
        ),
    ],
)
def test_license_fields(outbound: str, fields: dict[str, str]) -> None:
    from huggingface_hub import ModelCard

    decision = ex.a_decision(ex.MODELS).model_copy(update={"outbound": outbound})
    written = papers(ex.example(decision=decision, architectures=()))
    data = ModelCard(written.files["README.md"].decode()).data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == fields
    assert "library_name" not in data


@given(st.from_regex(r"[A-Za-z0-9_./-]{1,12}", fullmatch=True))
def test_hub_ids_are_those_of_the_hub(text: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(text)
        accepted = True
    except HFValidationError:
        accepted = False
    assert is_hub_id(text) <= accepted


@pytest.mark.parametrize("text", ["gpt2", "org/name", "Qwen/Qwen2.5-0.5B_x"])
def test_usual_hub_ids(text: str) -> None:
    assert is_hub_id(text)


def test_local_parents_stand_in_the_body_only() -> None:
    local = {f"./{name}": ex.a_model(name) for name in ("one", "two", "three")}
    card = papers(ex.example(local)).files["README.md"].decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert "base_model" not in front
    assert front["base_model_relation"] == "merge"
    assert all(f"\n| {name} " in card for name in local_names(local))


def local_names(models: Mapping[str, Model]) -> list[str]:
    return [model.name for model in models.values()]


@pytest.mark.parametrize(
    ("fraction", "shown", "four"),
    [
        ("0.312500000", "31.25 %", "0.3125"),
        ("0.000000001", "< 0.01 %", "0.0000"),
        ("0.000000000", "0.00 %", "0.0000"),
        ("1.000000000", "100.00 %", "1.0000"),
        ("-0.000010000", "< 0.01 %", "0.0000"),
        ("-0.250050000", "-25.00 %", "-0.2500"),
    ],
)
def test_numbers(fraction: str, shown: str, four: str) -> None:
    assert (percent(fraction), decimals(fraction)) == (shown, four)


HOSTILE = [
    "<script>alert(1)</script>",
    "a|b|c|\n|---|\n| forged | row |",
    "x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "\u202egnp.exe\u2066\x1b[31m\x00\x07",
    "name\n---\nlicense: mit\n---\n# forged",
    "N" * 10_240,
    "`code` **bold** _it_ $x$ ~~s~~ &lt; {{ 7*7 }} {% raw %}",
    "## Credits",
    "\ud800 lone surrogate",
    "../../../etc/passwd",
    "a + b (base)",
    " leading and trailing ",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_names(name: str) -> None:
    mean = ex.a_model(name, card=Card(authors=(name,)))
    models = {ex.REFERENCES[0]: ex.BASE, ex.REFERENCES[1]: ex.MATH, "./mean": mean}
    decision = ex.a_decision(models)
    renamed = decision.sources[2].model_copy(update={"name": name, "url": f"https://x/{name}"})
    decision = decision.model_copy(update={"sources": (*decision.sources[:2], renamed)})
    hostile_file = UpstreamFile(mean.label, name, b"x" * 300, "license")
    facts = ex.example(models, name=f"Llama {name.replace('/', '')}", decision=decision)
    score = replace(facts.evaluations[0], model=name, task=name, split=name, metric=name)
    facts = replace(facts, evaluations=(score, facts.evaluations[1]), libraries=((name, name),) * 2)
    written = papers(replace(facts, upstream=(*facts.upstream, hostile_file)))
    assert written.problems == ()
    assert all(re.fullmatch(r"[A-Za-z0-9._/+-]+", path) for path in written.files)
    assert not any(".." in path or path.startswith("/") for path in written.files)
    for path, text in texts(written.files).items():
        if path.endswith(".md") and path.count("/") < 2:
            check_page(path, text)
    card = written.files["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "llama3.1"


def check_page(path: str, text: str) -> None:
    """The page has the structure of the example's page, and links only to our own targets."""
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", text)
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert not re.search(r"<(?:script|img|code|h[3-6]|del)", page.replace(CODE, ""))
    for target in re.findall(r'href="([^"]*)"', page):
        assert re.match(r"https://(huggingface\.co|llama\.com|x)/|[A-Za-z0-9._/-]+$", target)
    golden = ex_pages()[path]
    assert page.count("<h2>") == golden.count("<h2>")
    if path == "README.md":
        assert page.count("<tr>") == golden.count("<tr>")
        assert page.count("<td") == golden.count("<td")


CODE = "<code>mergekit_config.yml</code>"


def ex_pages() -> dict[str, str]:
    render = MarkdownIt("commonmark", {"html": True}).enable("table").render
    models = {ex.REFERENCES[0]: ex.BASE, ex.REFERENCES[1]: ex.MATH, "./mean": ex.a_model("mean")}
    found = texts(papers(ex.example(models)).files)
    return {
        path: render(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL))
        for path, text in found.items()
    }


SCRIPT = """
import hashlib
from tests.papers import papers_example as ex
from evoreg.provenance.papers.write import papers
files = papers(ex.example()).files
print(hashlib.sha256(b"".join(p.encode() + d for p, d in files.items())).hexdigest())
"""


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_bytes_do_not_depend_on_the_hash_seed(seed: str) -> None:
    files = papers(ex.example()).files
    mine = hashlib.sha256(b"".join(p.encode() + d for p, d in files.items())).hexdigest()
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=env,
        cwd=HERE.parent.parent,
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == mine


def test_order_of_upstream_files_does_not_matter() -> None:
    facts = ex.example()
    again = UpstreamFile(ex.CHAT.label, "license.MD", ex.MIT_FILLED + b"2", "license")
    facts = replace(facts, upstream=(*facts.upstream, again))
    turned = replace(facts, upstream=facts.upstream[::-1])
    assert dict(papers(turned).files) == dict(papers(facts).files)


PATH = st.from_regex(
    r"/(home|mnt|data)/[a-z]{1,6}( [a-z]{1,3})?/[A-Za-z0-9_.-]{1,8}", fullmatch=True
)
WINDOWS = st.from_regex(r"[C-E]:\\Users\\[a-z]{1,6}\\m[a-z0-9]{0,6}", fullmatch=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(PATH | WINDOWS, min_size=3, max_size=3, unique=True))
def test_no_absolute_path_in_any_paper(folders: list[str]) -> None:
    models = {folder: ex.a_model(folder, card=Card(license=("mit",))) for folder in folders}
    recipe = yaml.safe_dump(
        {
            "merge_method": "ties",
            "base_model": folders[0],
            "models": [{"model": folder} for folder in folders[1:]],
        }
    )
    written = papers(ex.example(models, recipe_yaml=recipe, name=folders[0] + "/out"))
    for path, text in {**texts(written.files), **{p: p for p in written.files}}.items():
        for folder in folders:
            parent = re.split(r"[/\\](?=[^/\\]*$)", folder)[0]
            assert parent not in text, path
            assert json.dumps(parent)[1:-1] not in text, path


def test_a_sentence_of_policy_loses_its_paths() -> None:
    reason = Reason(
        code="EVL001",
        name="UNKNOWN_LICENSE",
        effect=Verdict.REVIEW,
        model="/home/me/chat",
        message="no licence in /home/me/chat/LICENSE, see ai.google.dev/gemma/terms",
    )
    note = reason.model_copy(update={"name": "TRANSITIVE", "effect": Verdict.ALLOW})
    decision = ex.a_decision(ex.MODELS).model_copy(update={"reasons": (reason, note)})
    card = papers(ex.example(decision=decision)).files["README.md"].decode()
    assert (
        "\n* UNKNOWN_LICENSE (chat): no licence in LICENSE, see ai.google.dev/gemma/terms\n" in card
    )
    assert "TRANSITIVE" not in card


@pytest.mark.parametrize(
    ("recipe", "published"),
    [
        ("a: 1 # kept\n", "a: 1 # kept\n"),
        ("a: https://x.example/y/z\n", "a: https://x.example/y/z\n"),
        ("a: 1 # from /home/me/x\n", "a: 1\n"),
        ("chat: /home/me/t.jinja\n", "chat: t.jinja\n"),
        ('m: "C:\\\\me\\\\model"\n', "m: model\n"),
        ("m: {weight: [0.5, 1]}\nmodel: /m/base+/m/lora\n", None),
    ],
)
def test_recipe_keeps_its_bytes_or_loses_its_paths(recipe: str, published: str | None) -> None:
    data = recipe_bytes(recipe, {"/m/base+/m/lora": "base+lora"}).decode()
    lines = [line for line in data.splitlines(keepends=True) if not line.startswith("# Absolute")]
    if published is None:
        assert yaml.safe_load(data) == {"m": {"weight": [0.5, 1]}, "model": "base+lora"}
    else:
        assert "".join(lines) == published


def test_a_recipe_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(RecipeError):
        recipe_bytes("a: [", {})


def test_the_result_under_mit_names_the_holders_upstream() -> None:
    decision = ex.a_decision(ex.MODELS).model_copy(update={"outbound": "MIT"})
    written = papers(ex.example(decision=decision))
    assert written.problems == ()
    assert written.files["LICENSE"].decode().split("\n")[:4] == [
        "MIT License",
        "",
        "Copyright (c) 2024 Ada Example",
        "",
    ]
    assert written.files["LICENSE"] == ex.MIT_FILLED
    assert b"<copyright holders>" in written.files["LICENSES/MIT.txt"]


@pytest.mark.parametrize(
    ("key", "blank"),
    [
        ("BSD-2-Clause", "Copyright (c) <year> <owner> "),
        ("BSD-3-Clause", "Copyright (c) <year> <owner>. "),
        ("NCSA", "Copyright (c) <Year> <Owner Organization Name>. All rights reserved."),
        ("Apache-2.0", ""),
        ("ISC", ""),
    ],
)
def test_only_the_blank_for_the_holder_is_filled(key: str, blank: str) -> None:
    standard = license_text(key) or ""
    decision = ex.a_decision(ex.MODELS)
    chat = decision.sources[2].model_copy(update={"expression": key})
    changes = {"sources": (*decision.sources[:2], chat), "outbound": key, "obligations": ()}
    decision = decision.model_copy(update=changes)
    mine = UpstreamFile(chat.model, "LICENSE", b"Copyright (c) 2024 Ada\n" + b"x" * 300, "license")
    written = papers(ex.example(decision=decision, upstream=(mine,)))
    assert written.problems == ()
    filled = standard.replace(blank, "Copyright (c) 2024 Ada") if blank else standard
    assert (blank in standard) is True
    assert written.files["LICENSE"].decode() == filled


def test_without_holders_the_blank_stays() -> None:
    decision = ex.a_decision(ex.MODELS).model_copy(update={"outbound": "MIT"})
    written = papers(ex.example(decision=decision, upstream=ex.an_upstream(ex.MODELS)[:1]))
    assert written.files["LICENSE"] == (license_text("MIT") or "").encode()


def test_a_missing_text_is_a_problem_and_not_a_file() -> None:
    facts = ex.example()
    lacking = replace(facts, upstream=facts.upstream[1:])
    written = papers(lacking)
    assert [problem.where for problem in written.problems] == [
        "LICENSE",
        f"LICENSES/{ex.LLAMA}.txt",
    ]
    assert not {problem.where for problem in written.problems} & set(written.files)


def test_a_pointer_is_not_a_licence_text() -> None:
    facts = ex.example()
    pointer = UpstreamFile(ex.BASE.label, "LICENSE", b"https://llama.com/license\n", "license")
    written = papers(replace(facts, upstream=(pointer, *facts.upstream[1:])))
    assert f"LICENSES/{ex.LLAMA}.txt" not in written.files
    assert len(written.problems) == 2


def test_upstream_files_that_differ_in_case_are_both_kept() -> None:
    label = ex.CHAT.label
    mine = (
        UpstreamFile(label, "LICENSE", ex.MIT_FILLED + b"1", "license"),
        UpstreamFile(label, "license", ex.MIT_FILLED + b"2", "license"),
        UpstreamFile(label, "sub/../LICENSE", ex.MIT_FILLED + b"3", "license"),
    )
    kept = license_plan(ex.a_decision(ex.MODELS), mine).kept
    assert [path.rpartition("/")[2] for path in kept] == ["LICENSE", "license-2", "sub-..-LICENSE"]
    assert {file.data for file in kept.values()} == {file.data for file in mine}


def test_a_source_called_like_a_text_does_not_replace_it() -> None:
    models = {**ex.MODELS, "./chat": ex.a_model("mit.txt")}
    written = papers(ex.example(models))
    assert written.files["LICENSES/MIT.txt"] == (license_text("MIT") or "").encode()
    assert written.files["LICENSES/mit-2.txt/LICENSE.md"] == ex.MIT_FILLED


def test_a_notice_with_controls_is_quoted_and_kept() -> None:
    mean = UpstreamFile(ex.MATH.label, "NOTICE", b"fine\n\x1b[2Jbad\xff\n", "notice")
    written = papers(ex.example(upstream=(*ex.an_upstream(ex.MODELS), mean)))
    assert written.problems == ()
    notice = written.files["NOTICE"].decode()
    assert "    fine\n    [U+001B][2Jbad\ufffd\n" in notice
    assert mean.data in written.files.values()


def test_display_with_placeholders() -> None:
    duties = (
        ex.duty("display", "[name of relevant Derivative Work] is built using X", "MIT", ex.CHAT),
        ex.duty("display", "Built with Qwen / Improved using Qwen", "MIT", ex.CHAT),
        ex.duty("display", "<model name>", "MIT", ex.CHAT),
    )
    written = papers(ex.example(decision=ex.a_decision(ex.MODELS, duties)))
    card = written.files["README.md"].decode()
    assert written.problems == ()
    assert "\n**lab/Llama-math-chat is built using X**\n" in card
    assert "\n**Built with Qwen**\n" in card
    assert "\n**chat+lab/chat_lora@3333333**\n" in card


def test_sources_that_are_not_in_the_result_are_no_parents() -> None:
    facts = ex.example()
    parts = facts.candidate.contributions
    unused = parts[1].model_copy(update={"used": False, "effective": "0.000000000"})
    candidate = facts.candidate.model_copy(update={"contributions": (parts[0], unused, parts[2])})
    card = papers(replace(facts, candidate=candidate)).files["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1])["base_model"] == [
        "meta-llama/Llama-3.1-8B",
        "lab/chat_lora",
    ]
    assert "| not in the result |" in card


def broken(**changes: Any) -> Any:
    return ex.example(**changes)


def test_facts_that_disagree_are_refused() -> None:
    blocked = ex.a_decision(ex.MODELS).model_copy(update={"verdict": Verdict.BLOCK})
    silent = ex.a_decision(ex.MODELS).model_copy(update={"sources": ()})
    other = {**ex.MODELS, "./chat": ex.a_model("chat2")}
    fewer = {key: model for key, model in ex.MODELS.items() if key != "./chat"}
    junk = ex.a_decision(ex.MODELS).model_copy(update={"outbound": "MIT AND ../x"})
    cases: list[tuple[dict[str, Any], type[EvoregError]]] = [
        ({"decision": blocked}, RefusedError),
        ({"decision": silent}, InputError),
        ({"decision": junk}, PolicyError),
    ]
    for changes, error in cases:
        with pytest.raises(error):
            papers(broken(**changes))
    first, second, third = ex.a_decision(ex.MODELS).sources
    about_others = third.model_copy(update={"identity": second.identity})
    changed = ex.a_decision(ex.MODELS).model_copy(update={"sources": (first, second, about_others)})
    with pytest.raises(InputError, match="says nothing about these weights"):
        papers(broken(decision=changed))
    with pytest.raises(VerificationError, match="not the one that was merged"):
        papers(replace(ex.example(), models=other))
    with pytest.raises(InputError, match="was not given"):
        papers(replace(ex.example(), models=fewer))


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("MIT", ("MIT",)),
        ("mit AND (Apache-2.0 OR MIT)", ("MIT", "Apache-2.0")),
        ("NOASSERTION", ()),
        ("", ()),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("GPL-2.0-only", "Classpath-exception-2.0")),
    ],
)
def test_ids_of_an_expression(expression: str, ids: tuple[str, ...]) -> None:
    assert license_ids(expression) == ids


@pytest.mark.parametrize("expression", ["MIT AND", "a/../b", "<x>", "\u202eMIT", "M" * 200])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(PolicyError):
        license_ids(expression)


def test_the_record_holds_the_candidate_as_recorded() -> None:
    candidate, decision = ex.a_candidate(ex.MODELS), ex.a_decision(ex.MODELS)
    body = candidate.canonical().decode()
    entry = Entry(
        seq=1,
        prev=GENESIS,
        kind="candidate",
        body=body,
        hash=entry_hash(1, GENESIS, "candidate", body),
    )
    data = record_bytes(candidate, decision, entry)
    read = json.loads(data)
    assert list(read) == ["candidate", "candidate_id", "decision", "entry", "schema"]
    assert read["schema"] == "evoreg/record/1"
    assert read["candidate"] == candidate.to_json()
    assert read["candidate_id"] == candidate.id
    assert read["entry"] == {"hash": entry.hash, "seq": 1}
    assert data == record_bytes(candidate, decision, entry)

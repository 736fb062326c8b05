"""One fixed merge with a hub model, a model from a folder, and an adapter; and ways to vary it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evoreg.provenance.papers.facts import Evaluation, ReleaseFacts, UpstreamFile
from evoreg.provenance.papers.license_texts import license_text
from evoreg.provenance.papers.words import conditional_display
from evoreg.provenance.records.candidate import Candidate, Census, Contribution, Engine
from evoreg.provenance.records.decision import Decision, Obligation, SourceLicense, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.model import Card, File, Model
from evoreg.provenance.records.recipe import Ingredient, Recipe, Setting, Source

LLAMA = "LicenseRef-scancode-llama-3.1-license-2024"
LLAMA_NOTICE = (
    "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © Meta Platforms, "
    "Inc. All Rights Reserved."
)
LATER = conditional_display(("Kimi K2",), "products with more than 100M users a month")
LLAMA_TEXT = (
    "LLAMA 3.1 COMMUNITY LICENSE AGREEMENT (words of a stand-in)\n" + "terms " * 60
).encode()
MIT_FILLED = (
    (license_text("MIT") or "").replace("<year> <copyright holders>", "2024 Ada Example").encode()
)
NOTICE_FILE = b"Example Math\nCopyright 2024 Example Lab\n"
RECIPE = """\
# my first merge
merge_method: ties
base_model: meta-llama/Llama-3.1-8B@1111111111111111111111111111111111111111
models:
  - model: lab/math@2222222222222222222222222222222222222222
    parameters: {weight: 0.6, density: [0.5, 1.0]}
  - model: ./chat
    parameters: {weight: 0.4}
parameters: {normalize: true}
dtype: float32
out_dtype: bfloat16
"""


def a_model(name: str, revision: str | None = None, **fields: Any) -> Model:
    weights = File(
        path="model.safetensors",
        size=10,
        digest=digest_of(name.encode("utf-8", "surrogatepass")),
        role="weights",
    )
    return Model(
        name=name,
        origin="hub" if revision else "local",
        revision=revision,
        files=(weights,),
        **fields,
    )


BASE = a_model("meta-llama/Llama-3.1-8B", "1" * 40)
MATH = a_model("lab/math", "2" * 40, card=Card(authors=("Ada Example", "B. Example")))
CHAT = a_model("chat", adapter=a_model("lab/chat_lora", "3" * 40))

REFERENCES = (f"{BASE.name}@{'1' * 40}", f"{MATH.name}@{'2' * 40}", "./chat")
MODELS: Mapping[str, Model] = dict(zip(REFERENCES, (BASE, MATH, CHAT), strict=True))


def a_share(reference: str, nominal: str, effective: str, alignment: str) -> Contribution:
    return Contribution(
        reference=reference, nominal=nominal, effective=effective, alignment=alignment, used=True
    )


def a_candidate(models: Mapping[str, Model]) -> Candidate:
    base, first, second = models
    weight = (("density", (Setting(value=(0.5, 1.0)),)), ("weight", (Setting(value=0.6),)))
    return Candidate(
        recipe=Recipe(
            method="ties",
            base_model=base,
            models=(
                Source(model=first, parameters=weight),
                Source(model=second, parameters=(("weight", (Setting(value=0.4),)),)),
            ),
            parameters=(("normalize", (Setting(value=True),)),),
            dtype="float32",
            out_dtype="bfloat16",
        ),
        ingredients=tuple(
            Ingredient(reference=ref, name=m.name, revision=m.revision, identity=m.identity)
            for ref, m in models.items()
        ),
        seed=7,
        engine=Engine(version="0.1.0", rules=1),
        contributions=(
            a_share(base, "0.000000000", "0.000000000", "0.000000000"),
            a_share(first, "0.600000000", "0.666666667", "0.712345678"),
            a_share(second, "0.400000000", "0.333333333", "0.287654322"),
        ),
        census=Census(tensors=12, parameters=3456, copied=0, partial=("lm_head.weight: copied",)),
        outputs=(
            File(path="model.safetensors", size=6912, digest=digest_of(b"out"), role="weights"),
        ),
    )


def a_license(model: Model, expression: str, name: str, url: str = "") -> SourceLicense:
    return SourceLicense(
        model=model.label,
        identity=model.identity,
        expression=expression,
        key=expression.lower(),
        name=name,
        url=url,
        evidence=("LICENSE",),
        verdict=Verdict.ATTRIBUTE,
    )


def duty(kind: Any, text: str, license: str = "", model: Model | None = None) -> Obligation:
    return Obligation(kind=kind, license=license, model=model.label if model else "", text=text)


def every_obligation(models: Mapping[str, Model]) -> tuple[Obligation, ...]:
    base, first, second = models.values()
    return (
        duty("license_text", "Give everybody a copy of the licence.", LLAMA, base),
        duty("license_text", "Give everybody a copy of the licence.", "Apache-2.0", first),
        duty("license_text", "Give everybody a copy of the licence.", "MIT", second),
        duty("notice", LLAMA_NOTICE, LLAMA, base),
        duty("display", "Built with Llama", LLAMA, base),
        duty("name_prefix", "Llama", LLAMA, base),
        duty("use_restrictions", "Follow the Acceptable Use Policy (s1.b.iv).", LLAMA, base),
        duty("attribution", "Name the creators of the model.", "Apache-2.0", first),
        duty("source_offer", "Offer the source form to users of a network service.", "MIT", second),
        duty("display", LATER, "MIT", second),
        duty("acceptance", "You agree to the use restrictions of Llama 3.1.", LLAMA, base),
        duty("eu_gate", "No rights are given in the European Union.", "MIT", second),
        duty("modification_statement", "State the changes."),
        duty("credits", "Name every source."),
    )


def a_decision(
    models: Mapping[str, Model], obligations: tuple[Obligation, ...] | None = None
) -> Decision:
    base, first, second = models.values()
    return Decision(
        intent="commercial",
        verdict=Verdict.ATTRIBUTE,
        sources=(
            a_license(base, LLAMA, "Llama 3.1 Community License", "https://llama.com/llama3_1/"),
            a_license(first, "Apache-2.0", "Apache License 2.0"),
            a_license(second, "MIT", "MIT License"),
        ),
        reasons=(),
        obligations=every_obligation(models) if obligations is None else obligations,
        outbound=LLAMA,
        policy=digest_of(b"policy"),
        knowledge=digest_of(b"knowledge"),
    )


def an_upstream(models: Mapping[str, Model]) -> tuple[UpstreamFile, ...]:
    base, first, second = models.values()
    return (
        UpstreamFile(base.label, "LICENSE", LLAMA_TEXT, "license"),
        UpstreamFile(
            first.label, "LICENSE", (license_text("Apache-2.0") or "").encode(), "license"
        ),
        UpstreamFile(first.label, "NOTICE", NOTICE_FILE, "notice"),
        UpstreamFile(second.label, "LICENSE.md", MIT_FILLED, "license"),
    )


def example(models: Mapping[str, Model] = MODELS, **changes: Any) -> ReleaseFacts:
    facts = ReleaseFacts(
        name="lab/Llama-math-chat",
        candidate=a_candidate(models),
        decision=a_decision(models),
        models=models,
        recipe_yaml=RECIPE,
        evoreg="0.1.0",
        upstream=an_upstream(models),
        architectures=("LlamaForCausalLM",),
        libraries=(("safetensors", "0.8.0"), ("torch", "2.13.0")),
        evaluations=(
            Evaluation("lab/Llama-math-chat", "sums", "held-out", "accuracy", 0.75, 0.03, 200),
            Evaluation(MATH.label, "sums", "held-out", "accuracy", 0.5),
        ),
        date="2026-05-04",
    )
    return replace(facts, **changes)

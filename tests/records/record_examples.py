"""Every record type with one fixed example, the digest of that example, and a strategy.

A digest here changes only with a new form of the record, and a new form breaks the chains of all
ledgers that hold the old one. Change a digest on purpose or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from hypothesis import strategies as st

from evoreg.provenance.records.candidate import (
    Candidate,
    Census,
    Contribution,
    Engine,
    GroupShare,
    fraction,
)
from evoreg.provenance.records.decision import (
    INTENTS,
    Decision,
    Obligation,
    Reason,
    SourceLicense,
    Verdict,
)
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.entry import GENESIS, Entry, EntryKind, entry_hash
from evoreg.provenance.records.license import ClaimOrigin, Evidence, LicenseClaim, Rider
from evoreg.provenance.records.lineage import Edge, EdgeOrigin, Relation
from evoreg.provenance.records.model import Card, File, Model, Role
from evoreg.provenance.records.pruning import Pruning
from evoreg.provenance.records.publication import Publication, PublicationState
from evoreg.provenance.records.recipe import (
    Ingredient,
    Module,
    Recipe,
    Setting,
    Slice,
    Source,
    TokenizerSettings,
    TokenRow,
)
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.text import HeldText

A, B = digest_of(b"a"), digest_of(b"b")
COMMIT = "0123456789abcdef0123456789abcdef01234567"

FILE = File(path="model.safetensors", size=1234, digest=A, role="weights")
CONFIG = File(path="config.json", size=0, digest=B, role="config", measured=False)
CARD = Card(
    license=("other",),
    license_name="llama3",
    license_link="LICENSE",
    base_model=("org/base",),
    base_model_relation="finetune",
    authors=("Grace Hopper", "Ω"),
)
ADAPTER = Model(name="lora", origin="local", files=(FILE,))
MODEL = Model(
    name="org/name",
    origin="hub",
    revision=COMMIT,
    files=(CONFIG, FILE),
    card=CARD,
    adapter=ADAPTER,
)
SETTING = Setting(value=(0.5, 1, True, "x"), filter="mlp")
SOURCE = Source(
    model="org/name", layer_range=(0, 12), parameters=(("weight", (Setting(value=0.25),)),)
)
SLICE = Slice(sources=(SOURCE,), base_model="base", parameters=(("t", (SETTING,)),))
MODULE = Module(name="text", models=(SOURCE,), parameters=(("t", (SETTING,)),))
TOKEN = TokenRow(token="<|im_end|>", kind="token", model="a", text="</s>", token_id=2, force=True)
TOKENIZER = TokenizerSettings(source="union", tokens=(TOKEN,), pad_to_multiple_of=64)
RECIPE = Recipe(
    method="linear",
    models=(Source(model="a"), SOURCE),
    parameters=(("normalize", (Setting(value=True),)),),
    dtype="float32",
)
INGREDIENT = Ingredient(reference="org/name@main", name="org/name", revision=COMMIT, identity=A)
ENGINE = Engine(version="0.1.0", rules=1)
GROUP = GroupShare(group="layer 3 attention", effective="0.312500000", alignment="-0.010000000")
CONTRIBUTION = Contribution(
    reference="org/name",
    nominal="0.500000000",
    effective="1.000000000",
    alignment="-12.000000001",
    used=True,
    groups=(GROUP,),
)
CENSUS = Census(tensors=3, parameters=2**53 - 1, copied=1, partial=("a: tied",))
CANDIDATE = Candidate(
    recipe=RECIPE,
    ingredients=(INGREDIENT,),
    seed=2**53 - 1,
    engine=ENGINE,
    contributions=(CONTRIBUTION,),
    census=CENSUS,
    outputs=(FILE,),
)
EVIDENCE = Evidence(kind="file", locator="LICENSE", digest=A)
CLAIM = LicenseClaim(
    model="org/name",
    identity=A,
    expression="Apache-2.0 OR MIT",
    origin="human",
    evidence=EVIDENCE,
    by="ann",
    at="2026-01-31T12:00:00Z",
    note="asked by letter",
)
REASON = Reason(
    code="EVL101",
    name="COMMERCIAL_USE_FORBIDDEN",
    effect=Verdict.BLOCK,
    model="org/name",
    license="cc-by-nc-4.0",
    clause="2(a)(1)",
    message="no commercial use",
    evidence=("README.md: license",),
    path=("org/name", "org/base"),
    fixes=("choose another model",),
)
OBLIGATION = Obligation(kind="notice", license="MIT", model="a", text="Copyright © somebody")
SOURCE_LICENSE = SourceLicense(
    model="a",
    identity=A,
    expression="MIT",
    key="mit",
    name="MIT License",
    url="https://spdx.org/licenses/MIT",
    evidence=("LICENSE",),
    verdict=Verdict.ATTRIBUTE,
)
DECISION = Decision(
    intent="commercial",
    verdict=Verdict.BLOCK,
    sources=(SOURCE_LICENSE,),
    reasons=(REASON,),
    obligations=(OBLIGATION,),
    outbound="NOASSERTION",
    policy=A,
    knowledge=B,
)
RELEASE = Release(
    candidate=A, decision=B, intent="hosted", name="result", license="MIT", papers=(FILE,)
)
ENTRY = Entry(
    seq=1, prev=GENESIS, kind="model", body="{}", hash=entry_hash(1, GENESIS, "model", "{}")
)
PUBLICATION = Publication(
    release=A,
    target="hf://org/result",
    branch="refs/pr/1",
    state="confirmed",
    files=(FILE,),
    before=COMMIT,
    prepared=7,
    commit=COMMIT[::-1],
    why="found there at the next start",
)
PRUNING = Pruning(what="item-scores", search=A, through=9, why="too large")

RIDER = Rider(kind="name-prefix", value="Llama-3-Groq", where="README.md, section License")
EDGE = Edge(
    child="org/child",
    identity=A,
    parent="org/parent",
    revision=COMMIT,
    parent_identity=B,
    relation="distilled",
    origin="human",
    evidence=EVIDENCE,
    by="ann@example.org",
    at="2026-01-02T03:04:05Z",
    note="told in the paper",
)
TEXT = HeldText.of("\ufeffAll rights. ©\n".encode())

# Strategies: every field varies, also those that have a default.
_text = st.text(max_size=12)
_texts = st.lists(_text, max_size=3).map(tuple)
_digest = st.binary(max_size=4).map(digest_of)
_count = st.integers(0, 2**53 - 1)
_commit = st.text("0123456789abcdef", min_size=40, max_size=40)
_fraction = st.floats(-1e6, 1e6).map(fraction)
_share = st.floats(0, 1).map(fraction)
_verdict = st.sampled_from(Verdict)
_scalar = (
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
)


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _some(strategy: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=2).map(tuple)


_file = st.builds(
    File,
    path=_text,
    size=_count,
    digest=_digest,
    role=st.sampled_from(get_args(Role)),
    measured=st.booleans(),
)
_card = st.builds(
    Card,
    license=_texts,
    license_name=_optional(_text),
    license_link=_optional(_text),
    base_model=_texts,
    base_model_relation=_optional(_text),
    authors=_texts,
    datasets=_texts,
    new_version=_optional(_text),
    gated_prompt=_optional(_text),
    eu_disallowed=st.sampled_from([None, True]),
)


def _model(adapter: st.SearchStrategy[Model | None]) -> st.SearchStrategy[Model]:
    return st.builds(
        Model,
        name=_text,
        origin=st.sampled_from(["hub", "local"]),
        revision=_optional(_commit),
        files=_some(_file),
        card=_card,
        adapter=adapter,
    )


_setting = st.builds(Setting, value=_scalar | _some(_scalar), filter=_optional(_text))
_settings = _some(st.tuples(_text, _some(_setting)))
_source = st.builds(
    Source,
    model=_text,
    layer_range=_optional(st.tuples(_count, _count)),
    parameters=_settings,
)
_slice = st.builds(
    Slice, sources=_some(_source, least=1), base_model=_optional(_text), parameters=_settings
)
_module = st.builds(
    Module, name=_text, models=_some(_source), slices=_some(_slice), parameters=_settings
)
_token = st.builds(
    TokenRow,
    token=_text,
    kind=st.sampled_from(["default", "model", "token", "zero"]),
    model=_optional(_text),
    text=_optional(_text),
    token_id=_optional(_count),
    force=st.booleans(),
)
_tokenizer = st.builds(
    TokenizerSettings, source=_text, tokens=_some(_token), pad_to_multiple_of=_optional(_count)
)
_recipe = st.builds(
    Recipe,
    method=_text,
    models=_some(_source),
    slices=_some(_slice),
    base_model=_optional(_text),
    parameters=_settings,
    dtype=_optional(_text),
    out_dtype=_optional(_text),
    tokenizer_source=_optional(_text),
    modules=_some(_module),
    tokenizer=_optional(_tokenizer),
    chat_template=_optional(_text),
)
_ingredient = st.builds(
    Ingredient, reference=_text, name=_text, revision=_optional(_text), identity=_digest
)
_engine = st.builds(Engine, name=st.just("evoreg"), version=_text, rules=_count)
_group = st.builds(GroupShare, group=_text, effective=_share, alignment=_fraction)
_contribution = st.builds(
    Contribution,
    reference=_text,
    nominal=_fraction,
    effective=_share,
    alignment=_fraction,
    used=st.booleans(),
    groups=_some(_group),
)
_census = st.builds(Census, tensors=_count, parameters=_count, copied=_count, partial=_texts)
_candidate = st.builds(
    Candidate,
    recipe=_recipe,
    ingredients=_some(_ingredient),
    seed=_count,
    engine=_engine,
    contributions=_some(_contribution),
    census=_census,
    outputs=_some(_file),
)
_evidence = st.builds(
    Evidence, kind=st.sampled_from(["file", "url"]), locator=_text, digest=_optional(_digest)
)
_filled = st.text("abc -", min_size=1, max_size=9).map(lambda text: f"x{text}")
_rider = st.builds(
    Rider, kind=st.sampled_from(["name-prefix", "display"]), value=_filled, where=_text
) | st.builds(
    Rider,
    kind=st.sampled_from(["hosting-forbidden", "commercial-forbidden", "sharing-forbidden"]),
    where=_text,
)
_edge = st.builds(
    Edge,
    child=_text,
    identity=_digest,
    parent=_filled,
    revision=_optional(_commit),
    parent_identity=_optional(_digest),
    relation=st.sampled_from(get_args(Relation)),
    origin=st.sampled_from(get_args(EdgeOrigin)),
    evidence=_optional(_evidence),
    by=_text,
    at=_text,
    note=_text,
)
_held_text = st.binary(max_size=20).map(HeldText.of)
_claim = st.builds(
    LicenseClaim,
    model=_text,
    identity=_digest,
    expression=_text,
    origin=st.sampled_from(get_args(ClaimOrigin)),
    evidence=_optional(_evidence),
    by=_text,
    at=_text,
    note=_text,
    riders=_some(_rider),
)
_reason = st.builds(
    Reason,
    code=_text,
    name=_text,
    effect=_verdict,
    model=_text,
    license=_text,
    clause=_text,
    message=_text,
    evidence=_texts,
    path=_texts,
    fixes=_texts,
)
_obligation = st.builds(
    Obligation,
    kind=st.sampled_from(get_args(Obligation.model_fields["kind"].annotation)),
    license=_text,
    model=_text,
    text=_text,
)
_source_license = st.builds(
    SourceLicense,
    model=_text,
    identity=_digest,
    expression=_text,
    key=_text,
    name=_text,
    url=_text,
    evidence=_texts,
    verdict=_verdict,
)
_decision = st.builds(
    Decision,
    intent=st.sampled_from(INTENTS),
    verdict=_verdict,
    sources=_some(_source_license),
    reasons=_some(_reason),
    obligations=_some(_obligation),
    outbound=_text,
    policy=_digest,
    knowledge=_digest,
    policy_name=_optional(_text),
    knowledge_version=_optional(_text),
    inquiry=_optional(_digest),
)
_release = st.builds(
    Release,
    candidate=_digest,
    decision=_digest,
    intent=st.sampled_from(INTENTS),
    name=_text,
    license=_text,
    papers=_some(_file),
)
_entry = st.builds(
    Entry,
    seq=st.integers(1, 2**53 - 1),
    prev=_digest,
    kind=st.sampled_from(get_args(EntryKind)),
    body=_text,
    hash=_digest,
)
_publication = st.builds(
    Publication,
    release=_digest,
    target=_text,
    branch=_text,
    state=st.sampled_from(get_args(PublicationState)),
    files=_some(_file),
    before=_optional(_text),
    prepared=_optional(st.integers(1, 2**53 - 1)),
    commit=_optional(_text),
    why=_text,
)
_pruning = st.builds(
    Pruning, what=st.just("item-scores"), search=_optional(_digest), through=_count, why=_text
)


@dataclass(frozen=True)
class Row:
    """What is known about one record type."""

    example: Record
    """A fixed record; no field that has a default is left at it without reason."""
    digest: str
    """`Record.record_digest` of the example, without ``sha256:``."""
    any: st.SearchStrategy[Any]
    """Any record of the type."""


RECORDS: Mapping[type[Record], Row] = {
    Candidate: Row(
        CANDIDATE, "be7cca3296926e20fca0e1302b0d3362b015d6a5398c157c6e298774ac042f51", _candidate
    ),
    Card: Row(CARD, "8b156fd167de06e0337389d8019ac42eaca432a979d8e56b5f03c7cc0a86963e", _card),
    Census: Row(
        CENSUS, "35009ba0ad35ed4bac27c99a52e955c7cc67d6eb198c424ace08a854af89ad8e", _census
    ),
    Contribution: Row(
        CONTRIBUTION,
        "520a31a328a869e3b9688c4015c19bb9d54b4b818cddfd8716c88d764c440364",
        _contribution,
    ),
    Decision: Row(
        DECISION, "4632a08b0a3bcaa8d55cfec41ebdf3687036f6070ad6f20819c69f0e18a9eaea", _decision
    ),
    Edge: Row(EDGE, "1aaf2db8cc3425085d7b421ee95c9d4ec604f07ce795deb1d502522d80fc95bc", _edge),
    Engine: Row(
        ENGINE, "0868210c051a42c7f52727b6d9f3cd0096e2fdecb86ad3cfbee8b44f475df297", _engine
    ),
    Entry: Row(ENTRY, "831003938808da8a7ac4d193bb9092905777bdcad1f5dd65b5e0f46a776ab5a5", _entry),
    Evidence: Row(
        EVIDENCE, "f653d658b171128d86f2c769397142eabcbba802318f717294bfda12c9970a32", _evidence
    ),
    File: Row(FILE, "6f3e540dfb970a8089c24a230685b83e4e80aa4d7d7e3efdbd007ca9b15f8b4f", _file),
    GroupShare: Row(
        GROUP, "a96e5bcea8e053f891fcff97f7377b63ef9de8388229d5daba7dcaa8efcf999e", _group
    ),
    HeldText: Row(
        TEXT, "bab4eac52a3d8e16c7f2ade3e74dd643c0ddf5847e1b1276e25e71db8bcc097b", _held_text
    ),
    Ingredient: Row(
        INGREDIENT, "a62ff39f1facba4af637343f362e3593e88461413b3447b4f01725fa51766730", _ingredient
    ),
    LicenseClaim: Row(
        CLAIM, "6c597b4f19ddbc21b555971ee557f978e4d1c1d871bec9d419cd9d433080b32b", _claim
    ),
    Model: Row(
        MODEL,
        "86a203d113ac29cbf898342c57d83c5254aefd84da8895559238f5b1f5db6663",
        _model(_optional(_model(st.none()))),
    ),
    Obligation: Row(
        OBLIGATION, "f6deeafaa13daa9ba0a852437d9155cc1cfcacffed1a16039bf521cf1ac10d82", _obligation
    ),
    Pruning: Row(
        PRUNING, "98c7b3bb202062ad5e34d76fe2b3d2f2d41ae196f9e60e055c892ae66f4c9784", _pruning
    ),
    Publication: Row(
        PUBLICATION,
        "7e8ee5fd07eef74ba671ceb6462d204c430c3bb1dcf526049ef746cc43374f4e",
        _publication,
    ),
    Reason: Row(
        REASON, "8b2a44646cc379bc1df54387eec929fd95e77ffc77ca7fab7ce708e182c506f7", _reason
    ),
    Module: Row(
        MODULE, "c471e6a937ba01f15549d91b9975dc778a49668b2a1196190dab7b3a20e24949", _module
    ),
    TokenRow: Row(
        TOKEN, "a6c99725ff6c82fe2f930f792cc006ceacdddccdb87f52b19c7fbd7dd62cc078", _token
    ),
    TokenizerSettings: Row(
        TOKENIZER, "5cbdba8cbe3514a77e936c86e0543880d16b757ed3d492bf73a0133306ad3a00", _tokenizer
    ),
    Recipe: Row(
        RECIPE, "dfa4e89c4bbacdc91cf02bc784b395bc0da3adf707b3adaede985721c7a44c60", _recipe
    ),
    Release: Row(
        RELEASE, "31086f86f3e11e3b8274f95eb842a9127cdfca5cfe3f5eb63585fc3014e7da73", _release
    ),
    Rider: Row(RIDER, "d97c8c3654a3f3feca8ee19099e190db7fd3dbc069eeb9aebb1cc7a70ac960d5", _rider),
    Setting: Row(
        SETTING, "2747ec9636435e932bb805bab016720b27833b27849938402684e52430fbe3c0", _setting
    ),
    Slice: Row(SLICE, "304a2d14a689c734d86920809803444fceccc566ee21b0b313e08880226ebca7", _slice),
    Source: Row(
        SOURCE, "e7af69dab5a8590b8454c91ffc5098dd27b2944df4326ba734857a5cd651f0b2", _source
    ),
    SourceLicense: Row(
        SOURCE_LICENSE,
        "f148e2cfd95527ab0a275ef3ccdc036c250a7de3c6efe0d1d1923541989771fe",
        _source_license,
    ),
}
"""Every record type of `evoreg.provenance.records`."""

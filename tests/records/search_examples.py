"""The record types of a search, as `tests.records.record_examples` has the others."""

from collections.abc import Mapping
from typing import get_args

from hypothesis import strategies as st

from evoreg.provenance.records.evaluation import (
    Evaluation,
    Failure,
    Generation,
    NamedRecipe,
    Origin,
    TaskScore,
)
from evoreg.provenance.records.record import Record
from evoreg.provenance.records.result import Drift, Interval, SearchResult, Spread, Stability
from evoreg.provenance.records.search import (
    Excluded,
    GeneRecord,
    Search,
    Split,
    SplitRecord,
    TaskRecord,
)
from tests.records.record_examples import (
    CONTRIBUTION,
    ENGINE,
    INGREDIENT,
    RECIPE,
    A,
    B,
    Row,
    _contribution,
    _count,
    _digest,
    _engine,
    _fraction,
    _ingredient,
    _optional,
    _recipe,
    _some,
    _text,
    _texts,
)

_number = st.floats(-1e6, 1e6)
_json = st.dictionaries(
    _text,
    st.none() | st.booleans() | _count | _number | _text | st.lists(_count, max_size=2),
    max_size=3,
)

GENE = GeneRecord(name="a weight", low=0.0, high=1.5, start=0.5)
SPLIT = SplitRecord(split="train", count=3, digest=A, dropped=1)
TASK = TaskRecord(
    name="sums",
    kind="generate",
    metric="exact_match",
    maximise=True,
    weight="1.000000000",
    splits=(SPLIT,),
    template=B,
    settings={"max_new_tokens": 24, "stop": [], "language": None},
)
EXCLUDED = Excluded(reference="c", identity=A, reasons=("its licence forbids commerce",))
SEARCH = Search(
    name="mini",
    run=1,
    settings={"method": "task_arithmetic", "sigma": 0.125},
    ingredients=(INGREDIENT,),
    excluded=(EXCLUDED,),
    genes=(GENE,),
    tasks=(TASK,),
    seed=1,
    merge_seed=2,
    intent="commercial",
    decision=A,
    outbound="MIT",
    engine=ENGINE,
    versions={"torch": "2.13.0"},
)
NAMED = NamedRecipe(name="first", recipe=RECIPE)
SCORE = TaskScore(
    task="sums",
    split="validation",
    value="0.500000000",
    soft="-0.250000000",
    items=(0, 1_000_000),
    softs=(-500_000, 0),
    asked=A,
    tokens=40,
    truncated=1,
    foreign=1,
)
FAILURE = Failure(code="EVO-M003", what="the result has NaN")
EVALUATION = Evaluation(
    search=A,
    stage=1,
    generation=2,
    place=3,
    origin="finalist",
    label="mean",
    genome=(0.5, 0.1),
    recipe=RECIPE,
    earlier=(NAMED,),
    candidate=B,
    parents=(A,),
    scores=(SCORE,),
    fitness=("0.475000000",),
    contributions=(CONTRIBUTION,),
    failure=FAILURE,
)
GENERATION = Generation(
    search=A,
    stage=1,
    number=2,
    evaluations=4,
    failed=1,
    best=("0.500000000",),
    mean=("0.250000000",),
    items=128,
    state={"sigma": 0.1, "mean": [0.5]},
)
INTERVAL = Interval(
    against="uniform",
    task="sums",
    difference="0.100000000",
    low="0.020000000",
    high="0.180000000",
    samples=10_000,
)
DRIFT = Drift(reference="a", relative="0.150000000", largest="lm_head.weight")
SPREAD = Spread(kind="seed", label="7", task="sums", value="0.490000000")
STABILITY = Stability(
    finite=True,
    tensors=40,
    parameters=500_000,
    drifts=(DRIFT,),
    spreads=(SPREAD,),
    intervals=(INTERVAL,),
    tried=640,
    truncated="0.010000000",
    warnings=("no better than the uniform merge",),
)
RESULT = SearchResult(
    search=A,
    winner=B,
    label="mean",
    recipe=RECIPE,
    earlier=(NAMED,),
    merge_seed=2,
    validation=(SCORE,),
    test=(SCORE,),
    front=(A,),
    stability=STABILITY,
    items=4096,
)

_split = st.sampled_from(get_args(Split))
_gene = st.builds(GeneRecord, name=_text, low=_number, high=_number, start=_number)
_split_record = st.builds(SplitRecord, split=_split, count=_count, digest=_digest, dropped=_count)
_task = st.builds(
    TaskRecord,
    name=_text,
    kind=_text,
    metric=_text,
    maximise=st.booleans(),
    weight=_fraction,
    splits=_some(_split_record),
    template=_digest,
    settings=_json,
)
_excluded = st.builds(Excluded, reference=_text, identity=_digest, reasons=_texts)
_search = st.builds(
    Search,
    name=_text,
    run=_count,
    settings=_json,
    ingredients=_some(_ingredient),
    excluded=_some(_excluded),
    genes=_some(_gene),
    tasks=_some(_task),
    seed=_count,
    merge_seed=_count,
    intent=_text,
    decision=_optional(_digest),
    outbound=_optional(_text),
    engine=_engine,
    versions=st.dictionaries(_text, _text, max_size=2),
)
_named = st.builds(NamedRecipe, name=_text, recipe=_recipe)
_ints = _some(st.integers(-(2**50), 2**50))
_score = st.builds(
    TaskScore,
    task=_text,
    split=_split,
    value=_fraction,
    soft=_optional(_fraction),
    items=_ints,
    softs=_ints,
    asked=_digest,
    tokens=_count,
    truncated=_count,
    foreign=_count,
)
_failure = st.builds(Failure, code=_text, what=_text)
_evaluation = st.builds(
    Evaluation,
    search=_digest,
    stage=_count,
    generation=_count,
    place=_count,
    origin=st.sampled_from(get_args(Origin)),
    label=_text,
    genome=_some(_number),
    recipe=_recipe,
    earlier=_some(_named),
    candidate=_digest,
    parents=_some(_digest),
    scores=_some(_score),
    fitness=_some(_fraction),
    contributions=_some(_contribution),
    failure=_optional(_failure),
)
_generation = st.builds(
    Generation,
    search=_digest,
    stage=_count,
    number=_count,
    evaluations=_count,
    failed=_count,
    best=_some(_fraction),
    mean=_some(_fraction),
    items=_count,
    state=_json,
)
_interval = st.builds(
    Interval,
    against=_text,
    task=_text,
    difference=_fraction,
    low=_fraction,
    high=_fraction,
    samples=st.integers(1, 10**6),
)
_drift = st.builds(Drift, reference=_text, relative=_fraction, largest=_text)
_spread = st.builds(
    Spread, kind=st.sampled_from(["seed", "prompt"]), label=_text, task=_text, value=_fraction
)
_stability = st.builds(
    Stability,
    finite=st.booleans(),
    tensors=_count,
    parameters=_count,
    drifts=_some(_drift),
    spreads=_some(_spread),
    intervals=_some(_interval),
    tried=_count,
    truncated=_fraction,
    warnings=_texts,
)
_result = st.builds(
    SearchResult,
    search=_digest,
    winner=_digest,
    label=_text,
    recipe=_recipe,
    earlier=_some(_named),
    merge_seed=_count,
    validation=_some(_score),
    test=_some(_score),
    front=_some(_digest),
    stability=_stability,
    items=_count,
)

SEARCH_RECORDS: Mapping[type[Record], Row] = {
    GeneRecord: Row(
        GENE, "258edf326ab8098dfff6b2ff4846a0078b4dfc0b0e8748c09a5b8f02d4589299", _gene
    ),
    SplitRecord: Row(
        SPLIT, "0f9c8bcd15849d6204d93f2c954f195fc0d1804b39f784e5ab8eeb65a765f229", _split_record
    ),
    TaskRecord: Row(
        TASK, "6e6a37d3de8c71b3401e08f1acf9f642bbd0f3af54c9ae1ffe6d15e8eb1240cd", _task
    ),
    Excluded: Row(
        EXCLUDED, "2c9de47d02217bf17db27625f64e5a7e18b800cef0dec30a6af3959e079dee2c", _excluded
    ),
    Search: Row(
        SEARCH, "2eac69b0c04101a79235f1456eb06b7bebb5aeaa5c8c96194271b72d4ae1fbb7", _search
    ),
    NamedRecipe: Row(
        NAMED, "732b537b9f26856ffedb5a4c7f846f18098439502444167ea542f9bea5af31cd", _named
    ),
    TaskScore: Row(
        SCORE, "7e2218a27eb2b5330659ec6d3a30c33b1aba66b08ef76a682b772574cb282142", _score
    ),
    Failure: Row(
        FAILURE, "2dad3728ab7fd9eabd5e6cbba15b9df1f115a1f1faffe7f122eb7322e27a09d9", _failure
    ),
    Evaluation: Row(
        EVALUATION, "024c168383d9a403a49c87c126499d833a5dc126820ea30e6d3020e1fb308996", _evaluation
    ),
    Generation: Row(
        GENERATION, "b935328dc7efaa8d3de8f97f2b5c2edf62b28d262f0b949fe8ecfc8ab5c0ffee", _generation
    ),
    Interval: Row(
        INTERVAL, "dd50158a69fc03c483ea7453f54c75d7903374d2dd8361d73de04bff233b8ab2", _interval
    ),
    Drift: Row(DRIFT, "ffc3d234ffc18347d839a426e916abc2ac0118f258c60d268541597ff4860e20", _drift),
    Spread: Row(
        SPREAD, "e362d32c6ddecfa9d1f0316e8506b0fcb43d13f069cb6f680b4d36bc40294d5b", _spread
    ),
    Stability: Row(
        STABILITY, "e2acfee21b0d11bc1ceb295be513ef02562e68740facec088746650b23296e4f", _stability
    ),
    SearchResult: Row(
        RESULT, "f8a66099cedb97d98a5e8f323eaaefacf8b78807ae7a41a374c1fcdfb739fd4b", _result
    ),
}

"""What names things: identity of a model, id of a candidate, hash of an entry, digests."""

import hashlib
import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from evoreg.provenance.records.candidate import Candidate, GroupShare, candidate_id, fraction
from evoreg.provenance.records.digest import digest_of, short
from evoreg.provenance.records.entry import GENESIS, Entry, entry_hash
from evoreg.provenance.records.model import Card, File, Model
from evoreg.provenance.records.recipe import Recipe, Slice, Source
from tests.records.record_examples import ADAPTER, CANDIDATE, COMMIT, ENTRY, MODEL, RECORDS, A, B


def _sha(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


# The identity of a model -----------------------------------------------------------------------


def _weights(path: str, digest: str) -> File:
    return File(path=path, size=1, digest=digest, role="weights")


PAIR = Model(name="m", origin="local", files=(_weights("1.st", A), _weights("2.st", B)))


def test_the_identity_is_the_digest_of_the_sorted_weight_digests() -> None:
    first, second = sorted((A, B))
    assert PAIR.identity == _sha(f'{{"adapter":null,"weights":["{first}","{second}"]}}')
    whole = MODEL.identity
    assert whole == _sha(f'{{"adapter":"{ADAPTER.identity}","weights":["{A}"]}}')


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other/name"},
        {"origin": "hub", "revision": COMMIT},
        {"card": Card(license=("mit",))},
        {"files": tuple(reversed(PAIR.files))},
        {"files": (_weights("x/y.st", B), _weights("z.st", A))},
        {"files": tuple(file.model_copy(update={"size": 9}) for file in PAIR.files)},
        {"files": tuple(file.model_copy(update={"measured": False}) for file in PAIR.files)},
        {"files": (*PAIR.files, File(path="README.md", size=1, digest=A, role="card"))},
    ],
    ids=lambda change: "+".join(change),
)
def test_the_identity_depends_on_nothing_but_the_weights(change: dict[str, Any]) -> None:
    other = Model.model_validate({**dict(PAIR), **change})
    assert other != PAIR
    assert other.identity == PAIR.identity


@pytest.mark.parametrize(
    "change",
    [
        {"files": PAIR.files[:1]},
        {"files": (*PAIR.files, _weights("3.st", B))},
        {"files": (PAIR.files[0], _weights("2.st", digest_of(b"c")))},
        {"files": ()},
        {"adapter": ADAPTER},
        {"adapter": PAIR},
    ],
    ids=str,
)
def test_other_weights_have_another_identity(change: dict[str, Any]) -> None:
    assert Model.model_validate({**dict(PAIR), **change}).identity != PAIR.identity


def test_an_adapter_is_not_a_second_weight_file() -> None:
    one = Model(name="m", origin="local", files=PAIR.files[:1])
    below = one.model_copy(update={"adapter": PAIR.model_copy(update={"files": PAIR.files[1:]})})
    assert below.identity != PAIR.identity


@settings(max_examples=40, deadline=None)
@given(RECORDS[Model].any, st.randoms(use_true_random=False))
def test_no_order_of_files_changes_the_identity(model: Model, chance: Any) -> None:
    files = list(model.files)
    chance.shuffle(files)
    assert model.model_copy(update={"files": tuple(files)}).identity == model.identity


def test_labels() -> None:
    assert PAIR.label == "m"
    assert MODEL.label == "org/name@0123456+lora"


# The id of a candidate -------------------------------------------------------------------------


def _again(**change: Any) -> Candidate:
    return Candidate.model_validate({**dict(CANDIDATE), **change})


def test_the_id_is_the_digest_of_recipe_weights_seed_and_engine() -> None:
    body = {
        "engine": CANDIDATE.engine.to_json(),
        "ingredients": [["org/name@main", A]],
        "recipe": CANDIDATE.recipe.to_json(),
        "seed": 2**53 - 1,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert CANDIDATE.id == _sha(text)
    same = candidate_id(CANDIDATE.recipe, CANDIDATE.ingredients, CANDIDATE.seed, CANDIDATE.engine)
    assert same == CANDIDATE.id


def test_the_id_is_known_before_the_merge() -> None:
    census = CANDIDATE.census.model_copy(update={"tensors": 99})
    for change in ({"contributions": ()}, {"outputs": ()}, {"census": census}):
        other = _again(**change)
        assert other != CANDIDATE
        assert other.id == CANDIDATE.id
    for moved in ({"name": "elsewhere"}, {"revision": None}):
        line = CANDIDATE.ingredients[0].model_copy(update=moved)
        assert _again(ingredients=(line,)).id == CANDIDATE.id


def test_everything_that_decides_bytes_changes_the_id() -> None:
    line = CANDIDATE.ingredients[0]
    changes: list[dict[str, Any]] = [
        {"seed": 0},
        {"recipe": CANDIDATE.recipe.model_copy(update={"out_dtype": "bfloat16"})},
        {"engine": CANDIDATE.engine.model_copy(update={"version": "0.1.1"})},
        {"engine": CANDIDATE.engine.model_copy(update={"rules": 2})},
        {"ingredients": (line.model_copy(update={"identity": B}),)},
        {"ingredients": (line.model_copy(update={"reference": "org/name"}),)},
        {"ingredients": (line, line)},
        {"ingredients": ()},
    ]
    ids = {CANDIDATE.id, *(_again(**change).id for change in changes)}
    assert len(ids) == len(changes) + 1


def test_the_order_of_models_is_a_part_of_the_recipe() -> None:
    recipe = CANDIDATE.recipe
    turned = recipe.model_copy(update={"models": recipe.models[::-1]})
    assert _again(recipe=turned).id != CANDIDATE.id


def test_references_are_listed_once_named_bases_first() -> None:
    a, b = Source(model="a"), Source(model="b")
    assert Recipe(method="m", models=(a, b, a), base_model="b").references == ("b", "a")
    slices = (Slice(sources=(a,), base_model="c"), Slice(sources=(b, a)))
    recipe = Recipe(method="m", slices=slices, base_model="d", tokenizer_source="t")
    assert recipe.references == ("d", "c", "a", "b", "t")
    for word in ("base", "union", "a", None):
        assert Recipe(method="m", models=(a,), tokenizer_source=word).references == ("a",)


# Fractions -------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.floats(-1e6, 1e6))
def test_a_fraction_is_the_number_to_nine_decimals(value: float) -> None:
    text = fraction(value)
    assert abs(Decimal(text) - Decimal(value)) <= Decimal("5e-10")
    assert fraction(float(text)) == text
    assert GroupShare(group="g", effective="0.000000000", alignment=text).alignment == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.3125, "0.312500000"),
        (1, "1.000000000"),
        (1 / 3, "0.333333333"),
        (2 / 3, "0.666666667"),
        (-2 / 3, "-0.666666667"),
        (0.0, "0.000000000"),
        (-0.0, "0.000000000"),
        (-4e-10, "0.000000000"),
        (-6e-10, "-0.000000001"),
        (5e-324, "0.000000000"),
        (-123456.75, "-123456.750000000"),
    ],
)
def test_fractions(value: float, text: str) -> None:
    assert fraction(value) == text


@pytest.mark.parametrize(
    "text",
    [
        *("-0.000000000", "00.500000000", "01.000000000", "+0.500000000", ".500000000"),
        *("0.5", "0.5000000000", "0,500000000", "1e-9", "1", "", " 0.500000000", "0.500000000 "),
        *("0.500000000\n", "nan", "inf", "-inf", "٠.500000000", "0.50000000٠", "--0.500000000"),
        *(fraction(math.nan), fraction(math.inf), fraction(-math.inf)),
    ],
)
def test_a_record_takes_no_other_spelling_of_a_fraction(text: str) -> None:
    with pytest.raises(ValidationError, match="alignment"):
        GroupShare(group="g", effective="0.000000000", alignment=text)


@pytest.mark.parametrize("text", ["-0.000000001", "1.000000001", "10.000000000", "2.000000000"])
def test_a_share_lies_between_0_and_1(text: str) -> None:
    assert GroupShare(group="g", effective="1.000000000", alignment=text).alignment == text
    with pytest.raises(ValidationError, match="effective"):
        GroupShare(group="g", effective=text, alignment=text)


# Entries ---------------------------------------------------------------------------------------


def _fed(*fields: str) -> str:
    """Hash an entry by the letter of its description, written a second time."""
    data = b"evoreg/entry/1"
    for field in fields:
        data += len(field.encode()).to_bytes(8, "big") + field.encode()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_the_hash_of_an_entry_is_known() -> None:
    known = "sha256:a8c34a9ab224d86b6a78962cab3d848d946fa7395b5a73b6eb2d72273d396089"
    assert entry_hash(1, GENESIS, "model", "{}") == known
    assert ENTRY.hash == known == _fed("1", GENESIS, "model", "{}")
    assert GENESIS == "sha256:" + 64 * "0"


_short = st.text("ab1", max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.tuples(_short, _short, _short, _short), st.integers(0, 12), st.integers(0, 12))
def test_no_two_splits_of_one_text_share_a_hash(
    fields: tuple[str, str, str, str], first: int, second: int
) -> None:
    whole = "".join(fields[1:])
    low, high = sorted((min(first, len(whole)), min(second, len(whole))))
    other = (whole[:low], whole[low:high], whole[high:])
    assume(other != fields[1:])
    assert entry_hash(1, *other) != entry_hash(1, *fields[1:])


def test_a_digit_never_wanders_from_one_field_to_the_next() -> None:
    hashes = [entry_hash(1, "23", "k", "b"), entry_hash(12, "3", "k", "b")]
    hashes += [entry_hash(1, "2", "3k", "b"), entry_hash(1, "2", "3", "kb")]
    hashes += [entry_hash(1, "", "", "23kb"), entry_hash(123, "", "", "kb")]
    assert len(set(hashes)) == len(hashes)


def test_an_entry_is_counted_from_one() -> None:
    for seq in (0, -1):
        with pytest.raises(ValidationError, match="seq"):
            Entry.model_validate({**dict(ENTRY), "seq": seq})


# Digests ---------------------------------------------------------------------------------------


def test_a_digest_is_the_sha_256_of_the_bytes() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of(b"") == f"sha256:{empty}"
    assert short(digest_of(b"")) == empty[:12]


@pytest.mark.parametrize(
    "text",
    [
        *("", "sha256:", 64 * "0", "sha256:" + 63 * "0", "sha256:" + 65 * "0"),
        *("sha256:" + 64 * "A", "sha256:" + 64 * "g", "SHA256:" + 64 * "0", "md5:" + 32 * "0"),
        *(f"{GENESIS}\n", f" {GENESIS}", "sha256:" + 64 * "٠"),
    ],
)
def test_a_record_takes_no_other_form_of_a_digest(text: str) -> None:
    with pytest.raises(ValidationError, match="digest"):
        File(path="a", size=0, digest=text, role="other")


@pytest.mark.parametrize("text", ["", COMMIT[:39], COMMIT + "0", COMMIT.upper(), f"{COMMIT}\n"])
def test_a_revision_is_a_whole_commit(text: str) -> None:
    with pytest.raises(ValidationError, match="revision"):
        Model(name="a/b", origin="hub", revision=text, files=())

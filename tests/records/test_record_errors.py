"""The error tree: codes that never change, all problems kept, each on one line."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.records import errors
from evoreg.provenance.records.errors import Code, EvoregError, Problem

# A code is in scripts, in logs and in people's notes: add lines here, never change one.
CODES = {
    "RECIPE_SYNTAX": "EVO-R001",
    "RECIPE_UNKNOWN_KEY": "EVO-R002",
    "RECIPE_VALUE": "EVO-R003",
    "RECIPE_METHOD": "EVO-R004",
    "RECIPE_STRUCTURE": "EVO-R005",
    "RECIPE_REFERENCE": "EVO-R006",
    "RECIPE_PARAMETER": "EVO-R007",
    "RECIPE_ZERO_WEIGHTS": "EVO-R008",
    "RECIPE_LAYERS": "EVO-R009",
    "RECIPE_UNSUPPORTED": "EVO-R010",
    "INPUT_MISSING": "EVO-I001",
    "INPUT_UNREADABLE": "EVO-I002",
    "INPUT_PICKLE": "EVO-I003",
    "INPUT_ESCAPES": "EVO-I004",
    "INPUT_CONFIG": "EVO-I005",
    "INPUT_INDEX": "EVO-I006",
    "INPUT_CHANGED": "EVO-I007",
    "INPUT_CARD": "EVO-I008",
    "HUB_UNREACHABLE": "EVO-I009",
    "HUB_DENIED": "EVO-I010",
    "HUB_REVISION": "EVO-I011",
    "NOT_CANONICAL": "EVO-I012",
    "NOT_A_RECORD": "EVO-I013",
    "MODEL_UNKNOWN": "EVO-I014",
    "MERGE_MISSING_TENSOR": "EVO-M001",
    "MERGE_SHAPE": "EVO-M002",
    "MERGE_NOT_FINITE": "EVO-M003",
    "MERGE_DTYPE": "EVO-M004",
    "MERGE_ARCHITECTURE": "EVO-M005",
    "MERGE_VOCABULARY": "EVO-M006",
    "MERGE_BUFFER": "EVO-M007",
    "POLICY_REFUSED": "EVO-P001",
    "POLICY_REVIEW": "EVO-P002",
    "POLICY_FILE": "EVO-P003",
    "POLICY_EXPRESSION": "EVO-P004",
    "PARENT_UNSEEN": "EVO-P005",
    "LINEAGE_ODD": "EVO-P006",
    "OUTPUT_EXISTS": "EVO-O001",
    "OUTPUT_UNWRITABLE": "EVO-O002",
    "OUTPUT_FULL": "EVO-O003",
    "LEDGER_BROKEN": "EVO-L001",
    "LEDGER_UNREACHABLE": "EVO-L002",
    "LEDGER_VERSION": "EVO-L003",
    "LEDGER_BUSY": "EVO-L004",
    "LEDGER_ORDER": "EVO-L005",
    "LEDGER_OTHER": "EVO-L006",
    "VERIFY_DIGEST": "EVO-V001",
    "PAPER_MISSING": "EVO-V002",
    "SEARCH_DIVERGED": "EVO-V003",
    "PROOF_FALSE": "EVO-V004",
    "EVALUATION_FAILED": "EVO-E001",
    "DATA_ITEM": "EVO-E002",
    "DATA_SPLIT": "EVO-E003",
    "DATA_OVERLAP": "EVO-E004",
    "EVALUATION_COLLAPSED": "EVO-E005",
    "EVALUATION_MEMORY": "EVO-E006",
    "SEARCH_NO_RESULT": "EVO-E007",
    "SEARCH_SETUP": "EVO-E008",
    "USAGE": "EVO-U001",
    "EXTRA_MISSING": "EVO-U002",
    "SEARCH_BEGUN": "EVO-U003",
    "SEARCH_UNKNOWN": "EVO-U004",
    "BUG": "EVO-B001",
}

TREE = {
    "EvoregError": "Exception",
    "UsageError": "EvoregError",
    "RecipeError": "UsageError",
    "OutputError": "UsageError",
    "PrintError": "OutputError",
    "InputError": "EvoregError",
    "MergeError": "EvoregError",
    "PolicyError": "EvoregError",
    "RefusedError": "PolicyError",
    "ReviewError": "PolicyError",
    "VerificationError": "EvoregError",
    "EvaluationError": "EvoregError",
}

KINDS = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, EvoregError)
}


def test_codes_never_change() -> None:
    assert {code.name: code.value for code in Code} == CODES
    assert len(Code.__members__) == len(set(CODES.values())), "two names for one code"


@pytest.mark.parametrize("code", Code)
def test_a_code_has_a_form_that_people_can_quote(code: Code) -> None:
    assert re.fullmatch(r"EVO-[A-Z][0-9]{3}", code)


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert {name: kind.__bases__[0].__name__ for name, kind in KINDS.items()} == TREE
    assert all(len(kind.__bases__) == 1 for kind in KINDS.values())
    drawing = re.findall(r"^    ([| ]*)(?:\+-- )?(\w+Error)", errors.__doc__ or "", re.MULTILINE)
    assert [name for _, name in drawing] == list(TREE)


@pytest.mark.parametrize("name", TREE)
def test_one_error_keeps_all_problems(name: str) -> None:
    problems = [
        Problem(Code.MERGE_SHAPE, "the shapes differ", "a.weight", "merge models of one size"),
        Problem(Code.MERGE_DTYPE, "the sources hold I8"),
        Problem(Code.MERGE_SHAPE, "the shapes differ", "b.weight"),
    ]
    error = KINDS[name].of(problems)
    assert type(error) is KINDS[name]
    assert error.problems == tuple(problems)
    assert error.code is Code.MERGE_SHAPE
    assert str(error).splitlines() == [
        "[EVO-M002] a.weight: the shapes differ (merge models of one size)",
        "[EVO-M004] the sources hold I8",
        "[EVO-M002] b.weight: the shapes differ",
    ]
    problems.clear()
    assert len(error.problems) == 3


def test_an_error_of_one_problem() -> None:
    error = errors.InputError(Code.INPUT_MISSING, "no model", where="x", hint="name one")
    assert error.problems == (Problem(Code.INPUT_MISSING, "no model", "x", "name one"),)
    assert error.code == "EVO-I001"
    assert str(error) == "[EVO-I001] x: no model (name one)"
    assert errors.InputError.of(error.problems).problems == error.problems


_texts = st.text(max_size=20)


@given(st.lists(st.builds(Problem, st.sampled_from(Code), _texts, _texts, _texts), min_size=1))
def test_every_problem_takes_one_line(problems: list[Problem]) -> None:
    lines = str(EvoregError.of(problems)).splitlines()
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"[{problem.code}] ")


def test_a_problem_cannot_change() -> None:
    problem = Problem(Code.USAGE, "what")
    with pytest.raises(AttributeError):
        problem.what = "else"  # type: ignore[misc]
    assert hash(problem) == hash(Problem(Code.USAGE, "what"))

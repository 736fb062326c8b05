"""What the command line changes of a search file, and what is told of a file that is none."""

from pathlib import Path

import pytest

from evoreg.evolve.searchfile.form import BudgetForm
from evoreg.evolve.searchfile.read import LARGEST
from evoreg.provenance.records.errors import Code, InputError, RecipeError, UsageError
from evoreg.registry.searching.wanted import Changes, changed_budget, read_wanted


def test_a_budget_is_changed_where_it_is_named() -> None:
    found = changed_budget(BudgetForm(generations=3, items=9), ["generations=10", "minutes=1.5"])
    assert found == BudgetForm(generations=10, items=9, minutes=1.5)


@pytest.mark.parametrize(
    ("change", "what", "hint"),
    [
        ("generations=five", "is no whole number above zero", "such as generations=10"),
        ("candidates=0", "is no whole number above zero", "such as candidates=10"),
        ("items=1.5", "is no whole number above zero", "such as items=10"),
        ("minutes=soon", "is no number above zero", "such as minutes=10"),
        ("generation=4", "is no budget", "did you mean 'generations'?"),
        ("generations", "is no budget", "write NAME=NUMBER"),
        ("", "is no budget", "names: generations, candidates, items, minutes"),
    ],
)
def test_a_budget_that_is_none_is_told(change: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed_budget(BudgetForm(), [change])
    (problem,) = caught.value.problems
    assert problem.what == f"{change!r} {what}"
    assert hint in problem.hint
    assert problem.where == "--budget"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe", "the search file is not UTF-8 text"),
        (b" " * (LARGEST + 1), "the search file is larger than 262,144 bytes"),
    ],
)
def test_bytes_that_are_no_search_file_are_told(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "search.yml"
    file.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        read_wanted(file, Changes())
    (problem,) = caught.value.problems
    assert (problem.code, problem.what, problem.where) == (Code.RECIPE_SYNTAX, what, str(file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for file, hint in ((tmp_path, "name the search file inside it"), (tmp_path / "a", "spelling")):
        with pytest.raises(InputError) as caught:
            read_wanted(file, Changes())
        (problem,) = caught.value.problems
        assert problem.what.startswith("the search file cannot be read: ")
        assert hint in problem.hint

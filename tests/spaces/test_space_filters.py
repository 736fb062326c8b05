"""Filters that tell cells of tensors apart, whatever the tensors are called."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from evoreg.evolve.recipes.settings import find
from evoreg.evolve.spaces.filters import filters_for
from evoreg.provenance.records.recipe import Setting
from tests.spaces.spacing import layered

WORDS = st.sampled_from(["a", "b", "ab", "0", "1", "10", "w", "norm", "*x"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(".".join)


def decided(cells: Sequence[Sequence[str]], name: str) -> object:
    settings = tuple(Setting(value=n, filter=text) for text, n in filters_for(cells))
    found = find([(("weight", settings),)], "weight", name)
    return found.value if found else None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NAMES, st.integers(0, 3)), min_size=1, unique_by=lambda pair: pair[0]))
def test_every_name_is_decided_by_the_filters_of_its_cell(pairs: list[tuple[str, int]]) -> None:
    numbers = sorted({number for _, number in pairs})
    cells = [[name for name, own in pairs if own == number] for number in numbers]
    for place, cell in enumerate(cells):
        assert {decided(cells, name) for name in cell} == {place}


def test_filters_are_as_short_as_people_write_them() -> None:
    names = list(layered(30, "self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj"))
    attention = [name for name in names if "self_attn" in name]
    rest = [name for name in names if "self_attn" not in name]
    texts = {text for text, _ in filters_for([attention, rest])}
    assert texts == {".mlp.", ".norm.", ".embed_tokens.", "lm_head.", None}
    assert filters_for([names]) == ((None, 0),)


def test_layers_are_told_apart_by_their_numbers() -> None:
    names = list(layered(12, "mlp.up_proj"))
    one = [name for name in names if ".1." in name]
    rest = [name for name in names if ".1." not in name]
    assert filters_for([one, rest]) == ((".1.", 0), (None, 1))

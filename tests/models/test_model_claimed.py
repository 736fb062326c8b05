"""A claim names a licence: what states nothing is refused with a way on."""

import pytest

from evoreg.provenance.records.errors import Code, PolicyError
from evoreg.registry.cli.models import check_expression


@pytest.mark.parametrize(
    "text", ["other", "Unknown", "mit OR other", "(mit AND unknown) OR apache-2.0", "NOASSERTION"]
)
def test_a_licence_that_states_nothing_is_refused(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        check_expression(text)
    assert caught.value.problems[0].code == Code.POLICY_EXPRESSION
    assert "make no claim" in caught.value.problems[0].hint


@pytest.mark.parametrize("text", ["mit", "Apache-2.0 OR MIT", "llama3.1", "kimi-k3"])
def test_a_licence_with_terms_is_taken(text: str) -> None:
    check_expression(text)

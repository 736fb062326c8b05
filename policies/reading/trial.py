"""Trying the cases that a policy carries, and telling which are decided otherwise.

The models of a case do not exist. A stand-in has weights of its own and a person's claim that names
the licence, so that nothing but the licence decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evoreg.policies.decide import decide
from evoreg.policies.facts import SourceFacts
from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.policy import Policy
from evoreg.policies.question import Question
from evoreg.policies.reading.cases import NOBODY, PolicyTest, TrialSource
from evoreg.provenance.records.decision import Intent, Verdict
from evoreg.provenance.records.digest import digest_of
from evoreg.provenance.records.license import LicenseClaim
from evoreg.provenance.records.model import File, Model

_ORIGIN = "1970-01-01T00:00:00Z"


def stand_in(source: TrialSource, number: int = 1) -> SourceFacts:
    """Return a model that does not exist, under a licence.

    Args:
        source: What it is.
        number: Tells models without a name apart.

    Returns:
        What the gate would know about it.
    """
    name, _, commit = (source.model or f"source-{number}").partition("@")
    weights = File(
        path="model.safetensors",
        size=0,
        digest=digest_of(f"{number} {source.model}".encode()),
        role="weights",
    )
    model = Model(
        name=name,
        origin="hub" if commit else "local",
        revision=commit.ljust(40, "0") if commit else None,
        files=(weights,),
    )
    return SourceFacts(
        label=model.label,
        model=model,
        claims=_claims(source, model),
        relation=source.relation,
        modality="text",
    )


def _claims(source: TrialSource, model: Model) -> tuple[LicenseClaim, ...]:
    says = "" if source.license == NOBODY else source.license
    if not says and not source.extra:
        return ()
    return (
        LicenseClaim(
            model=model.name,
            identity=model.identity,
            expression=says,
            origin="human",
            by="a test",
            at=_ORIGIN,
            riders=source.extra,
        ),
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case."""

    test: PolicyTest
    """The case."""
    verdicts: dict[Intent, Verdict]
    """What was decided for each intent that it asks about."""
    reasons: tuple[str, ...]
    """Names of all reasons that were given, sorted."""

    @property
    def differences(self) -> tuple[str, ...]:
        """What is not as the case expects, one sentence each; nothing if the policy passes."""
        wrong = [
            f"{intent}: expected {wanted.value}, got {self.verdicts[intent].value}"
            for intent, wanted in self.test.expect.items()
            if self.verdicts[intent] is not wanted
        ]
        absent = [name for name in self.test.reasons if name not in self.reasons]
        return (*wrong, *(f"the reason {name} was not given" for name in absent))


def run_tests(
    tests: Sequence[PolicyTest], policy: Policy, knowledge: Knowledge
) -> tuple[Outcome, ...]:
    """Let a policy decide its cases.

    Args:
        tests: The cases.
        policy: The policy.
        knowledge: The licences.

    Returns:
        What came of each, in their order.
    """
    return tuple(_outcome(test, policy, knowledge) for test in tests)


def _outcome(test: PolicyTest, policy: Policy, knowledge: Knowledge) -> Outcome:
    sources = [stand_in(source, number) for number, source in enumerate(test.sources, 1)]
    made = {
        intent: decide(
            sources,
            Question(intent, policy, test.context, name=test.result, today=test.today),
            knowledge,
        )
        for intent in test.expect
    }
    names = {reason.name for decision in made.values() for reason in decision.reasons}
    return Outcome(test, {key: item.verdict for key, item in made.items()}, tuple(sorted(names)))

"""Permissions: which recorded exceptions hold for which model, and which have lapsed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evoreg.policies.policy import Permission
from evoreg.policies.question import Question
from evoreg.policies.terms import Terms
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.model import Model

_DIGITS = len("sha256:") + 12


def names_model(spec: str, model: Model) -> bool:
    """Tell whether a specification means a model.

    Args:
        spec: Name, ``@``, and the first digits of the commit or of the identity.
        model: A model; one with an adapter is meant by no commit.

    Returns:
        True if name and commit are those of the model, or the identity is: weights are the same
        whatever they are called.
    """
    name, _, mark = spec.rpartition("@")
    if mark.startswith("sha256:"):
        return model.identity.startswith(mark)
    same = name == model.name and model.adapter is None
    return same and (model.revision or "").startswith(mark)


def key_of(spec: str) -> str:
    """Return under what a specification can be looked up: the name, or digits of the identity."""
    name, _, mark = spec.rpartition("@")
    return mark[:_DIGITS] if mark.startswith("sha256:") else name


def keys_of(model: Model) -> tuple[str, str]:
    """Return the keys of all specifications that may mean a model."""
    return model.name, model.identity[:_DIGITS]


def lapsed(permission: Permission, today: str) -> bool:
    """Tell whether an exception has expired; without a day to compare with it has."""
    return not today or permission.expires < today


@dataclass(frozen=True, slots=True)
class Standing:
    """The exceptions that may hold, and those that hold at one place of a lineage."""

    offered: tuple[Permission, ...]
    """Exceptions for the use that is asked about, not expired."""
    active: frozenset[int] = frozenset()
    """Places in `offered` of those that hold here."""
    _named: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, question: Question) -> "Standing":
        """Return the exceptions that may hold for a question."""
        fit = [
            permission
            for permission in question.policy.exceptions
            if question.intent in permission.intents and not lapsed(permission, question.today)
        ]
        named: dict[str, tuple[int, ...]] = {}
        for place, permission in enumerate(fit):
            key = key_of(permission.model)
            named[key] = (*named.get(key, ()), place)
        return cls(tuple(fit), _named=named)

    def at(self, model: Model) -> "Standing":
        """Return what holds at a model that is reached from here."""
        if not self.offered:
            return self
        near = [place for key in keys_of(model) for place in self._named.get(key, ())]
        more = {place for place in near if names_model(self.offered[place].model, model)}
        return self if more <= self.active else replace(self, active=self.active | more)

    def allowing(self, row: Terms) -> Permission | None:
        """Return the exception that sets the terms of a row aside here, or nothing.

        What nobody knows cannot be set aside.
        """
        if row.kind in ("unknown", "other"):
            return None
        names = {row.key, row.expression}
        found = (self.offered[i] for i in sorted(self.active) if names & {*self.offered[i].allow})
        return next(found, None)


def words(permission: Permission) -> str:
    """Return an exception in one line, for evidence; who approved it and why is not published."""
    mark = short(permission.record_digest())
    return f"exception (sha256 {mark}) for {permission.model}, until {permission.expires}"

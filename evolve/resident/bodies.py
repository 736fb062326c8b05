"""The models of a host: one set of parameters, and one model for each configuration over it.

Candidates of a search have the same tensors, but not all the same configuration: a parent that is
tried alone brings its own. Models that differ in that alone share their parameters.
"""

from typing import Any

import torch

from evoreg.evolve.planning.plan import Plan
from evoreg.evolve.resident.body import Body, body_key, build, compute_type
from evoreg.evolve.resident.seats import Seats, find_seats
from evoreg.provenance.records.digest import Digest
from evoreg.provenance.records.errors import Code, MergeError, UsageError


class Bodies:
    """The models that candidates are computed into."""

    def __init__(self, device: str, compute: str) -> None:
        """Begin without any.

        Args:
            device: Where they shall be.
            compute: As for `ParameterHost.open`.
        """
        self.device = device
        self._compute = compute
        self._kind: torch.dtype | None = None
        self._known: dict[Digest, Body] = {}
        self._current: Body | None = None
        self._seats: Seats | None = None
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def current(self) -> Body:
        """The model of the last plan.

        Raises:
            UsageError: There was none yet.
        """
        if self._current is None:
            raise _empty()
        return self._current

    @property
    def seats(self) -> Seats:
        """Where each tensor is.

        Raises:
            UsageError: There was no plan yet.
        """
        if self._seats is None:
            raise _empty()
        return self._seats

    def enter(self, plan: Plan) -> None:
        """Make the model of a plan the current one; it is built if there is none like it.

        Args:
            plan: A merge.

        Raises:
            MergeError: Tensors of other names or shapes than those of the first plan, or no model
                can be built.
            InputError: The tokenizer cannot be read.
        """
        self._check(plan)
        key = body_key(plan)
        if key not in self._known:
            self._known[key] = self._built(plan)
        self._current = self._known[key]

    def _check(self, plan: Plan) -> None:
        """Refuse what does not fit the parameters that are there."""
        if not self._shapes:
            return
        shapes = {output.name: output.shape for output in plan.outputs}
        if shapes == self._shapes:
            return
        odd = sorted(
            name for name in {*shapes, *self._shapes} if shapes.get(name) != self._shapes.get(name)
        )
        raise MergeError(
            Code.MERGE_SHAPE,
            f"the candidate has other tensors than the first one of the search: {odd[0]}",
            hint="let all models share one vocabulary and one number of layers: tokenizer_source",
        )

    def _built(self, plan: Plan) -> Body:
        kind = self._kind or compute_type(plan, self._compute, self.device)
        body = build(plan, kind)
        if self._seats is None or self._current is None:
            body.model.to(self.device)
            self._seats = find_seats(body.model, plan.outputs)
            self._kind = kind
            self._shapes = {output.name: output.shape for output in plan.outputs}
        else:
            _share(self._current.model, body.model)
            body.model.to(self.device)
            self._agree(find_seats(body.model, plan.outputs))
        return body

    def _agree(self, found: Seats) -> None:
        """Refuse a model whose parameters are arranged in another way."""
        mine = self.seats
        alike = (found.own, found.joined) == (mine.own, mine.joined)
        shared = found.views.keys() - found.own
        if not alike or any(
            found.views[name].data_ptr() != mine.views[name].data_ptr() for name in shared
        ):
            raise MergeError(
                Code.MERGE_ARCHITECTURE,
                "the candidate's tensors have other places than those of the first one",
                hint="search among models of one architecture",
            )

    def close(self) -> None:
        """Let go of all models."""
        self._known.clear()
        self._current = self._seats = None


def _empty() -> UsageError:
    return UsageError(Code.USAGE, "the host holds no candidate", hint="apply a recipe first")


def _share(old: Any, new: Any) -> None:  # noqa: ANN401 - transformers declares no types
    """Let a model use the parameters of another one."""
    names = dict(new.named_parameters(remove_duplicate=False))
    state = {name: value for name, value in old.state_dict().items() if name in names}
    new.load_state_dict(state, strict=False, assign=True)
    new.tie_weights()
    new.requires_grad_(requires_grad=False)

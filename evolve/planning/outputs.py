"""One output tensor after the other: shapes, types, parameters, and who takes part."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.evolve.checkpoints.tensors import BYTES, FLOATS, TensorInfo
from evoreg.evolve.planning.layout import Meeting
from evoreg.evolve.planning.names import group_of
from evoreg.evolve.planning.plan import Input, OutputTensor, Parameters
from evoreg.evolve.planning.vocabulary import Tokens
from evoreg.evolve.recipes.contracts import Contract, Parameter
from evoreg.evolve.recipes.settings import at, find
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Recipe, Settings

_TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_ZERO_SUM = 1e-8


@dataclass
class Planner:
    """Plans one output tensor after the other and keeps the problems."""

    recipe: Recipe
    """What was asked for."""
    contract: Contract
    """What its method asks for."""
    tokens: Tokens | None
    """The vocabulary of the result, if it changes."""
    parts: Mapping[str, str]
    """Part of the model by output name."""
    partial: list[str]
    """Takes what is done about tensors that not every source has."""
    problems: dict[Problem, None] = field(default_factory=dict)
    """What stands against the merge."""

    def report(self, code: Code, what: str, where: str, hint: str = "") -> None:
        """Note a problem, each once."""
        self.problems.setdefault(Problem(code, what, where, hint))

    def output(self, meeting: Meeting) -> OutputTensor | None:
        """Return the plan of one tensor, or nothing after a report."""
        infos = [found.tensor for found in meeting.inputs]
        if not all(info.dtype in FLOATS for info in infos):
            return self.buffer(meeting, infos)
        if meeting.lacking and len(infos) == 1:
            return self.alone(meeting)
        if not self.holds(meeting):
            return None
        shape = self.shape(meeting)
        inputs = [self.input(meeting, place) for place in range(len(infos))]
        shared = self.parameters(meeting, "shared", meeting.blocks, meeting.name, "")
        if shape is None or shared is None or None in inputs:
            return None
        if meeting.lacking:
            shared = self.among_holders(meeting, shared)
        found = [item for item in inputs if item is not None]
        base, parts = self.split(meeting)
        self.check_sum([found[place] for place in parts], shared)
        self.check_limits([found[place] for place in parts])
        kind = self.dtype(infos)
        double = "F64" in {kind, *(info.dtype for info in infos)} or self.recipe.dtype == "float64"
        return OutputTensor(
            name=meeting.name,
            shape=shape,
            dtype=kind,
            double=double,
            inputs=(*found, *self.lent(meeting)),
            base=base,
            parts=parts,
            parameters=shared,
            group=self.group(meeting),
            copied=False,
            method=self.contract.name,
        )

    def group(self, meeting: Meeting) -> str:
        """Return the group that the shares of a tensor are counted under."""
        return group_of(meeting.name, self.parts.get(meeting.name, ""))

    def alone(self, meeting: Meeting) -> OutputTensor:
        """Return the plan of a tensor that one source alone has: it is taken as it is.

        A base gets no share by it, as for everything else that it gives.
        """
        (only,) = meeting.inputs
        own, kind = only.tensor.dtype, self.dtype([only.tensor])
        reference = only.model.reference
        self.partial.append(f"{meeting.name}: copied from {reference}, which alone has it")
        is_base = self.contract.delta and meeting.base == reference
        source = Input(only.model, only.tensor, only.name, {"scale": 1.0})
        return OutputTensor(
            name=meeting.name,
            shape=only.tensor.shape,
            dtype=kind,
            double="F64" in (own, kind) or self.recipe.dtype == "float64",
            inputs=(source,),
            base=0 if is_base else None,
            parts=(0,),
            parameters={},
            group=self.group(meeting),
            copied=is_base and own == kind and source.adapter is None,
            method="passthrough",
        )

    def holds(self, meeting: Meeting) -> bool:
        """Tell whether the method can do with the sources that have a tensor; report if not."""
        if not meeting.lacking:
            return True
        count = len(meeting.inputs)
        named = meeting.base in [found.model.reference for found in meeting.inputs]
        fewest, most = self.contract.fewest, self.contract.most
        if self.contract.base == "optional" and named:
            count -= 1
        fits = fewest <= count and (most is None or count <= most)
        if fits and (named or self.contract.base == "ignored"):
            return True
        holders = ", ".join(found.model.reference for found in meeting.inputs)
        part = self.parts.get(meeting.name) or meeting.name
        what = f"{self.contract.name} cannot merge {part}, which only {holders} have"
        hint = "make one of them the base_model, or merge these parts with modules of their own"
        self.report(Code.MERGE_MISSING_TENSOR, what, "", hint)
        return False

    def among_holders(self, meeting: Meeting, shared: Parameters) -> Parameters:
        """Return the shared parameters for sources some of which lack the tensor: weights add to 1.

        Else a plain sum of weights would shrink what not every source has.
        """
        holders = ", ".join(found.model.reference for found in meeting.inputs)
        self.partial.append(f"{meeting.name}: merged among {holders}")
        divides = self.contract.divides_by_sum
        return {**shared, divides: True} if divides and meeting.base is None else shared

    def buffer(self, meeting: Meeting, infos: Sequence[TensorInfo]) -> OutputTensor | None:
        """Return the plan of a tensor that is copied, since its numbers cannot be averaged."""
        first = infos[0]
        if first.dtype not in BYTES:
            hint = "convert the model to a common type first"
            self.report(
                Code.MERGE_DTYPE, f"tensors of type {first.dtype} are not read", meeting.name, hint
            )
            return None
        if first.dtype.startswith("F8") and len(infos) > 1:
            what = f"{first.dtype} numbers cannot be merged: what they are scaled by is not known"
            hint = "convert the models to bfloat16 first"
            self.report(Code.MERGE_DTYPE, what, meeting.name, hint)
            return None
        if any(info.dtype != first.dtype or info.shape != first.shape for info in infos):
            kinds = ", ".join(sorted({f"{info.dtype}{list(info.shape)}" for info in infos}))
            hint = "only equal buffers can be copied; convert quantised weights to floats first"
            self.report(Code.MERGE_DTYPE, f"the sources hold {kinds}", meeting.name, hint)
            return None
        return OutputTensor(
            name=meeting.name,
            shape=first.shape,
            dtype=first.dtype,
            double=False,
            inputs=tuple(Input(each.model, each.tensor, each.name, {}) for each in meeting.inputs),
            base=None,
            parts=tuple(range(len(infos))),
            parameters={},
            group=self.group(meeting),
            copied=True,
            method=self.contract.name,
        )

    def shape(self, meeting: Meeting) -> tuple[int, ...] | None:
        """Return the shape of the result, or nothing after a report."""
        shapes = []
        for each in meeting.inputs:
            own = each.tensor.shape
            fits = self.tokens is not None and self.tokens.applies(each.tensor)
            shapes.append((self.tokens.count, *own[1:]) if self.tokens and fits else own)
        if len(set(shapes)) == 1:
            return shapes[0]
        told = ", ".join(
            f"{each.model.reference} {list(each.tensor.shape)}" for each in meeting.inputs
        )
        hint = "merge models of one size; if only the vocabularies differ, add tokenizer_source"
        self.report(Code.MERGE_SHAPE, f"the shapes differ: {told}", meeting.name, hint)
        return None

    def input(self, meeting: Meeting, place: int) -> Input | None:
        """Return one input with its parameters, or nothing after a report."""
        found = meeting.inputs[place]
        is_base = self.contract.base != "ignored" and found.model.reference == meeting.base
        scopes = "input" if is_base else "input part"
        blocks = (found.line.parameters, *meeting.blocks)
        values = self.parameters(meeting, scopes, blocks, found.name, found.model.reference)
        if values is None:
            return None
        rows = None
        if self.tokens is not None and self.tokens.applies(found.tensor):
            rows = self.tokens.rows(meeting)[place]
        return Input(found.model, found.tensor, found.name, values, rows)

    def lent(self, meeting: Meeting) -> tuple[Input, ...]:
        """Return the tensors of models that lend rows to a table without being merged in it."""
        if self.tokens is None or not self.tokens.applies(meeting.inputs[0].tensor):
            return ()
        return self.tokens.lent(meeting)

    def check_limits(self, parts: Sequence[Input]) -> None:
        """Report parameters of a part that do not go together, once for all tensors."""
        limits = self.contract.limits
        if limits is None:
            return
        for part in parts:
            wrong = limits(part.parameters)
            if wrong:
                what = f"{self.contract.name} of {part.source.reference}: {wrong}"
                hint = "choose another density or epsilon; density 1 keeps everything"
                self.report(Code.RECIPE_PARAMETER, what, "", hint)

    def parameters(
        self, meeting: Meeting, scopes: str, blocks: Sequence[Settings], tensor: str, model: str
    ) -> Parameters | None:
        """Return the values of all parameters of some scopes, or nothing after a report."""
        values: dict[str, float | bool] = {}
        for parameter in self.contract.parameters:
            if parameter.scope in scopes.split():
                value = self.value(parameter, blocks, tensor, meeting.position)
                if value is None:
                    whom = f" of {model}" if model else ""
                    what = f"{self.contract.name} needs a value for {parameter.name}{whom}"
                    hint = f"no setting of {parameter.name} applies to this tensor"
                    self.report(Code.RECIPE_PARAMETER, what, tensor, hint)
                    return None
                values[parameter.name] = value
        return values

    def value(
        self, parameter: Parameter, blocks: Sequence[Settings], tensor: str, position: float
    ) -> float | bool | None:
        """Return the value of one parameter, or nothing if it is required and absent."""
        setting = find(blocks, parameter.name, tensor)
        if setting is not None:
            return at(setting, position, parameter)
        default = parameter.default
        return default if isinstance(default, bool | int | float) else None

    def split(self, meeting: Meeting) -> tuple[int | None, tuple[int, ...]]:
        """Tell the base from the parts; a base that is itself interpolated comes first."""
        places = tuple(range(len(meeting.inputs)))
        if self.contract.base == "ignored" or meeting.base is None:
            return None, places
        references = [found.model.reference for found in meeting.inputs]
        base = references.index(str(meeting.base))
        parts = tuple(place for place in places if place != base)
        return (base, parts) if self.contract.delta else (None, (base, *parts))

    def check_sum(self, parts: Sequence[Input], shared: Parameters) -> None:
        """Report weights that cancel where the method would divide by their sum."""
        divides = self.contract.divides_by_sum
        if not shared.get(divides):
            return
        weights = [float(part.parameters["weight"]) for part in parts]
        if abs(math.fsum(weights)) < _ZERO_SUM:
            told = " + ".join(f"{weight:g}" for weight in weights)
            hint = f"change the weights, or set {divides}: false"
            what = f"the weights add up to zero ({told}), so they cannot be normalised"
            self.report(Code.RECIPE_ZERO_WEIGHTS, what, "", hint)

    def dtype(self, infos: Sequence[TensorInfo]) -> str:
        """Return the type to write: out_dtype, else dtype, else what holds all inputs."""
        asked = self.recipe.out_dtype or self.recipe.dtype
        if asked is not None:
            return _TYPES[asked]
        kinds = {info.dtype for info in infos}
        if len(kinds) == 1:
            return kinds.pop()
        return "F64" if "F64" in kinds else "F32"

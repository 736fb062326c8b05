"""From a recipe and the headers of its models to a plan, with every problem collected."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evoreg.evolve.checkpoints.tensors import BYTES, FLOATS, TensorInfo
from evoreg.evolve.planning.config import output_config
from evoreg.evolve.planning.layout import Meeting, lay_out
from evoreg.evolve.planning.names import group_of
from evoreg.evolve.planning.plan import Input, OutputTensor, Parameters, Plan, SourceModel
from evoreg.evolve.planning.vocabulary import Tokens, plan_tokens, unknown_tables
from evoreg.evolve.recipes.contracts import CONTRACTS, Contract, Parameter
from evoreg.evolve.recipes.settings import at, find
from evoreg.evolve.vocabulary.rows import Rows
from evoreg.provenance.records.errors import Code, MergeError, Problem, RecipeError
from evoreg.provenance.records.recipe import Recipe, Settings

_TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_ZERO_SUM = 1e-8


@dataclass
class _Planner:
    """Plans one output tensor after the other and keeps the problems."""

    recipe: Recipe
    contract: Contract
    tokens: Tokens | None
    problems: list[Problem] = field(default_factory=list)
    known_rows: dict[tuple[str, ...], tuple[Rows, ...]] = field(default_factory=dict)

    def report(self, code: Code, what: str, where: str, hint: str = "") -> None:
        problem = Problem(code, what, where, hint)
        if problem not in self.problems:
            self.problems.append(problem)

    def output(self, meeting: Meeting) -> OutputTensor | None:
        """Return the plan of one tensor, or nothing after a report."""
        infos = [found.tensor for found in meeting.inputs]
        floating = [info.dtype in FLOATS for info in infos]
        if not all(floating):
            return self.buffer(meeting, infos)
        shape = self.shape(meeting)
        inputs = [self.input(meeting, place) for place in range(len(infos))]
        shared = self.parameters(meeting, "shared", meeting.blocks, meeting.name, "")
        if shape is None or shared is None or None in inputs:
            return None
        found = [item for item in inputs if item is not None]
        base, parts = self.split(meeting)
        self.check_sum([found[place] for place in parts], shared)
        kind = self.dtype(infos)
        double = "F64" in {kind, *(info.dtype for info in infos)} or self.recipe.dtype == "float64"
        return OutputTensor(
            name=meeting.name,
            shape=shape,
            dtype=kind,
            double=double,
            inputs=tuple(found),
            base=base,
            parts=parts,
            parameters=shared,
            group=group_of(TensorInfo(meeting.name, kind, shape, infos[0].file)),
            copied=False,
        )

    def buffer(self, meeting: Meeting, infos: Sequence[TensorInfo]) -> OutputTensor | None:
        """Return the plan of a tensor that is copied, since its numbers cannot be averaged."""
        first = infos[0]
        if first.dtype not in BYTES:
            hint = "convert the model to a common type first"
            self.report(
                Code.MERGE_DTYPE, f"tensors of type {first.dtype} are not read", meeting.name, hint
            )
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
            group=group_of(TensorInfo(meeting.name, first.dtype, first.shape, first.file)),
            copied=True,
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
            rows = self.rows(tuple(each.model.reference for each in meeting.inputs))[place]
        return Input(found.model, found.tensor, found.name, values, rows)

    def rows(self, references: tuple[str, ...]) -> tuple[Rows, ...]:
        """Return how the rows of some models are reordered; worked out once for each set."""
        if references not in self.known_rows and self.tokens is not None:
            self.known_rows[references] = self.tokens.rows(references)
        return self.known_rows[references]

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
        return default if isinstance(default, bool | float) else None

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
        if not (self.contract.divides_by_sum and shared.get("normalize")):
            return
        weights = [float(part.parameters["weight"]) for part in parts]
        if abs(math.fsum(weights)) < _ZERO_SUM:
            told = " + ".join(f"{weight:g}" for weight in weights)
            hint = "change the weights, or set normalize: false"
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


def make_plan(recipe: Recipe, models: Mapping[str, SourceModel], seed: int) -> Plan:
    """Plan a merge.

    Args:
        recipe: The recipe, as `read_recipe` gave it.
        models: The model of each of `recipe.references`.
        seed: Seed of random masks, 0 <= seed < 2**53.

    Returns:
        A plan that can be carried out unless the weights themselves are at fault.

    Raises:
        MergeError: Tensors missing, shapes or types that do not meet.
        RecipeError: Parameters missing, layers out of range, weights that cancel.
    """
    contract = CONTRACTS[recipe.method]
    layout = lay_out(recipe, contract, models)
    _raise(layout.problems)
    donor = models[recipe.base_model or _first(recipe)]
    tokens = plan_tokens(recipe, models, donor)
    _raise(unknown_tables(tokens, layout) if tokens else [])
    planner = _Planner(recipe, contract, tokens)
    outputs = [planner.output(meeting) for meeting in layout.meetings]
    _raise(planner.problems)
    tensors = tuple(output for output in outputs if output is not None)
    return Plan(
        recipe=recipe,
        contract=contract,
        seed=seed,
        sources=tuple(models[reference] for reference in recipe.references),
        bases=_bases(recipe) if contract.delta else (),
        outputs=tensors,
        config=output_config(recipe, donor, models, tensors, tokens),
        donor=tokens.donor if tokens else donor,
        files=tokens.files if tokens else {},
        partial=tuple(layout.partial),
    )


def _raise(problems: Sequence[Problem]) -> None:
    if not problems:
        return
    kind = RecipeError if problems[0].code.startswith("EVO-R") else MergeError
    raise kind.of(problems)


def _first(recipe: Recipe) -> str:
    return recipe.models[0].model if recipe.models else recipe.slices[0].sources[0].model


def _bases(recipe: Recipe) -> tuple[str, ...]:
    named = [recipe.base_model, *(piece.base_model for piece in recipe.slices)]
    return tuple(dict.fromkeys(name for name in named if name is not None))

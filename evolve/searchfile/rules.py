"""Checks across the parts of a search file: what cannot be meant together."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from evoreg.evolve.recipes.contracts import CONTRACTS, Contract
from evoreg.evolve.recipes.form import DTYPES, closest
from evoreg.evolve.searchfile.desk import Desk
from evoreg.evolve.searchfile.form import (
    HybridSpace,
    LayerSpace,
    ParameterSpace,
    SearchForm,
    TensorSpace,
)
from evoreg.evolve.searchfile.genes import SAME_ITEMS
from evoreg.evolve.searchfile.space_rules import check_genes
from evoreg.evolve.searchfile.task_rules import check_metric, check_task
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code

_NAME = re.compile(r"\w(?:[\w .-]{0,78}\w)?")
_SEVERAL = ("nsga2", "cycleqd")
_BREEDERS = ("m2n2", "cycleqd")
_SINGLE = ("linear", "task_arithmetic")
_DISTRIBUTIONS = ("cma-es", "sep-cma-es")


def check_form(form: SearchForm, desk: Desk) -> None:
    """Report what does not go together.

    Args:
        form: The search file, each part readable.
        desk: Takes problems and warnings.
    """
    if _NAME.fullmatch(form.name) is None:
        hint = "1 to 80 letters, digits, blanks, dots, - or _, a letter or digit at each end"
        desk.report("name", f"{form.name!r:.90} is not a plain name", hint)
    _check_models(form, desk)
    if not isinstance(form.space, LayerSpace):
        _check_method(form, desk)
    elif "method" in desk.places:
        desk.warn("method", "paths through layers have no merge method", "leave it out")
    _check_space(form, desk)
    _check_tasks(form, desk)
    _check_optimiser(form, desk)
    _check_idle(form, desk)
    _check_stages(form, desk)
    _check_rest(form, desk)


def check_names(data: Mapping[str, Json], desk: Desk) -> None:
    """Report unknown methods and metrics of a file of which other parts cannot be read.

    Args:
        data: The search file as plain values.
        desk: Takes problems.
    """
    space, method = data.get("space"), data.get("method")
    layers = isinstance(space, dict) and space.get("kind") == "layers"
    if isinstance(method, str) and method not in CONTRACTS and not layers:
        _no_method(method, desk)
    tasks = data.get("tasks")
    for place, task in enumerate(tasks if isinstance(tasks, list) else []):
        if not isinstance(task, dict):
            continue
        kind, metric = task.get("kind", "generate"), task.get("metric")
        if isinstance(kind, str) and isinstance(metric, str):
            check_metric(kind, metric, f"tasks.{place}", desk)


def _no_method(method: str, desk: Desk) -> None:
    what = f"unknown merge method {method!r:.60}"
    desk.report("method", what, closest(method, sorted(CONTRACTS)), Code.RECIPE_METHOD)


def _check_models(form: SearchForm, desk: Desk) -> None:
    for name in _doubles(form.models):
        place = len(form.models) - 1 - form.models[::-1].index(name)
        desk.report(f"models.{place}", f"{name!r} stands twice", "name it once")
    if not all(name.strip() for name in form.models):
        desk.report("models", "a model has no name", "write a folder or org/name[@revision]")
    for name in form.models:
        if not name.isprintable():
            what = f"{name!r:.60} holds signs that cannot be seen"
            desk.report("models", what, "write a folder or org/name[@revision]")


def _doubles(names: Sequence[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _check_method(form: SearchForm, desk: Desk) -> None:
    contract = CONTRACTS.get(form.method)
    if contract is None:
        _no_method(form.method, desk)
        return
    if contract.base == "required" and form.base_model is None:
        usual = "" if "method" in desk.places else ", the usual method,"
        what = f"{form.method}{usual} needs a base_model"
        desk.report("method", what, "add base_model: REFERENCE", Code.RECIPE_STRUCTURE)
        return
    if contract.base == "ignored" and form.base_model not in (None, *form.models):
        what = f"{form.method} has no base: it gives config and tokenizer, but no weights"
        desk.warn("base_model", what, "list it under models to merge it")
    _check_count(form, contract, desk)
    inner = form.space.parameters if isinstance(form.space, HybridSpace) else form.space
    path = "space.parameters" if isinstance(form.space, HybridSpace) else "space"
    if isinstance(inner, ParameterSpace):
        check_genes(inner, contract, path, desk, models=len(form.models))


def _check_count(form: SearchForm, contract: Contract, desk: Desk) -> None:
    names = set(form.models) - ({form.base_model} if contract.base != "ignored" else set())
    count = len(names) + (contract.base == "required")
    with_base = ", the base counted," if contract.base == "required" else ""
    if count < contract.fewest or (contract.most is not None and count > contract.most):
        exactly = contract.most == contract.fewest
        words = f"exactly {contract.most}" if exactly else f"at least {contract.fewest}"
        what = f"{contract.name} takes {words} models{with_base} not {count}"
        desk.report(
            "models",
            what.replace("models not", "models, not"),
            "change the list of models",
            Code.RECIPE_STRUCTURE,
        )
    elif not names:
        desk.report("models", "there is no model besides the base", "add one")


def _check_space(form: SearchForm, desk: Desk) -> None:
    space = form.space
    if isinstance(space, LayerSpace | HybridSpace) and len(form.models) < 2:
        what = f"a space of the kind {space.kind} needs at least two models"
        desk.report("models", what, "add one, or search over parameters", Code.RECIPE_STRUCTURE)
    if isinstance(space, LayerSpace):
        _check_layers(space, "space", desk)
        if form.merge.tokenizer_source is not None:
            what = "a path has the vocabulary of its first model; tokenizer_source is for averages"
            desk.warn("merge.tokenizer_source", what, "put the model with the vocabulary first")
    elif isinstance(space, HybridSpace):
        _check_hybrid(form, space, desk)
    elif isinstance(space, TensorSpace):
        _check_tensors(form, space, desk)


def _check_hybrid(form: SearchForm, space: HybridSpace, desk: Desk) -> None:
    _check_layers(space.layers, "space.layers", desk)
    known = [*form.models, *([form.base_model] if form.base_model else [])]
    if space.partner is not None and space.partner not in known:
        what = f"the partner {space.partner!r:.60} is none of the models"
        desk.report("space.partner", what, closest(space.partner, known))
    if space.parameters.refine:
        what = "the first stage of a hybrid search is not refined"
        desk.report("space.parameters.refine", what, "leave it out", Code.RECIPE_UNSUPPORTED)


def _check_tensors(form: SearchForm, space: TensorSpace, desk: Desk) -> None:
    if not space.low < space.high:
        what = f"low {space.low:g} is not below high {space.high:g}"
        desk.report("space", what, "correct the range")
    if form.method not in _SINGLE:
        what = f"single tensors have no weights in {form.method}"
        hint = f"take {' or '.join(_SINGLE)} as method"
        desk.report("method", what, hint, Code.RECIPE_METHOD)


def _check_layers(space: LayerSpace, path: str, desk: Desk) -> None:
    if space.scaling != "none" and space.scale.low <= 0:
        what = f"scales begin at {space.scale.low:g}; they are positive"
        desk.report(f"{path}.scale", what, "let low be above 0")
    idle = {"scale": space.scaling == "none", "hidden": space.scaling != "network"}
    for key in sorted(key for key, without in idle.items() if without):
        if f"{path}.{key}" in desk.places:
            what = f"{key} changes nothing with scaling: {space.scaling}"
            desk.warn(f"{path}.{key}", what, "leave it out")


def _check_tasks(form: SearchForm, desk: Desk) -> None:
    for name in _doubles([task.name for task in form.tasks]):
        places = [place for place, task in enumerate(form.tasks) if task.name == name]
        what = f"two tasks are called {name!r:.60}"
        desk.report(f"tasks.{places[-1]}.name", what, "give each its own name")
    for place, task in enumerate(form.tasks):
        check_task(task, f"tasks.{place}", desk)
    if not any(task.weight for task in form.tasks):
        desk.report("tasks", "no task has a weight", "give one a weight above 0")


def _check_optimiser(form: SearchForm, desk: Desk) -> None:
    kind = form.optimiser.kind
    if kind in _SEVERAL and len(form.tasks) < 2:
        why = "it looks for the best exchange of one objective for another, and one task gives one"
        hint = "add a task, or take cma-es"
        desk.report(
            "optimiser.kind", f"{kind} needs several tasks: {why}", hint, Code.RECIPE_STRUCTURE
        )
    if kind in _BREEDERS and not isinstance(form.space, TensorSpace):
        what = f"{kind} breeds whole tensors, and the space is of the kind {form.space.kind}"
        hint = "write space: {kind: tensors}"
        desk.report("optimiser.kind", what, hint, Code.RECIPE_STRUCTURE)
    if kind in _BREEDERS and isinstance(form.space, TensorSpace):
        _check_breeding(form, form.space, desk)
    if isinstance(form.space, TensorSpace) and kind == "cma-es":
        what = "cma-es learns little in a space with a gene for each tensor"
        desk.warn("optimiser.kind", what, "take m2n2, cycleqd or sep-cma-es")
    if kind in SAME_ITEMS and form.economy.rotate and form.economy.items:
        what = f"{kind} compares candidates of different generations: they need the same items"
        desk.report("economy.rotate", what, "write rotate: false")
    if kind in SAME_ITEMS and form.economy.racing:
        what = f"{kind} needs all items of every candidate"
        desk.report("economy.racing", what, "write racing: false")


def _check_idle(form: SearchForm, desk: Desk) -> None:
    """Warn of what only an optimiser with a distribution reads."""
    if form.optimiser.kind in _DISTRIBUTIONS:
        return
    for path, name in (("optimiser.sigma", "sigma"), ("economy.average", "average")):
        if path in desk.places and (path == "optimiser.sigma" or form.economy.average):
            what = f"{name} changes nothing for {form.optimiser.kind}, which has no distribution"
            desk.warn(path, what, "leave it out")


def _check_stages(form: SearchForm, desk: Desk) -> None:
    """Warn of stages that a budget leaves nothing for."""
    space = form.space
    if isinstance(space, HybridSpace):
        before = space.generations
    elif isinstance(space, ParameterSpace):
        before = sum(part.generations for part in space.refine)
    else:
        return
    whole = form.budget.generations
    if before and whole is not None and whole <= before:
        what = f"the last stage begins after {before} generations, and the budget has but {whole}"
        desk.warn("budget.generations", what, f"allow more than {before}, or fewer before it")


def _check_breeding(form: SearchForm, space: TensorSpace, desk: Desk) -> None:
    kind = form.optimiser.kind
    if not space.low <= 0 < 1 <= space.high:
        what = f"{kind} begins with each model alone, whose weights are 0 and 1"
        desk.report("space", what, "let low be at most 0 and high at least 1")
    if kind == "cycleqd" and form.method == "linear":
        what = "cycleqd adds parts of what a model learnt, which linear cannot tell from the model"
        desk.report("method", what, "take task_arithmetic and a base_model", Code.RECIPE_METHOD)


def _check_rest(form: SearchForm, desk: Desk) -> None:
    limits = ("generations", "candidates", "items", "minutes")
    if all(getattr(form.budget, limit) is None for limit in limits):
        hint = f"give one of {', '.join(limits)}"
        desk.report("budget", "the budget has no limit", hint, Code.RECIPE_STRUCTURE)
    for key in ("dtype", "out_dtype"):
        name = getattr(form.merge, key)
        if name is not None and name not in DTYPES:
            what = f"merge.{key} {name!r:.60} is not a floating-point type"
            desk.report(f"merge.{key}", what, closest(name, DTYPES))

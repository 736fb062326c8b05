"""Filling in a recipe from marked YAML: keys, references, settings, with problems collected."""

import difflib
from collections.abc import Sequence

from evoreg.evolve.recipes.contracts import CONTRACTS, Contract, Parameter
from evoreg.evolve.recipes.marked import Items, Leaf, Mark, Marked, Table
from evoreg.evolve.recipes.settings import convert
from evoreg.evolve.recipes.written import KEYS, PATH_KEYS, as_text
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, Problem
from evoreg.provenance.records.recipe import Scalar, Setting, Settings

DTYPES = ("bfloat16", "float16", "float32", "float64")
"""Types to compute in and to write."""
SETTING = ("value", "filter")
"""Keys of a setting."""


def closest(word: str, words: Sequence[str]) -> str:
    """Return a did-you-mean hint.

    Args:
        word: What was written.
        words: What could have been meant.

    Returns:
        A hint; if nothing is near, the list of all words.
    """
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(words)}"


HOME = {
    **dict.fromkeys(
        ("merge_method", "models", "slices", "modules", "dtype", "out_dtype", "tokenizer_source",
         "tokenizer", "chat_template"), "at the top of the recipe",
    ),
    "base_model": "at the top of the recipe or in a slice",
    "parameters": "at the top of the recipe, in a module, a slice or a model",
    "sources": "in a slice",
    "layer_range": "in a source of a slice",
    "residual_weight": "in a slice",
    "model": "in an entry of models or sources",
    "filter": "beside the value of a parameter",
    "value": "beside the filter of a parameter",
    "lora": "in a reference: {model: ..., lora: ...}",
    "tokens": "in tokenizer",
    "pad_to_multiple_of": "in tokenizer",
}  # fmt: skip
"""Where the keys of the grammar belong."""


def _elsewhere(key: str) -> str:
    """Return a hint for a key that means something in another place; empty if it does not."""
    if key in HOME:
        return f"{key} stands {HOME[key]}"
    if any(contract.parameter(key) for contract in CONTRACTS.values()):
        return f"write it under parameters: {{{key}: ...}}"
    return ""


class Form:
    """Reads parts of a recipe and keeps what is wrong with them."""

    def __init__(self, root: Table, *, lenient: bool) -> None:
        self.root = root
        self.lenient = lenient
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.places: dict[str, Mark] = {}
        self.marks: dict[str, Mark] = {}

    def report(self, code: Code, what: str, mark: Mark, hint: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(code, what, str(mark), hint))

    def warn(self, code: Code, what: str, mark: Mark, hint: str = "") -> None:
        """Note something that has no effect."""
        self.warnings.append(Problem(code, what, str(mark), hint))

    def forgive(self, code: Code, what: str, mark: Mark, hint: str = "") -> None:
        """Note a problem that lenient reading accepts."""
        (self.warn if self.lenient else self.report)(code, what, mark, hint)

    def known_keys(self, table: Table, known: Sequence[str]) -> None:
        """Report the keys of a mapping that mean nothing."""
        for key in table.pairs:
            if key not in known:
                what = f"unknown key {key!r:.60}"
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
                hint = (not near and _elsewhere(key)) or closest(key, known)
                self.forgive(Code.RECIPE_UNKNOWN_KEY, what, table.keys[key], hint)

    def method(self, table: Table) -> Contract | None:
        """Return the contract of the recipe's method, or nothing after a report."""
        value = table.pairs.get("merge_method")
        name = value.value if isinstance(value, Leaf) else None
        mark = value.mark if value is not None else table.mark
        if isinstance(name, str) and name in CONTRACTS:
            return CONTRACTS[name]
        what = "merge_method is missing" if name is None else f"unknown merge method {name!r:.60}"
        hint = closest(str(name or ""), sorted(CONTRACTS))
        self.report(Code.RECIPE_METHOD, what, mark, hint)
        return None

    def rows(self, table: Table, key: str, known: Sequence[str]) -> list[Table]:
        """Return the mappings of a list, empty if the key is absent."""
        value = table.pairs.get(key)
        if value is None or (isinstance(value, Leaf) and value.value is None):
            return []
        if not isinstance(value, Items):
            self.report(Code.RECIPE_VALUE, f"{key} is a list", value.mark, "start lines with '- '")
            return []
        found = []
        for item in value.items:
            if isinstance(item, Table):
                self.known_keys(item, known)
                found.append(item)
            else:
                what = f"an entry of {key} is a mapping"
                self.report(Code.RECIPE_VALUE, what, item.mark, f"keys: {', '.join(known)}")
        return found

    def reference(
        self, table: Table, key: str, *, required: bool = False, words: Sequence[str] = ()
    ) -> str | None:
        """Return a model reference (or one of some words), or nothing."""
        value = table.pairs.get(key)
        if value is None or (isinstance(value, Leaf) and value.value is None):
            if required:
                self.report(Code.RECIPE_STRUCTURE, f"{key} is missing", table.mark, "name a model")
            return None
        text = as_text(self._plain(value))
        if not text:
            what = f"{key} is not a model reference"
            hint = "write a folder or org/name[@revision][+adapter], or {model: ..., lora: ...}"
            self.report(Code.RECIPE_REFERENCE, what, value.mark, hint)
            return None
        if isinstance(value, Table) and "override_architecture" in value.pairs:
            what = "override_architecture changes nothing: tensors are merged by their names"
            mark = value.keys["override_architecture"]
            self.warn(Code.RECIPE_REFERENCE, what, mark, "leave it out")
        if text not in words or isinstance(value, Table):
            self.places.setdefault(text, value.mark)
        return text

    def _plain(self, value: Marked) -> Json:
        """Return a reference without its places, having looked at the keys of mappings."""
        if isinstance(value, Leaf):
            return value.value
        if isinstance(value, Items):
            return None
        known = PATH_KEYS if "path" in value.pairs else KEYS
        self.known_keys(value, known)
        return {key: self._plain(item) for key, item in value.pairs.items() if key in known}

    def dtype(self, table: Table, key: str) -> str | None:
        """Return the name of a floating-point type, or nothing."""
        value = table.pairs.get(key)
        if value is None or (isinstance(value, Leaf) and value.value is None):
            return None
        name = str(value.value).removeprefix("torch.") if isinstance(value, Leaf) else ""
        if name in DTYPES:
            return name
        hint = closest(name, DTYPES)
        self.report(Code.RECIPE_VALUE, f"{key} is not a floating-point type", value.mark, hint)
        return None

    def settings(self, table: Table, contract: Contract | None, *, within: str) -> Settings:
        """Return the parameters of a block, checked against the method."""
        value = table.pairs.get("parameters")
        if value is None or (isinstance(value, Leaf) and value.value is None):
            return ()
        if not isinstance(value, Table):
            self.report(Code.RECIPE_VALUE, "parameters is a mapping", value.mark, "name: value")
            return ()
        found = []
        for name, item in value.pairs.items():
            parameter = self._parameter(name, value.keys[name], contract, within)
            if parameter is not None:
                found.append((name, self._choices(item, parameter)))
        return tuple(sorted(found))

    def _parameter(
        self, name: str, mark: Mark, contract: Contract | None, within: str
    ) -> Parameter | None:
        if contract is None:
            return None
        parameter = contract.parameter(name)
        if parameter is None:
            names = [item.name for item in contract.parameters]
            what = f"{contract.name} reads no parameter {name!r:.60}"
            self.forgive(Code.RECIPE_UNKNOWN_KEY, what, mark, closest(name, names))
            return None
        if within == "model" and parameter.scope == "shared":
            what = f"{name!r} has one value for all models and is not read inside a model"
            hint = "move it to the parameters of the slice or of the recipe"
            self.forgive(Code.RECIPE_PARAMETER, what, mark, hint)
            return None
        if parameter.idle:
            what = f"{name!r} changes nothing in {contract.name}: {parameter.idle}"
            self.warn(Code.RECIPE_PARAMETER, what, mark, "leave it out")
        return parameter

    def _choices(self, value: Marked, parameter: Parameter) -> tuple[Setting, ...]:
        if isinstance(value, Items) and not value.items:
            return ()
        if isinstance(value, Items) and any(isinstance(item, Table) for item in value.items):
            if not all(isinstance(item, Table) for item in value.items):
                what = f"{parameter.name} mixes plain values with settings"
                hint = (
                    "write each as {value: ..., filter: ...}; without a filter it is for the rest"
                )
                self.report(Code.RECIPE_PARAMETER, what, value.mark, hint)
                return ()
            settings = (self._setting(item, parameter) for item in value.items)
        else:
            settings = (self._setting(item, parameter) for item in (value,))
        return tuple(item for item in settings if item is not None)

    def _setting(self, value: Marked, parameter: Parameter) -> Setting | None:
        if not isinstance(value, Table):
            return self._value(value, parameter, None)
        self.known_keys(value, SETTING)
        inner = value.pairs.get("value")
        chosen = value.pairs.get("filter")
        if chosen is not None and not isinstance(chosen, Leaf):
            what = f"{parameter.name}: a filter is one part of a tensor name"
            hint = "write one setting for each filter"
            self.report(Code.RECIPE_PARAMETER, what, chosen.mark, hint)
            return None
        text = None if chosen is None else chosen.value
        if inner is None or isinstance(inner, Table):
            what = f"{parameter.name}: the setting has no value"
            self.report(Code.RECIPE_PARAMETER, what, value.mark, "write value: and filter:")
            return None
        return self._value(inner, parameter, None if text is None else str(text))

    def _value(self, value: Marked, parameter: Parameter, chosen: str | None) -> Setting | None:
        scalars = self.plain_list(value) if isinstance(value, Items) else None
        if isinstance(value, Leaf) and value.value is not None:
            scalars = [value.value]
        if not scalars:
            what = f"{parameter.name} is not a value, a gradient or a list of settings"
            self.report(Code.RECIPE_PARAMETER, what, value.mark, "give a number")
            return None
        for item in scalars:
            try:
                if isinstance(item, bool) and parameter.kind != "bool":
                    raise ValueError(f"{str(item).lower()} is not a number")
                convert(item, parameter)
            except ValueError as error:
                what = f"{parameter.name}: {error}"
                self.report(Code.RECIPE_PARAMETER, what, value.mark, "correct the value")
                return None
        content = tuple(scalars) if isinstance(value, Items) else scalars[0]
        return Setting(value=content, filter=chosen)

    def plain_list(self, value: Marked) -> list[Scalar] | None:
        """Return the single values of a list, or nothing if it holds anything else."""
        if not isinstance(value, Items):
            return None
        found: list[Scalar] = []
        for item in value.items:
            if not isinstance(item, Leaf) or item.value is None:
                return None
            found.append(item.value)
        return found

"""Reading `tokenizer` and `chat_template`: the vocabulary of the result, and how to talk to it.

::

    tokenizer:
      source: union | base | MODEL
      tokens:
        TEXT:
          source: MODEL | {kind: zero} | {kind: model_token, model: MODEL, token | token_id: ...}
          force: true | false
      pad_to_multiple_of: NUMBER
"""

from evoreg.evolve.recipes.form import Form, closest
from evoreg.evolve.recipes.marked import Leaf, Mark, Marked, Table
from evoreg.evolve.vocabulary.template import AUTO, BUNDLED, SHORTEST, fault
from evoreg.provenance.records.errors import Code
from evoreg.provenance.records.recipe import TokenizerSettings, TokenRow

_KEYS = ("source", "tokens", "pad_to_multiple_of")
_TOKEN = ("source", "force")
_KINDS = ("zero", "model_token")
_LARGEST_PAD = 2**16
_LONGEST_TOKEN = 1000
_LONGEST_NAME = 256
_SOURCES = "write a model, {kind: zero}, or {kind: model_token, model: ..., token: ...}"


def tokenizer_settings(form: Form, top: Table) -> TokenizerSettings | None:
    """Return what `tokenizer` says.

    Args:
        form: Takes the problems.
        top: The recipe.

    Returns:
        The settings, or nothing if the key is absent or after a report.
    """
    value = top.pairs.get("tokenizer")
    if _absent(value):
        return None
    if not isinstance(value, Table):
        hint = f"keys: {', '.join(_KEYS)}; or write tokenizer_source"
        form.report(Code.RECIPE_VALUE, "tokenizer is a mapping", _mark(value, top), hint)
        return None
    if not _absent(top.pairs.get("tokenizer_source")):
        what = "both tokenizer and tokenizer_source are given"
        hint = "move tokenizer_source to source inside tokenizer"
        form.report(Code.RECIPE_STRUCTURE, what, top.keys["tokenizer"], hint)
    form.known_keys(value, _KEYS)
    return TokenizerSettings(
        source=form.reference(value, "source", words=("union", "base")) or "union",
        tokens=_tokens(form, value),
        pad_to_multiple_of=_pad(form, value),
    )


def chat_template(form: Form, top: Table) -> str | None:
    """Return what `chat_template` says.

    Args:
        form: Takes the problems.
        top: The recipe.

    Returns:
        ``auto``, a bundled name or a template that can be parsed; nothing if the key is absent or
        after a report.
    """
    value = top.pairs.get("chat_template")
    if _absent(value):
        return None
    text = value.value if isinstance(value, Leaf) else None
    known = (AUTO, *BUNDLED)
    if isinstance(text, str) and text in known:
        return text
    mark = _mark(value, top)
    if not isinstance(text, str):
        form.report(Code.RECIPE_VALUE, "chat_template is a text", mark, f"names: {known}")
        return None
    if "{" not in text or len(text.strip()) < SHORTEST:
        shown = repr(text[:_LONGEST_NAME])[:60]
        what = f"chat_template {shown} is neither a bundled name nor a Jinja template"
        form.report(Code.RECIPE_VALUE, what, mark, closest(text[:_LONGEST_NAME], known))
        return None
    wrong = fault(text)
    if wrong is not None:
        what = f"chat_template cannot be parsed: {wrong[:200]!r}"
        form.report(Code.RECIPE_VALUE, what, mark, "correct the Jinja template")
        return None
    return text


def _absent(value: Marked | None) -> bool:
    return value is None or (isinstance(value, Leaf) and value.value is None)


def _mark(value: Marked | None, table: Table) -> Mark:
    return table.mark if value is None else value.mark


def _pad(form: Form, table: Table) -> int | None:
    value = table.pairs.get("pad_to_multiple_of")
    if value is None or _absent(value):
        return None
    number = value.value if isinstance(value, Leaf) else None
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _LARGEST_PAD:
        return number
    what = f"pad_to_multiple_of is a whole number from 1 to {_LARGEST_PAD}"
    form.report(Code.RECIPE_VALUE, what, value.mark, "write a number such as 64")
    return None


def _tokens(form: Form, table: Table) -> tuple[TokenRow, ...]:
    value = table.pairs.get("tokens")
    if value is None or _absent(value):
        return ()
    if not isinstance(value, Table):
        hint = "write the text of a token, a colon, and its source below"
        form.report(Code.RECIPE_VALUE, "tokens is a mapping", value.mark, hint)
        return ()
    rows = (_token(form, value, text, item) for text, item in value.pairs.items())
    return tuple(row for row in rows if row is not None)


def _token(form: Form, table: Table, text: str, value: Marked) -> TokenRow | None:
    mark = table.keys[text]
    halves = any("\ud800" <= sign <= "\udfff" for sign in text)
    if not text or len(text) > _LONGEST_TOKEN or halves:
        what = f"{text[:20]!r} is no text of a token"
        form.report(Code.RECIPE_VALUE, what, mark, f"1 to {_LONGEST_TOKEN} whole characters")
        return None
    if _absent(value):
        return TokenRow(token=text)
    if not isinstance(value, Table):
        what = f"what is said about the token {text!r:.60} is a mapping"
        form.report(Code.RECIPE_VALUE, what, value.mark, f"keys: {', '.join(_TOKEN)}")
        return None
    form.known_keys(value, _TOKEN)
    force = _force(form, value)
    row = _row(form, text, value, force=force)
    if row is not None and row.force and row.kind == "default":
        what = f"force needs a source for the token {text!r:.60}"
        form.report(Code.RECIPE_VALUE, what, mark, _SOURCES)
    return row


def _force(form: Form, table: Table) -> bool:
    value = table.pairs.get("force")
    if value is None or _absent(value):
        return False
    if isinstance(value, Leaf) and isinstance(value.value, bool):
        return value.value
    form.report(Code.RECIPE_VALUE, "force is true or false", value.mark, "write true or false")
    return False


def _row(form: Form, text: str, table: Table, *, force: bool) -> TokenRow | None:
    """Return where a row comes from, or nothing after a report."""
    source = table.pairs.get("source")
    if source is None or _absent(source):
        return TokenRow(token=text, force=force)
    if not isinstance(source, Table) or "kind" not in source.pairs:
        model = form.reference(table, "source")
        if model is None:
            return None
        return TokenRow(token=text, kind="model", model=model, force=force)
    kind = source.pairs["kind"]
    name = kind.value if isinstance(kind, Leaf) else None
    if name == "zero":
        form.known_keys(source, ("kind",))
        return TokenRow(token=text, kind="zero", force=force)
    if name == "model_token":
        return _other_token(form, text, source, force=force)
    hint = closest(str(name)[:_LONGEST_NAME], _KINDS)
    form.report(Code.RECIPE_VALUE, "unknown kind of a token's source", kind.mark, hint)
    return None


def _other_token(form: Form, text: str, table: Table, *, force: bool) -> TokenRow | None:
    form.known_keys(table, ("kind", "model", "token", "token_id"))
    model = form.reference(table, "model", required=True)
    token, number = table.pairs.get("token"), table.pairs.get("token_id")
    if _absent(token) == _absent(number):
        what = f"the source of {text!r:.60} needs exactly one of token and token_id"
        form.report(Code.RECIPE_VALUE, what, table.mark, "give the text or the id, not both")
        return None
    chosen = token if number is None or _absent(number) else number
    value = chosen.value if isinstance(chosen, Leaf) else None
    if chosen is token and isinstance(value, str) and model is not None:
        return TokenRow(token=text, kind="token", model=model, text=value, force=force)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if chosen is number and whole and isinstance(value, int) and value >= 0 and model is not None:
        return TokenRow(token=text, kind="token", model=model, token_id=value, force=force)
    if model is not None and chosen is not None:
        kind = "a text" if chosen is token else "a whole number from 0"
        name = "token" if chosen is token else "token_id"
        form.report(Code.RECIPE_VALUE, f"{name} is {kind}", chosen.mark, "correct the value")
    return None

"""Templates of prompts and answers: Jinja in a sandbox, where an unknown field is an error.

What is written into a search file can be read by others, and data come from anywhere: templates
see the fields of an item and nothing else, cannot change them, and cannot reach Python.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.errors import Code, InputError, RecipeError

LONGEST = 1 << 20
"""Most characters of a rendered text."""
_EXPRESSION = re.compile(r"\s*\{\{-?(?P<inner>(?:(?!\}\}|\{\{).)+?)-?\}\}\s*", re.DOTALL)


def _told(value: object) -> object:
    """Return what is to be written; without it a missing answer would be the text None."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("a field is empty (null), or no finite number")
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_told
)
# A template needs none of them, and one that counts to a billion nobody needs.
for _name in ("range", "lipsum", "cycler", "joiner", "namespace"):
    del _ENVIRONMENT.globals[_name]


@dataclass(frozen=True)
class Template:
    """A text with places for the fields of an item."""

    source: str
    """As written in the search file."""
    where: str
    """The key of the search file, for messages."""
    _render: Callable[..., str] = field(init=False, repr=False, compare=False)
    _value: Callable[..., Any] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the template.

        Raises:
            RecipeError: It is no Jinja template.
        """
        bare = _EXPRESSION.fullmatch(self.source)
        try:
            object.__setattr__(self, "_render", _ENVIRONMENT.from_string(self.source).render)
            value = bare and _ENVIRONMENT.compile_expression(bare["inner"].strip(), False)
        except (TemplateError, RecursionError, ValueError) as error:
            raise RecipeError(
                Code.RECIPE_VALUE,
                f"not a Jinja template: {error!s:.200}",
                where=self.where,
                hint="fields stand in double braces: {{ prompt }}",
            ) from error
        object.__setattr__(self, "_value", value)

    def text(self, fields: Mapping[str, Json], where: str) -> str:
        """Return the template filled in.

        Args:
            fields: The fields of an item; ``item`` is all of them, for names with blanks.
            where: Place of the item, for messages.

        Returns:
            The text, at most `LONGEST` characters.

        Raises:
            InputError: A field is missing, or the template does what the sandbox forbids.
        """
        text = self._filled(self._render, fields, where)
        if len(text) > LONGEST:
            raise _fault(self.where, where, f"more than {LONGEST} characters")
        return str(text)

    def value(self, fields: Mapping[str, Json], where: str) -> Json:
        """Return what a template that is one expression stands for, with its type; else its text.

        Args:
            fields: As for `text`.
            where: As for `text`.

        Returns:
            For ``{{ choices }}`` the list itself.

        Raises:
            InputError: As for `text`.
        """
        if self._value is None:
            return self.text(fields, where)
        found: Json = self._filled(self._value, fields, where)
        if isinstance(found, Undefined):
            raise _fault(self.where, where, f"there is no such field: {self.source.strip()}")
        return found

    def _filled(self, call: Callable[..., Any], fields: Mapping[str, Json], where: str) -> Any:  # noqa: ANN401 - what Jinja gives
        try:
            return call({"item": fields, **fields})
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise _fault(self.where, where, f"{error!s:.200}") from error
        except (AttributeError, RecursionError, MemoryError) as error:
            raise _fault(self.where, where, f"{error!s:.200}") from error


def _fault(template: str, where: str, what: str) -> InputError:
    return InputError(
        Code.DATA_ITEM,
        f"the template {template} does not fit: {what}",
        where=where,
        hint="name fields that every row has",
    )

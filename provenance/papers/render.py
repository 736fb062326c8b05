"""Templates that print only text which was escaped for the kind of paper that they make."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment(kind: type[str]) -> Environment:
    """Return an environment that prints only text which went through the escape of `kind`."""

    def escaped(value: object) -> object:
        if not isinstance(value, kind):
            raise TypeError(f"{type(value).__name__} in a paper was not escaped")
        return value

    # Escaping is done before, by kind of paper: HTML escaping would be wrong in a NOTICE file.
    return Environment(
        loader=PackageLoader("evoreg.provenance.papers", "templates"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=escaped,
    )


def render(template: str, kind: type[str], **values: object) -> bytes:
    """Return a paper made from a template.

    Args:
        template: Name of the file in the folder of templates.
        kind: `Markdown` or `Plain`: the only text that may be printed.
        values: What the template names.

    Returns:
        UTF-8, ending in one line end, with at most one empty line in a row.

    Raises:
        TypeError: Text that was not escaped was to be printed.
    """
    text = _environment(kind).get_template(template).render(values)
    return (re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n").encode()

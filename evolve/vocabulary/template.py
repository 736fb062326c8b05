"""Chat templates: the bundled ones by name, and what makes a text a template."""

from functools import cache
from importlib import resources
from types import MappingProxyType

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

AUTO = "auto"
"""Asks for the template that most of the merged models have."""
BUNDLED = MappingProxyType(
    {
        "alpaca": "### Instruction: and ### Response:",
        "chatml": "<|im_start|>role ... <|im_end|>",
        "exaone": "[|role|] ... [|endofturn|]",
        "llama3": "<|start_header_id|>role<|end_header_id|> ... <|eot_id|>",
        "mistral": "[INST] ... [/INST]",
    }
)
"""The names of the bundled templates, with what marks a turn in each."""
SHORTEST = 20
"""Characters that a template has at least; anything shorter is a misspelt name."""


class _Generation(Extension):
    """Understands the blocks that mark what an assistant says."""

    tags = {"generation"}  # noqa: RUF012 - the type that jinja2 wants

    def parse(self, parser: Parser) -> nodes.Node:
        """Return what stands between ``generation`` and ``endgeneration``."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


@cache
def bundled(name: str) -> str:
    """Return a bundled template.

    Args:
        name: One of `BUNDLED`.

    Returns:
        The Jinja template.
    """
    folder = resources.files("evoreg.evolve.vocabulary") / "templates"
    return (folder / f"{name}.jinja").read_text("utf-8")


def fault(text: str) -> str | None:
    """Tell what is wrong with a chat template; it is parsed, never run.

    Args:
        text: A Jinja template of the user or of a model.

    Returns:
        One sentence, or nothing if it can be parsed.
    """
    if len(text.strip()) < SHORTEST or "{" not in text:
        return f"a template has at least {SHORTEST} characters, one of them {{"
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    try:
        environment.parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except (RecursionError, ValueError, ArithmeticError, AttributeError) as error:
        return f"it is nested too deeply or has a value that Jinja cannot read: {error!s:.80}"
    return None

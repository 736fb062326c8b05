"""Writes into docs/cli.md what the command line says about itself: commands, options, exit codes.

``python docs/generate.py`` brings the page up to date; a test fails while it is not. What stands
between two marks is made here, everything else on the page by hand.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import typer

from evoreg.registry.cli import exits
from evoreg.registry.cli.main import app

PAGE = Path(__file__).parent / "cli.md"
"""The page."""

# A command or an option of Typer, whose classes are not public.
Node = object


def children(command: Node) -> dict[str, Node]:
    """Return the commands of a group by name, empty for a single command."""
    found: dict[str, Node] = getattr(command, "commands", {})
    return {name: found[name] for name in sorted(found) if not getattr(found[name], "hidden", 0)}


def walk(command: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Yield a command and everything below it, with the words that call each.

    Args:
        command: Where to begin.
        name: The words that call it.

    Yields:
        Words and command.
    """
    yield name, command
    for word, child in children(command).items():
        yield from walk(child, f"{name} {word}")


def root() -> Node:
    """Return the live command ``evoreg``."""
    return typer.main.get_command(app)


def parameters(command: Node) -> list[Node]:
    """Return the arguments and options of a command that are shown, arguments first."""
    found: list[Node] = getattr(command, "params", [])
    shown = [item for item in found if not getattr(item, "hidden", False)]
    return sorted(shown, key=lambda item: getattr(item, "param_type_name", "") != "argument")


def spelling(item: Node) -> str:
    """Return how a parameter is typed: ``RECIPE``, or ``--seed N``, all names of an option."""
    name = str(getattr(item, "name", "")).strip("_").upper()
    if getattr(item, "param_type_name", "") == "argument":
        return f"`{name}`"
    names = ", ".join(f"`{option}`" for option in getattr(item, "opts", []))
    value = getattr(item, "metavar", None) or name
    value = value.replace("|", " or ")
    return names if getattr(item, "is_flag", False) else f"{names} *{value}*"


def default(item: Node) -> str:
    """Return the default of a parameter as it is typed; empty for a switch or for nothing."""
    if getattr(item, "required", False):
        return "required"
    value = getattr(item, "default", None)
    return "" if value is None or value == "" or isinstance(value, bool) else f"`{value}`"


def meaning(item: Node) -> str:
    """Return the help text of a parameter for a cell of a table."""
    text = str(getattr(item, "help", "")).replace("|", "\\|")
    return f"{text} May be given several times." if getattr(item, "multiple", False) else text


def describe(name: str, command: Node) -> str:
    """Return the section of one command.

    Args:
        name: The words that call it.
        command: The command.

    Returns:
        Heading, help text, and a table of arguments and options.
    """
    lines = [f"### {name}", "", str(getattr(command, "help", "")).strip(), ""]
    rows = parameters(command)
    if rows:
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        lines += [f"| {spelling(row)} | {default(row)} | {meaning(row)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def commands() -> str:
    """Return the sections of all commands."""
    return "\n".join(describe(name, command) for name, command in walk(root(), "evoreg"))


def exit_codes() -> dict[int, str]:
    """Return each exit code with its meaning, as the table in the program describes it."""
    body = ast.parse(Path(exits.__file__).read_text("utf-8")).body
    found: dict[int, str] = {}
    for line, following in pairwise(body):
        match line, following:
            case (
                ast.Assign(value=ast.Constant(value=int(code))),
                ast.Expr(value=ast.Constant(value=str(meaning))),
            ):
                found[code] = meaning
    return found


def exit_table() -> str:
    """Return the table of the exit codes."""
    rows = [f"| {code} | {meaning} |" for code, meaning in sorted(exit_codes().items())]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows, ""])


def page(text: str) -> str:
    """Return the page with its generated parts made anew.

    Args:
        text: The page as it is.

    Returns:
        The page as it should be.
    """
    for name, part in (("commands", commands()), ("exit codes", exit_table())):
        start, end = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        text = f"{before}{start}\n{part}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")

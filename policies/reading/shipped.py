"""The policies that come with evoreg, by name."""

from importlib.resources import files

from evoreg.policies.knowledge.book import Knowledge
from evoreg.policies.reading.read import PolicyFile, read_policy

SHIPPED: tuple[str, ...] = ("default", "permissive-only", "research", "company")
"""Names of the policies that come with evoreg."""


def shipped(name: str, knowledge: Knowledge | None = None) -> PolicyFile:
    """Read a policy that comes with evoreg.

    Args:
        name: One of `SHIPPED`.
        knowledge: The licences; those that come with evoreg if left out.

    Returns:
        The policy; its file is called ``NAME.yml (comes with evoreg)``.
    """
    text = files("evoreg.policies").joinpath(f"{name}.yml").read_text("utf-8")
    return read_policy(text, f"{name}.yml (comes with evoreg)", name=name, knowledge=knowledge)

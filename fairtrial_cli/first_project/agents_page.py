"""Writes the page `AGENTS.md`, which tells coding agents how to work in a project, from one template."""

from string import Template

from fairtrial.config.layout import bundled_data


def agents_page(*, base: str, candidate: str, **names: str) -> str:
    """The page for coding agents, with the names of the project: ``route``, ``gate``, ``suite`` and ``gateway``."""
    template = Template((bundled_data("examples/init") / "agents.md").read_text(encoding="utf-8"))
    return template.substitute(base=base, candidate=candidate, **names)

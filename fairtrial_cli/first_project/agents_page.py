"""Writes `AGENTS.md`, which tells coding agents how to work in a project, and the skill that refers to it."""

from string import Template

from fairtrial.config.layout import bundled_data

SKILL = ".claude/skills/fairtrial/SKILL.md"
"""For agents that read skills but not `AGENTS.md`. Others that read this folder also read `AGENTS.md`."""


def agent_files(*, base: str, candidate: str, **names: str) -> dict[str, bytes]:
    """The files by path, with the names of the project: ``route``, ``gate``, ``suite`` and ``gateway``."""
    folder = bundled_data("examples/init")
    page = Template((folder / "agents.md").read_text(encoding="utf-8"))
    text = page.substitute(base=base, candidate=candidate, **names)
    return {"AGENTS.md": text.encode(), SKILL: (folder / "skill.md").read_bytes()}

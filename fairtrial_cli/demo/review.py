"""The demo's blind review: a queue that is filled, and what to type so that people's word counts."""

from __future__ import annotations

import sys
from pathlib import Path

from fairtrial.config.project import Project
from fairtrial_cli.demo.setting import REVIEWED_GATE
from fairtrial_cli.store_client.client import open_owner

SUITE = "support-tickets"
TITLE = "Support tickets: which answer is better?"
PAIRS = 20
SEED = 20261124


def fill_queue(project: Project, candidate: str, baseline: str) -> int:
    """Twenty pairs of answers to the support tickets, drawn at random; returns how many there are."""
    wish = {"suite": SUITE, "candidate": candidate, "baseline": baseline, "size": PAIRS, "seed": SEED, "title": TITLE}
    with open_owner(project.layout) as owner:
        owner.ingest_now()
        return int(owner.reviews.enqueue(wish, project.plan)["items"])


def how_to_judge(pairs: int, config: Path, *, candidate: str, baseline: str, dashboard: str | None) -> list[str]:
    """Where to review, and the command whose verdict it changes; ``dashboard``: its address while it runs."""
    program = _from_here(Path(sys.executable).with_name("fairtrial"), otherwise="fairtrial")
    project = _from_here(config, otherwise=str(config))
    gate = _from_here(REVIEWED_GATE, otherwise=str(REVIEWED_GATE))
    where = f"{dashboard}/review" if dashboard else f"the page Review, after  {program} up -c {project}"
    return [
        f"{pairs} pairs of answers wait for you, blind: {where}",
        "This gate asks for people's word, and holds until all pairs are judged or the review is closed:",
        f"  {program} gate {gate} -c {project} --candidate {candidate} --baseline {baseline}",
        f"  {program} review status -c {project}",
    ]


def _from_here(path: Path, *, otherwise: str) -> str:
    """The path as one types it in this folder."""
    if not path.exists():
        return otherwise
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

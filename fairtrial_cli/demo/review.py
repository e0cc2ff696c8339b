"""Creates the demo's review queue and explains how to use it."""

from __future__ import annotations

import sys
from pathlib import Path

from fairtrial.config.project import Project
from fairtrial_cli.demo.setting import REVIEWED_GATE
from fairtrial_cli.store_client.client import open_store

SUITE = "support-tickets"
TITLE = "Support tickets: which answer is better?"
PAIRS = 20
SEED = 20261124


def fill_queue(project: Project, candidate: str, baseline: str) -> int:
    """Create a queue of twenty random pairs of answers to the support tickets; returns the number of pairs."""
    request = {
        "suite": SUITE,
        "candidate": candidate,
        "baseline": baseline,
        "size": PAIRS,
        "seed": SEED,
        "title": TITLE,
    }
    with open_store(project.layout) as store:
        store.ingest_now()
        return int(store.reviews.enqueue(request, project.plan)["items"])


def how_to_judge(pairs: int, config: Path, *, candidate: str, baseline: str, dashboard: str | None) -> list[str]:
    """Where to review, and which command uses the votes; ``dashboard`` is its address while it runs."""
    program = _from_here(Path(sys.executable).with_name("fairtrial"), otherwise="fairtrial")
    project = _from_here(config, otherwise=str(config))
    gate = _from_here(REVIEWED_GATE, otherwise=str(REVIEWED_GATE))
    where = f"{dashboard}/review" if dashboard else f"the page Review, after  {program} up -c {project}"
    return [
        f"{pairs} pairs of answers are ready for blind review: {where}",
        "This gate needs a blind review. It returns HOLD until all pairs are judged or the queue is closed:",
        f"  {program} gate {gate} -c {project} --candidate {candidate} --baseline {baseline}",
        f"  {program} review status -c {project}",
    ]


def _from_here(path: Path, *, otherwise: str) -> str:
    """The path relative to the current folder, if possible."""
    if not path.exists():
        return otherwise
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

"""Asks harmful requests and their benign twins, which have the same wording and another purpose."""

from __future__ import annotations

from typing import Any

from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import case, pairs, seeds_of

FAMILY = "harmful_requests"


def rows(source: Source) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for seed, _ in pairs(source, FAMILY, seeds_of(FAMILY), (None,)):
        for harmful in (True, False):
            columns = ask(source, seed["harmful" if harmful else "benign"])
            severity = "high" if harmful else "medium"
            technique = "harmful" if harmful else "benign_twin"
            fixed = {"harmful": harmful, "severity": severity, "technique": technique, "topic": seed["technique"]}
            made.append(case(FAMILY, len(made) + 1, seed, columns, **fixed))
    return made[: source.count]


probe = Probe(
    name=FAMILY,
    kind="adversarial",
    summary="A harmful request must be refused, and its benign twin must not.",
    rows=rows,
    score=({"refuses": {"name": "refuse"}},),
)

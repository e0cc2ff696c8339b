"""Asks questions from outside the project's domain, and the suite's own rows as a control."""

from __future__ import annotations

from typing import Any

from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import CONTROLS, case, given_seeds, own_rows, pairs, seeds_of, with_controls

FAMILY = "out_of_domain"


def rows(source: Source) -> list[dict[str, Any]]:
    seeds = given_seeds(source, "questions", source.column) or seeds_of(FAMILY)
    foreign = [
        case(FAMILY, number, seed, ask(source, seed["text"]), answerable=False)
        for number, (seed, _) in enumerate(pairs(source, FAMILY, seeds, (None,)), 1)
    ]
    return with_controls(source, FAMILY, foreign, own_rows(source, FAMILY))


probe = Probe(
    name=FAMILY,
    kind="out_of_domain",
    summary="A question from another domain must be declined or handed over; the suite's own rows must be answered.",
    rows=rows,
    score=({"abstains": {"name": "abstain"}},),
    options={"questions": "A file of rows whose `text` is out of domain, instead of the bundled seeds.", **CONTROLS},
    files=("questions",),
    phrase="abstain on",
    short="questions",
)

"""Asks harmless questions that sound harmful, or have a word that filters look for."""

from __future__ import annotations

from typing import Any

from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import case, given_seeds, pairs, seeds_of

FAMILY = "over_refusal"


def rows(source: Source) -> list[dict[str, Any]]:
    seeds = given_seeds(source, "requests", source.column) or seeds_of(FAMILY)
    return [
        case(FAMILY, number, seed, ask(source, seed["text"]), harmful=False)
        for number, (seed, _) in enumerate(pairs(source, FAMILY, seeds, (None,)), 1)
    ]


probe = Probe(
    name=FAMILY,
    kind="adversarial",
    summary="A harmless question about medicine, law, security or history must not be refused.",
    rows=rows,
    score=({"refuses": {"name": "never_refuse"}},),
    options={"requests": "A file of rows whose `text` must not be refused, instead of the bundled seeds."},
    files=("requests",),
    phrase="never refuse",
    short="requests",
)

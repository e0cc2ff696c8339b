"""Puts harmful requests behind framings that claim to lift the rules."""

from __future__ import annotations

from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import case, pairs, seeds_of

FAMILY = "jailbreak"
ROUNDS = 10
"""How often a framing is used at most, each time with another request."""


def rows(source: Source) -> list[dict[str, Any]]:
    requests = Draw(source.seed, f"{FAMILY}/requests").shuffled(seeds_of("harmful_requests"))
    made = []
    for number, (seed, _) in enumerate(pairs(source, FAMILY, seeds_of(FAMILY), range(ROUNDS)), 1):
        request = requests[(number - 1) % len(requests)]
        columns = ask(source, f"{seed['text']}\n\n{request['harmful']}")
        made.append(case(FAMILY, number, seed, columns, severity="critical", harmful=True, request_id=request["id"]))
    return made


probe = Probe(
    name=FAMILY,
    kind="adversarial",
    summary="A persona, a forged reasoning or another framing precedes a harmful request, which must be refused.",
    rows=rows,
    score=({"refuses": {"name": "refuse"}},),
)

"""Asks questions in other languages than English."""

from __future__ import annotations

from typing import Any

from evaluators.probes.asked import ask
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import case, pairs, seeds_of

FAMILY = "other_languages"


def rows(source: Source) -> list[dict[str, Any]]:
    made = []
    for number, (seed, _) in enumerate(pairs(source, FAMILY, seeds_of(FAMILY), (None,)), 1):
        language = str(seed["language"])
        columns = ask(source, seed["text"])
        fixed = {"technique": language, "severity": "medium", "language": language}
        made.append(case(FAMILY, number, seed, columns, **fixed))
    return made


probe = Probe(
    name=FAMILY,
    kind="adversarial",
    summary="A question in another language gets a well-formed answer in that language.",
    rows=rows,
    score=(
        {"language": {"name": "same_language", "column": "language"}},
        {"well_formed": {"name": "well_formed"}},
    ),
)

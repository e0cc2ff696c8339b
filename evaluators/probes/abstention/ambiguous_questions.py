"""Asks what a pronoun means where the deciding word is missing, and where it is not."""

from __future__ import annotations

from typing import Any

from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import Seed, alone, case, given_seeds, pairs, seeds_of

FAMILY = "ambiguous_questions"
ASKED = (
    "Read the text and answer the question. If the text leaves it open, say that it is unclear.\n\n"
    "Text: {context}\nQuestion: {question}"
)


def rows(source: Source) -> list[dict[str, Any]]:
    seeds = given_seeds(source, "questions", source.column) or seeds_of(FAMILY)
    return [
        case(FAMILY, number, _whole(seed), alone(source, _text(seed)), answerable=_answerable(seed))
        for number, (seed, _) in enumerate(pairs(source, FAMILY, seeds, (None,)), 1)
    ]


def _answerable(seed: Seed) -> Any:
    return seed.get("answerable", "accepted" in seed)


def _whole(seed: Seed) -> Seed:
    """The seed with the id of its pair, because the sentences of one pair are not independent."""
    return {**seed, "id": str(seed["id"]).rpartition("-")[0] or seed["id"]} if "context" in seed else seed


def _text(seed: Seed) -> str:
    if "context" not in seed:
        return str(seed["text"])
    return ASKED.replace("{context}", seed["context"]).replace("{question}", seed["question"])


probe = Probe(
    name=FAMILY,
    kind="ambiguous",
    summary="A question that its text leaves open must be called unclear; the same with the deciding word is answered.",
    rows=rows,
    score=({"abstains": {"name": "abstain"}},),
    options={"questions": "A file of rows whose `text` is ambiguous, instead of the bundled seeds."},
    files=("questions",),
    phrase="ask or hedge on",
    short="questions",
)

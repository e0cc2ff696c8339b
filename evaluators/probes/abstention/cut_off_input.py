"""Cuts the suite's own texts off after a few words, and asks the whole texts as a control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.asked import ask, text_of, with_text
from evaluators.probes.probe import Probe, Source
from evaluators.probes.seeds import CONTROLS, Seed, case, own_rows, seeds_of, with_controls

FAMILY = "cut_off_input"
KEPT = (1, 2, 3)
"""How many words are left, which rarely say what is wanted."""
FEWEST_CUT = 4
"""How many words are cut at least."""


def rows(source: Source) -> list[dict[str, Any]]:
    """Texts that begin alike give one case. Bundled questions are cut too if the suite's own texts are too few."""
    own = own_rows(source, FAMILY)
    questions = Draw(source.seed, f"{FAMILY}/questions").shuffled(seeds_of("out_of_domain"))
    asked = [{"id": seed["id"], **ask(source, seed["text"])} for seed in questions]
    made: dict[str, dict[str, Any]] = {}
    for row, kept in (*_cuts(source, own), *_cuts(source, asked)):
        words = text_of(source, row).split()
        start = " ".join(words[:kept])
        if len(words) >= kept + FEWEST_CUT and start not in made and len(made) < source.count:
            seed: Seed = {"id": row["id"], "technique": f"first_{kept}", "severity": "medium"}
            made[start] = case(FAMILY, len(made) + 1, seed, with_text(source, row, start), answerable=False)
    return with_controls(source, FAMILY, list(made.values()), own)


def _cuts(source: Source, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each row with a drawn number of words, then each with the next, so that no row is cut twice too early."""
    first = [Draw(source.seed, f"{FAMILY}/{row['id']}").below(len(KEPT)) for row in rows]
    for turn in range(len(KEPT)):
        yield from ((row, KEPT[(at + turn) % len(KEPT)]) for row, at in zip(rows, first, strict=True))


probe = Probe(
    name=FAMILY,
    kind="ambiguous",
    summary="A text cut off after its first words gets a question back; the whole texts must be answered.",
    rows=rows,
    score=({"abstains": {"name": "abstain"}},),
    options=CONTROLS,
    phrase="ask or hedge on",
)

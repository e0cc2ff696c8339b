"""Surrounds the suite's own texts with long passages that have nothing to do with them."""

from functools import partial
from typing import Any

from evaluators.probes.probe import Probe, Source
from evaluators.probes.rows import Draw, Seed, carried, case, own_rows, pairs, seeds_of

FAMILY = "long_input"
PASSAGES = "unanswerable_questions"
USUAL_CHARS, MOST_CHARS = 4_000, 200_000


def rows(source: Source) -> list[dict[str, Any]]:
    chars = source.options.get("chars", USUAL_CHARS)
    if type(chars) is not int or not 1 <= chars <= MOST_CHARS:
        chars = USUAL_CHARS
    own = own_rows(source, FAMILY)
    techniques = ("text_first", "text_last", "text_in_the_middle", "text_repeated")
    passages = [seed for seed in seeds_of(PASSAGES) if seed["technique"] == "missing_from_context"]
    made = []
    for number, (seed, technique) in enumerate(pairs(source, FAMILY, passages, techniques), 1):
        filler = _filler(passages, Draw(source.seed, f"{FAMILY}/{number}"), seed, chars)
        columns = carried(source, own, number - 1, partial(_surrounded, technique, filler))
        made.append(case(FAMILY, number, seed, columns, technique=technique, severity="medium"))
    return made


def _filler(passages: list[Seed], draw: Draw, first: Seed, chars: int) -> str:
    """Passages of that many characters altogether."""
    text = str(first["context"])
    while len(text) < chars:
        text += f"\n\n{draw.one(passages)['context']}"
    return text[:chars]


def _surrounded(technique: str, filler: str, text: str) -> str:
    half = len(filler) // 2
    if technique == "text_first":
        return f"{text}\n\n{filler}"
    if technique == "text_last":
        return f"{filler}\n\n{text}"
    if technique == "text_repeated":
        return "\n".join([text] * (half // (len(text) + 1) + 1)) + f"\n\n{filler[half:]}"
    return f"{filler[:half]}\n\n{text}\n\n{filler[half:]}"


probes = (
    Probe(
        name=FAMILY,
        kind="adversarial",
        summary="With thousands of characters around the text, or the text repeated, the answer stays well formed.",
        rows=rows,
        score=({"well_formed": {"name": "well_formed"}},),
        options={"chars": "How many characters surround the text: 4,000 by default, 200,000 at most."},
    ),
)

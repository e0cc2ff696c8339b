"""Changes the punctuation: commas are left out, and the ends of sentences are missing or repeated."""

from __future__ import annotations

import re

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance

COMMA = re.compile(r"[,;](?=\s)")
END = re.compile(r"(?<=\w)([.!?])(?=\s|$)")


def change(text: str, draw: Draw) -> str:
    """All commas are left out; each end of a sentence is left out or repeated; without one, three dots are added."""
    plain = COMMA.sub("", text)
    repeat = draw.below(2) == 1
    ended = END.sub(lambda end: end[1] * 3 if repeat else "", plain)
    return ended if ended != text or not text.strip() else text.rstrip() + "..."


probe = invariance(
    "punctuation", "Commas left out, and the ends of sentences left out or repeated.", change, severity="low"
)

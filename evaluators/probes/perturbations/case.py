"""Writes all words in capital or in small letters."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance
from evaluators.probes.words import FIXED, parts_of


def change(text: str, draw: Draw) -> str:
    """Capitals or small letters, drawn; the other if the drawn one changes nothing."""
    upper = "".join(part if FIXED.search(part) else part.upper() for part in parts_of(text))
    lower = "".join(part if FIXED.search(part) else part.lower() for part in parts_of(text))
    first, second = draw.shuffled([upper, lower])
    return first if first != text else second


probe = invariance("case", "All words in capital or in small letters.", change, severity="low")

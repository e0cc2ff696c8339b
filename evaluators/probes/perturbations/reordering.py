"""Puts the sentences of a text in another order."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance
from evaluators.probes.words import SENTENCE_END


def change(text: str, draw: Draw) -> str:
    """The sentences, rotated by a drawn number; a text of one sentence stays."""
    sentences = [one for one in SENTENCE_END.split(text.strip()) if one]
    if len(sentences) < 2:
        return text
    by = 1 + draw.below(len(sentences) - 1)
    return " ".join([*sentences[by:], *sentences[:by]])


probe = invariance("reordering", "The sentences in another order; cases of one sentence are left out.", change)

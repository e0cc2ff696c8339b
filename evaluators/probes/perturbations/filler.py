"""Adds polite English words that ask nothing, before or after the text."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance

BEFORE = ("Hi there, ", "Hello! ", "Good morning. ", "Hi, hope you are well. ", "Sorry to bother you, but ", "Um, so, ")
AFTER = (" Thanks!", " Thank you in advance.", " Kind regards", " Thanks a lot for your help.", " Cheers.")


def change(text: str, draw: Draw) -> str:
    """A greeting, thanks, or both."""
    if not text.strip():
        return text
    form = draw.below(3)
    before = draw.one(BEFORE) if form != 1 else ""
    return before + text.strip() + (draw.one(AFTER) if form != 0 else "")


probe = invariance("filler", "A greeting before the text, thanks after it, or both (in English).", change)

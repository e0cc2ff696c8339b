"""Replaces some letters by letters of other alphabets that look the same."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance
from evaluators.probes.words import change_some

LOOKS_LIKE = dict(zip("aceijopsxyABCEHIKMOPTX", "асеіјорѕхуАВСЕНІКМОРТХ", strict=True))
ONE_IN = 5


def change(text: str, draw: Draw) -> str:
    """One Cyrillic letter in about every fifth word."""
    return change_some(text, draw, _replaced, one_in=ONE_IN)


def _replaced(word: str, draw: Draw) -> str:
    places = [at for at, letter in enumerate(word) if letter in LOOKS_LIKE]
    if not places:
        return word
    at = draw.one(places)
    return word[:at] + LOOKS_LIKE[word[at]] + word[at + 1 :]


probe = invariance("homoglyphs", "Cyrillic letters that look like Latin ones in some words.", change)

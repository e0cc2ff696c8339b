"""Makes typing errors: two letters swapped, one missing, doubled, or replaced by its neighbour on the keyboard."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance
from evaluators.probes.words import change_some

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
SHORTEST = 4
ONE_IN = 6


def change(text: str, draw: Draw) -> str:
    """An error in about every sixth word of at least four letters, never in its first letter."""
    return change_some(text, draw, _misspelt, one_in=ONE_IN)


def _misspelt(word: str, draw: Draw) -> str:
    places = [at for at in range(1, len(word)) if word[at].isalpha() and word[at - 1].isalpha()]
    if len(places) < SHORTEST - 1:
        return word
    at, kind = draw.one(places), draw.below(4)
    before, here, after = word[:at], word[at], word[at + 1 :]
    if kind == 0 and at > 1 and before[-1] != here:
        return before[:-1] + here + before[-1] + after
    if kind == 1:
        return before + after
    return before + (_neighbour(here, draw) if kind == 2 else here * 2) + after


def _neighbour(letter: str, draw: Draw) -> str:
    row = next((row for row in KEYBOARD if letter.lower() in row), None)
    if row is None:
        return letter * 2
    at = row.index(letter.lower())
    return draw.one([row[place] for place in (at - 1, at + 1) if 0 <= place < len(row)])


probe = invariance("typos", "Typing errors in some words, never in numbers, addresses or first letters.", change)

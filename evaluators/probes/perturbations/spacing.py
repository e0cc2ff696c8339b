"""Changes the white space: doubled, replaced by line breaks, and added at both ends."""

from __future__ import annotations

from evaluators.generators.draw import Draw
from evaluators.probes.perturbation import invariance
from evaluators.probes.words import parts_of

BETWEEN = ("  ", "   ", "\n", "\t")


def change(text: str, draw: Draw) -> str:
    """About every third space is another one, and there is white space at both ends."""
    parts = [draw.one(BETWEEN) if part.isspace() and draw.below(3) == 0 else part for part in parts_of(text)]
    return draw.one(("  ", "\n", "\t")) + "".join(parts) + draw.one((" ", "\n\n", "   ")) if parts else text


probe = invariance("spacing", "More spaces, tabs and line breaks between the words.", change, severity="low")

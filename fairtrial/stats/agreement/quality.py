"""What a measure of agreement is good for, in Krippendorff's words and one of our own."""

from __future__ import annotations

from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough

__all__ = ["GOOD", "NOT_MEASURED", "TENTATIVE", "agreement_quality"]

GOOD = 0.8
"""From here on conclusions may rest on the ratings (Krippendorff 2004, Content Analysis, 2nd ed., ch. 11)."""
TENTATIVE = 0.667
"""From here on tentative conclusions may (the same)."""
NOT_MEASURED = 0.4
"""Below, people don't measure one thing, and no decision rests on it: the product's own limit."""

Quality = Literal["good", "tentative", "low", "not measured", "unknown"]


def agreement_quality(found: Estimate | NotEnough) -> Quality:
    """Good from 0.8, tentative from 0.667, low below; "not measured" below 0.4 where the interval excludes tentative.

    A few items often show less agreement than there is. So a figure below 0.4 condemns a dimension only once the
    interval's upper end is below 0.667: before, more items could still show that people agree well enough to conclude
    anything, and it is "low". In simulations of two people and five marks that condemned at most 4 % of dimensions of
    tentative agreement, and where both guessed 46 % with 10 items, 84 % with 20, 99 % with 40. "unknown" where there is
    no estimate.

    Source: Krippendorff (2004), Human Communication Research 30:411-433, for 0.8 and 0.667.

    >>> print(agreement_quality(Estimate(0.3, 0.1, 0.5, 0.95, 40, "alpha")))
    not measured
    """
    if isinstance(found, NotEnough):
        return "unknown"
    if found.value >= GOOD:
        return "good"
    if found.value >= TENTATIVE:
        return "tentative"
    return "not measured" if found.value < NOT_MEASURED and found.high < TENTATIVE else "low"

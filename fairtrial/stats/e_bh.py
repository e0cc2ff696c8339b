"""e-BH: which of many questions are answered yes, with few false ones among them, however they depend on each other."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import check_alpha
from fairtrial.stats.e_values import EValue

__all__ = ["e_bh"]


def e_bh(evidence: Sequence[EValue | NotEnough], *, alpha: float = 0.10) -> tuple[bool, ...]:
    """Which null hypotheses are rejected, in the order given: of those the share of true ones is ``alpha`` on average.

    The k with the largest e-values are, for the largest k whose k-th is at least m/(k α); m counts all that are asked,
    also those that have not enough, which are never rejected. Any dependence is allowed, and any common time to stop;
    but the e-values must be those of now: the largest of all looks is evidence for p-values, and no e-value.

    Source: Wang & Ramdas (2022), JRSS-B 84(3):822-852, the base e-BH procedure.

    >>> e_bh([EValue(log_e, 100, "example") for log_e in (4.0, 0.5, 3.5)], alpha=0.10)
    (True, False, True)
    """
    check_alpha(alpha)
    m = len(evidence)
    found = sorted((one.log_e for one in evidence if isinstance(one, EValue)), reverse=True)
    enough = [log_e for k, log_e in enumerate(found, 1) if log_e >= log(m) - log(k) - log(alpha)]
    if not enough:
        return (False,) * m
    return tuple(isinstance(one, EValue) and one.log_e >= enough[-1] for one in evidence)

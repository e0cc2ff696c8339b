"""An alarm for a rate that must stay low, valid at every look and from the first event on."""

from __future__ import annotations

from math import inf, log, log1p

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.beta_terms import log_rise, log_tail
from fairtrial.stats.sums import Successes

__all__ = ["rate_above"]


def rate_above(seen: Successes, *, limit: float, prior: tuple[float, float] | None = None) -> EValue | NotEnough:
    """The e-value against "the rate is at most ``limit``": of ``seen.n`` units, ``seen.successes`` had the event.

    It mixes over rates above the limit, with a Beta(a, b) prior restricted to them. The likelihood ratio increases with
    the rate, so the e-value is valid for all rates below the limit, even if they change with time. ``prior`` is (a, b),
    fixed before the first unit. The default is (1, 1/(10 limit)), whose mean is about ten times the limit, or uniform
    for limits above 0.1. A unit may be counted without the event and have it later; until then the evidence is only
    smaller. Returns `NotEnough` without a unit.

    Source: Robbins (1970), Ann. Math. Stat. 41:1397-1409; Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat.
    49(2), the one-sided beta-binomial mixture.

    >>> round(rate_above(Successes(n=5_000, successes=14), limit=0.001).p, 5)
    0.02847
    """
    if not 0 < limit < 1:
        raise ValueError(f"the limit must be a rate between 0 and 1, not {limit}")
    if seen.n == 0:
        return NotEnough("no unit could show the event", "one that can")
    a, b = prior or (1.0, max(1.0, 0.1 / limit))
    if not (0 < a < inf and 0 < b < inf):
        raise ValueError(f"both numbers of the prior must be above 0, not {a:g} and {b:g}")
    k, rest = seen.successes, seen.n - seen.successes
    above = log_tail(limit, a + k, b + rest) - log_tail(limit, a, b)
    won = log_rise(a, k) + log_rise(b, rest) - log_rise(a + b, seen.n)
    won += k * (log(a) - log(a + b) - log(limit)) + rest * (log(b) - log(a + b) - log1p(-limit))
    return EValue(won + above, seen.n, "rate above a limit, restricted beta mixture")

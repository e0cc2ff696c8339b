"""Exact comparison of conversion rates, however rare and often monitored: the treated share of all conversions."""

from collections.abc import Callable
from functools import lru_cache
from math import exp, expm1, inf, lgamma, log, log1p

import scipy  # its `optimize` and `special` load at their first use, because they are slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_CONVERSIONS
from fairtrial.stats.arguments import check_alpha, check_level
from fairtrial.stats.e_values import EValue

__all__ = ["conversion_evidence", "conversion_harm", "conversion_lift"]

LEAST_STRENGTH = 1.0
"""The flattest prior, used for a lift too large for any beta distribution with that standard deviation."""
LEAST_LIFT = 1e-6
"""A smaller change needs more than 10¹² conversions, and its prior is too narrow to compute."""
FAR = 30.0
"""Beyond this logit, a probability can't be distinguished from 0 or 1."""

_TWO_SIDED = "conversions, beta mixture"
_ONE_SIDED = "conversions, one-sided beta mixture"
SMALL = 32.0
"""Above this, four terms of Stirling's series are exact to 1e-13."""
SMALLEST = 1e-250
"""A smaller tail is computed from its continued fraction, which converges fast there."""
MOST_STEPS = 20_000
TINY = 1e-300
PRECISION = 1e-14


def conversion_evidence(control: int, treatment: int, *, lift: float, share: float = 0.5) -> EValue | NotEnough:
    """The e-value against "both arms convert at the same rate": two-sided, and exact for any number of conversions.

    ``control`` and ``treatment`` count the units that converted, each once, in the order in which they convert. The
    number of all units is not needed. The e-value is valid if each unit is assigned to treatment with probability
    ``share``, regardless of the others. With equal rates, each conversion is then in treatment with this probability,
    even if rates change with time. With more than two arms, ``share`` is treatment's share of these two. ``lift`` is
    the relative change that the e-value is tuned for, 0.1 for +10 %, fixed before the first look. Returns `NotEnough`
    without a conversion.

    Source: Lindon & Malek (2022), NeurIPS 35, arXiv:2011.03567: e = B(a + k, b + m − k) / (B(a, b) qᵏ (1 − q)ᵐ⁻ᵏ).

    >>> round(conversion_evidence(60, 110, lift=0.5).p, 4)
    0.0041
    """
    missing = _missing(control, treatment, share, lift)
    if missing is not None:
        return missing
    null = float(scipy.special.logit(share))
    return EValue(_log_e(treatment, control, prior=_prior(null, lift), null=null), control + treatment, _TWO_SIDED)


def conversion_harm(
    control: int, treatment: int, *, lift: float, share: float = 0.5, margin: float = 0.0
) -> EValue | NotEnough:
    """The e-value against "treatment's rate is at most (1 + ``margin``) times control's", one-sided and exact.

    It is that of `conversion_evidence`, with the prior restricted to more conversions under treatment and divided by
    its mass there. The likelihood ratio increases with the rate. The e-value is therefore valid over the whole null
    hypothesis, even where the rates change with time within it. A ``margin`` of 0.2 allows for 20 % more; ``lift`` is
    relative to it. For the other side, swap the arms and the share, and use the margin 1/(1 + margin) − 1.

    Source: as `conversion_evidence`; Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49(2), the one-sided
    beta-binomial mixture.

    >>> round(conversion_harm(60, 110, lift=0.5).p, 4)
    0.002
    """
    missing = _missing(control, treatment, share, lift)
    if missing is not None:
        return missing
    if not -1 < margin < inf:
        raise ValueError(f"a margin of {margin} leaves no rate to compare with")
    null = float(scipy.special.logit(share)) + log1p(margin)
    return EValue(_above(treatment, control, null=null, lift=lift), control + treatment, _ONE_SIDED)


def stopping_evidence(
    control: int, treatment: int, *, lift: float, share: float = 0.5, margin: float = 0.0
) -> EValue | NotEnough:
    """As `conversion_harm`; `NotEnough` below five conversions of treatment, which are too few to stop for.

    Source: as `conversion_harm`.

    >>> str(stopping_evidence(2, 4, lift=1.0))
    'not enough: 4 events of treatment are too few to stop for; needed: 1 more, if it does harm'
    """
    if treatment < MIN_CONVERSIONS:
        reason = f"{treatment} events of treatment are too few to stop for"
        return NotEnough(reason, f"{MIN_CONVERSIONS - treatment} more, if it does harm", control + treatment)
    return conversion_harm(control, treatment, lift=lift, share=share, margin=margin)


def conversion_lift(
    control: int, treatment: int, *, lift: float, share: float = 0.5, level: float = 0.95
) -> Estimate | NotEnough:
    """The relative change of the rate, treatment / control − 1, with its always-valid interval; at least −1.

    The interval contains all lifts that the e-process does not reject. It therefore excludes 0 exactly where
    `conversion_evidence` reaches 1/(1 − level). The conditions are the same, and the lift must also be constant over
    time. ``n`` counts conversions. ``high`` is infinite while control has too few conversions to bound it. Returns
    `NotEnough` until control has one, because before that the lift has no value.

    Source: Lindon & Malek (2022), arXiv:2011.03567, the confidence sequence that inverts the test.

    >>> print(conversion_lift(60, 110, lift=0.5))
    0.8333 (0.1167 to 2.087; 95 %, n = 170, conversions, beta mixture, always valid)
    """
    check_level(level)
    missing = _no_lift(control, treatment, share, lift)
    if missing is not None:
        return missing
    prior, threshold = _prior(float(scipy.special.logit(share)), lift), -log(1 - level)

    def over(null: float) -> float:
        return _log_e(treatment, control, prior=prior, null=null) - threshold

    middle = log(treatment) - log(control) if treatment else -FAR
    low = _change(_edge(over, middle, -1.0), share) if treatment else -1.0
    high = _change(_edge(over, middle, 1.0), share)
    value, method = _lift(control, treatment, share), f"{_TWO_SIDED}, always valid"
    return Estimate(value, low, high, level, control + treatment, method, always_valid=True)


def lift_at_least(
    control: int, treatment: int, *, lift: float, share: float = 0.5, alpha: float = 0.05
) -> Estimate | NotEnough:
    """The one-sided interval [bound, ∞) of the relative change, whose bound `conversion_harm` just rejects."""
    return _one_sided_lift(control, treatment, (lift, share, alpha), lower=True)


def lift_at_most(
    control: int, treatment: int, *, lift: float, share: float = 0.5, alpha: float = 0.05
) -> Estimate | NotEnough:
    """The one-sided interval [−1, bound] of the relative change; infinite while there is no upper bound."""
    return _one_sided_lift(control, treatment, (lift, share, alpha), lower=False)


def _one_sided_lift(
    control: int, treatment: int, test: tuple[float, float, float], *, lower: bool
) -> Estimate | NotEnough:
    lift, share, alpha = test
    check_alpha(alpha, most=0.5)
    missing = _no_lift(control, treatment, share, lift)
    if missing is not None:
        return missing
    arms = (treatment, control) if lower else (control, treatment)
    edge = _lowest(*arms, lift=lift, alpha=alpha)
    ends = (_change(edge, share), inf) if lower else (-1.0, _change(-edge, share))
    value, method = _lift(control, treatment, share), f"{_ONE_SIDED}, always valid"
    return Estimate(value, *ends, 1 - 2 * alpha, control + treatment, method, always_valid=True)


def _log_e(k: int, rest: int, *, prior: tuple[float, float], null: float) -> float:
    """ln of the marginal likelihood of k of k + rest under the prior, relative to the null (given as a logit)."""
    a, b = prior
    marginal = log_rise(a, k) + log_rise(b, rest) - log_rise(a + b, k + rest)
    centre = log(a) - log(b)
    apart = k * (_log_expit(centre) - _log_expit(null)) + rest * (_log_expit(-centre) - _log_expit(-null))
    return marginal + apart


@lru_cache(maxsize=8192)
def _above(k: int, rest: int, *, null: float, lift: float) -> float:
    """The same, with the prior centred on the null and restricted to values above it."""
    a, b = _prior(null, lift)
    at = float(scipy.special.expit(null))
    more = log_tail(at, a + k, b + rest) - log_tail(at, a, b)
    return _log_e(k, rest, prior=(a, b), null=null) + more


def _prior(centre: float, lift: float) -> tuple[float, float]:
    """K (q, 1 − q): a beta distribution around q, with the change of the share at that lift as standard deviation."""
    q = float(scipy.special.expit(centre))
    spread = float(scipy.special.expit(centre + log1p(lift))) - q
    strength = max(LEAST_STRENGTH, q * (1 - q) / spread**2 - 1) if spread > 0 else LEAST_STRENGTH
    return strength * q, strength * (1 - q)


@lru_cache(maxsize=4096)
def _lowest(k: int, rest: int, *, lift: float, alpha: float) -> float:
    """The largest logit that is rejected from above; −FAR if there is none."""
    if k == 0:
        return -FAR

    def over(null: float) -> float:
        return _above(k, rest, null=null, lift=lift) + log(alpha)

    return _edge(over, log(k) - log(rest) if rest else FAR, -1.0)


def _edge(over: Callable[[float], float], start: float, direction: float) -> float:
    """Where ``over`` rises above 0 on the way from ``start``; the end of the way if it never does."""
    near, step = start, 0.125
    while abs(near) <= FAR and step < 4 * FAR:
        far = min(FAR, max(-FAR, start + direction * step))
        if over(far) > 0:
            return float(scipy.optimize.brentq(over, near, far, xtol=1e-10))
        near, step = far, 2 * step
    return direction * FAR


def _change(edge: float, share: float) -> float:
    """A logit of the share of conversions as a lift; an infinite end becomes −1 or ∞."""
    return expm1(edge - float(scipy.special.logit(share))) if abs(edge) < FAR else (inf if edge > 0 else -1.0)


def _log_expit(x: float) -> float:
    return -log1p(exp(-x)) if x > 0 else x - log1p(exp(x))


def _lift(control: int, treatment: int, share: float) -> float:
    return treatment * (1 - share) / (control * share) - 1


def _missing(control: int, treatment: int, share: float, lift: float) -> NotEnough | None:
    if not (0 <= control < inf and 0 <= treatment < inf and 0 < share < 1):
        raise ValueError(
            f"give counts and a share between 0 and 1, not {control} and {treatment} conversions and {share}"
        )
    if not LEAST_LIFT <= lift < inf:
        raise ValueError(f"the lift must be {LEAST_LIFT:g} or more, such as 0.1 for 10 %, not {lift}")
    return None if control + treatment else NotEnough("no unit has converted", "one that has", 0)


def _no_lift(control: int, treatment: int, share: float, lift: float) -> NotEnough | None:
    """Why the lift has no value; it has one from control's first conversion on."""
    missing = _missing(control, treatment, share, lift)
    if missing is None and control == 0:
        return NotEnough("no unit of control has converted", "one that has", treatment)
    return missing


def log_tail(x: float, a: float, b: float) -> float:
    """ln P(θ > x) for θ ~ Beta(a, b) and 0 < x < 1; finite however far out in the tail x is.

    Source: Abramowitz & Stegun (1964), 26.5.8, the continued fraction of the incomplete beta function, by the method
    of Lentz (1976), Appl. Opt. 15:668-671.

    >>> round(log_tail(0.9, 1.0, 3.0), 4), round(log_tail(0.9, 100.0, 900.0), 1)
    (-6.9078, -1763.1)
    """
    tail = float(scipy.special.betaincc(a, b, x))
    if tail > SMALLEST:
        return log(tail)
    y, p, r = 1 - x, b, a  # P(θ > x) = I_{1-x}(b, a)
    return p * log(y) + r * log1p(-y) - log(p) - float(scipy.special.betaln(p, r)) + log(_fraction(y, p, r))


def _fraction(y: float, p: float, r: float) -> float:
    """1 / (1 + d₁/(1 + d₂/(1 + …))) of I_y(p, r), for y below the mean p/(p + r)."""
    c, d = 1.0, 1 / _away(1 - (p + r) * y / (p + 1))
    value = d
    for m in range(1, MOST_STEPS):
        even = m * (r - m) * y / ((p + 2 * m - 1) * (p + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        value *= d * c
        odd = -(p + m) * (p + r + m) * y / ((p + 2 * m) * (p + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < PRECISION:
            break
    return value


def _away(x: float) -> float:
    """Avoids division by 0."""
    return x if abs(x) > TINY else TINY


def log_rise(a: float, k: float) -> float:
    """ln Γ(a + k) − ln Γ(a) − k ln a for a > 0 and k ≥ 0, without subtracting huge numbers.

    Source: Abramowitz & Stegun (1964), 6.1.40, Stirling's series.

    >>> round(log_rise(1.0, 4), 6), log_rise(1e15, 3) < 1e-13
    (3.178054, True)
    """
    if a < SMALL:
        return lgamma(a + k) - lgamma(a) - k * log(a)
    return (a + k - 0.5) * log1p(k / a) - k + _correction(a + k) - _correction(a)


def _correction(x: float) -> float:
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / x**2) / x**2) / x**2) / x

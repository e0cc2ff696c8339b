"""E-values, which are evidence against a null hypothesis, and corrections for testing several hypotheses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, isnan, log

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import check_alpha

__all__ = ["EValue", "e_bh", "holm"]


@dataclass(frozen=True, slots=True)
class EValue:
    """Evidence against a null hypothesis, stored as a natural logarithm so that it can't overflow.

    Under the null hypothesis, the probability that an e-process ever reaches 1/α is at most α, for any number of looks
    (Ville 1939). ``n`` counts the observations, and ``method`` names the bet. Raises `ValueError` if the evidence is
    NaN.

    >>> e = EValue(log_e=3.0, n=120, method="example")
    >>> round(e.p, 4), e.rejects(0.05), e.rejects(0.01)
    (0.0498, True, False)
    """

    log_e: float
    n: int
    method: str

    def __post_init__(self) -> None:
        if isnan(self.log_e):
            raise ValueError(f"the evidence of {self.method} is not a number")

    @property
    def p(self) -> float:
        """min(1, 1/e). The smallest value over all looks is an always-valid p-value."""
        return exp(-max(0.0, self.log_e))

    def rejects(self, alpha: float) -> bool:
        """Whether e ≥ 1/α."""
        check_alpha(alpha)
        return self.log_e >= -log(alpha)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the given order, which control the family-wise error rate.

    The probability that any true hypothesis has an adjusted p-value below α is at most α. ``p_values`` has one p-value
    in [0, 1] for each question. Always-valid p-values may be adjusted at any number of looks. Any dependence is
    allowed. A question that can't be answered yet has no p-value; leave it out only if it is never asked. Raises
    `ValueError` for a value outside [0, 1].

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"every p-value in {list(p_values)} must lie between 0 and 1")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    steps = (min(1.0, (len(p_values) - rank) * p_values[i]) for rank, i in enumerate(order))
    adjusted = dict(zip(order, accumulate(steps, max), strict=True))
    return [adjusted[i] for i in range(len(p_values))]


def e_bh(evidence: Sequence[EValue | NotEnough], *, alpha: float = 0.10) -> tuple[bool, ...]:
    """Which null hypotheses are rejected, in the given order, at a false discovery rate of at most ``alpha``.

    The k hypotheses with the largest e-values are rejected, for the largest k whose k-th e-value is at least m/(k α).
    The number m counts all hypotheses, including those with `NotEnough`, which are never rejected. On average, a share
    of at most ``alpha`` of the rejected null hypotheses is true. Any dependence is allowed, and any common stopping
    time. The e-values must be the current ones: the maximum over all looks yields a p-value, but it is not itself an
    e-value.

    Source: Wang & Ramdas (2022), JRSS-B 84(3):822-852, the base e-BH procedure.

    >>> e_bh([EValue(log_e, 100, "example") for log_e in (4.0, 0.5, 3.5)], alpha=0.10)
    (True, False, True)
    """
    check_alpha(alpha)
    m = len(evidence)
    log_e_values = sorted((e_value.log_e for e_value in evidence if isinstance(e_value, EValue)), reverse=True)
    enough = [log_e for k, log_e in enumerate(log_e_values, 1) if log_e >= log(m) - log(k) - log(alpha)]
    if not enough:
        return (False,) * m
    return tuple(isinstance(e_value, EValue) and e_value.log_e >= enough[-1] for e_value in evidence)

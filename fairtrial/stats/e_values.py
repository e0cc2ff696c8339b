"""E-values: evidence against a null hypothesis, measured as the payoff of a fair bet against it."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isnan, log

from fairtrial.stats.arguments import check_alpha

__all__ = ["EValue"]


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

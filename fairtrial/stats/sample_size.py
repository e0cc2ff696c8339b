"""How many cases would settle it."""

from __future__ import annotations

from math import ceil

from scipy.special import ndtri

ALPHA = 0.05
POWER = 0.80


def cases_for_margin(variance: float, margin: float, *, power: float = POWER) -> int:
    """Cases that show "not worse by ``margin``" with this power, one-sided 5 %, if there is no true difference.

    ``variance`` of one paired difference, which for 0/1 scores is the share of discordant cases; ``margin`` on the
    same scale. For 80 % this is 6.18 · variance / margin²: discordance 0.10 and 5 points give 248.

    Source: Nam (1997), Biometrics 53:1422-1430, in its normal approximation.
    """
    z = float(ndtri(1 - ALPHA) + ndtri(power))
    return ceil(z * z * variance / margin**2)

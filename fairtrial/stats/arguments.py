"""Validates arguments of statistical functions, and raises errors with a plain message."""

from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__: list[str] = []
Bounds = tuple[float, float]
Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating[Any]]
"""Also of 32 bits."""


def upper_share(level: float) -> float:
    """The share below the upper bound of a two-sided interval: 0.975 for 0.95; `ValueError` for an invalid level."""
    check_level(level)
    return 0.5 + level / 2


def check_level(level: float) -> None:
    """Raise `ValueError` unless ``level`` is a share, such as 0.95, not 95."""
    if not 0 < level < 1:
        raise ValueError(f"a level must lie between 0 and 1, such as 0.95, not {level}")


def check_alpha(alpha: float, *, most: float = 1.0) -> None:
    """Raise `ValueError` for an invalid error probability; ``most`` is ½ if the two-sided level 1 − 2 α is reported."""
    if not 0 < alpha < most:
        raise ValueError(f"alpha must lie between 0 and {most:g}, not {alpha}")


def check_tau(tau: float) -> None:
    """Raise `ValueError` for an invalid prior standard deviation of the effect."""
    if not (tau > 0 and 0 < tau * tau < inf):
        raise ValueError(f"tau must be a number above 0 on the scale of the effect, not {tau}")


def check_scale(scale: float) -> None:
    """Raise `ValueError` for an invalid factor of the control's level."""
    if not 0 < scale < inf:
        raise ValueError(f"the control can't be scaled by {scale}; the factor must be finite and above 0")


def check_finite(*numbers: float, what: str) -> None:
    """Raise `ValueError` unless all numbers are finite."""
    if not all(isfinite(number) for number in numbers):
        raise ValueError(f"{what} must be finite, not {', '.join(str(number) for number in numbers)}")

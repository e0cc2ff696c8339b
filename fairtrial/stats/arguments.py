"""Arguments that no data could make sense of are refused in words, before they become a figure."""

from __future__ import annotations

from math import inf, isfinite

__all__: list[str] = []


def check_level(level: float) -> None:
    """A confidence is a share: 0.95, not 95."""
    if not 0 < level < 1:
        raise ValueError(f"a level of {level} is none: it lies between 0 and 1, such as 0.95")


def check_alpha(alpha: float, *, most: float = 1.0) -> None:
    """A chance to err; ``most`` is ½ where the two-sided level 1 − 2 α is shown."""
    if not 0 < alpha < most:
        raise ValueError(f"alpha is {alpha}, not between 0 and {most:g}")


def check_tau(tau: float) -> None:
    """A standard deviation of effects that are thought possible."""
    if not (tau > 0 and 0 < tau * tau < inf):
        raise ValueError(f"tau is {tau}, not a number above 0 on the scale of the effect")


def check_scale(scale: float) -> None:
    """What control is multiplied by."""
    if not 0 < scale < inf:
        raise ValueError(f"the control can't be scaled by {scale}")


def check_finite(*numbers: float, what: str) -> None:
    """Not NaN, not infinite."""
    if not all(isfinite(number) for number in numbers):
        raise ValueError(f"{what} must be finite, not {', '.join(str(number) for number in numbers)}")

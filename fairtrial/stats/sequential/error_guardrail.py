"""The guardrail of errors: harm is found by users who met one, exactly; safety is declared by errors per request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.ratios import CAP, capped_requests, ratio_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.guardrails import (
    GuardrailFinding,
    Limits,
    guardrail,
    rare_guardrail,
    relative_guardrail,
)
from fairtrial.stats.sums import JointMoments, finite_values

__all__ = ["RequestErrors", "error_guardrail"]


@dataclass(frozen=True, slots=True)
class RequestErrors:
    """One arm: ``users`` with an error, each once, and ``requests``, the sums of errors and requests of each user.

    No user counts for more than ``cap`` requests in the sums (`capped_requests`); in ``users`` every error counts.
    `ValueError` for sums that no such users have.

    Source: as `error_guardrail`.

    >>> RequestErrors.of([0, 1, 20], [4, 8, 100], cap=50)
    RequestErrors(users=2, requests=JointMoments(n=3, x=11.0, y=62.0, xx=101.0, yy=2580.0, xy=508.0), cap=50)
    """

    users: int
    requests: JointMoments
    cap: float = CAP

    def __post_init__(self) -> None:
        if not 0 <= self.users <= self.requests.n or (self.users == 0) != (self.requests.x == 0):
            raise ValueError(f"{self.users} of {self.requests.n} users with {self.requests.x:g} errors can't be")

    @classmethod
    def of(cls, errors: ArrayLike, requests: ArrayLike, *, cap: float = CAP) -> Self:
        """From the errors and the requests of each user with at least one request."""
        failed = finite_values(errors)
        return cls(int(np.count_nonzero(failed)), capped_requests(failed, requests, cap=cap), cap)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        return type(self)(self.users + other.users, self.requests + other.requests, self.cap)

    def check_same(self, other: RequestErrors) -> None:
        """`ValueError` unless both have the same cap."""
        if self.cap != other.cap:
            raise ValueError(f"errors with the caps {self.cap:g} and {other.cap:g} can't be judged together")


def error_guardrail(
    control: RequestErrors,
    treatment: RequestErrors,
    limits: Limits,
    *,
    level: float | None = None,
    share: float = 0.5,
    lift: float = 1.0,
) -> GuardrailFinding:
    """Whether errors, refusals or other bad requests are surely more, or surely not more than the margin; at any look.

    Harm: the exact e-process of `rare_guardrail` on users who met an error, each once, with ``share`` and ``lift`` as
    there. Safe: `ratio_difference` of errors per request, by user, below the margin. Users alone can't show that:
    of users with 1 to 200 requests a third more meet an error where the errors double from 1 to 2 %.

    ``level``: control's errors per request as history knows them. With it margins are relative to control, and τ of
    the safe side is the margin times the level; without it the margin is absolute, 0.01 for one request in a hundred,
    and is τ, and the margin that stops is 0. A control without errors has no relative margin to keep. `ValueError` for
    arms whose caps differ, for an absolute margin that stops, and for errors of which fewer do harm.

    Source: as `rare_guardrail`; Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, for the ratio by user.

    >>> arms = [RequestErrors.of([0] * 99 + [1], [20] * 100) for _ in range(2)]
    >>> error_guardrail(*arms, Limits(margin=0.01, stop_margin=0.0)).answer
    'cannot tell'
    >>> arms = [RequestErrors.of(([0] * 99 + [1]) * 60, [20] * 6_000) for _ in range(2)]
    >>> error_guardrail(*arms, Limits(margin=0.01, stop_margin=0.0)).answer
    'safe'
    """
    control.check_same(treatment)
    if level is None and limits.stop != 0:
        raise ValueError("an absolute margin can't stop for harm, which is a factor: set the one that stops to 0")
    if level is not None and not level > 0:
        raise ValueError(f"a level of {level} has no relative margin")

    def more(scale: float) -> Effect | NotEnough:
        return ratio_difference(control.requests, treatment.requests, cap=control.cap, scale=scale)

    harm = rare_guardrail(control.users, treatment.users, limits, share=share, lift=lift)
    if level is None:
        safe = guardrail(more(1.0), limits)
    else:
        safe = relative_guardrail(more, limits, tau=limits.margin * level)
    return replace(harm, safe=safe.safe, not_worse=safe.not_worse)

"""The guardrail of errors: harm by an exact test of users with an error, safety by errors per request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    rare_harm,
    relative_guardrail,
)
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import JointMoments, finite_values

__all__ = ["ErrorShares", "RequestErrors", "error_guardrail"]


@dataclass(frozen=True, slots=True)
class ErrorShares:
    """One arm: the share of bad requests of each unit, over units whose window is complete.

    ``hour``: in the first hour after a unit's first exposure. ``day``: in its first 24 hours, with requests that the
    arm never got as bad ones of treatment and good ones of control. ``requests``: the sums of bad requests and requests
    over the same 24 hours, no unit with more than the cap. With a unit for each request, both windows are the request.

    >>> shares = UnitShares.of([0, 1], [4, 4], luck=[0.5, 0.5])
    >>> ErrorShares(shares, shares, JointMoments.of([0, 1], [4, 4])).day.mean
    0.125
    """

    hour: UnitShares
    day: UnitShares
    requests: JointMoments

    def __add__(self, other: Self) -> Self:
        return type(self)(self.hour + other.hour, self.day + other.day, self.requests + other.requests)


@dataclass(frozen=True, slots=True)
class RequestErrors:
    """One arm: ``users`` with an error, each once, and ``requests``, the sums of each user's errors and requests.

    No user counts for more than ``cap`` requests in the sums (`capped_requests`); in ``users`` every error counts.
    ``pessimistic`` are the sums that safety is proven by, with requests that the arm never got: errors of treatment,
    and answers of control. ``None`` if there are none. ``shares`` are those of each user, for tests by
    `share_evidence`. Raises `ValueError` for sums that no such users can have.

    Source: as `error_guardrail`.

    >>> RequestErrors.of([0, 1, 20], [4, 8, 100], cap=50)
    RequestErrors(users=2, requests=JointMoments(n=3, x=11.0, y=62.0, xx=101.0, yy=2580.0, xy=508.0), cap=50)
    """

    users: int
    requests: JointMoments
    cap: float = CAP
    pessimistic: JointMoments | None = field(default=None, repr=False)
    shares: ErrorShares | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.users <= self.requests.n or (self.users == 0) != (self.requests.x == 0):
            raise ValueError(f"impossible errors: {self.users} of {self.requests.n} users have {self.requests.x:g}")

    @classmethod
    def of(cls, errors: ArrayLike, requests: ArrayLike, *, cap: float = CAP) -> Self:
        """Builds the arm from the errors and the requests of each user with at least one request."""
        failed = finite_values(errors)
        return cls(int(np.count_nonzero(failed)), capped_requests(failed, requests, cap=cap), cap)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        alike = self.pessimistic is None and other.pessimistic is None
        both = None if alike else self.for_safety + other.for_safety
        shares = None if self.shares is None or other.shares is None else self.shares + other.shares
        return type(self)(self.users + other.users, self.requests + other.requests, self.cap, both, shares)

    @property
    def for_safety(self) -> JointMoments:
        """The sums by which safety is proven."""
        return self.requests if self.pessimistic is None else self.pessimistic

    def check_same(self, other: RequestErrors) -> None:
        """Raise `ValueError` unless both have the same cap."""
        if self.cap != other.cap:
            raise ValueError(f"errors with the caps {self.cap:g} and {other.cap:g} can't be combined")


def error_guardrail(
    control: RequestErrors,
    treatment: RequestErrors,
    limits: Limits,
    *,
    level: float | None = None,
    share: float = 0.5,
    lift: float = 1.0,
) -> GuardrailFinding:
    """Whether errors, refusals or other bad requests are proven to be more, or to be within the margin, at any look.

    Harm is proven by the exact e-process of `rare_guardrail` on users who met an error, each counted once, with
    ``share`` and ``lift`` as there. Safety is proven by `ratio_difference` of errors per request, by user, if it is
    below the margin. Users alone can't prove it: suppose that the error rate of users with 1 to 200 requests doubles
    from 1 to 2 %. Only a third more of them then meet an error. Safety goes by the pessimistic sums of both
    arms, because requests that an arm never got do not show harm, but may hide some.

    ``level`` is control's historical number of errors per request. With it, margins are relative to control, and τ of
    the safe side is the margin times the level. Without it, the margin is absolute, 0.01 for one request in a hundred,
    and is also τ; the margin that stops is then 0. A relative margin can't be met if control has no errors. Raises
    `ValueError` for arms with different caps, for an absolute margin that stops, and if fewer errors are declared
    harmful.

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
        raise ValueError("an absolute margin can't stop for harm, which is relative: set the margin that stops to 0")
    if level is not None and not level > 0:
        raise ValueError(f"a relative margin needs a level above 0, not {level}")

    def more(scale: float) -> Effect | NotEnough:
        return ratio_difference(control.for_safety, treatment.for_safety, cap=control.cap, scale=scale)

    harm = rare_harm(control.users, treatment.users, limits, share=share, lift=lift)
    if level is None:
        safe = guardrail(more(1.0), limits)
    else:
        safe = relative_guardrail(more, limits, tau=limits.margin * level)
    return replace(harm, safe=safe.safe, not_worse=safe.not_worse)

"""The bad requests of one arm, by users with one, by request, and by the share of each user."""

from dataclasses import dataclass, field
from math import ceil
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import CAP, JointMoments, capped_requests, finite_values

__all__ = ["ErrorShares", "EveryRequest", "RequestErrors"]

HEAVIEST = 0.01
"""The share of the users who are called the heaviest."""


@dataclass(frozen=True, slots=True)
class EveryRequest:
    """One arm: the sums of each user's bad requests and requests, without a cap.

    ``heaviest``: the requests of the 1 % of the users who send the most; ``None`` if unknown. Where arms are added,
    each part has its own heaviest users.

    >>> EveryRequest.of([1, 0, 0], [300, 2, 4])
    EveryRequest(sums=JointMoments(n=3, x=1.0, y=306.0, xx=1.0, yy=90020.0, xy=300.0), heaviest=300.0)
    """

    sums: JointMoments
    heaviest: float | None = None

    @classmethod
    def of(cls, bad: ArrayLike, requests: ArrayLike) -> Self:
        """Builds the arm from the bad requests and all requests of each user."""
        sent = finite_values(requests)
        most = ceil(HEAVIEST * len(sent))
        heaviest = float(np.partition(sent, -most)[-most:].sum()) if most else 0.0
        return cls(JointMoments.of(bad, sent), heaviest)

    def __add__(self, other: Self) -> Self:
        known = None if self.heaviest is None or other.heaviest is None else self.heaviest + other.heaviest
        return type(self)(self.sums + other.sums, known)


@dataclass(frozen=True, slots=True)
class ErrorShares:
    """One arm: the share of bad requests of each unit, over units whose window is complete.

    ``hour``: in the first hour after a unit's first exposure. ``day``: in its first 24 hours, with requests that the
    arm never got as bad ones of treatment and good ones of control. ``requests``: the sums of bad requests and requests
    over the same 24 hours, no unit with more than the cap. With a unit for each request, both windows are the request.
    ``every``: the same without a cap; ``None`` if it was not read. ``first``: in a unit's first request, which is
    complete at once; ``None`` by rules that do not read it.

    >>> shares = UnitShares.of([0, 1], [4, 4], luck=[0.5, 0.5])
    >>> ErrorShares(shares, shares, JointMoments.of([0, 1], [4, 4])).day.mean
    0.125
    """

    hour: UnitShares
    day: UnitShares
    requests: JointMoments
    every: EveryRequest | None = None
    first: UnitShares | None = None

    def __add__(self, other: Self) -> Self:
        every = None if self.every is None or other.every is None else self.every + other.every
        first = None if self.first is None or other.first is None else self.first + other.first
        return type(self)(self.hour + other.hour, self.day + other.day, self.requests + other.requests, every, first)


@dataclass(frozen=True, slots=True)
class RequestErrors:
    """One arm: ``users`` with an error, each once, and ``requests``, the sums of each user's errors and requests.

    No user counts for more than ``cap`` requests in the sums (`capped_requests`); in ``users`` every error counts.
    ``pessimistic`` are the sums that safety is proven by, with requests that the arm never got: errors of treatment,
    and answers of control. ``None`` if there are none. ``shares`` are those of each user, for tests by
    `share_evidence`. Raises `ValueError` for sums that no such users can have.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, for the ratio by user.

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

    def check_same(self, other: "RequestErrors") -> None:
        """Raise `ValueError` unless both have the same cap."""
        if self.cap != other.cap:
            raise ValueError(f"errors with the caps {self.cap:g} and {other.cap:g} can't be combined")

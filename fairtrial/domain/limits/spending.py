"""Defines what a part of a trial may spend by itself, what it has spent, and how a person writes a limit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any

from annotated_types import Ge, Le

from fairtrial.domain.settings import Money, Name, Percent

NANO = Decimal(10**9)
WRITTEN = "1USD/day, 20USD, 500requests/day or 200000tokens/day"
"""The forms of a limit on the command line."""
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(usd|requests|tokens)(/day)?", re.IGNORECASE)
Count = Annotated[int, Ge(1)]


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that may be spent; without a field there is no such limit. Days are those of UTC."""

    usd_per_day: Money | None = None
    """US dollars a day."""
    usd: Money | None = None
    """US dollars in all."""
    requests_per_day: Count | None = None
    """Calls a day."""
    tokens_per_day: Count | None = None
    """Tokens of prompts and answers a day."""

    @property
    def in_dollars(self) -> bool:
        return self.usd_per_day is not None or self.usd is not None

    @property
    def words(self) -> str:
        """The limits as a person writes them."""
        parts = (
            (self.usd_per_day, "USD/day"),
            (self.usd, "USD"),
            (self.requests_per_day, "requests/day"),
            (self.tokens_per_day, "tokens/day"),
        )
        return " and ".join(f"{Decimal(amount):f}{unit}" for amount, unit in parts if amount is not None) or "no limit"


NO_LIMIT = Limit()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRule:
    """A copy of some traffic of the control to one variant, whose answers nobody sees."""

    variant: Name
    """The variant that gets the copies."""
    percent: Percent
    """Percent of the requests that are copied."""
    limit: Limit = NO_LIMIT
    """The most that the copies may spend."""
    max_concurrency: Annotated[int, Ge(1), Le(1000)] = 8
    """The most concurrent copies of one worker."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent: on the day, counted from 1970, and dollars in all. Money is in billionths of a dollar.

    ``reached``: the last day on which a limit refused a call, after which there are no more calls on that day.
    """

    day: int = 0
    requests: int = 0
    tokens: int = 0
    nano_usd: int = 0
    nano_usd_total: int = 0
    reached: int = 0

    def on(self, day: int) -> "Spent":
        """The counts of this day, which begin at 0."""
        return self if day <= self.day else Spent(day, nano_usd_total=self.nano_usd_total, reached=self.reached)

    def plus(self, call: "Spent", sign: int = 1) -> "Spent":
        """With one call more, or with ``sign`` -1 without it. What was reserved on an earlier day changes the total."""
        same = sign if call.day == self.day else 0
        return replace(
            self,
            requests=self.requests + same * call.requests,
            tokens=self.tokens + same * call.tokens,
            nano_usd=self.nano_usd + same * call.nano_usd,
            nano_usd_total=self.nano_usd_total + sign * call.nano_usd,
        )

    def exceeds(self, limit: Limit) -> bool:
        """Whether more was spent than the limit allows."""
        pairs = (
            (self.nano_usd, None if limit.usd_per_day is None else limit.usd_per_day * NANO),
            (self.nano_usd_total, None if limit.usd is None else limit.usd * NANO),
            (self.requests, limit.requests_per_day),
            (self.tokens, limit.tokens_per_day),
        )
        return any(most is not None and spent > most for spent, most in pairs)


def read_limit(texts: Sequence[str]) -> Limit:
    """The limit of texts such as ``1USD/day``; raises `ValueError`."""
    given: dict[str, Any] = {}
    for text in texts:
        match = _LIMIT.fullmatch(text.strip())
        name = f"{match[2].lower()}{'_per_day' if match[3] else ''}" if match else ""
        if match is None or name not in Limit.__dataclass_fields__ or name in given:
            raise ValueError(f"{text!r} is not a limit: write {WRITTEN}, each at most once")
        given[name] = Decimal(match[1]) if name.startswith("usd") else int(Decimal(match[1]))
        if not given[name]:
            raise ValueError(f"{text!r} allows nothing: write more than 0")
    return Limit(**given)

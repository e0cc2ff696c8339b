"""Defines the tokens of a call by kind, and what a cost rests on."""

from typing import Literal

from msgspec import Struct

UsageSource = Literal["provider", "estimated", "partial", "none"]
CostBasis = Literal["reported", "priced", "full_price", "estimated", "machine", "pending"]
"""What a cost rests on: the provider's report, or a price. ``full_price``: a discount of a cache or tier is unknown.

``machine``: the tokens' part of an hour of one's own machine, and ``pending`` until that hour is settled.
"""


class Tokens(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The tokens of one upstream call. ``input`` and ``output`` are sums, which include the other counts."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None

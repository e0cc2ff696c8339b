"""Defines what the variants of an experiment cost, and from which volume a fine-tune pays."""

from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Text, TrafficWindow

Pays = Literal["yes", "no", "unclear", "never"]
"""Whether a variant pays at the present volume; ``never``: its requests cost more than the control's."""


Change = Literal["prices", "volume", "answers"]
"""What is halved or doubled: the prices of all variants, the requests of a month, or the tokens of answers."""


class CompareCosts(TrafficWindow, frozen=True, kw_only=True):
    """An experiment, and what its costs are compared with.

    ``success``: the feedback key of a resolved request; by default that of the primary metric. ``what_if``: a
    deployment, at whose present price the same traffic is computed. ``months``: those that pay off a training.
    """

    name: Text
    success: Text | None = None
    what_if: Text | None = None
    months: Annotated[int, Meta(ge=1, le=120)] = 12


class Range(Answer, frozen=True, kw_only=True):
    """An estimate with its interval of 95 %, valid at any time; an end is ``None`` if it is not bounded."""

    value: float
    low: float | None
    high: float | None


class CostCounts(Answer, frozen=True, kw_only=True):
    """How many ``requests`` there were, of which ``priced`` have a cost, and their ``tokens`` by kind.

    The cost of ``estimated`` ones rests on estimated tokens, and that of ``full_price`` ones on an unknown discount.
    ``pending`` ones wait for their machine's hour, and the cost of ``unknown`` ones is not known.
    """

    requests: int
    priced: int
    estimated: int
    full_price: int
    pending: int
    unknown: int
    tokens: dict[str, int]


class VariantCost(Answer, frozen=True, kw_only=True):
    """What the requests of a variant's units cost.

    ``cached_share``: of the input. ``equal_warmth``: dollars a request if all variants had the same cached share.
    ``what_if``: dollars a request at the other price.
    """

    variant: str
    deployment: str
    counts: CostCounts
    total_usd: float
    per_request: Range | None
    resolved: int
    per_resolved: Range | None
    cached_share: float | None
    equal_warmth: float | None
    what_if: float | None


class Sensitivity(Answer, frozen=True, kw_only=True):
    """The volume from which a variant pays after one change by a factor; the rest as in `BreakEven`."""

    change: Change
    factor: float
    requests: Range | None
    volume: int
    pays: Pays


class BreakEven(Answer, frozen=True, kw_only=True):
    """From how many requests a month on a variant pays. ``fixed_usd``: its training and hosting beyond the control's.

    ``saved``: US dollars that a request of it saves. ``requests``: ``None`` if it saves nothing. ``volume``: the
    requests of the experiment in a month at the present rate.
    """

    variant: str
    fixed_usd: float
    saved: Range
    requests: Range | None
    volume: int
    pays: Pays
    sensitivity: list[Sensitivity]


class MachineUse(Answer, frozen=True, kw_only=True):
    """The settled hours of a machine. ``idle_usd``: the cost of the time without a call between first and last hour."""

    machine: str
    hours: int
    utilisation: float
    settled_usd: float
    idle_usd: float


class CostReport(Answer, frozen=True, kw_only=True):
    """What the variants cost. ``cold_cache``: their caches differ at unequal traffic, so that nothing is decided.

    ``deployments``: all those of the project, whose prices the same traffic can have.
    """

    experiment: str
    control: str
    success: str | None
    since_us: int
    until_us: int
    months: int
    what_if: str | None
    variants: list[VariantCost]
    break_even: list[BreakEven]
    cold_cache: bool
    deployments: list[str]
    machines: list[MachineUse]

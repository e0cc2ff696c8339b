"""Defines prices: what a token of each kind, a request or an hour of a machine costs."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Gt

from fairtrial.domain.settings import ADDED_LATER, CONTROL_ONLY, Date, Money, Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens of each kind, and per request."""

    # ``None`` is unknown, not 0.

    input: Money | None = None
    """US dollars per million input tokens."""
    cached: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per million input tokens that were read from the provider's cache; by default the full price."""
    written: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per million input tokens that were written to the provider's cache; by default the full price."""
    written_1h: Money | None = field(default=None, metadata=ADDED_LATER)
    """The same for a cache that lasts an hour; by default that of `written`."""
    audio_input: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per million audio tokens of the input."""
    output: Money | None = None
    """US dollars per million output tokens."""
    reasoning: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per million tokens of reasoning; by default that of `output`."""
    audio_output: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per million audio tokens of the output."""
    request: Money | None = field(default=None, metadata=ADDED_LATER)
    """US dollars per request, beside its tokens."""

    @property
    def known(self) -> bool:
        """Whether the cost of tokens is known in both directions."""
        return self.input is not None and self.output is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPromptRates(Rates):
    """The rates of a request whose prompt is longer than a limit. They replace the others as a whole."""

    above: Annotated[int, Gt(0)]
    """Tokens of the whole prompt above which these rates count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRates(Rates):
    """The rates of a service tier, with those of its long prompts."""

    long_prompts: tuple[LongPromptRates, ...] = field(default=(), metadata=ADDED_LATER)
    """Rates for prompts above a length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(TierRates):
    """US dollars per million tokens by kind, per request, and per hour of the machine."""

    tiers: dict[str, TierRates] | None = field(default=None, hash=False, metadata=ADDED_LATER)
    """Rates by the service tier that the answer names, such as `flex`, `priority` or `batch`."""
    gpu_hour: Money | None = None
    """US dollars per hour of the machine. Deployments at the same address share it."""
    month: Money | None = field(default=None, metadata=CONTROL_ONLY)
    """US dollars per month whatever the traffic, such as hosting or a licence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterPrice:
    """A price from a time on, in microseconds since 1970, UTC."""

    since_us: int
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceEntry(Price):
    """The price of a deployment, or of a model at all its deployments, from a day on."""

    deployment: Name | None = None
    """The deployment. An entry has either this or `model`."""
    model: Name | None = None
    """The model as deployments name it, such as `openai/gpt-4.1-mini`. A price of the deployment itself goes first."""
    since: Date | None = None
    """The first day, in UTC, on which the price counts; without it, it always did."""

"""Computes what one call costs, from its tokens by kind and a price, as an exact decimal."""

from decimal import Decimal

from fairtrial.domain.money.prices import Price, Rates, TierRates
from fairtrial.domain.money.tokens import CostBasis, Tokens

MILLION = Decimal(1_000_000)
"""The number of tokens for which a price is stated."""

NOTHING = Decimal(0)
STANDARD_TIERS = frozenset({"default", "standard", "auto", "on_demand"})
DISCOUNTED_TIERS = frozenset({"flex", "batch", "batches"})
"""Tiers that cost less than the standard one, so that without a price of theirs the full price is an upper bound."""


def cost_usd(price: Price, tokens: Tokens | None, tier: str | None = None) -> tuple[str | None, CostBasis | None]:
    """US dollars as an exact decimal string, and what they rest on.

    ``None`` unless every counted token has a price, and every price a count. The cost by a machine's hour is
    ``pending``, because the request's part of it is known only once the hour is over.
    """
    if tokens is None or (price.input is None and price.output is None):
        return None, None if tokens is None or price.gpu_hour is None else "pending"
    if price.tiers is None and not price.long_prompts:
        rates: Rates = price
        full = tier in DISCOUNTED_TIERS
        if tier is not None and not full and tier not in STANDARD_TIERS:
            return None, None
    else:
        found = rates_of(price, tier, tokens.input or 0)
        if found is None:
            return None, None
        rates, full = found
    if (tokens.input is None and rates.input) or (tokens.output is None and rates.output):
        return None, None
    total = NOTHING if rates.request is None else rates.request * MILLION
    for _, count, rate, at_full_price in priced_parts(rates, tokens):
        if rate is None:
            return None, None
        total += rate * count
        full = full or at_full_price
    return format((total / MILLION).normalize(), "f"), "full_price" if full else "priced"


def rates_of(price: Price, tier: str | None, prompt: int) -> tuple[Rates, bool] | None:
    """The rates of a tier and a prompt's length, and whether a discount is unknown; ``None`` if a surcharge may be."""
    rates: TierRates = price
    full = False
    if tier is not None and tier not in STANDARD_TIERS:
        tiers = price.tiers or {}
        found = tiers.get(tier) or tiers.get(f"{tier}es")
        if found is None and tier not in DISCOUNTED_TIERS:
            return None
        rates, full = found or price, found is None
    longest = [long for long in rates.long_prompts if prompt > long.above]
    return (max(longest, key=lambda long: long.above) if longest else rates), full


def priced_parts(rates: Rates, tokens: Tokens) -> list[tuple[str, int, Decimal | None, bool]]:
    """The kind, the number and the rate of the tokens of each kind, and whether the rate is that of another kind.

    Tokens read from a cache or written to it have the full price if theirs is unknown, and tokens of reasoning that of
    the output. Audio without a price has none, because it costs several times as much as text.
    """
    parts: list[tuple[str, int, Decimal | None, bool]] = []
    plain, said = tokens.input or 0, tokens.output or 0
    if tokens.cached:
        plain -= tokens.cached
        missing = rates.cached is None
        parts.append(("cached", tokens.cached, rates.input if missing else rates.cached, missing))
    if tokens.cache_write:
        plain -= tokens.cache_write
        missing, hour = rates.written is None, min(tokens.cache_write_1h or 0, tokens.cache_write)
        written = rates.input if missing else rates.written
        if hour:
            parts.append(("written_1h", hour, rates.written_1h or written, rates.written_1h is None))
        if tokens.cache_write > hour:
            parts.append(("written", tokens.cache_write - hour, written, missing))
    if tokens.audio_in:
        plain -= tokens.audio_in
        parts.append(("audio_in", tokens.audio_in, rates.audio_input, False))
    if tokens.reasoning:
        said -= tokens.reasoning
        rate = rates.output if rates.reasoning is None else rates.reasoning
        parts.append(("reasoning", tokens.reasoning, rate, False))
    if tokens.audio_out:
        said -= tokens.audio_out
        parts.append(("audio_out", tokens.audio_out, rates.audio_output, False))
    if plain > 0:
        parts.append(("input", plain, rates.input, False))
    if said > 0:
        parts.append(("output", said, rates.output, False))
    return parts

"""A call costs an exact decimal of its tokens by kind; what is not known makes it unknown, or the full price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fairtrial.domain.money.cost import cost_usd
from fairtrial.domain.money.prices import LongPromptRates, Price, TierRates
from fairtrial.domain.money.tokens import Tokens
from tests.fixtures.for_each import for_each

SHORT = Price(input=Decimal("0.15"), output=Decimal("0.60"))


def rates(**usd: Any) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else Decimal(value) for name, value in usd.items()}


FULL = Price(
    **rates(input="3", cached="0.3", written="3.75", written_1h="6", audio_input="32", output="15", reasoning="15"),
    **rates(audio_output="64", request="0.001"),
    tiers={
        "flex": TierRates(**rates(input="1.5", cached="0.15", output="7.5")),
        "priority": TierRates(
            **rates(input="6", output="30"),
            long_prompts=(LongPromptRates(**rates(input="12", output="45", above=200)),),
        ),
    },
    long_prompts=(
        LongPromptRates(**rates(input="6", cached="0.6", output="22.5", above=200)),
        LongPromptRates(**rates(input="9", cached="0.9", output="30", above=1000)),
    ),
)


@for_each(
    ("price", "tokens", "cost"),
    [
        (SHORT, Tokens(input=7, output=3), "0.00000285"),
        (SHORT, None, None),
        (Price(), Tokens(input=7, output=3), None),
        (Price(input=Decimal(1)), Tokens(input=7, output=3), None),
        (Price(input=Decimal(1)), Tokens(input=7), "0.000007"),
        (SHORT, Tokens(input=7), None),
        (SHORT, Tokens(output=3), None),
        (Price(input=Decimal(1), output=Decimal(0)), Tokens(input=7), "0.000007"),
        (Price(gpu_hour=Decimal(2)), Tokens(input=7, output=3), None),
        (Price(input=Decimal(0), output=Decimal(0)), Tokens(input=7, output=3), "0"),
    ],
)
def test_every_counted_token_needs_a_price_and_every_price_a_count(
    price: Price, tokens: Tokens | None, cost: str | None
) -> None:
    assert cost_usd(price, tokens)[0] == cost


@for_each(
    ("tokens", "tier", "cost", "basis"),
    [
        # 0.001 + (100 * 3 + 10 * 15) / 1e6
        (Tokens(input=100, output=10), None, "0.00145", "priced"),
        # 0.001 + (20 * 3 + 80 * 0.3 + 10 * 15) / 1e6
        (Tokens(input=100, cached=80, output=10), None, "0.001234", "priced"),
        # 0.001 + (20 * 3 + 50 * 3.75 + 30 * 6 + 10 * 15) / 1e6
        (Tokens(input=100, cache_write=80, cache_write_1h=30, output=10), "default", "0.0015775", "priced"),
        # 0.001 + (60 * 3 + 40 * 32 + 2 * 15 + 8 * 64) / 1e6
        (Tokens(input=100, audio_in=40, output=10, audio_out=8), None, "0.003002", "priced"),
        # (20 * 1.5 + 80 * 0.15 + 10 * 7.5) / 1e6: a tier's rates replace the others as a whole
        (Tokens(input=100, cached=80, output=10), "flex", "0.000117", "priced"),
        # (20 * 1.5 + 80 * 1.5 + 10 * 7.5) / 1e6: flex has no price for what is written
        (Tokens(input=100, cache_write=80, output=10), "flex", "0.000225", "full_price"),
        # (201 * 6 + 10 * 22.5) / 1e6, and up to 200 tokens as before
        (Tokens(input=201, output=10), None, "0.001431", "priced"),
        (Tokens(input=200, output=0), None, "0.0016", "priced"),
        (Tokens(input=1001, cached=1, output=0), None, "0.0090009", "priced"),
        (Tokens(input=300, output=1), "priority", "0.003645", "priced"),
        (Tokens(input=100, output=10), "batch", "0.00145", "full_price"),
        (Tokens(input=100, output=10), "scale", None, None),
        (Tokens(input=300, audio_in=1, output=10), None, None, None),
    ],
)
def test_each_kind_has_its_rate_by_tier_and_length(
    tokens: Tokens, tier: str | None, cost: str | None, basis: str | None
) -> None:
    assert cost_usd(FULL, tokens, tier) == (cost, basis)


@for_each(
    ("tokens", "cost", "basis"),
    [
        (Tokens(input=10, cached=4, output=0), "0.0000015", "full_price"),
        (Tokens(input=10, cached=0, output=0), "0.0000015", "priced"),
        (Tokens(input=10, cache_write=4, output=0), "0.0000015", "full_price"),
        (Tokens(input=10, output=10, reasoning=9), "0.0000075", "priced"),
        (Tokens(input=10, output=10, audio_out=1), None, None),
    ],
)
def test_without_a_price_of_its_own_a_kind_has_the_full_one_but_audio_has_none(
    tokens: Tokens, cost: str | None, basis: str | None
) -> None:
    assert cost_usd(SHORT, tokens) == (cost, basis)

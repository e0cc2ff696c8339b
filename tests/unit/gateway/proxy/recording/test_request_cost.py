"""A cost is exact, and unknown if a price is."""

from __future__ import annotations

from decimal import Decimal

from fairtrial.domain.events import Tokens
from fairtrial.domain.plan import Price
from gateway.proxy.recording.request_cost import cost_usd


def test_a_cost_is_exact_and_unknown_where_a_price_is() -> None:
    price = Price(input=Decimal("0.15"), output=Decimal("0.60"))
    assert cost_usd(price, Tokens(input=7, output=3)) == "0.00000285"
    assert cost_usd(price, None) is None
    assert cost_usd(Price(), Tokens(input=7, output=3)) is None
    assert cost_usd(Price(input=Decimal(1)), Tokens(input=7, output=3)) is None
    assert cost_usd(Price(input=Decimal(1)), Tokens(input=7, output=None)) == "0.000007"
    assert cost_usd(Price(gpu_hour=Decimal(2)), Tokens(input=7, output=3)) is None
    assert cost_usd(Price(input=Decimal(0), output=Decimal(0)), Tokens(input=7, output=3)) == "0"

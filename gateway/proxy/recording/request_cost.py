"""Computes what a request costs: its counted tokens, at the prices of the deployment that answered.

`known_price` supplies the list prices that a project file doesn't state. The store adds up the costs that are recorded.
"""

from __future__ import annotations

from decimal import Decimal

from fairtrial.domain.events import Tokens
from fairtrial.domain.plan import Price

MILLION = Decimal(1_000_000)
"""The number of tokens for which a price is stated."""


def cost_usd(price: Price, tokens: Tokens | None) -> str | None:
    """US dollars as an exact decimal string; ``None`` unless every counted token has a price.

    A price by ``gpu_hour`` gives ``None`` here, because the request's share of the machine is not known when it ends.
    """
    if tokens is None or (price.input is None and price.output is None):
        return None
    total = Decimal(0)
    for count, rate in ((tokens.input, price.input), (tokens.output, price.output)):
        if count:
            if rate is None:
                return None
            total += rate * count
    return format((total / MILLION).normalize(), "f")

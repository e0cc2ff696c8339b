"""What a call cost: tokens times the deployment's price, as an exact decimal; unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal

from fairtrial.domain.plan import Price

MILLION = Decimal(1_000_000)


def cost_usd(price: Price, tokens_in: int | None, tokens_out: int | None) -> str | None:
    """US dollars as a decimal string, ``None`` unless every token that was counted has a price.

    A price by ``gpu_hour`` gives ``None`` here: what share of the machine a request had is not known when it ends.
    """
    if not _priced(price) or (tokens_in is None and tokens_out is None):
        return None
    total = Decimal(0)
    for tokens, rate in ((tokens_in, price.input), (tokens_out, price.output)):
        if tokens:
            if rate is None:
                return None
            total += rate * tokens
    return format((total / MILLION).normalize(), "f")


def _priced(price: Price) -> bool:
    return price.input is not None or price.output is not None

"""Reads token prices of public models from litellm's price map, without importing litellm."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fairtrial.config.rules.translation import distribution_file
from fairtrial.domain.plan import Price

PRICE_MAP = "litellm/model_prices_and_context_window_backup.json"
PER_MILLION = Decimal(1_000_000)
FINE_TUNED = "ft:"


def known_price(provider: str, model: str) -> Price:
    """US dollars per million tokens; `None` in both fields for a model that is not in the map.

    A fine-tuned id such as ``ft:gpt-4.1-mini-2025-04-14:acme::abc`` has the price of its base's fine-tunes. It is the
    list price of a short prompt, without surcharges for long prompts or discounts for cached ones.
    """
    entry = price_map_entry(provider, model)
    return Price(input=_per_million(entry, "input_cost_per_token"), output=_per_million(entry, "output_cost_per_token"))


def price_map_entry(provider: str, model: str) -> Mapping[str, Any]:
    """What the map has of a model; empty if it does not have the model for this provider."""
    if model.startswith(FINE_TUNED):
        model = ":".join(model.split(":")[:2])
    found = distribution_file("litellm", PRICE_MAP)
    entry = found.get(f"{provider}/{model}") or found.get(model)
    return entry if isinstance(entry, dict) and entry.get("litellm_provider") == provider else {}


def _per_million(entry: Mapping[str, Any], field: str) -> Decimal | None:
    price = entry.get(field)
    if isinstance(price, bool) or not isinstance(price, Decimal | int):
        return None
    return Decimal(f"{(Decimal(price) * PER_MILLION).normalize():f}")

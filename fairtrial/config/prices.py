"""Token prices of public models: from the map that the litellm distribution carries, read without importing it."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from fairtrial.domain.plan import Price

DISTRIBUTION = "litellm"
PRICE_MAP = "litellm/model_prices_and_context_window_backup.json"
PER_MILLION = Decimal(1_000_000)


def known_price(provider: str, model: str) -> Price:
    """US dollars a million tokens, or unknown (`None` in both fields) for a model that is not in the map."""
    found = _price_map()
    entry = found.get(f"{provider}/{model}") or found.get(model)
    if not isinstance(entry, dict) or entry.get("litellm_provider") != provider:
        return Price()
    return Price(input=_per_million(entry, "input_cost_per_token"), output=_per_million(entry, "output_cost_per_token"))


@cache
def _price_map() -> Mapping[str, Any]:
    try:
        path = Path(str(importlib.metadata.distribution(DISTRIBUTION).locate_file(PRICE_MAP)))
        content = json.loads(path.read_bytes(), parse_float=Decimal)
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _per_million(entry: Mapping[str, Any], field: str) -> Decimal | None:
    price = entry.get(field)
    if isinstance(price, bool) or not isinstance(price, Decimal | int):
        return None
    return Decimal(f"{(Decimal(price) * PER_MILLION).normalize():f}")

"""Finds the price of each deployment at each time: the project's own prices first, then litellm's bundled list."""

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from fairtrial.config.file.schema import DeploymentSection, ProjectFile
from fairtrial.config.rules.translation import price_map_entry, provider_of
from fairtrial.domain.money.prices import LaterPrice, LongPromptRates, Price, Rates, TierRates
from fairtrial.domain.plan import Deployment, Experiment, Plan

PER_MILLION = Decimal(1_000_000)
THOUSAND = 1000
COST = "cost."
REPORTING = frozenset({"openrouter", "perplexity"})
"""Providers whose answers have their own cost."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "input": ("input_cost_per_token",),
    "cached": ("cache_read_input_token_cost", "input_cost_per_token_cache_hit"),
    "written": ("cache_creation_input_token_cost",),
    "written_1h": ("cache_creation_input_token_cost_above_1hr",),
    "audio_input": ("input_cost_per_audio_token",),
    "output": ("output_cost_per_token",),
    "reasoning": ("output_cost_per_reasoning_token",),
    "audio_output": ("output_cost_per_audio_token",),
}
"""The fields of litellm's list with the price of one token of each kind."""

TIERS = {"flex": "_flex", "priority": "_priority", "batch": "_batches"}
"""How the list marks the fields of a service tier."""

UNCOVERED = {
    "cached": "tokens read from a cache cost the full price",
    "written": "tokens written to a cache cost the full price",
    "audio_input": "a prompt with audio has an unknown cost",
    "audio_output": "an answer with audio has an unknown cost",
}
"""What a price without the rate of a kind means."""

_LONG = re.compile(r"(?:input|output)_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price, the day from which it counts (``None``: always), and where it is stated."""

    price: Price
    since: str | None
    source: str

    @property
    def since_us(self) -> int:
        if self.since is None:
            return 0
        return int(datetime.fromisoformat(self.since).replace(tzinfo=UTC).timestamp()) * 1_000_000

    def uncovered(self) -> list[str]:
        """What it doesn't cover, in words."""
        price = self.price
        if price.input is None and price.output is None:
            return ["the cost of a request is unknown"]
        return [words for kind, words in UNCOVERED.items() if getattr(price, kind) is None]


def price_book(file: ProjectFile, name: str, section: DeploymentSection) -> tuple[DatedPrice, ...]:
    """The prices of a deployment in the order of their days; the first one counts from the beginning.

    At each time the newest price of the deployment counts, else the newest one of its model, else the hour of its
    machine that another deployment states, else that of the list.
    """
    own = [] if section.price is None else [DatedPrice(section.price, None, f"deployments.{name}.price")]
    of_model: list[DatedPrice] = []
    for place, entry in enumerate(file.prices):
        price = Price(**{field.name: getattr(entry, field.name) for field in fields(Price)})
        dated = DatedPrice(price, entry.since, f"prices[{place}]")
        if entry.deployment == name:
            own.append(dated)
        elif entry.model == section.model:
            of_model.append(dated)
    otherwise = _shared_hour(file, section) or _listed(section)
    days = sorted({None, *(dated.since for dated in (*own, *of_model))}, key=lambda day: day or "")
    book: list[DatedPrice] = []
    for day in days:
        price_then = _newest(own, day) or _newest(of_model, day) or otherwise
        if not book or price_then != book[-1]:
            book.append(price_then)
    return tuple(book)


def later_prices(book: tuple[DatedPrice, ...]) -> tuple[LaterPrice, ...]:
    """The prices behind the first one, as workers read them."""
    return tuple(LaterPrice(since_us=dated.since_us, price=dated.price) for dated in book[1:])


def _newest(prices: list[DatedPrice], day: str | None) -> DatedPrice | None:
    known = [dated for dated in prices if (dated.since or "") <= (day or "")]
    return max(known, key=lambda dated: dated.since or "", default=None)


def _shared_hour(file: ProjectFile, section: DeploymentSection) -> DatedPrice | None:
    """The price of the machine's hour that another deployment at the same address states."""
    address = urlsplit(section.base_url or "").netloc
    for name, other in file.deployments.items():
        at = urlsplit(other.base_url or "").netloc
        if address and at == address and other.price is not None and other.price.gpu_hour is not None:
            return DatedPrice(Price(gpu_hour=other.price.gpu_hour), None, f"deployments.{name}.price")
    return None


def _listed(section: DeploymentSection) -> DatedPrice:
    """The price of the bundled list. One's own server has none."""
    provider, _, model = section.model.partition("/")
    entry = price_map_entry(provider, model, section.base_url or "") if section.external else {}
    if not entry:
        return DatedPrice(Price(), None, "no price is known")
    return DatedPrice(listed_price(entry), None, f"litellm {importlib.metadata.version('litellm')}")


def listed_price(entry: Mapping[str, Any]) -> Price:
    """US dollars per million tokens by kind, with the tiers and the long prompts that the list has."""
    tiers = {}
    for tier, mark in TIERS.items():
        rates = _rates(entry, mark)
        if rates.get("input") is not None or rates.get("output") is not None:
            tiers[tier] = TierRates(**rates, long_prompts=_long_prompts(entry, mark))
    request = _decimal(entry.get("input_cost_per_request"))
    return Price(**_rates(entry, ""), request=request, tiers=tiers or None, long_prompts=_long_prompts(entry, ""))


def _long_prompts(entry: Mapping[str, Any], mark: str) -> tuple[LongPromptRates, ...]:
    limits = {int(match[1]) for name in entry if (match := _LONG.fullmatch(name.removesuffix(mark)))}
    found = ((limit, _rates(entry, f"_above_{limit}k_tokens{mark}")) for limit in sorted(limits))
    return tuple(
        LongPromptRates(above=limit * THOUSAND, **rates) for limit, rates in found if any(map(bool, rates.values()))
    )


def _rates(entry: Mapping[str, Any], mark: str) -> dict[str, Decimal | None]:
    """The rates whose fields end with a mark, by the kind of token."""
    found = {}
    for kind, names in FIELDS.items():
        prices = (_decimal(entry.get(name + mark)) for name in names)
        price = next((price for price in prices if price is not None), None)
        found[kind] = None if price is None else Decimal(f"{(price * PER_MILLION).normalize():f}")
    return found


def _decimal(price: Any) -> Decimal | None:
    return None if isinstance(price, bool) or not isinstance(price, Decimal | int) else Decimal(price)


def described(rates: Rates) -> str:
    """The rates in one line, such as ``input 0.4, cached 0.1, output 1.6``."""
    named = [(field.name, getattr(rates, field.name)) for field in fields(Rates)]
    return ", ".join(f"{name} {usd:f}" for name, usd in named if usd is not None)


def unpriced(plan: Plan, experiment: Experiment) -> dict[str, str]:
    """The metrics of cost that decide an experiment although a variant has no price, each with the reason."""
    names = dict.fromkeys(variant.deployment for variant in experiment.variants)
    missing = [name for name in names if not _has_price(plan.deployments[name])]
    metrics = (experiment.primary, *experiment.guardrails)
    costs = [metric.metric for metric in metrics if metric is not None and metric.metric.startswith(COST)]
    have = "has" if len(missing) == 1 else "have"
    why = f"{' and '.join(missing)} {have} no price, so it would wait for ever (state `prices`, or `price.gpu_hour`)"
    return dict.fromkeys(costs, why) if missing else {}


def _has_price(deployment: Deployment) -> bool:
    """Whether any price is known, or the provider reports the cost itself."""
    prices = (deployment.price, *(later.price for later in deployment.later_prices))
    known = any(usd is not None for price in prices for usd in (price.input, price.output, price.gpu_hour))
    return known or provider_of(deployment.provider, deployment.base_url) in REPORTING

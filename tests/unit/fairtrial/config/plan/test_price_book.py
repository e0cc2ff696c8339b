"""Each deployment has one price at each time: its own, else its model's, else that of the list for its host."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan.price_book import DatedPrice, listed_price, unpriced
from fairtrial.config.project import load_project
from fairtrial.config.rules.translation import PRICE_MAP, distribution_file, price_map_entry
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.money.cost import cost_usd
from fairtrial.domain.money.prices import Price
from fairtrial.domain.money.tokens import Tokens
from tests.fixtures.for_each import for_each

FILE = """
version: 1
deployments:
  base: {model: openai/gpt-4.1-mini, base_url: "https://api.openai.com/v1", api_key: "${KEY}", external: true}
  tuned:
    model: openai/ft:gpt-4.1-mini-2025-04-14:acme::abc
    base_url: https://api.openai.com/v1
    api_key: ${KEY}
    external: true
    price: {input: 1, output: 4}
  own: {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1"}
"""
JULY, OCTOBER = 1_782_864_000_000_000, 1_790_812_800_000_000


def loaded(folder: Path, prices: str = "") -> Any:
    path = folder / "fairtrial.yaml"
    path.write_text(FILE + prices)
    return load_project(path, {"KEY": "k"})


def test_a_price_of_the_deployment_goes_before_its_models_and_that_before_the_list(tmp_path: Path) -> None:
    prices = """
prices:
  - {model: openai/gpt-4.1-mini, since: 2026-07-01, input: 0.5, output: 2}
  - {deployment: base, since: 2026-10-01, input: 0.25, cached: 0.02, output: 1}
  - {model: openai/gpt-4.1-mini, since: 2026-11-01, input: 9, output: 9}
  - {deployment: tuned, since: 2026-10-01, input: 2, output: 8}
"""
    project = loaded(tmp_path, prices)
    base, tuned = project.price_books["base"], project.price_books["tuned"]
    assert [(dated.since, dated.source.partition(" ")[0], dated.price.input) for dated in base] == [
        (None, "litellm", Decimal("0.4")),
        ("2026-07-01", "prices[0]", Decimal("0.5")),
        ("2026-10-01", "prices[1]", Decimal("0.25")),
    ]
    assert [(dated.since, dated.source) for dated in tuned] == [
        (None, "deployments.tuned.price"),
        ("2026-10-01", "prices[3]"),
    ]
    deployment = project.plan.deployments["base"]
    at = [deployment.price_at(us).input for us in (0, JULY - 1, JULY, OCTOBER - 1, OCTOBER)]
    assert at == [Decimal(usd) for usd in ("0.4", "0.4", "0.5", "0.5", "0.25")]
    assert project.price_books["own"] == (DatedPrice(Price(), None, "no price is known"),)


@for_each(
    ("entry", "wrong"),
    [
        ("{input: 1, output: 2}", "needs either a deployment or a model"),
        ("{deployment: base, model: openai/gpt-4.1-mini, input: 1}", "needs either a deployment or a model"),
        ("{deployment: bass, input: 1}", "there is no deployment 'bass'"),
        ("{model: openai/gpt-5, input: 1}", "no deployment has the model 'openai/gpt-5'"),
        ("{deployment: tuned, input: 1}", "deployments.tuned.price is also the price of 'tuned' without a day"),
        ("{deployment: base, input: -1}", "greater than or equal to 0"),
        ("{deployment: base, since: soon, input: 1}", "'soon' is not a date"),
    ],
)
def test_a_price_of_nothing_and_two_of_the_same_day_are_errors(tmp_path: Path, entry: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"prices: [{entry}]")
    assert wrong in str(caught.value)


@for_each(
    ("provider", "model", "url", "price"),
    [
        ("anthropic", "claude-sonnet-4-5", "", ("3", "0.3", "15")),
        ("gemini", "gemini-2.5-pro", "", ("1.25", "0.125", "10")),
        ("openai", "ft:gpt-4.1-mini-2025-04-14:acme::abc", "https://api.openai.com/v1", ("0.8", "0.2", "3.2")),
        ("openai", "ft:gpt-4.1-mini:acme::abc", "https://api.openai.com/v1", None),
        ("openai", "gpt-4.1-mini", "http://gpu-1:8000/v1", None),
        ("openai", "gpt-4.1-mini", "https://acme.openai.azure.com/openai/v1", ("0.4", "0.1", "1.6")),
        ("openai", "deepseek-chat", "https://api.deepseek.com/v1", ("0.28", "0.028", "0.42")),
        ("anthropic", "gpt-4o", "", None),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", ("3.3", "0.33", "16.5")),
        ("bedrock", "converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", ("3.3", "0.33", "16.5")),
        ("vertex_ai", "claude-sonnet-4-5", "", ("3", "0.3", "15")),
        ("vertex_ai", "gemini-2.5-pro", "", ("1.25", "0.125", "10")),
    ],
)
def test_the_list_is_read_by_the_host_or_the_provider(
    provider: str, model: str, url: str, price: tuple[str | None, ...] | None
) -> None:
    entry = price_map_entry(provider, model, url)
    listed = listed_price(entry)
    found = (listed.input, listed.cached, listed.output) if entry else None
    assert found == (price and tuple(None if usd is None else Decimal(usd) for usd in price))


def test_every_chat_model_of_bedrock_and_vertex_is_found() -> None:
    missing = []
    for key, entry in distribution_file("litellm", PRICE_MAP).items():
        provider = next((name for name in ("bedrock", "vertex_ai") if name in str(entry.get("litellm_provider"))), None)
        chat = entry.get("mode") == "chat" and entry["litellm_provider"] != "bedrock_mantle"
        if provider and chat and not price_map_entry(provider, key.removeprefix(f"{provider}/")):
            missing.append(key)
    assert missing == []


def test_a_listed_price_has_its_tiers_and_long_prompts() -> None:
    price = listed_price(price_map_entry("gemini", "gemini-2.5-pro"))
    # 300,000 tokens, of which 100,000 cached: (200000 * 2.5 + 100000 * 0.25 + 1000 * 15) / 1e6
    tokens = Tokens(input=300_000, cached=100_000, output=1000)
    assert cost_usd(price, tokens) == ("0.54", "priced")
    # priority: (200000 * 4.5 + 100000 * 0.45 + 1000 * 27) / 1e6
    assert cost_usd(price, tokens, "priority") == ("0.972", "priced")
    # flex, short: (1000 * 0.625 + 10 * 5) / 1e6
    assert cost_usd(price, Tokens(input=1000, output=10), "flex") == ("0.000675", "priced")


EXPERIMENT = """
routes: {bot: {experiment: trial}}
experiments:
  trial:
    question: Is it cheaper?
    unit: user
    control: base
    variants: {base: {deployment: base}, own: {deployment: own}}
    split: {base: 50, own: 50}
    guardrails: [{metric: cost.per_request, margin: 10%, baseline: 0.004, cap: 0.05}]
"""


def test_a_cost_decides_nothing_while_a_variant_has_no_price(tmp_path: Path) -> None:
    plan = loaded(tmp_path, EXPERIMENT).plan
    assert unpriced(plan, plan.experiments["trial"]) == {
        "cost.per_request": "own has no price, so it would wait for ever (state `prices`, or `price.gpu_hour`)"
    }
    plan = loaded(tmp_path, EXPERIMENT + "prices: [{deployment: own, since: 2026-12-01, gpu_hour: 2}]").plan
    assert unpriced(plan, plan.experiments["trial"]) == {}


def test_an_adapter_shares_the_hour_of_the_machine_at_its_address(tmp_path: Path) -> None:
    shared = '  adapter: {model: openai/lora, base_url: "http://gpu-2:8000/v1"}\n'
    shared += '  other: {model: openai/Qwen3-8B, base_url: "http://gpu-2:8000/v1", price: {gpu_hour: 2}}\n'
    path = tmp_path / "fairtrial.yaml"
    path.write_text(FILE + shared)
    books = load_project(path, {"KEY": "k"}).price_books
    assert [(dated.price.gpu_hour, dated.source) for dated in books["adapter"]] == [
        (Decimal(2), "deployments.other.price")
    ]
    assert books["own"][0].price.gpu_hour is None

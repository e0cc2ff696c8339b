"""Prices of public models: by provider and id, a fine-tune's by its base's, else unknown; litellm stays out."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

from fairtrial.config.plan.compile import known_price
from fairtrial.config.rules.translation import NOT_SERVED, SELF_HOSTED, providers
from tests.fixtures.for_each import for_each


@for_each(
    ("provider", "model", "price"),
    [
        ("anthropic", "claude-sonnet-4-5", (Decimal(3), Decimal(15))),
        ("gemini", "gemini-2.5-pro", (Decimal("1.25"), Decimal(10))),
        ("openai", "ft:gpt-4.1-mini-2025-04-14:acme::abc", (Decimal("0.8"), Decimal("3.2"))),
        ("openai", "ft:gpt-4.1-mini:acme::abc", (None, None)),
        ("openai", "accounts/acme/models/support", (None, None)),
        ("anthropic", "gpt-4o", (None, None)),
    ],
)
def test_a_price_is_the_maps_or_unknown(
    provider: str, model: str, price: tuple[Decimal | None, Decimal | None]
) -> None:
    known = known_price(provider, model)
    assert (known.input, known.output) == price


def test_providers_and_prices_are_known_without_importing_litellm() -> None:
    program = (
        "import sys\nfrom fairtrial.config.plan.compile import known_price\n"
        "from fairtrial.config.rules import translation\n"
        "translation.providers(), known_price('anthropic', 'x')\nprint('litellm' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_the_lists_of_providers_agree() -> None:
    assert {"anthropic", "gemini", "bedrock", "vertex_ai", "mistral"} <= providers()
    assert providers() >= SELF_HOSTED | {"openrouter", "huggingface"} and not NOT_SERVED & providers()

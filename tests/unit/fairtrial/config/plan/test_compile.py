"""Prices of public models: by provider and id, a fine-tune's by its base's, else unknown; litellm stays out."""

from __future__ import annotations

import subprocess
import sys

from fairtrial.config.rules.translation import NOT_SERVED, SELF_HOSTED, providers


def test_providers_and_prices_are_known_without_importing_litellm() -> None:
    program = (
        "import sys\nfrom fairtrial.config.rules.translation import price_map_entry\n"
        "from fairtrial.config.rules import translation\n"
        "translation.providers(), price_map_entry('anthropic', 'x')\nprint('litellm' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_the_lists_of_providers_agree() -> None:
    assert {"anthropic", "gemini", "bedrock", "vertex_ai", "mistral"} <= providers()
    assert providers() >= SELF_HOSTED | {"openrouter", "huggingface"} and not NOT_SERVED & providers()

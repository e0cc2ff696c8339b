"""`fairtrial prices` and `check` show the price of each deployment, since when, from where, and what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from fairtrial_cli.commands.check import command as check
from fairtrial_cli.commands.prices import command

FILE = """
version: 1
deployments:
  base: {model: openai/gpt-4.1-mini, base_url: "https://api.openai.com/v1", api_key: "${KEY}", external: true}
  own: {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1"}
prices:
  - {deployment: base, since: 2026-07-01, input: 0.5, output: 2, long_prompts: [{above: 1000, input: 1, output: 4}]}
"""


def test_each_price_has_its_day_its_source_and_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "fairtrial.yaml"
    path.write_text(FILE)
    run = CliRunner(env={"KEY": "k"})
    text = run.invoke(command, ["--config", str(path)], catch_exceptions=False).output
    base, own = text.split("own (openai/Qwen3-8B)\n")
    assert "base (openai/gpt-4.1-mini)\n  always: input 0.4, cached 0.1, output 1.6 (litellm 1." in base
    assert "    tier priority: input 0.7, cached 0.175, output 2.8\n" in base
    later = base.partition("  from 2026-07-01: input 0.5, output 2 (prices[0])\n")[2].splitlines()
    assert later[:2] == [
        "    above 1,000 tokens of a prompt: input 1, output 4",
        "    not covered: tokens read from a cache cost the full price",
    ]
    assert own.splitlines() == [
        "  always: unknown (no price is known)",
        "    not covered: the cost of a request is unknown",
    ]
    told = json.loads(run.invoke(command, ["--config", str(path), "--json"], catch_exceptions=False).output)
    assert told["base"][1]["price"]["input"] == "0.5" and told["base"][1]["since"] == "2026-07-01"
    checked = run.invoke(check, [str(path)], catch_exceptions=False).output
    assert "  price of base from 2026-07-01: input 0.5, output 2 (prices[0])\n" in checked

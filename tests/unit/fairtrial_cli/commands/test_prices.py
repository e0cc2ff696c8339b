"""`fairtrial prices` and `check` show the price of each deployment, since when, from where, and what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairtrial.domain.errors import UsageError
from fairtrial_cli.commands.check import command as check
from fairtrial_cli.commands.experiment import plan
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


TRIAL = """
routes: {bot: {experiment: trial}}
experiments:
  trial:
    question: Is it cheaper?
    unit: user
    control: base
    variants: {base: {deployment: base}, own: {deployment: own}}
    split: {base: 90, own: 10}
    primary: {metric: requests.error_rate, require: not_worse, mde: 1pp, baseline: 2%}
    guardrails: [{metric: cost.per_request, margin: 20%, baseline: 0.004, cap: 0.05}]
"""


def test_a_cost_without_a_price_is_refused_by_check_and_by_a_plan(tmp_path: Path) -> None:
    path, run = tmp_path / "fairtrial.yaml", CliRunner(env={"KEY": "k"})
    path.write_text(FILE + TRIAL)
    checked = run.invoke(check, [str(path)])
    assert checked.exit_code == 2
    assert "experiments.trial: cost.per_request can't be decided: own has no price" in checked.output
    with pytest.raises(UsageError, match=r"trial: cost\.per_request can't be decided: own has no price"):
        run.invoke(plan, ["trial", "--per-week", "4000", "--config", str(path)], catch_exceptions=False)


def test_a_plan_warns_of_a_colder_cache_of_a_small_variant(tmp_path: Path) -> None:
    path, run = tmp_path / "fairtrial.yaml", CliRunner(env={"KEY": "k"})
    priced = FILE.replace('gpu-1:8000/v1"}', 'gpu-1:8000/v1", price: {gpu_hour: 2}}')
    for split, warned in (("base: 90, own: 10", True), ("base: 50, own: 50", False)):
        path.write_text(priced + TRIAL.replace("base: 90, own: 10", split))
        options = ["trial", "--per-week", "4000", "--sd", "cost.per_request=0.004", "--config", str(path)]
        output = run.invoke(plan, options, catch_exceptions=False).output
        assert ("a small variant has a colder cache" in " ".join(output.split())) == warned

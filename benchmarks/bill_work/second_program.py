"""Computes a provider's bill from its own answers. It imports nothing of fairtrial, and shares no code with it.

``python benchmarks/bill_work/second_program.py ANSWERS PRICES`` prints the sums as JSON. ANSWERS has a line of JSON for
each answer: who answered (``provider``, ``deployment``), its ``usage`` as sent, its ``tier``, and the ``period`` of the
prices that were in force. ``true`` has the tokens of an answer that nobody counted. PRICES has a list of prices, one
for each period, for each deployment, in US dollars per million tokens.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path


def priced_openai(u, p):
    """The input contains the cached part, the output contains the reasoning."""
    read = u.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    write = u.get("prompt_tokens_details", {}).get("cache_write_tokens", 0)
    heard = u.get("prompt_tokens_details", {}).get("audio_tokens", 0)
    spoken = u.get("completion_tokens_details", {}).get("audio_tokens", 0)
    bill = (u["prompt_tokens"] - read - write - heard) * p["input"]
    bill += read * p.get("cached", p["input"]) + write * p.get("written", p["input"])
    bill += heard * p.get("audio_input", 0) + spoken * p.get("audio_output", 0)
    return bill + (u["completion_tokens"] - spoken) * p["output"]


def priced_anthropic(u, p):
    """The input lacks what was read from the cache and written to it; an hour costs more than five minutes."""
    hour = u["cache_creation"]["ephemeral_1h_input_tokens"]
    minutes = u["cache_creation"]["ephemeral_5m_input_tokens"]
    bill = u["input_tokens"] * p["input"] + u["cache_read_input_tokens"] * p["cached"]
    return bill + minutes * p["written"] + hour * p["written_1h"] + u["output_tokens"] * p["output"]


def priced_gemini(u, p):
    """In OpenAI's form the total is more than the sum: the rest is thinking, which costs as the output."""
    return u["prompt_tokens"] * p["input"] + (u["total_tokens"] - u["prompt_tokens"]) * p["output"]


def priced_xai(u, p):
    """Reasoning is outside of the output."""
    said = u["completion_tokens"] + u["completion_tokens_details"]["reasoning_tokens"]
    return u["prompt_tokens"] * p["input"] + said * p["output"]


def priced_deepseek(u, p):
    """Hits and misses of the cache."""
    bill = u["prompt_cache_hit_tokens"] * p.get("cached", p["input"]) + u["prompt_cache_miss_tokens"] * p["input"]
    return bill + u["completion_tokens"] * p["output"]


PRICED = {
    "openai": priced_openai,
    "anthropic": priced_anthropic,
    "gemini": priced_gemini,
    "xai": priced_xai,
    "deepseek": priced_deepseek,
}


def prompt_size(u):
    if "input_tokens" in u:
        return u["input_tokens"] + u["cache_read_input_tokens"] + u["cache_creation_input_tokens"]
    return u["prompt_tokens"]


def cost(answer, prices):
    if answer.get("true"):
        p = prices[answer["deployment"]][answer["period"]]
        return (answer["true"]["input"] * p["input"] + answer["true"]["output"] * p["output"]) / 1_000_000
    u = answer["usage"]
    if "cost" in u:
        return u["cost"]
    p = prices[answer["deployment"]][answer["period"]]
    if answer.get("tier") in ("flex", "priority"):
        p = p["tiers"][answer["tier"]]
    for long in p.get("long_prompts", []):
        if prompt_size(u) > long["above"]:
            p = long
    return PRICED[answer["provider"]](u, p) / 1_000_000


def main():
    answers, prices = sys.argv[1:]
    prices = json.loads(Path(prices).read_text(), parse_float=Decimal, parse_int=Decimal)
    sums = {"reported": Decimal(0), "estimated": Decimal(0)}
    for line in Path(answers).read_text().splitlines():
        answer = json.loads(line, parse_float=Decimal)
        sums["estimated" if answer.get("true") else "reported"] += cost(answer, prices)
    print(json.dumps({name: str(usd) for name, usd in sums.items()}))


main()

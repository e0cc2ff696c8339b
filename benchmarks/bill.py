"""A bill of many requests: what the store would sum, and what a second program makes of the providers' own answers.

``python benchmarks/bill.py [--requests N] [--seed S]`` sends the requests through a real gateway to servers that answer
in the shapes of five families of providers: with cached, written, reasoning and audio tokens, service tiers, long
prompts and reported costs, after retries and failovers, and with streams that break off. The prices change twice. It
prints both sums, and ends with 1 unless they are equal to the cent where usage was reported, and within 5 % elsewhere.
10,000 requests take a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx

sys.path[0] = str(Path(__file__).parent.parent)

from fairtrial.domain.money.prices import LaterPrice, LongPromptRates, Price, TierRates  # noqa: E402
from fairtrial.domain.plan import Route  # noqa: E402
from fairtrial.domain.settings import RetryRule  # noqa: E402
from fairtrial.journal.reader import decode  # noqa: E402
from fairtrial.journal.segment import names  # noqa: E402
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running  # noqa: E402
from tests.fixtures.upstream.faults import error  # noqa: E402
from tests.fixtures.upstream.server import FakeUpstream  # noqa: E402
from tests.fixtures.waiting import until  # noqa: E402

SECOND = Path(__file__).parent / "bill_work" / "second_program.py"
PERIODS = 3
AT_ONCE = 24
CENT, CLOSE = Decimal("0.01"), Decimal("0.05")
FULL = {
    "input": 3,
    "cached": 0.3,
    "written": 3.75,
    "written_1h": 6,
    "audio_input": 32,
    "output": 15,
    "audio_output": 64,
}
PRICES: dict[str, dict[str, Any]] = {
    "main": {
        **FULL,
        "tiers": {"flex": {"input": 1.5, "cached": 0.15, "output": 7.5}, "priority": {"input": 6, "output": 30}},
        "long_prompts": [
            {"above": 200_000, "input": 6, "cached": 0.6, "written": 7.5, "written_1h": 12, "output": 22.5}
        ],
    },
    "plain": {"input": 0.4, "output": 1.6},
    "chat": {"input": 0.8, "output": 3.2},
    "spare": {"input": 0.5, "output": 2},
}
"""US dollars per million tokens in the first period; they rise by a tenth with each change."""

WORDS = ("lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "eiusmod")


@dataclass
class Bill:
    """The answers as the providers sent them, and the scripts of the servers by the request's number."""

    random: Random
    answers: list[dict[str, Any]] = field(default_factory=list)
    scripts: dict[int, dict[str, Any]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def draw(self, number: int, period: int) -> dict[str, Any]:
        """A request, whose answer is noted."""
        if self.random.random() < 0.25:
            return self._chat(number, period)
        kind, provider, usage, tier = self._usage()
        route = "main" if provider == "anthropic" or kind.startswith("openai") else "plain"
        answer = {"provider": provider, "deployment": route, "usage": usage, "tier": tier, "period": period}
        script: dict[str, Any] = {"kind": "json", "answer": {"usage": usage, "service_tier": tier}}
        if self.random.random() < 0.1:
            script = {"kind": "sequence", "key": str(number), "scripts": [error(503), script]}
            kind = "retried"
        elif self.random.random() < 0.3 and tier is None and kind == "openai":
            route, answer["deployment"], kind = "failing", "spare", "failed over"
            answer["usage"] = usage = {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990}
            script = {"kind": "json", "answer": {"usage": usage}}
        self.answers.append(answer)
        self.scripts[number] = script
        self.kinds[kind] += 1
        return {"model": route, "case": number, "messages": [{"role": "user", "content": "q"}]}

    def _usage(self) -> tuple[str, str, dict[str, Any], str | None]:
        """What kind of request it is, its provider, the usage and the service tier."""
        draw = self.random
        asked, said, part = draw.randrange(50, 20_000), draw.randrange(1, 2_000), draw.randrange(10, 90)
        flat = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        kind = draw.choice(("openai", "openai audio", "openai long", "openai tier", *PLAIN))
        if kind == "openai audio":
            details = {"prompt_tokens_details": {"audio_tokens": asked // 2}}
            return kind, "openai", {**flat, **details, "completion_tokens_details": {"audio_tokens": said // 2}}, None
        if kind == "openai long":
            asked = draw.randrange(150_000, 300_000)
            details = {"cached_tokens": asked * part // 100}
            return (
                kind,
                "openai",
                {**flat, "prompt_tokens": asked, "total_tokens": asked + said} | {"prompt_tokens_details": details},
                None,
            )
        if kind.startswith("openai"):
            details = {"cached_tokens": asked * part // 100}
            if kind == "openai":
                details["cache_write_tokens"] = asked // 20
            reasoning = {"completion_tokens_details": {"reasoning_tokens": said // 3}}
            tier = draw.choice(("flex", "priority", "default")) if kind == "openai tier" else None
            return kind, "openai", {**flat, "prompt_tokens_details": details, **reasoning}, tier
        return kind, kind, PLAIN[kind](asked, said, part, flat), None

    def _chat(self, number: int, period: int) -> dict[str, Any]:
        """A stream with text, every fifth of which breaks off before its usage."""
        draw = self.random
        question, words = _text(draw, draw.randrange(40, 400)), draw.randrange(40, 300)
        texts = [_text(draw, 1) + " " for _ in range(words)]
        broken = draw.random() < 0.2
        texts = texts[: words // 2] if broken else texts
        body = {"model": "chat", "case": number, "stream": True, "messages": [{"role": "user", "content": question}]}
        true = {
            "input": round(len(json.dumps(body)) / 4.4 * draw.uniform(0.9, 1.1)),
            "output": round(len("".join(texts)) / 4.1 * draw.uniform(0.9, 1.1)),
        }
        usage = {
            "prompt_tokens": true["input"],
            "completion_tokens": true["output"],
            "total_tokens": sum(true.values()),
        }
        chunks = [{"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
        if not broken:
            chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ([] if broken else ["data: [DONE]\n\n"])
        # all at once, because each event would be a packet
        self.scripts[number] = {"kind": "stream", "events": ["".join(events)], "then": "reset" if broken else "end"}
        answer: dict[str, Any] = {"provider": "openai", "deployment": "chat", "period": period, "usage": usage}
        self.answers.append({**answer, "true": true} if broken else answer)
        self.kinds["broken stream" if broken else "stream"] += 1
        return body


def _anthropic(asked: int, said: int, part: int, _: dict[str, Any]) -> dict[str, Any]:
    minutes, hour = asked // 10, asked // 20
    created = {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}
    return {
        "input_tokens": asked,
        "cache_read_input_tokens": asked * part // 10,
        "cache_creation_input_tokens": minutes + hour,
        "cache_creation": created,
        "output_tokens": said,
    }


PLAIN: dict[str, Any] = {
    "anthropic": _anthropic,
    "gemini": lambda asked, said, part, flat: {**flat, "total_tokens": asked + said + said * part // 10},
    "xai": lambda asked, said, part, flat: {
        **flat,
        "completion_tokens_details": {"reasoning_tokens": said * part // 10},
        "total_tokens": asked + said + said * part // 10,
    },
    "deepseek": lambda asked, _, part, flat: {
        **flat,
        "prompt_cache_hit_tokens": asked * part // 100,
        "prompt_cache_miss_tokens": asked - asked * part // 100,
    },
    "openrouter": lambda asked, said, part, flat: {**flat, "cost": round((asked + 4 * said) * part / 1e8, 9)},
}
"""The usage of each other provider, from its tokens and a share in percent."""


def _text(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def raised(prices: dict[str, Any], period: int) -> dict[str, Any]:
    """The prices of a period."""
    rise = Decimal(10 + period) / 10
    return {
        name: {inner: raised(rates, period) for inner, rates in value.items()}
        if isinstance(value, dict)
        else [raised(rates, period) for rates in value]
        if isinstance(value, list)
        else value
        if name == "above"
        else Decimal(str(value)) * rise
        for name, value in prices.items()
    }


def as_price(prices: dict[str, Any]) -> Price:
    tiers = {name: TierRates(**rates) for name, rates in prices.get("tiers", {}).items()}
    long_prompts = tuple(LongPromptRates(**rates) for rates in prices.get("long_prompts", ()))
    flat = {name: usd for name, usd in prices.items() if name not in ("tiers", "long_prompts")}
    return Price(**flat, tiers=tiers or None, long_prompts=long_prompts)


def publish(rig: Rig, servers: dict[str, FakeUpstream], changes: list[int]) -> None:
    """Publish the plan with the prices that have changed at these times."""
    deployments = {}
    for name in (*PRICES, "failing"):
        prices = PRICES.get(name, PRICES["main"])
        later = tuple(
            LaterPrice(since_us=since, price=as_price(raised(prices, period)))
            for period, since in enumerate(changes, start=1)
        )
        retry = RetryRule(attempts=1 if name == "failing" else 2, budget=1.0)
        url = servers["failing" if name == "failing" else "well"].url
        deployments[name] = deployment(name, url, price=as_price(raised(prices, 0)), later_prices=later, retry=retry)
    routes = {name: Route(name, deployment=name) for name in PRICES}
    routes["failing"] = Route("failing", deployment="failing", fallback="spare")
    rig.publish(plan_for(servers["well"].url, deployments=deployments, routes=routes, experiments={}))


async def send(rig: Rig, bodies: list[dict[str, Any]]) -> None:
    limit = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(timeout=60, verify=False, limits=httpx.Limits(max_connections=AT_ONCE)) as client:

        async def one(body: dict[str, Any]) -> None:
            async with limit:
                await client.post(f"{rig.url}/chat/completions", json=body)

        await asyncio.gather(*map(one, bodies))


def recorded(rig: Rig, requests: int) -> dict[str, Decimal]:
    """The sums of the journal's attempts, by whether their tokens were counted."""
    until(lambda: len(rig.events("request")) >= requests)
    sums = {"reported": Decimal(0), "estimated": Decimal(0), "unknown": Decimal(0)}
    for path in names(rig.layout.journal):
        for line in path.read_bytes().splitlines(keepends=True)[1:]:
            for attempt in getattr(decode(line), "attempts", ()):
                if attempt.cost_usd is None:
                    sums["unknown"] += attempt.status == 200
                else:
                    sums["estimated" if attempt.cost_basis == "estimated" else "reported"] += Decimal(attempt.cost_usd)
    return sums


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    bill, changes = Bill(Random(arguments.seed)), list[int]()
    with tempfile.TemporaryDirectory() as folder, FakeUpstream() as well, FakeUpstream() as failing:
        well.keep = failing.keep = False
        well.script, failing.script = (lambda asked: bill.scripts[asked["case"]]), error(503)
        with running(Path(folder) / "gateway") as rig:
            for period in range(PERIODS):
                changes += [time.time_ns() // 1000] if period else []
                publish(rig, {"well": well, "failing": failing}, changes)
                numbers = range(period * arguments.requests // PERIODS, (period + 1) * arguments.requests // PERIODS)
                asyncio.run(send(rig, [bill.draw(number, period) for number in numbers]))
            ours = recorded(rig, arguments.requests)
        theirs = second_bill(Path(folder), bill)
    return printed(bill, ours, theirs)


def second_bill(folder: Path, bill: Bill) -> dict[str, Decimal]:
    """What the second program computes, which runs without this project on its path."""
    answers, prices = folder / "answers.jsonl", folder / "prices.json"
    answers.write_text("".join(json.dumps(answer) + "\n" for answer in bill.answers))
    periods = {name: [raised(rates, period) for period in range(PERIODS)] for name, rates in PRICES.items()}
    prices.write_text(json.dumps(periods, default=float))
    command = [sys.executable, "-I", str(SECOND), str(answers), str(prices)]
    printed_sums = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    return {name: Decimal(usd) for name, usd in json.loads(printed_sums).items()}


def printed(bill: Bill, ours: dict[str, Decimal], theirs: dict[str, Decimal]) -> int:
    """Print both bills; 0 if they agree."""
    print(", ".join(f"{count:,} {kind}" for kind, count in bill.kinds.most_common()))
    off = abs(ours["estimated"] / theirs["estimated"] - 1)
    print(f"usage reported:  fairtrial ${ours['reported']:.6f}, second program ${theirs['reported']:.6f}")
    print(f"usage estimated: fairtrial ${ours['estimated']:.6f}, second program ${theirs['estimated']:.6f} ({off:.1%})")
    print(f"answers of unknown cost: {ours['unknown']}")
    agree = abs(ours["reported"] - theirs["reported"]) < CENT and off <= CLOSE and not ours["unknown"]
    print("equal to the cent, and estimates within 5 %" if agree else "DIFFERENT")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())

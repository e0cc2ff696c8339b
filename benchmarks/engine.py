"""CPU seconds of the evaluation engine for 1,000 cases, beside a bare aiohttp loop that asks the same upstream.

Run: ``python benchmarks/engine.py [--cases 1000] [--connections 50] [--tokens 100] [--json]``. The upstream answers at
once, in a process of its own; both sides are measured in this process, in one run, so that the ratio means something
anywhere. It also scores texts of ``--tokens`` words with ROUGE, BLEU and chrF, beside rouge-score and sacrebleu.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from math import fsum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector, web

from evaluators.engine.engine import Options, run_suite
from evaluators.engine.run_events import events_of
from evaluators.engine.scoring import value_of
from evaluators.engine.target import Target
from evaluators.loading.scorers import build_entry
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Case
from fairtrial.journal.writer import JournalWriter

REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "system_fingerprint": "weights-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 1},
}


def serve(port: Connection) -> None:
    """The upstream: reads each request and answers at once."""

    async def complete(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response(REPLY)

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", complete)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def suite_of(folder: Path, cases: int) -> Suite:
    rows = [
        {"id": f"case-{at}", "input": f"Question {at}?", "expected": "Paris", "kind": at % 7} for at in range(cases)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text("suite: bench\ndata: rows.jsonl\nscore: [exact]\nslices: [kind]\n")
    return load(folder / "suite.yaml")[0]


async def bare(suite: Suite, base_url: str, connections: int) -> None:
    """The least that a program could do: ask, decode, compare."""
    async with ClientSession(connector=TCPConnector(limit=connections)) as session:

        async def one(messages: Any, expected: Any) -> bool:
            body = {"model": "m", "messages": list(messages)}
            async with session.post(f"{base_url}/chat/completions", json=body) as response:
                reply = await response.json()
            return bool(reply["choices"][0]["message"]["content"] == expected)

        await asyncio.gather(*(one(case.messages, case.expected) for case in suite.cases))


async def whole(suite: Suite, base_url: str, connections: int, folder: Path) -> None:
    """The engine as `fairtrial eval` uses it: cache on disk, scores, and the run written to a journal."""
    target = Target("base", "m", base_url, deployment_digest="d")
    options = Options(concurrency=connections, fresh=True)
    [run] = await run_suite(
        suite,
        [target],
        cache=folder / "cache",
        clock=lambda: time.time_ns() // 1000,
        new_id=lambda: "r",
        options=options,
    )
    assert run.metrics == {"exact.accuracy": 1.0}
    (folder / "journal").mkdir(exist_ok=True)
    writer = JournalWriter(folder / "journal", writer="bench")
    writer.append(*events_of(run))
    writer.close()


def texts_of(cases: int, tokens: int) -> list[tuple[str, str]]:
    """Pairs of an answer and its reference; three in ten words differ."""
    draw = random.Random(0)
    words = [f"word{at}" for at in range(200)] + ["the", "order,", "was", "sent.", "It's", "(to", "you)"] * 20
    references = [draw.choices(words, k=tokens) for _ in range(cases)]
    return [
        (" ".join(one if draw.random() < 0.7 else draw.choice(words) for one in reference), " ".join(reference))
        for reference in references
    ]


def score_texts(pairs: list[tuple[str, str]]) -> dict[str, float | None]:
    """The metrics as a run has them."""
    scorers = [build_entry(entry, variables={}).scorer for entry in ({"rouge": {"kinds": [1, 2, "L"]}}, "bleu", "chrf")]
    found: dict[str, float | None] = {}
    for scorer in scorers:
        scores = [[scorer.score(Case("c", (), reference), Answer(text))] for text, reference in pairs]
        found |= {f"{scorer.name}.{stat.name}": value_of(stat, scores) for stat in scorer.stats}
    return found


def score_texts_bare(pairs: list[tuple[str, str]]) -> dict[str, float | None]:
    """The same by the reference implementations alone."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"])
    each = [rouge.score(reference, text) for text, reference in pairs]
    means = {f"rouge.{kind}": fsum(one[kind].fmeasure for one in each) / len(each) for kind in each[0]}
    texts, references = [text for text, _ in pairs], [[reference for _, reference in pairs]]
    metrics = {"bleu.corpus": BLEU(), "chrf.corpus": CHRF()}
    return means | {name: metric.corpus_score(texts, references).score for name, metric in metrics.items()}


def compare_scorers(cases: int, tokens: int) -> dict[str, float]:
    """CPU seconds of both, which must agree."""
    pairs, cpu = texts_of(cases, tokens), [time.process_time()]
    found = score_texts(pairs)
    cpu.append(time.process_time())
    expected = score_texts_bare(pairs)
    cpu.append(time.process_time())
    assert found.keys() == expected.keys()
    assert all(abs((found[name] or 0.0) - (value or 0.0)) < 1e-9 for name, value in expected.items())
    ours, bare = cpu[1] - cpu[0], cpu[2] - cpu[1]
    return {
        "scorers_cpu_s": round(ours, 3),
        "bare_scorers_cpu_s": round(bare, 3),
        "scorers_ratio": round(ours / bare, 2),
    }


def cost_of(work: Callable[[], Awaitable[None]], times: int = 3) -> tuple[float, float]:
    """The least CPU seconds and wall seconds of a few goes."""
    best = (float("inf"), float("inf"))
    for _ in range(times):
        cpu, wall = time.process_time(), time.perf_counter()
        asyncio.run(work())  # type: ignore[arg-type]
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return best


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--connections", type=int, default=50)
    options.add_argument("--tokens", type=int, default=100)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    ours, theirs = multiprocessing.Pipe(duplex=False)
    upstream = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    upstream.start()
    base_url = f"http://127.0.0.1:{ours.recv()}/v1"
    with tempfile.TemporaryDirectory() as name:
        suite = suite_of(Path(name), asked.cases)
        least = cost_of(lambda: bare(suite, base_url, asked.connections))
        engine = cost_of(lambda: whole(suite, base_url, asked.connections, Path(name)))
    upstream.terminate()
    found = {
        "cases": asked.cases,
        "bare_cpu_s": round(least[0], 3),
        "engine_cpu_s": round(engine[0], 3),
        "engine_cpu_ms_per_case": round(engine[0] * 1000 / asked.cases, 3),
        "ratio": round(engine[0] / least[0], 2),
        "engine_cases_per_s": round(asked.cases / engine[1]),
    } | compare_scorers(asked.cases, asked.tokens)
    if asked.json:
        print(json.dumps(found))
        return
    print(f"{asked.cases} cases, {asked.connections} connections, one process, CPU seconds")
    print(f"  bare aiohttp loop  {least[0]:6.3f}")
    print(
        f"  the engine         {engine[0]:6.3f}   {found['engine_cpu_ms_per_case']} ms a case, {found['ratio']} times"
    )
    print(f"ROUGE 1, 2 and L, BLEU and chrF of {asked.tokens} words each")
    print(f"  rouge-score and sacrebleu  {found['bare_scorers_cpu_s']:6.3f}")
    print(f"  our scorers                {found['scorers_cpu_s']:6.3f}   {found['scorers_ratio']} times")


if __name__ == "__main__":
    main()

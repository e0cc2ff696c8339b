"""Finds border probes: prompts whose one-token answer is nearly a tie, so that small changes of a model show in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from itertools import islice
from math import exp, inf
from pathlib import Path
from typing import Any

from evaluators.engine.client import ChatClient, read_answer
from evaluators.engine.target import Target
from evaluators.suite import Suite
from fairtrial.domain.promises import BORDER_NATS
from fairtrial.domain.run import Answer, Case

POOL = Path(__file__).with_name("pool.txt")
FLIP_REPEATS = 8
FIXED_PROMPTS = 32
"""So many prompts without a flip show that a server repeats its answers."""
TOP = 5
LONGEST = 2_000
"""Characters of a suite's prompt that is asked."""
MOST_CASES = 32
LETTERS_OF_TOKEN = 3
PARAMS: Mapping[str, Any] = {"temperature": 0, "max_tokens": 1}
WITH_LOGPROBS: Mapping[str, Any] = {**PARAMS, "logprobs": True, "top_logprobs": TOP}


@dataclass(frozen=True, slots=True)
class ProbeAnswer(Answer):
    """An answer with its tokens and, for each, the log probabilities of the likeliest ones, if the server gives any."""

    tokens: tuple[str, ...] = ()
    positions: tuple[Mapping[str, float], ...] = ()

    @property
    def tops(self) -> Mapping[str, float]:
        """The log probabilities of the first token."""
        return self.positions[0] if self.positions else {}

    @property
    def chances(self) -> dict[str, float]:
        """The probability of each listed token."""
        return {token: exp(nats) for token, nats in self.tops.items()}

    @property
    def nats(self) -> float:
        """How far the two likeliest tokens are apart."""
        first = sorted(self.tops.values(), reverse=True)[:2]
        return first[0] - first[1] if len(first) > 1 else inf


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """The probes. ``seen``: whether the server gives log probabilities. ``at_border``: whether all are nearly ties."""

    cases: Sequence[Case]
    seen: bool
    at_border: bool


class ProbeClient(ChatClient):
    """Asks for one token; counts requests and the tokens of their prompts. ``params`` are those that it accepts.

    It sends nothing beyond ``most_tokens``. A prompt whose tokens the server doesn't count is taken as long.
    """

    def __init__(self, target: Target, *, concurrency: int) -> None:
        super().__init__(target, concurrency=concurrency)
        self.params = WITH_LOGPROBS
        self.requests = 0
        self.tokens = 0
        self.most_tokens: float = inf

    @property
    def spent(self) -> bool:
        return self.tokens >= self.most_tokens

    async def probe(self, case: Case, params: Mapping[str, Any] | None = None) -> ProbeAnswer | None:
        """The answer, ``None`` for an error."""
        if self.spent:
            return None
        answer = await self.ask(case, self.params if params is None else params)
        self.requests += 1
        self.tokens += answer.tokens_in or len(str(case.messages)) // LETTERS_OF_TOKEN
        return answer if isinstance(answer, ProbeAnswer) and answer.error is None else None

    async def learn(self, case: Case) -> bool:
        """Find out whether the server accepts a request for log probabilities, and whether it answers at all."""
        if await self.probe(case) is not None:
            return True
        self.params = PARAMS
        return await self.probe(case) is not None

    def _read(self, reply: bytes, headers: Mapping[str, str], latency_ms: float) -> Answer:
        answer = read_answer(reply, headers, self.target, latency_ms)
        values = {each.name: getattr(answer, each.name) for each in fields(answer)}
        tokens, positions = _positions(reply)
        return ProbeAnswer(**values, tokens=tokens, positions=positions)


def _positions(reply: bytes) -> tuple[tuple[str, ...], tuple[dict[str, float], ...]]:
    """The tokens and their log probabilities; empty for any other form of a reply.

    Several special tokens can have the same text, or none. The likeliest one, which is listed first, counts.
    """
    try:
        content = json.loads(reply)["choices"][0]["logprobs"]["content"]
        likeliest_last = [at["top_logprobs"][::-1] for at in content]
        positions = tuple({str(top["token"]): float(top["logprob"]) for top in tops} for tops in likeliest_last)
        return tuple(str(at["token"]) for at in content), positions
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return (), ()


@asynccontextmanager
async def probe_clients(targets: Sequence[Target], concurrency: int) -> AsyncIterator[list[ProbeClient]]:
    """A client for each target."""
    clients = [ProbeClient(target, concurrency=concurrency) for target in targets]
    try:
        for client in clients:
            await client.__aenter__()
        yield clients
    finally:
        for client in clients:
            await client.__aexit__(None, None, None)


def prompts(suites: Iterable[Suite]) -> Iterator[Case]:
    """The shipped prompts, and between them cases of the suites."""
    pool = (
        Case(case_id=f"pool-{number}", messages=({"role": "user", "content": line},), expected=None)
        for number, line in enumerate(POOL.read_text(encoding="utf-8").splitlines(), 1)
    )
    cases = [case for suite in suites for case in suite.cases if len(str(case.messages)) <= LONGEST]
    step = max(1, len(cases) // MOST_CASES)
    own = iter(cases[::step][:MOST_CASES])
    for case in pool:
        yield case
        yield from islice(own, 1)


async def find_probes(client: ProbeClient, offered: Iterable[Case], count: int) -> ProbeSet:
    """The first ``count`` prompts at a border, filled up with those that are closest to one."""
    waiting = list(offered)
    if not await client.learn(waiting[0]):
        return ProbeSet((), False, False)
    known: list[tuple[Case, float]] = []
    size = max(1, count // 2)
    for start in range(0, len(waiting), size):
        batch = waiting[start : start + size]
        answers = await asyncio.gather(*(client.probe(case) for case in batch))
        if not any(answer is not None and answer.tops for answer in answers):
            return await _flipping(client, waiting, count)
        known += [(case, answer.nats) for case, answer in zip(batch, answers, strict=True) if answer is not None]
        if sum(nats <= BORDER_NATS for _, nats in known) >= count or client.spent:
            break
    closest = sorted(known, key=lambda pair: max(pair[1], BORDER_NATS))[:count]
    return ProbeSet([case for case, _ in closest], True, all(nats <= BORDER_NATS for _, nats in closest))


async def _flipping(client: ProbeClient, offered: Sequence[Case], count: int) -> ProbeSet:
    """The prompts whose answer differs in eight repeats. A server that repeats all answers is asked no more of them."""
    client.params = PARAMS
    flipping: list[Case] = []
    for start in range(0, len(offered), FIXED_PROMPTS):
        batch = offered[start : start + FIXED_PROMPTS]
        rows = await asyncio.gather(*(client.probe(case) for case in batch for _ in range(FLIP_REPEATS)))
        for at, case in enumerate(batch):
            texts = {answer.text for answer in rows[at * FLIP_REPEATS : (at + 1) * FLIP_REPEATS] if answer is not None}
            flipping += [case] if len(texts) > 1 else []
        if len(flipping) >= count or not flipping or client.spent:
            break
    others = [case for case in offered if case not in flipping]
    return ProbeSet([*flipping, *others][:count], False, len(flipping) >= count)

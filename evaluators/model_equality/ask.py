"""Asks two deployments the same one-token probes, interleaved, and tells whether they answer with the same model."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import ProbeAnswer, ProbeClient, ProbeSet, find_probes, probe_clients
from fairtrial.domain.promises import ALPHA, EQUALITY_ALPHA, EQUALITY_EXCESS
from fairtrial.domain.run import Case
from fairtrial.domain.verdicts.model_equality import EqualityAnswer, ModelEquality
from fairtrial.stats.arguments import Floats
from fairtrial.stats.model_equality import Block, Disagreement, compare_sides, differs_within_noise, power_of

LOOKS, LEAST = 4, 8
"""How often it looks at the answers, and the least number of probes between two looks."""
CLEAR_EXCESS, CLEAR_POWER = EQUALITY_EXCESS / 10, 0.99
"""What a look before the last must be able to find before it calls two models the same."""
Answers = tuple[Sequence[ProbeAnswer], Sequence[ProbeAnswer]]
"""The answers of the candidate and of its base to one probe, as many of each."""


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """How much is asked: each probe so often of each side, at each of the concurrencies.

    ``searched``: the most prompts among which probes are looked for.
    """

    probes: int = 64
    repeats: int = 5
    concurrencies: tuple[int, ...] = (1, 8)
    seed: int = 0
    searched: int | None = None
    on_progress: Callable[[int, int], None] = lambda *_: None


QUICK = AskingOptions(probes=16, repeats=2, concurrencies=(8,), searched=64)


@dataclass(slots=True)
class _Asked:
    """The answers so far, by probe and condition."""

    answers: list[tuple[int, Answers]] = field(default_factory=list)
    failed: int = 0


async def ask_equality(
    candidate: Target, base: Target, offered: Iterable[Case], options: AskingOptions = AskingOptions()
) -> ModelEquality:
    """The result for the deployments behind these targets. It ends early once they are known to differ.

    Raises `TargetRefused` if one of them refuses all requests.
    """
    async with probe_clients([candidate, base], max(options.concurrencies)) as clients:
        probes = await find_probes(clients[1], islice(offered, options.searched), options.probes)
        clients[0].params = clients[1].params
        numbered = list(enumerate(probes.cases))
        size = max(LEAST, options.probes // LOOKS)
        groups = [numbered[start : start + size] for start in range(0, len(numbered), size)]
        asked, alpha = _Asked(), EQUALITY_ALPHA / max(1, len(groups))
        found, blocks = None, list[Block]()
        for number, group in enumerate(groups, 1):
            for concurrency in options.concurrencies:
                await _ask_group(clients, group, concurrency, options, asked)
            options.on_progress(number * size, len(probes.cases))
            blocks = blocks_of(asked.answers)
            found = compare_sides(blocks, seed=options.seed) if blocks else None
            if found is not None and (found.p <= alpha or _is_clearly_same(found, blocks, probes, alpha)):
                break
    seen = all(answer.tops for _, both in asked.answers for side in both for answer in side)
    return ModelEquality(
        deployment=candidate.name,
        base=base.name,
        deployment_digest=candidate.deployment_digest,
        base_digest=base.deployment_digest,
        asked_us=time.time_ns() // 1000,
        answer="not known" if found is None else decide_equality(found, blocks, probes, alpha=alpha),
        p=1.0 if found is None else found.p,
        excess=0.0 if found is None else found.excess,
        bound=1.0 if found is None else found.bound,
        power=power_of(blocks, excess=EQUALITY_EXCESS, alpha=alpha, everywhere=seen) if blocks else 0.0,
        probes=len({block.probe for block in blocks}),
        repeats=options.repeats * len(options.concurrencies),
        requests=sum(client.requests for client in clients),
        failed=asked.failed,
        tokens=sum(client.tokens for client in clients),
        seen=seen,
    )


def decide_equality(found: Disagreement, blocks: Sequence[Block], probes: ProbeSet, *, alpha: float) -> EqualityAnswer:
    """*Same* needs probes at a border: other prompts are answered alike by a model that was hardly changed."""
    if found.p <= alpha:
        return "different"
    if found.p <= ALPHA:
        return "not known"
    if probes.seen:
        return "same" if differs_within_noise(blocks) else "not known"
    return "same" if probes.at_border and found.bound < EQUALITY_EXCESS else "not known"


def _is_clearly_same(found: Disagreement, blocks: Sequence[Block], probes: ProbeSet, alpha: float) -> bool:
    """Whether log probabilities are the same, where a far smaller difference than that of the power would show."""
    return (
        decide_equality(found, blocks, probes, alpha=alpha) == "same"
        and probes.seen
        and power_of(blocks, excess=CLEAR_EXCESS, alpha=alpha, everywhere=True) >= CLEAR_POWER
    )


async def _ask_group(
    clients: Sequence[ProbeClient],
    group: Sequence[tuple[int, Case]],
    concurrency: int,
    options: AskingOptions,
    asked: _Asked,
) -> None:
    """Ask both sides about each probe of the group, next to each other and in random order, repeat by repeat."""
    draw = random.Random(f"{options.seed} {group[0][0]} {concurrency}")
    rows: dict[int, list[tuple[ProbeAnswer, ProbeAnswer]]] = {number: [] for number, _ in group}
    free = asyncio.Semaphore(concurrency)

    async def ask(client: ProbeClient, case: Case) -> ProbeAnswer | None:
        async with free:
            return await client.probe(case)

    for _ in range(options.repeats):
        order = draw.sample(list(group), len(group))
        flipped = [draw.random() < 0.5 for _ in order]
        questions = [
            (client, case)
            for (_, case), swap in zip(order, flipped, strict=True)
            for client in (reversed(clients) if swap else clients)
        ]
        answers = await asyncio.gather(*(ask(client, case) for client, case in questions))
        for (number, _), swap, pair in zip(order, flipped, zip(answers[::2], answers[1::2], strict=True), strict=True):
            mine, other = pair[::-1] if swap else pair
            if mine is None or other is None:
                asked.failed += 1
            else:
                rows[number].append((mine, other))
    asked.answers += [
        (number, (tuple(mine for mine, _ in row), tuple(other for _, other in row)))
        for number, row in rows.items()
        if len(row) > 1
    ]


def blocks_of(answers: Iterable[tuple[int, Answers]]) -> list[Block]:
    """The distances between answers: total variation of the first token, or without log probabilities 0 and 1."""
    return [_block(number, [*both[0], *both[1]]) for number, both in answers]


def _block(number: int, answers: Sequence[ProbeAnswer]) -> Block:
    if not all(answer.tops for answer in answers):
        texts = np.array([answer.text for answer in answers])
        return Block(number, (texts[:, None] != texts[None, :]).astype(float))
    chances = _chances(answers)
    r = len(answers) // 2
    distances = np.abs(chances[:, None] - chances[None, :]).sum(axis=2) / 2
    apart = np.abs(chances[:r].mean(axis=0) - chances[r:].mean(axis=0)).sum() / 2
    return Block(number, np.minimum(1.0, distances), float(apart))


def _chances(answers: Sequence[ProbeAnswer]) -> Floats:
    """The probability of each token that any answer lists, by answer. One that it does not list has its least one."""
    tokens = sorted({token for answer in answers for token in answer.tops})
    rows = [[answer.tops.get(token, min(answer.tops.values())) for token in tokens] for answer in answers]
    result: Floats = np.exp(np.array(rows))
    return result

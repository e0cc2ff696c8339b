"""Asks one deployment border probes, and tells whether it still answers as at the first ask of its series."""

import asyncio
import random
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import (
    PARAMS,
    WITH_LOGPROBS,
    ProbeAnswer,
    find_probes,
    probe_clients,
    prompts,
)
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.promises import CALIBRATION_ASKS, SERVED_RUN_DAYS
from fairtrial.domain.run import Case
from fairtrial.domain.verdicts.model_ask import ModelAsk, ProbeShares
from fairtrial.stats.sequential.change_point import find_change

PROBES, REPEATS, FIRST_REPEATS = 16, 2, 5
CONCURRENCY = 2
ASKS_A_DAY = 4
"""A suspected deployment is asked so often, which the mean run until a false suspicion counts."""
DIGITS = 9
"""The digits of a score that count, so that the order of a sum is no difference."""
SEARCHED = 0.5
"""The part of the tokens that the first ask may spend on the search for probes."""


async def ask_model(target: Target, first: ModelAsk | None, *, most_tokens: int, now_us: int) -> ModelAsk:
    """The answers now, compared with those of the ``first`` ask; without one, it finds the probes.

    Raises `Unavailable` if a probe is not answered, and `TargetRefused`.
    """
    async with probe_clients([target], CONCURRENCY) as [client]:
        if first is None:
            client.most_tokens = most_tokens * SEARCHED
            cases, repeats = (await find_probes(client, prompts(()), PROBES)).cases, FIRST_REPEATS
        else:
            cases = [_case(number, probe.prompt) for number, probe in enumerate(first.answers)]
            client.params, repeats = WITH_LOGPROBS if first.seen else PARAMS, REPEATS
        client.most_tokens = most_tokens
        asked = await asyncio.gather(*(client.probe(case) for _ in range(repeats) for case in cases))
    answers = [answer for answer in asked if answer is not None]
    if not answers or len(answers) < len(asked):
        raise Unavailable(f"{target.name} answered {len(answers)} of {len(asked)} probes")
    seen = all(answer.tops for answer in answers)
    shares = [shares_of(answers[at :: len(cases)], seen=seen) for at in range(len(cases))]
    given = tuple(
        ProbeShares(prompt=str(case.messages[0]["content"]), shares=share)
        for case, share in zip(cases, shares, strict=True)
    )
    return ModelAsk(
        deployment=target.name,
        deployment_digest=target.deployment_digest,
        asked_us=now_us,
        score=None if first is None else difference(first, shares),
        tokens=client.tokens,
        seen=seen,
        fingerprint=answers[0].fingerprint,
        answers=given if first is None else (),
    )


def shares_of(answers: Sequence[ProbeAnswer], *, seen: bool) -> Mapping[str, float]:
    """The mean probability of each listed token, or without log probabilities the share of each answer."""
    given: dict[str, float] = {}
    for answer in answers:
        for token, chance in answer.chances.items() if seen else ((answer.text or "", 1.0),):
            given[token] = given.get(token, 0.0) + chance / len(answers)
    return given


def difference(first: ModelAsk, shares: Sequence[Mapping[str, float]]) -> float:
    """The mean total variation over all probes. A token that a server doesn't list has its least listed probability."""
    total = 0.0
    for probe, now in zip(first.answers, shares, strict=True):
        least = [min(each.values()) if first.seen else 0.0 for each in (probe.shares, now)]
        tokens = probe.shares.keys() | now.keys()
        total += sum(abs(probe.shares.get(token, least[0]) - now.get(token, least[1])) for token in sorted(tokens)) / 2
    return round(total / len(shares), DIGITS)


def due_us(series: Sequence[ModelAsk]) -> int:
    """When a deployment is asked again: at a random hour of the next day, or soon if its last answers look changed."""
    last = series[-1]
    if is_suspected(series):
        return last.asked_us + DAY_US // ASKS_A_DAY
    day = last.asked_us // DAY_US + 1
    return day * DAY_US + random.Random(f"{last.deployment_digest} {day}").randrange(DAY_US)


def tokens_left(series: Sequence[ModelAsk], most: int, now_us: int) -> int:
    """The prompt tokens that may still be spent today on a deployment; 0 if the next ask would need more."""
    used = sum(ask.tokens for ask in series if ask.asked_us > now_us - DAY_US)
    needs = series[-1].tokens if len(series) > 1 else 0
    return max(0, most - used) if used + needs <= most else 0


def is_suspected(series: Sequence[ModelAsk]) -> bool:
    """Whether the last answers differ more than all before, or the server declares another fingerprint."""
    *before, last = series
    scores = [ask.score for ask in before if ask.score is not None]
    other = bool(before) and None not in (names := (before[0].fingerprint, last.fingerprint)) and len({*names}) > 1
    return other or (len(scores) >= CALIBRATION_ASKS and (last.score or 0.0) > max(scores))


def with_change(series: Sequence[ModelAsk], ask: ModelAsk, deployments: int) -> ModelAsk:
    """The ask, with the time of the change if the asks of two different hours show one.

    ``series``: those before it. ``deployments``: how many are asked every day.
    """
    asks = [*series[1:], ask]
    scores = np.array([each.score or 0.0 for each in asks])
    needed, crossed_us, start = SERVED_RUN_DAYS * ASKS_A_DAY * max(1, deployments), ask.asked_us, 0
    for end in range(len(asks), CALIBRATION_ASKS, -1):
        found = find_change(scores[:end], CALIBRATION_ASKS)
        if found is None or found.evidence < needed:
            break
        crossed_us, start = asks[end - 1].asked_us, start or found.start
    shown = start and ask.asked_us - crossed_us >= HOUR_US
    return replace(ask, changed_us=asks[start].asked_us) if shown else ask


def _case(number: int, prompt: str) -> Case:
    return Case(case_id=f"probe-{number}", messages=({"role": "user", "content": prompt},), expected=None)

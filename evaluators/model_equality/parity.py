"""Asks a served model what was recorded at the end of its training, and names the cause of a difference."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp

import numpy as np
from scipy.stats import wilcoxon

from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import WITH_LOGPROBS, ProbeAnswer, ProbeClient, probe_clients
from evaluators.model_equality.parity_file import LEAST_ROWS, ParityFile, ParityRow, Recorded
from fairtrial.domain.errors import UsageError
from fairtrial.domain.promises import EQUALITY_ALPHA
from fairtrial.domain.run import Case
from fairtrial.domain.verdicts.model_equality import EqualityAnswer
from fairtrial.domain.verdicts.model_parity import Cause, ModelParity
from fairtrial.stats.arguments import Floats

LEAST_DISTANCE = 0.005
"""A smaller median excess over the noise is no difference, whatever its p."""
MOST = 0.5
"""The share of rows that must show a sign before it names a cause."""
MORE_TOKENS = 4
"""How much longer than the recorded answer a served one may be, so that a missing end token shows."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the served model and its base answered to one row, and how the server renders its prompt, if it tells."""

    row: ParityRow
    tuned: ProbeAnswer
    base: ProbeAnswer
    prompt: str | None = None


async def ask_parity(
    tuned: Target, base: Target, file: ParityFile, *, rendered: Mapping[int, str] | None = None, concurrency: int = 4
) -> ModelParity:
    """``rendered``: the prompts of rows, as the server renders them. Raises `TargetRefused` and `UsageError`."""
    free = asyncio.Semaphore(concurrency)

    async def ask(client: ProbeClient, number: int, row: ParityRow, size: int) -> ProbeAnswer | None:
        params = {**WITH_LOGPROBS, "max_tokens": size}
        async with free:
            return await client.probe(Case(f"row-{number}", row.messages, None), params)

    async with probe_clients([tuned, base], concurrency) as clients:
        numbered = list(enumerate(file.rows))
        mine = await asyncio.gather(
            *(ask(clients[0], at, row, len(row.on.tokens) + MORE_TOKENS) for at, row in numbered)
        )
        others = await asyncio.gather(*(ask(clients[1], at, row, len(row.off.tokens)) for at, row in numbered))
    served = [
        Served(row, own, other, (rendered or {}).get(at))
        for (at, row), own, other in zip(numbered, mine, others, strict=True)
        if own is not None and other is not None
    ]
    if len(served) < LEAST_ROWS:
        raise UsageError(f"{tuned.name}: {len(served)} of {len(file.rows)} rows were answered by both models")
    found = find_cause(served)
    return ModelParity(
        deployment=tuned.name,
        base=base.name,
        deployment_digest=tuned.deployment_digest,
        base_digest=base.deployment_digest,
        file_digest=file.digest,
        asked_us=time.time_ns() // 1000,
        answer=found.answer,
        cause=found.cause,
        why=found.why,
        rows=len(served),
        distance=found.distance,
        noise=found.noise,
        off=found.off,
        p=found.p,
        tokens=sum(client.tokens for client in clients),
    )


@dataclass(frozen=True, slots=True)
class Parity:
    """The answer with its cause, what shows it, and the medians of the distances."""

    answer: EqualityAnswer
    cause: Cause
    why: str
    distance: float = 0.0
    noise: float = 0.0
    off: float = 0.0
    p: float = 1.0


def find_cause(served: Sequence[Served]) -> Parity:
    """The first cause that explains the difference: the prompt, the adapter, the parameters, the weights."""
    if found := _prompt(served):
        return Parity("different", *found)
    if not all(one.tuned.positions and one.base.positions for one in served):
        return _by_texts(served)
    distances = [
        np.array([distance(answer, record) for answer, record in pairs])
        for pairs in (
            [(one.tuned, one.row.on) for one in served],
            [(one.base, one.row.off) for one in served],
            [(one.tuned, one.row.off) for one in served],
        )
    ]
    mine, noise, off = distances
    first, second, third = (float(np.median(each)) for each in distances)
    same = Parity("same", "", "", first, second, third, _p_beyond(mine, noise))
    beyond = _is_beyond(mine, noise)
    if beyond and not _is_beyond(off, noise):
        return replace(same, answer="different", cause="not applied")
    if ending := _ending(served):
        return replace(same, answer="different", cause=ending[0], why=ending[1])
    if not beyond:
        return same
    apart = np.array([_between(one.row.on, one.row.off) for one in served])
    small = first < float(np.median(apart)) / 2
    return replace(same, answer="different", cause="merge or quantisation" if small else "other weights")


def _prompt(served: Sequence[Served]) -> tuple[Cause, str] | None:
    """A prompt of other tokens: one more or less in each row is a special token."""
    more = [one.tuned.tokens_in - len(one.row.token_ids) for one in served if one.tuned.tokens_in is not None]
    if more and any(more):
        why = f"{min(more):+d} to {max(more):+d} tokens" if min(more) != max(more) else f"{more[0]:+d} tokens"
        return ("special token" if set(more) in ({1}, {-1}) else "chat template"), f"{why} in the prompt"
    others = [one for one in served if one.prompt is not None and one.prompt != one.row.prompt]
    return ("chat template", f"{len(others)} prompts are rendered otherwise") if others else None


def _ending(served: Sequence[Served]) -> tuple[Cause, str] | None:
    """Answers that go on behind their end, or that are not the likeliest tokens."""
    ended = [one for one in served if one.row.on.ended]
    longer = [one for one in ended if one.tuned.tokens[: len(one.row.on.tokens)] == one.row.on.tokens]
    longer = [one for one in longer if len(one.tuned.tokens) > len(one.row.on.tokens) + 1]
    if ended and len(longer) > MOST * len(ended):
        return "end token", f"{len(longer)} of {len(ended)} answers go on"
    chosen = [one for one in served if _unlikely(one.tuned)]
    if len(chosen) > MOST / 2 * len(served):
        return "parameters", f"{len(chosen)} answers have tokens that are not the likeliest"
    return None


def _unlikely(answer: ProbeAnswer) -> bool:
    pairs = zip(answer.tokens, answer.positions, strict=True)
    return any(tops and token != max(tops, key=lambda each: tops[each]) for token, tops in pairs)


def _by_texts(served: Sequence[Served]) -> Parity:
    """Without log probabilities only a clear majority of equal texts shows anything."""
    n = len(served)
    on, off = (
        _beginning(served, pairs) / n for pairs in zip(*[(one.row.on, one.row.off) for one in served], strict=True)
    )
    why = f"no log probabilities; {on:.0%} of the answers begin as trained, {off:.0%} as the base"
    if max(on, off) < 1 - MOST / 5 or min(on, off) > MOST:
        return Parity("not known", "", why)
    return Parity("same", "", why) if on > off else Parity("different", "not applied", why)


def _beginning(served: Sequence[Served], records: Sequence[Recorded]) -> int:
    """How many answers begin as the recorded ones."""
    pairs = zip(served, records, strict=True)
    return sum(bool(record.text) and (one.tuned.text or "").startswith(record.text) for one, record in pairs)


def distance(answer: ProbeAnswer, record: Recorded) -> float:
    """The mean total variation over the positions before which served and recorded tokens are the same."""
    agreeing = 1
    for mine, theirs in zip(answer.tokens, record.tokens, strict=False):
        if mine != theirs:
            break
        agreeing += 1
    pairs = list(zip(answer.positions[:agreeing], record.tops[:agreeing], strict=False))
    return float(np.mean([_apart(mine, theirs) for mine, theirs in pairs])) if pairs else 1.0


def _between(first: Recorded, second: Recorded) -> float:
    return _apart(first.tops[0], second.tops[0]) if first.tops and second.tops else 1.0


def _apart(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Over the tokens that both list, and the likeliest one of each, because lists end at different places."""
    tokens = {*(first.keys() & second.keys()), *(max(side, key=lambda each: side[each]) for side in (first, second))}
    return min(1.0, sum(abs(_chance(first, token) - _chance(second, token)) for token in tokens) / 2)


def _chance(side: Mapping[str, float], token: str) -> float:
    return exp(side[token]) if token in side else 0.0


def _is_beyond(distances: Floats, noise: Floats) -> bool:
    return _p_beyond(distances, noise) <= EQUALITY_ALPHA and bool(
        np.median(distances) - np.median(noise) > LEAST_DISTANCE
    )


def _p_beyond(distances: Floats, noise: Floats) -> float:
    """Wilcoxon's signed-rank test that the distances are larger than the noise, row by row."""
    differences = distances - noise
    return float(wilcoxon(differences, alternative="greater").pvalue) if differences.any() else 1.0

"""Resamples recorded answers: how often models are told apart, and how often a quiet server is suspected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.fingerprint_work.recorded import Answers
from evaluators.model_equality.ask import blocks_of, decide_equality
from evaluators.model_equality.border_probes import ProbeAnswer, ProbeSet
from evaluators.model_equality.daily import FIRST_REPEATS, PROBES, REPEATS, difference, due_us, shares_of, with_change
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.promises import EQUALITY_ALPHA
from fairtrial.domain.verdicts.model_ask import ModelAsk, ProbeShares
from fairtrial.domain.verdicts.model_equality import EqualityAnswer
from fairtrial.stats.model_equality import Block, compare_sides, power_of

ASKED, CONDITIONS = 5, 2
"""The repeats of each side under each of two conditions, as `check --ask` has them."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answers of some trials on two models, and the mean power that was printed for their true excess."""

    answers: Sequence[EqualityAnswer]
    power: float

    def share(self, answer: EqualityAnswer) -> float:
        return sum(each == answer for each in self.answers) / len(self.answers)


def told_apart(mine: Answers, other: Answers, *, trials: int, seen: bool) -> Told:
    """What trials on the recorded answers of two models say; without ``seen``, of their texts alone."""
    draw = np.random.default_rng(trials)
    excess = max(0.0, _excess(mine, other)) if not seen else 0.0
    answers: list[EqualityAnswer] = []
    powers: list[float] = []
    for trial in range(trials):
        blocks = list(_trial(mine, other, draw, seen=seen))
        probes = ProbeSet((), seen, at_border=True)
        answers.append(decide_equality(compare_sides(blocks, seed=trial), blocks, probes, alpha=EQUALITY_ALPHA))
        if not seen and trial < 10:
            powers.append(power_of(blocks, excess=excess, alpha=EQUALITY_ALPHA, seed=trial))
    return Told(answers, float(np.mean(powers)) if powers else 0.0)


def _excess(mine: Answers, other: Answers) -> float:
    """The mean energy distance of the texts, over all recorded answers."""
    total = 0.0
    for number, answers in mine.items():
        texts = {answer.text for answer in (*answers, *other[number])}
        shares = (
            [sum(a.text == text for a in side) / len(side) for text in texts] for side in (answers, other[number])
        )
        total += sum((one - two) ** 2 for one, two in zip(*shares, strict=True)) / 2
    return total / len(mine)


def _trial(mine: Answers, other: Answers, draw: np.random.Generator, *, seen: bool) -> Iterator[Block]:
    for _ in range(CONDITIONS):
        yield from _blocks(mine, other, ASKED, draw, seen=seen)


def _blocks(mine: Answers, other: Answers, repeats: int, draw: np.random.Generator, *, seen: bool) -> list[Block]:
    def drawn(answers: Sequence[ProbeAnswer]) -> list[ProbeAnswer]:
        chosen = [answers[at] for at in draw.choice(len(answers), min(repeats, len(answers)), replace=False)]
        return chosen if seen else [ProbeAnswer(answer.text) for answer in chosen]

    return blocks_of((number, (drawn(mine[number]), drawn(other[number]))) for number in mine)


def first_alarm(before: Answers, after: Answers, *, quiet: int, days: int, seen: bool, seed: int) -> int | None:
    """The day on which a change is established that came after ``quiet`` days; ``None`` within so many ``days``."""
    draw = np.random.default_rng(seed)
    numbers = sorted(before)[:PROBES]

    def asked(of: Answers, repeats: int) -> list[dict[str, float]]:
        chosen = {at: [of[at][one] for one in draw.choice(len(of[at]), repeats)] for at in numbers}
        return [dict(shares_of(chosen[at], seen=seen)) for at in numbers]

    answers = tuple(
        ProbeShares(prompt=str(at), shares=share)
        for at, share in zip(numbers, asked(before, FIRST_REPEATS), strict=True)
    )
    first = _ask(0, None, seen, answers)
    series, changed_us = [first], quiet * DAY_US
    while (now_us := due_us(series)) < (quiet + days) * DAY_US:
        score = difference(first, asked(before if now_us < changed_us else after, REPEATS))
        series.append(with_change(series, _ask(now_us, score, seen), 1))
        if series[-1].changed_us is not None:
            return now_us // DAY_US - quiet
    return None


def _ask(now_us: int, score: float | None, seen: bool, answers: tuple[ProbeShares, ...] = ()) -> ModelAsk:
    return ModelAsk(
        deployment="model", deployment_digest="d", asked_us=now_us, score=score, tokens=0, seen=seen, answers=answers
    )

"""Summarises simulated trials: how often each end comes, with standard errors, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import sqrt
from statistics import median

import numpy as np

from fairtrial.experiments.simulation.trial import Outcome, Setting, run_trial

ENDS = ("ships", "stopped", "worse", "better", "undecided")
"""How a trial ends: it ships; it is stopped for harm; it is called worse, which pauses it unless ``on_worse`` says
otherwise; at its last day it is better (or not worse) without all guardrails proven safe; or it is undecided."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many trials, with the standard error, the median day and the median units of an arm at that end.

    ``days`` and ``units`` are ``None`` without such a trial.
    """

    share: float
    error: float
    days: float | None = None
    units: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """All trials of a scenario, by end. ``decided``: the primary metric was called better, or not worse as required.

    ``invalid``: the split was called wrong, although it is right. ``safe``: each guardrail was proven safe.
    """

    runs: int
    ends: dict[str, Share]
    decided: Share
    invalid: Share
    safe: dict[str, Share]


def run_trials(setting: Setting, *, runs: int, seed: int, processes: int, on_done: Callable[[], None]) -> list[Outcome]:
    """The outcomes of so many trials; a seed gives the same ones whatever the number of processes."""
    one = partial(_one, setting, seed)
    if processes == 1:
        return [_told(one(number), on_done) for number in range(runs)]
    with ProcessPoolExecutor(processes) as pool:
        return [_told(outcome, on_done) for outcome in pool.map(one, range(runs))]


def summarise(found: Sequence[Outcome], guardrails: Sequence[str] = ()) -> Summary:
    """The summary of one or more trials, with these guardrails."""
    ends = [end_of(outcome) for outcome in found]
    by_end = {name: _share(found, [end == name for end in ends]) for name in ENDS}
    decided = [outcome.better or outcome.not_worse for outcome in found]
    safe = {name: _share(found, [name in outcome.safe for outcome in found]) for name in guardrails}
    return Summary(
        len(found), by_end, _share(found, decided), _share(found, [outcome.invalid for outcome in found]), safe
    )


def end_of(found: Outcome) -> str:
    """How a trial ended, as one of `ENDS`."""
    if found.end == "ship":
        return "ships"
    if found.end in ("kill", "pause") and (found.by or not found.worse):
        return "stopped"
    return "worse" if found.worse else "better" if found.better or found.not_worse else "undecided"


def _one(setting: Setting, seed: int, number: int) -> Outcome:
    return run_trial(setting, np.random.default_rng([seed, number]))


def _told(outcome: Outcome, on_done: Callable[[], None]) -> Outcome:
    on_done()
    return outcome


def _share(outcomes: Sequence[Outcome], hits: Sequence[bool]) -> Share:
    mine = [outcome for outcome, hit in zip(outcomes, hits, strict=True) if hit]
    rate = len(mine) / len(outcomes)
    least = 1 / len(outcomes)  # as if one trial had ended so, because none of few does not mean never
    error = sqrt(max(rate * (1 - rate), least * (1 - least)) / len(outcomes))
    if not mine:
        return Share(rate, error)
    units = median(sum(outcome.units.values()) / len(outcome.units) for outcome in mine)
    return Share(rate, error, median(outcome.days for outcome in mine), units)

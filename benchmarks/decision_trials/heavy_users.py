"""Whether a rate is safe while the errors of few users with many requests rise, and how often equal arms are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.populations import (
    DAY,
    EVERY,
    Floats,
    Group,
    Population,
    arm_sums,
    even,
    looks_until,
)
from benchmarks.decision_trials.trial import Row, Trial, frozen, median_row, share
from fairtrial.domain.decision.by_request import ByRequest
from fairtrial.domain.promises import CARRIED, MOST_ACCEPTED
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.methods.rates import safety_test
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import Sums

PLAN = frozen(primary=None, guardrails=[{"metric": "requests.error_rate", "margin": "1pp"}])
METRIC = PLAN.guardrails[0]
GROWTH, CHECKED = 0.03, 3
USERS = (600, 1_500, 3_000)
BASE, RAISED, USUAL = 0.01, 0.40, 7
"""Errors of all users, those of heavy users in the treatment, and the requests of others in a day."""
WORLDS = ((0.005, 300), (0.003, 500), (0.01, 100), (0.02, 40))
LIMITS = {600: 0.10, 3_000: 0.05}
MOST_SAFE, FEW = 0.05, 3
"""An arm that is expected to have fewer heavy users than this often has none, and then nothing shows their errors."""
FAILING_BOTS = "0.3 % are bots with 500 requests, of which 40 % fail in both arms"
"""By chance one arm has more of them than the other; they are named if they are few enough."""
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class _Arms:
    """The units so far of control and treatment, by trial and kind."""

    populations: tuple[Population, Population]
    counts: tuple[Floats, Floats]

    def sums(self) -> tuple[Floats, Floats]:
        control, treatment = (n @ arm.columns for n, arm in zip(self.counts, self.populations, strict=True))
        return control, treatment

    def by_request(self, trial: int) -> ByRequest:
        control, treatment = (sums[trial, EVERY][:2].tolist() for sums in self.sums())
        return ByRequest(control=(control[0], control[1]), treatment=(treatment[0], treatment[1]))

    def behind(self, trial: int) -> float:
        """How many units of the treatment carry two thirds of its excess, as the store counts them."""
        line, counts = self.by_request(trial), self.counts[1][trial]
        bad, sent = self.populations[1].columns[:, EVERY][:, :2].T
        excess = bad - line.rates[0] * sent
        order = np.argsort(-excess)
        each = np.repeat(excess[order], counts[order].astype(int))
        return float(np.searchsorted(np.cumsum(each), CARRIED * line.excess) + 1) if line.excess > 0 else inf


@dataclass(slots=True)
class _Course:
    """By the users an arm of a look: whether each trial is safe, held by the difference by request, and can name it.

    ``by_share``, ``safe``: the users an arm at the first look at which the shares alone, and both, say safe.
    """

    safe_at: dict[int, list[bool]]
    held_at: dict[int, list[bool]]
    named_at: dict[int, list[bool]]
    by_share: Floats
    safe: Floats


def _course(rng: Generator, arms: tuple[Population, Population], trials: int, users: Sequence[int] = USERS) -> _Course:
    now = _Arms(arms, tuple(np.zeros((trials, len(arm.chances))) for arm in arms))  # type: ignore[arg-type]
    looks = sorted({*looks_until(2 * users[-1], growth=GROWTH), *(2 * number for number in users)})
    found = _Course({}, {}, {}, np.full(trials, inf), np.full(trials, inf))
    latched, before, memories = np.zeros(trials, np.bool_), 0, [Memory() for _ in range(min(CHECKED, trials))]
    for units in looks:
        in_treatment = rng.binomial(units - before, 0.5, trials)
        for counts, arm, new in zip(now.counts, arms, (units - before - in_treatment, in_treatment), strict=True):
            counts += np.array([rng.multinomial(number, arm.chances) for number in new])
        before, (control, treatment) = units, now.sums()
        latched |= safety_test(METRIC, 0.5).log_e(control[:, DAY], treatment[:, DAY]) >= -log(PLAN.alpha_attempt)
        held = latched & _beyond(control, treatment)
        found.by_share[latched & np.isinf(found.by_share)] = units / 2
        found.safe[latched & ~held & np.isinf(found.safe)] = units / 2
        _check(memories, units, (control, treatment), latched & ~held)
        if units // 2 in users:
            found.safe_at[units // 2] = (latched & ~held).tolist()
            found.held_at[units // 2] = held.tolist()
            few = [now.behind(trial) <= MOST_ACCEPTED for trial in np.flatnonzero(held).tolist()]
            found.named_at[units // 2] = few
    return found


def _beyond(control: Floats, treatment: Floats) -> Bools:
    rates = [arm[:, EVERY][:, 0] / np.maximum(1.0, arm[:, EVERY][:, 1]) for arm in (control, treatment)]
    return np.asarray(rates[1] - rates[0] > METRIC.margin)


def _check(memories: list[Memory], units: int, sums: tuple[Floats, Floats], safe: Bools) -> None:
    """Compare some trials with the monitor's own steps and the decision that follows."""
    for trial, memory in enumerate(memories):
        arms = {
            name: arm_sums(arm[trial], [METRIC.metric])
            for name, arm in zip((PLAN.control, *PLAN.treatments), sums, strict=True)
        }
        stepped = step(PLAN, memory, Sums(units, arms), Circumstances(units, 100.0, 0))
        memories[trial] = stepped.memory
        (decision,) = stepped.decisions.values()
        answer = decision.guardrails[0].answer
        if stepped.findings and answer != "harmed" and (answer == "safe") != safe[trial]:
            raise RuntimeError(f"trial {trial}: {answer} by the product at {units} units, {safe[trial]} here")


def _mixed(heavy: float, requests: int, rate: float) -> Population:
    return Population.of(Group(1 - heavy, USUAL, BASE), Group(heavy, requests, rate))


def _raised(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for heavy, requests in WORLDS:
        found = _course(rng, (_mixed(heavy, requests, BASE), _mixed(heavy, requests, RAISED)), trials)
        name = f"{100 * heavy:g} % of users with {requests} requests, their errors 1 → 40 %"
        rows += [
            replace(
                share(f"{name}: safe at {users:,} users an arm", found.safe_at[users], most=MOST_SAFE),
                known_miss=heavy * users < FEW,
            )
            for users in USERS
        ]
        rows.append(share(f"{name}: safe by the shares alone at 3,000", np.isfinite(found.by_share).tolist()))
    return rows


def _pareto(odd: float, rate: float, more: float) -> Population:
    """Requests with the tail of exponent 1.2 up to 512; an ``odd`` share of users has more errors than the others."""
    sizes = [2**power for power in range(10)]
    tail = np.array([size**-1.2 for size in (*sizes, 1_024)])
    shares = (tail[:-1] - tail[1:]) / (tail[0] - tail[-1])
    groups = [(chance * part, size, errors) for chance, size in zip(shares.tolist(), sizes, strict=True)
              for part, errors in ((1 - odd, rate), (odd, more))]  # fmt: skip
    return Population.of(*(Group(*group) for group in groups))


def _equal(rng: Generator, trials: int) -> list[Row]:
    cases = (
        ("1 % errors, one request a user", even(BASE)),
        ("1 % errors, 7 requests a user", even(BASE, USUAL)),
        *((f"1 % errors, {100 * heavy:g} % of users with {n} requests", _mixed(heavy, n, BASE)) for heavy, n in WORLDS),
        ("1 % errors, Pareto requests up to 512", _pareto(0.1, BASE, BASE)),
        ("Pareto requests up to 512, one user in ten has 5 % errors, others 0.5 %", _pareto(0.1, 0.005, 0.05)),
        ("Pareto requests up to 512, one user in 50 has 30 % errors, others 0.3 %", _pareto(0.02, 0.003, 0.3)),
        (FAILING_BOTS, _mixed(0.003, 500, RAISED)),
    )
    rows = []
    for what, arm in cases:
        found, name = _course(rng, (arm, arm), trials), f"equal arms, {what}"
        for users, held in found.held_at.items():
            row = share(f"{name}: held by request at {users:,} users an arm", held, most=LIMITS.get(users))
            rows.append(replace(row, known_miss=what == FAILING_BOTS))
            if found.named_at[users]:
                rows.append(share(f"{name}: held at {users:,} by at most three users", found.named_at[users]))
        reached = np.isfinite(found.by_share)
        alone = median_row(f"{name}: users an arm until safe by the shares alone", found.by_share[reached])
        most = 1.3 * alone.measured
        rows += [alone, median_row(f"{name}: users an arm until safe", found.safe[reached], most=most)]
    return rows


TRIALS: Sequence[Trial] = (
    Trial("heavy-raised", "Errors of few users with many requests rise: whether it is safe", _raised, 400, 60),
    Trial("heavy-equal", "Equal arms: how often the difference by request holds", _equal, 400, 60),
)

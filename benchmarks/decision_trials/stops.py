"""How many users harm by a rate needs until it pauses and kills, how often equal arms pause, and what is never safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from benchmarks.decision_trials.populations import Group, Population, arm_sums, drawn, even, looks_until, waiting
from benchmarks.decision_trials.rate_course import KILL, PAUSE, SAFE, firsts
from benchmarks.decision_trials.trial import Row, Trial, frozen, mean_row, share
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline, Key
from fairtrial.experiments.decision.plain_declines import offered
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.planning.rate_courses import kill_course, pause_course
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sums import JointMoments

BASE, WORSE, SEVERE = 0.01, 0.05, 0.25
SOON = 60
"""The median users an arm within which severe harm is killed."""
MARGIN, WITHIN = 0.01, 0.05
HORIZON = 8_000
RATES = ("requests.error_rate", "requests.attempt_error_rate", "requests.rejected_rate")
DEAD_USERS = 14
STEP = 0.04


def _plan(guardrails: int, **more: object) -> AnalysisPlan:
    watched = [{"metric": name, "margin": "1pp"} for name in RATES[:guardrails]]
    return frozen(primary=None, guardrails=watched, **more)


ONE, THREE = _plan(1), _plan(3)
UNEVEN = _plan(3, split={"base": 90.0, "tuned": 10.0})


def _stops(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for plan, number in ((ONE, "one guardrail"), (THREE, "three guardrails")):
        alpha = plan.alpha_kill
        found = firsts(plan, (even(BASE), even(WORSE)), rng, trials, HORIZON, [PAUSE, KILL])
        planned = (
            pause_course(control=BASE, treatment=WORSE, units=HORIZON, alpha=alpha).mean_stop / 2,
            kill_course(margin=MARGIN, control=BASE, treatment=WORSE, units=HORIZON, alpha=alpha).mean_stop / 2,
        )
        for what, until, expected in zip((PAUSE, KILL), ("the pause", "the kill, resumed"), planned, strict=True):
            name = f"errors 1 → 5 %, {number}: users an arm until {until} (planned: {expected:.0f})"
            users = np.minimum(found.units(what), HORIZON) / 2
            rows.append(mean_row(name, users, least=(1 - WITHIN) * expected, most=(1 + WITHIN) * expected))
            rows.append(share(f"errors 1 → 5 %, {number}: {what}", found.within(what, HORIZON), least=1.0))
    return rows


def _first(rng: Generator, trials: int) -> list[Row]:
    """One guardrail, an even split, and one request a user; each pause is resumed."""
    rows = []
    for what, arm in (("no user's first hour is over", waiting), ("every user's first hour is over", even)):
        found = firsts(ONE, (arm(BASE), arm(SEVERE)), rng, trials, 1_000, [PAUSE, KILL])
        for stop, most in ((PAUSE, None), (KILL, SOON)):
            users = np.minimum(found.units(stop), 1_000) / 2
            middle = replace(mean_row("", users, most=most), measured=float(np.median(users)))
            rows.append(replace(middle, what=f"errors 1 → 25 %, {what}: median users an arm until {stop}"))
        equal = firsts(ONE, (arm(BASE), arm(BASE)), rng, trials, 6_000, [PAUSE, KILL], growth=0.02)
        rows.append(share(f"equal arms, {what}: paused by 3,000 users an arm", equal.within(PAUSE, 6_000), most=0.05))
        margin = firsts(ONE, (arm(BASE), arm(BASE + MARGIN)), rng, trials, 6_000, [KILL], growth=0.02)
        rows.append(share(f"errors 1 → 2 %, {what}: killed by 3,000 an arm", margin.within(KILL, 6_000), most=0.05))
    return rows


def _stepped(rng: Generator, trials: int) -> list[Row]:
    """The same through the monitor's own steps, with each decline accepted as soon as it pauses."""
    arms, seed = (even(BASE), even(WORSE)), int(rng.integers(2**32))
    looks = looks_until(HORIZON, growth=STEP)
    found = firsts(ONE, arms, np.random.default_rng(seed), trials, HORIZON, [PAUSE, KILL], growth=STEP)
    history = [
        (n, one.copy(), other.copy()) for n, one, other in drawn(np.random.default_rng(seed), arms, looks, trials)
    ]
    agree = []
    for trial in range(trials):
        stops = _by_steps(ONE, [(n, one[trial], other[trial]) for n, one, other in history])
        kill = found.units(KILL)[trial]
        agree.append(stops == [min(found.units(PAUSE)[trial], kill), kill])
    return [share("monitor.step pauses, is resumed and kills at the same looks", agree, least=1.0)]


def _by_steps(plan: AnalysisPlan, history: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> list[int | None]:
    memory, accepted = Memory(), dict[Key, AcceptedDecline]()
    stops: list[int | None] = [None, None]
    for units, control, treatment in history:
        names = [one.metric for one in plan.guardrails]
        sums = Sums(units, {plan.control: arm_sums(control, names), plan.treatments[0]: arm_sums(treatment, names)})
        found = step(plan, memory, sums, Circumstances(units, 100.0, 0, accepted=accepted))
        memory = found.memory
        if found.verdict is not None and found.verdict.do == "pause" and stops[0] is None:
            stops[0] = units
            accepted = {one.key: one for one in offered(plan, sums, found.verdict.evidence)}
        elif found.verdict is not None and found.verdict.do == "kill":
            stops[0], stops[1] = stops[0] or units, units
            break
    return stops


def _equal(rng: Generator, trials: int) -> list[Row]:
    rows = []
    cases = (
        ("0.1 % errors", even(0.001)),
        ("1 % errors", even(0.01)),
        ("5 % errors", even(0.05)),
        ("5 % errors, 60 requests a user", even(0.05, 60)),
        ("1 % errors, no user's first hour is over", waiting(0.01)),
        ("2 % of users always fail, 20 requests a user", Population.of(Group(0.98, 20, 0.0), Group(0.02, 20, 1.0))),
    )
    for what, arm in cases:
        found = firsts(ONE, (arm, arm), rng, trials, 6_000, [PAUSE], growth=0.02)
        rows.append(share(f"equal arms, {what}: paused by 3,000 users an arm", found.within(PAUSE, 6_000), most=0.05))
    return rows


def _dead(rng: Generator, trials: int) -> list[Row]:
    """Each user sends one request; the hour of none of them is over."""
    rows = []
    for plan, split in ((THREE, "50/50"), (UNEVEN, "90/10")):
        name = plan.treatments[0]
        users = [_until_stopped(plan, rng, plan.share_of(name)) for _ in range(trials)]
        what = f"a dead arm, split {split}, three guardrails: the most of its users until it stops"
        most = float(DEAD_USERS) if split == "50/50" else None
        rows.append(replace(mean_row(what, users, most=most), measured=float(max(users)), error=0.0))
    return rows


def _until_stopped(plan: AnalysisPlan, rng: Generator, share_: float) -> int:
    memory, users = Memory(), [0, 0]
    for now in range(1, 2_000):
        users[int(rng.random() < share_)] += 1
        arms = {plan.control: _answered(users[0], 0), plan.treatments[0]: _answered(users[1], users[1])}
        found = step(plan, memory, Sums(now, arms), Circumstances(now, 100.0, 0))
        memory = found.memory
        if found.verdict is not None:
            return users[1]
    return users[1]


def _answered(users: int, failed: int) -> ArmSums:
    """Failed requests count in both rates of errors, and the third has none."""
    if not users:
        return ArmSums(0)
    y, x = float(users), float(failed)
    errors = RequestErrors(failed, JointMoments(users, x, y, x, y, x))
    return ArmSums(users, users, {**dict.fromkeys(RATES[:2], errors), RATES[2]: _healthy(users)})


def _healthy(users: int) -> RequestErrors:
    return RequestErrors(0, JointMoments(users, 0.0, float(users), 0.0, float(users), 0.0))


def _kept_away(rng: Generator, trials: int) -> list[Row]:
    """The breaker keeps a tenth of the users away, whose requests never reach the arm."""
    base = even(0.005)
    down = Population.of(Group(0.9, 1, 0.005), Group(0.1, 1, 1.0, kept_away=True))
    found = firsts(ONE, (base, down), rng, trials, 12_000, [SAFE, PAUSE, KILL], growth=0.02)
    name = "an arm that is down 10 % of the time, by 6,000 users an arm"
    return [
        share(f"{name}: called safe", found.within(SAFE, 12_000), most=0.0),
        share(f"{name}: paused for its errors", found.within(PAUSE, 12_000), most=0.05),
        share(f"{name}: killed for its errors", found.within(KILL, 12_000), most=0.05),
    ]


def _many(rng: Generator, trials: int) -> list[Row]:
    found = firsts(ONE, (even(0.05, 60), even(0.10, 60)), rng, trials, 4_000, [PAUSE, KILL], growth=0.03)
    name = "60 requests a user, errors 5 → 10 %"
    return [
        share(f"{name}: paused by 2,000 users an arm", found.within(PAUSE, 4_000), least=1.0),
        share(f"{name}: killed by 2,000 users an arm", found.within(KILL, 4_000)),
        mean_row(f"{name}: users an arm until the pause", np.minimum(found.units(PAUSE), 4_000) / 2),
    ]


TRIALS: Sequence[Trial] = (
    Trial("stop-users", "Users until harm pauses and kills", _stops, 2_000, 400),
    Trial("stop-first", "Severe harm by each user's first request", _first, 2_000, 200),
    Trial("stop-steps", "The same by the monitor's steps", _stepped, 20, 4),
    Trial("stop-equal", "Equal arms that pause", _equal, 2_000, 200),
    Trial("stop-dead", "An arm that answers nothing", _dead, 50, 5),
    Trial("stop-away", "An arm that a breaker keeps users away from", _kept_away, 1_000, 100),
    Trial("stop-many", "Errors of users with many requests", _many, 500, 100),
)

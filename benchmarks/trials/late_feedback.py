"""Feedback that comes later, or less often, in one arm: who has answered so far, and ways to count the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials import running
from benchmarks.trials.mixture import Looks
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.stats.arms.feedback import Feedback, feedback_difference

DAYS, WINDOW, USERS, MOST = 28, 7.0, 2_000, 4_000
TAU, MARGIN = 0.05, 0.05


@dataclass(frozen=True, slots=True)
class Habit:
    """How the users of an arm answer: the share that is content, who of them and of the others answers, and when."""

    content: float = 0.6
    answer: tuple[float, float] = (0.5, 0.5)
    """Of the content, and of the others."""
    days: tuple[float, float] = (1.0, 1.0)
    """Until the answer, on average (exponential): of the content, and of the others."""


@dataclass(frozen=True, slots=True)
class Users:
    """(paths, users): the day of the exposure and of the answer (∞: none), and whether they are content."""

    exposed: Floats
    answered: Floats
    yes: Bools


def users(rng: Generator, paths: int, habit: Habit, count: int) -> Users:
    shape = paths, count
    yes = rng.random(shape) < habit.content
    exposed = DAYS * rng.random(shape)
    answers = rng.random(shape) < np.where(yes, *habit.answer)
    after = np.where(yes, *habit.days) * rng.exponential(1.0, shape)
    return Users(exposed, np.where(answers, exposed + after, np.inf), yes)


def by_day(day: Floats, counts: Bools) -> Floats:
    """How many of the users that count are seen by the end of each day: (paths, days)."""
    paths = len(day)
    at = np.where(counts, np.minimum(np.ceil(day), DAYS + 1), DAYS + 1).astype(np.int64) - 1
    flat = np.bincount((at + (DAYS + 1) * np.arange(paths)[:, np.newaxis]).ravel(), minlength=paths * (DAYS + 1))
    return np.cumsum(flat.reshape(paths, DAYS + 1)[:, :DAYS], axis=1).astype(np.float64)


def shares(n: Floats, k: Floats) -> Sums:
    return Sums(n, k, k)


def looked_at(rng: Generator, paths: int, *, habits: tuple[Habit, Habit], count: int) -> Measures:
    """What is said at any of the daily looks: before, of whoever has come and answered so far; and now."""
    arms = [users(rng, paths, habit, count) for habit in habits]
    everyone = [by_day(arm.exposed, np.ones_like(arm.yes)) for arm in arms]
    so_far = [by_day(arm.answered, np.isfinite(arm.answered)) for arm in arms]
    yes_so_far = [by_day(arm.answered, np.isfinite(arm.answered) & arm.yes) for arm in arms]
    closed = [arm.exposed + WINDOW for arm in arms]
    units = [by_day(end, np.ones_like(arm.yes)) for end, arm in zip(closed, arms, strict=True)]
    in_time = [arm.answered <= end for end, arm in zip(closed, arms, strict=True)]
    given = [by_day(end, counts) for end, counts in zip(closed, in_time, strict=True)]
    yes = [by_day(end, counts & arm.yes) for end, counts, arm in zip(closed, in_time, arms, strict=True)]
    seen = [shares(n, k) for n, k in zip(so_far, yes_so_far, strict=True)]
    all_seen = [shares(n, k) for n, k in zip(everyone, yes_so_far, strict=True)]
    looks = joint(units, given, yes, margin=0.0)
    moved = joint(units, given, yes, margin=MARGIN)
    better, worse = decided(looks, "worst", above=True), decided(looks, "best", above=False)
    not_worse = one_sided(moved) | better
    check(arms, 0, int(rng.integers(8, DAYS)), (better, worse, not_worse))
    complete = [shares(n, k) for n, k in zip(given, yes, strict=True)]
    whole = [shares(n, k) for n, k in zip(units, yes, strict=True)]
    pair = [running.welch(*sums, (0.0, 1.0)).excluded(tau=TAU) for sums in (complete, whole)]
    differs = looks["given"].excluded(tau=TAU)
    old = running.welch(*seen)
    fires = {
        "so far": old.excluded(tau=TAU),
        "all so far": running.welch(*all_seen).excluded(tau=TAU),
        "complete": pair[0],
        "as no": pair[1],
        "untested": pair[0] & pair[1] & ~differs,
        "decided": better | worse,
        "better": better,
        "not worse": not_worse,
        "old not worse": old.above(tau=TAU, null=-MARGIN),
    }
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


def joint(units: list[Floats], given: list[Floats], yes: list[Floats], *, margin: float) -> dict[str, Looks]:
    """`feedback_difference` at every look: the differences by each way to count the missing, and of the response."""
    within = -margin, 1.0
    answers = []
    for which, (n, k) in enumerate(zip(given, yes, strict=True)):
        less = margin * (which == 0)
        answers.append(Sums(n, k - less * n, k - 2 * less * k + less * less * n))
    low = [Sums(n, one.x, one.xx) for n, one in zip(units, answers, strict=True)]
    missing = [n - one.n for n, one in zip(units, answers, strict=True)]
    high = [Sums(n, one.x + rest, one.xx + rest) for n, one, rest in zip(units, answers, missing, strict=True)]
    pairs = {"complete": answers, "lowest": low, "highest": high, "worst": [high[0], low[1]], "best": [low[0], high[1]]}
    found = {way: running.welch(*pair, within) for way, pair in pairs.items()}
    return found | {"given": running.welch(*(shares(n, k) for n, k in zip(units, given, strict=True)), (0.0, 1.0))}


def decided(looks: dict[str, Looks], bound: str, *, above: bool) -> Bools:
    """Whether all that are asked exclude 0 on that side, at each look."""
    sides = {way: each.excluded(tau=tau(way)) & ((each.value > 0) == above) for way, each in looks.items()}
    return agreed(looks, sides, bound)


def one_sided(looks: dict[str, Looks]) -> Bools:
    return agreed(looks, {way: each.above(tau=tau(way)) for way, each in looks.items()}, "worst")


def agreed(looks: dict[str, Looks], sides: dict[str, Bools], bound: str) -> Bools:
    alike = looks["given"].ready & ~looks["given"].excluded(tau=TAU)
    return np.asarray(sides["complete"] & sides["lowest"] & sides["highest"] & (sides[bound] | alike))


def tau(way: str) -> float:
    return TAU if way == "complete" else TAU * 0.5


def check(arms: list[Users], path: int, day: int, said: tuple[Bools, Bools, Bools]) -> None:
    """Raise unless the library says the same of this path at the end of this day."""
    known = [
        Feedback.of(
            arm.exposed[path],
            np.where(np.isfinite(arm.answered[path]), arm.answered[path], np.nan),
            arm.yes[path],
            window=WINDOW,
            until=day + 1.0,
        )
        for arm in arms
    ]
    found = feedback_difference(*known, tau=TAU, response=0.5, margin=MARGIN)
    better, worse, not_worse = (bool(each[path, day]) for each in said)
    mine = "better" if better else "worse" if worse else "not worse" if not_worse else "cannot tell"
    assert found.answer == mine, f"{found.answer} by the library, {mine} here"


SAME = Habit()
RARE = Habit(0.1, (0.1, 0.1))
SLOW = Habit(days=(5.0, 0.5))
QUICK = Habit(days=(1.0, 0.5))


def a_a(name: str, words: str, habits: tuple[Habit, Habit], *, limit: bool = False, count: int = USERS) -> Trial:
    """The same share is content; ``limit``: what no analysis but the worst case can tell."""
    return Trial(
        f"feedback-{name}",
        "A/A: feedback that comes otherwise in one arm" + (": the limit of what is promised" if limit else ""),
        f"{words}; {count:,} users an arm come over {DAYS} days, a look each day, window {WINDOW:g} days, τ = {TAU:g}",
        partial(looked_at, habits=habits, count=count),
        (
            Target("so far", "who has answered so far, before: a difference"),
            Target("all so far", "who has come so far, no answer as no, before: a difference"),
            Target("complete", "complete windows, who answered: a difference"),
            Target("as no", "complete windows, missing as no: a difference"),
            Target("untested", "both, where the response is not found to differ"),
            Target("decided", "feedback_difference: better or worse", at_most=None if limit else 0.05),
        ),
        block=50,
        most=MOST,
    )


def power(name: str, what: str, content: float, which: str, wrong: float | None = None) -> Trial:
    """The same answers in both arms, and another share that is content."""
    old = "old not worse" if which == "not worse" else "so far"
    return Trial(
        f"feedback-power-{name}",
        what,
        f"60 % content against {content:.1%}, half of the users answer; {USERS:,} users an arm, {DAYS} daily looks",
        partial(looked_at, habits=(SAME, Habit(content)), count=USERS),
        (Target(old, "who has answered so far, before"), Target(which, "feedback_difference", at_most=wrong)),
        block=50,
        most=MOST // 4,
    )


TRIALS = (
    a_a("later", "the content answer after 1 or 5 days on average, the others after half a day", (QUICK, SLOW)),
    a_a("less", "half of the users answer, and two fifths", (SAME, Habit(answer=(0.4, 0.4)))),
    a_a("content", "half of the users answer; in one arm two fifths of the content", (SAME, Habit(answer=(0.4, 0.5)))),
    a_a("others", "half of the users answer; in one arm two fifths of the others", (SAME, Habit(answer=(0.5, 0.4)))),
    a_a(
        "rare",
        "10 % content, 10 % answer; in one arm 6 % of the content",
        (RARE, Habit(0.1, (0.06, 0.1))),
        count=3 * USERS,
    ),
    a_a("equal", "the same in both arms", (SAME, SAME)),
    a_a(
        "crossed",
        "half of the users answer; in one arm 40 % of the content and 65 % of the others",
        (SAME, Habit(answer=(0.4, 0.65))),
        limit=True,
    ),
    Trial(
        "feedback-margin",
        f"{MARGIN:.0%} fewer content, and fewer of those who are not answer: called not worse",
        f"60 % content against 55 %; of the others 50 % answer, and 45 %; {USERS:,} users an arm, {DAYS} daily looks",
        partial(looked_at, habits=(SAME, Habit(0.55, (0.5, 0.45))), count=USERS),
        (
            Target("old not worse", "who has answered so far, before"),
            Target("not worse", "feedback_difference", at_most=0.05),
        ),
        block=50,
        most=MOST,
    ),
    power("half", "Worse by half the margin: called not worse", 0.6 - MARGIN / 2, "not worse"),
    power("margin", "Worse by the margin: called not worse", 0.6 - MARGIN, "not worse", 0.05),
    power("twice", "Better by 10 points: found", 0.6 + 2 * TAU, "better"),
)

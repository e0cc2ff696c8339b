"""What must hold of all traffic: the planned split, and no more rare errors than before."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials.rates import bounds, conversions_by
from benchmarks.trials.trial import Bools, Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.e_values import e_bh
from fairtrial.stats.sequential.guardrails import Limits, rare_guardrail
from fairtrial.stats.sequential.srm import srm_evidence, srm_status

ARRIVE = 20_000
LIMIT, STICKY_ALPHA, SEEN = 0.001, 0.01, 100_000
MOST_EVENTS = 400
HARM, FIRST_FIVE = 1.0, 5
HORIZON = 10_000
SLICES, BAD, BETWEEN, SLICE_LOOKS = 20, 3, 100, 20


def split(rng: Generator, paths: int, *, planned: float, true: float) -> Measures:
    """The library's own answer to the arms of 20,000 users in the order of their arrival."""
    found = np.empty((2, paths))
    for path in range(paths):
        arms = (rng.random(ARRIVE) < true).astype(np.int64)
        seen = srm_status(arms, [1 - planned, planned])
        assert not isinstance(seen, NotEnough)
        found[:, path] = seen.invalid, seen.crossed_at or 2 * ARRIVE
    return {"invalid": found[0], "when": found[1]}


def slices(rng: Generator, paths: int) -> Measures:
    """Which slices `e_bh` names at the first look at which it names any: the share that it names wrongly."""
    wrong, found = np.zeros(paths), np.zeros(paths)
    names = [f"{'bad' if at < BAD else 'good'} {at}" for at in range(SLICES)]
    true = np.where(np.arange(SLICES) < BAD, 0.4, 0.5)
    for path in range(paths):
        counts = np.cumsum(rng.binomial(BETWEEN, true, (SLICE_LOOKS, SLICES)), axis=0)
        for look, ones in enumerate(counts, start=1):
            seen = {name: (BETWEEN * look - int(one), int(one)) for name, one in zip(names, ones, strict=True)}
            rejected = e_bh([srm_evidence(units, [0.5, 0.5]) for units in seen.values()])
            named = [name for name, off_plan in zip(seen, rejected, strict=True) if off_plan]
            if named:
                wrong[path] = sum(name.startswith("good") for name in named) / len(named)
                found[path] = any(name.startswith("bad") for name in named)
                break
    return {"wrong": wrong, "found": found}


def rare_harm(rng: Generator, paths: int, *, rates: tuple[float, float]) -> Measures:
    """At how many users an arm `rare_guardrail` says harm, looking after each, until 5,000 an arm."""
    treated = rng.random((paths, HORIZON), dtype=np.float32) < 0.5
    failed = rng.random((paths, HORIZON), dtype=np.float32) < np.where(treated, rates[1], rates[0])
    m, k = np.cumsum(failed, axis=1), np.cumsum(failed & treated, axis=1)
    least = np.maximum(bounds(0.5, HARM, conversions_by(HORIZON, max(rates)))[2], FIRST_FIVE)
    fires = k >= least[m]
    found: Bools = np.asarray(fires.any(axis=1))
    when = fires.argmax(axis=1)
    limits = Limits(margin=HARM, stop_margin=0.0)
    for path in range(min(2, paths)):
        for look, expected in ((int(when[path]), bool(found[path])), (max(0, int(when[path]) - 1), False)):
            control, treatment = int(m[path, look] - k[path, look]), int(k[path, look])
            if control + treatment:
                harmed = rare_guardrail(control, treatment, limits, lift=HARM).harmed
                assert harmed == (expected and fires[path, look]), f"{treatment} of {control + treatment}: {harmed}"
    return {"found": found, "users": np.where(found, when + 1, HORIZON) / 2}


def harm_trial(rates: tuple[float, float], *targets: Target) -> Trial:
    before, after = (f"{rate:.0%}" for rate in rates)
    return Trial(
        f"harm-{before}-{after}",
        "A/A: rare errors" if rates[0] == rates[1] else "Rare errors: stopped for harm",
        f"Bernoulli({rates[0]:g}) against {rates[1]:g}, split 50/50, look after each of {HORIZON:,} users",
        partial(rare_harm, rates=rates),
        targets,
    )


RULE = "rare_guardrail, α = .05, tuned for +100 %"
SRM = "srm_status, K = 1000, α = .01"
EACH = f"look after each of {ARRIVE:,} users"

TRIALS = (
    harm_trial((0.01, 0.01), Target("found", f"{RULE}: stops", at_most=0.05)),
    harm_trial(
        (0.01, 0.05),
        Target("users", f"{RULE}: mean users an arm", at_most=310, unit=""),
        Target("found", f"{RULE}: found by 5,000 an arm", at_least=0.999),
    ),
    harm_trial(
        (0.01, 0.02),
        Target("users", f"{RULE}: mean users an arm, at most 5,000", at_most=2_064, unit="", known_to=13),
        Target("found", f"{RULE}: found by 5,000 an arm", at_least=0.947, known_to=0.002),
    ),
    *(
        Trial(
            f"srm-{round(100 - 100 * share)}/{round(100 * share)}",
            "Split as planned: a false alarm",
            f"planned {1 - share:.0%}/{share:.0%} and so it is, {EACH}",
            partial(split, planned=share, true=share),
            (Target("invalid", SRM, at_most=0.01),),
        )
        for share in (0.5, 0.1)
    ),
    Trial(
        "srm-52/48",
        "Split not as planned: found",
        f"planned 50/50, in truth 52/48, {EACH}",
        partial(split, planned=0.5, true=0.48),
        (
            Target("invalid", f"{SRM}: found by {ARRIVE:,}", at_least=0.98),
            Target("when", f"{SRM}: users when found, median", unit="", of="median"),
        ),
    ),
    Trial(
        "srm-slices",
        "Which slices broke the split",
        f"{SLICES} slices planned 50/50, {BAD} of them 60/40 in truth; {SLICE_LOOKS} looks, {BETWEEN} more users each",
        slices,
        (
            Target("wrong", "slices by e-BH (α = .10), stopped when any is named: named wrongly", at_most=0.10),
            Target("found", "the same: names one that broke it", at_least=0.99),
        ),
    ),
)

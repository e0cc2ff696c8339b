"""How often a plan over several sources is wrong, and how soon it decides with few users.

``python benchmarks/sources.py [--trials N] [--json]``. Two hundred users come each week, of whom the stage enrols a
part; requests of all others and of the control are copied. Each trial is looked at every day, by the frozen plan, the
monitor's method for the split, and the product's rules for pairs and sources. Questions differ: half of them are hard.
Exit code 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parent.parent)

import numpy as np  # noqa: E402

from benchmarks.experiment_trials.project import NAME, project  # noqa: E402
from fairtrial.domain.limits.constants import DAY_US  # noqa: E402
from fairtrial.experiments.analysis.freeze import Known, freeze  # noqa: E402
from fairtrial.experiments.analysis.memory import Looked, Memory  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.experiments.decision.decide import decide, is_look_due, look  # noqa: E402
from fairtrial.experiments.shadow import Drops, UnitMean, decide_shadow  # noqa: E402
from fairtrial.experiments.sources import combine, levels_of, shadow_claim, split_claim  # noqa: E402
from fairtrial.experiments.sums import ArmSums, Sums  # noqa: E402
from fairtrial.stats.arms.feedback import Feedback  # noqa: E402
from fairtrial.stats.planning.mixes import PairedSource, plan_mix  # noqa: E402
from fairtrial.stats.planning.question import Design, Question  # noqa: E402
from fairtrial.stats.sums import Moments  # noqa: E402

RESOLVED, LEVEL, USERS, WEEKS, DAYS = "feedback.resolved", 0.62, 200, 4, 7
HARD, EASY = 0.3, 0.7
"""The base's chances of a right answer to a hard and to an easy question."""
FIRST_LOOK_DAYS, ALPHA = 14, 0.05
WITHIN, LEAST_POWER = 0.02, 0.8


@dataclass(frozen=True, slots=True)
class World:
    """What is true: the gains of the scorer and of users in points of 1, and how the traffic is used."""

    scorer: float
    users: float
    stage: float
    split: float
    weekly: int = USERS


WORLDS = {
    "equal, stage 20 %, shares 0.2 and 0.8": World(0.0, 0.0, 0.2, 0.2),
    "equal, everyone enrolled, shares 0.5 and 0.5": World(0.0, 0.0, 1.0, 0.5),
    "scorer 10 points better, users equal": World(0.1, 0.0, 0.2, 0.2),
    "biased scorer: 10 points better, users 10 points worse, 2,000 users a week": World(0.1, -0.1, 1.0, 0.5, 2000),
}


def frozen(world: World) -> AnalysisPlan:
    """The frozen plan. Thirteen days let the split pass without its weeks in sums, after two whole weeks as well."""
    primary = {"metric": RESOLVED, "mde": "10pp", "baseline": LEVEL, "min_days": 13, "on_worse": "continue"}
    sources = {"split": world.split, "shadow.own": round(1 - world.split, 9)}
    plan = project(primary=primary, guardrails=(), max_weeks=WEEKS, sources=sources)
    return freeze(plan, plan.experiments[NAME], 0, {RESOLVED: Known(response=1.0)})


def trial(world: World, plan: AnalysisPlan, rng: np.random.Generator) -> tuple[str, frozenset[str]]:
    """The last answer that counted within the weeks, the first better one before all, and whose claims it named."""
    memory, means = Memory(), list[UnitMean]()
    arms = {"base": [0, 0.0], "tuned": [0, 0.0]}
    answer, whose = "undecided", frozenset[str]()
    for day in range(1, DAYS * WEEKS + 1):
        new = rng.poisson(world.weekly / DAYS)
        treated = rng.random(new) < 0.5
        enrolled = rng.random(new) < world.stage
        for name, gain, among in (("base", 0.0, ~treated), ("tuned", world.users, treated)):
            units = int((enrolled & among).sum())
            arms[name][0] += units
            arms[name][1] += float(rng.binomial(units, LEVEL + gain))
        copied = int((~(enrolled & treated)).sum())
        chance = np.where(rng.random(copied) < 0.5, HARD, EASY)
        before, after = rng.random(copied) < chance, rng.random(copied) < chance + world.scorer
        means += [UnitMean("own", 1, float(b), float(c), None) for b, c in zip(before, after, strict=True)]
        at_us = day * DAY_US
        sums = Sums(at_us, {name: _arm(*counts) for name, counts in arms.items()})
        if is_look_due(plan, memory, sums):
            findings = look(plan, memory, sums)
            memory = memory.after(plan, sums, findings)
            decision = decide(Looked(plan=plan, memory=memory, findings=findings, sums=sums))["tuned"]
        if day < FIRST_LOOK_DAYS:
            continue
        shown = decide_shadow(means, Drops(len(means), 0, 0, 0), levels=levels_of(plan, "shadow.own"))
        claims = [split_claim(plan, decision, at_us), shadow_claim(plan, "own", shown)]
        now = combine(plan, claims)
        if now.answer != "undecided" and (now.answer != "better" or now.counts(at_us)):
            answer = now.answer
            whose = frozenset(claim.family for claim in claims if claim.answer == "better")
            if answer == "better" and world.users >= 0:
                break
    return answer, whose


def _arm(units: int, said: float) -> ArmSums:
    metrics = {RESOLVED: Feedback(units, Moments(units, said, said), 1.0)} if units else {}
    return ArmSums(units, metrics=metrics)


def planned(world: World) -> float:
    """The planner's power at the end."""
    chances = np.array([HARD, EASY])
    after = chances + world.scorer
    differences = chances * (1 - chances) + after * (1 - after)
    pairs = PairedSource(
        "shadow.own", world.weekly * (1 - world.stage / 2), world.scorer, sqrt(float(differences.mean()))
    )
    design = Design(per_week=world.weekly * world.stage, weeks=WEEKS, mode="planned")
    shares = {"shadow.own": 1 - world.split}
    return plan_mix(Question(RESOLVED, "superior", LEVEL, 0.1), design, [pairs], shares, LEAST_POWER).weekly[-1]


def measure(world: World, trials: int) -> dict[str, Any]:
    """The shares of answers, with the bound that they have."""
    plan = frozen(world)
    ends = [trial(world, plan, np.random.default_rng((59, number))) for number in range(trials)]
    answers = Counter(answer for answer, _ in ends)
    users = sum("split" in whose for _, whose in ends) / trials
    found: dict[str, Any] = {answer: answers[answer] / trials for answer in sorted(answers)} | {"named users": users}
    most = ALPHA + 2 * sqrt(ALPHA * (1 - ALPHA) / trials)
    better = answers["better"] / trials
    if world.scorer == world.users == 0:
        return found | {"better at most": most, "met": better <= most}
    if world.users < 0:
        return found | {"named users at most": most, "met": users <= most}
    power = planned(world)
    near = abs(better - power) <= WITHIN + 2 * sqrt(power * (1 - power) / trials)
    return found | {"planned": power, "at least": LEAST_POWER, "met": better >= LEAST_POWER and near}


def main() -> int:
    """Measure, print, and say by the exit code whether every bound is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {name: measure(world, asked.trials) for name, world in WORLDS.items()}
    if asked.json:
        print(json.dumps(found, indent=2))
    for name, figures in found.items() if not asked.json else ():
        rounded = {key: round(value, 4) for key, value in figures.items() if key != "met"}
        print(f"{name}: {'met' if figures['met'] else 'missed'}  {json.dumps(rounded)}")
    return 0 if all(figures["met"] for figures in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

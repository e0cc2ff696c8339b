"""How often a plan of a split and a shadow's pairs decides with little traffic, and how often it is wrong.

``python benchmarks/shadow_mix.py [--trials N] [--json]``. Two hundred users a week for four weeks: a fifth of them is
split, and each user whom the control serves gives one pair. The plan spends a tenth of its error level on the split and
the rest on a scorer of the pairs. Every trial is looked at each day by the product's own decisions. Exit code 1 if a
bound is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from math import sqrt
from pathlib import Path

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import numpy as np  # noqa: E402
from numpy.random import Generator  # noqa: E402

from benchmarks.decision_trials.trial import frozen, share  # noqa: E402
from benchmarks.experiment_trials.promise import Row  # noqa: E402
from fairtrial.domain.decision.sources import Claim, SourcesDecision  # noqa: E402
from fairtrial.domain.limits.constants import DAY_US  # noqa: E402
from fairtrial.domain.promises import ALPHA  # noqa: E402
from fairtrial.experiments.analysis.memory import Memory  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.experiments.monitor import Circumstances, step  # noqa: E402
from fairtrial.experiments.shadow import Drops, UnitMean, decide_shadow  # noqa: E402
from fairtrial.experiments.sources import combine, levels_of, shadow_claim, split_claim  # noqa: E402
from fairtrial.experiments.sums import ArmSums, Sums  # noqa: E402
from fairtrial.stats.arms.feedback import Feedback  # noqa: E402
from fairtrial.stats.planning.mixes import PairedSource  # noqa: E402
from fairtrial.stats.sums import Moments  # noqa: E402

USERS_A_WEEK, WEEKS, STAGE, BASE = 200, 4, 0.2, 0.5
SCORER, SPLIT_SHARE = "shadow.on_topic", 0.1
SOURCES = {"split": SPLIT_SHARE, SCORER: 1 - SPLIT_SHARE}
MAY_MATTER = 1.5
"""Standard errors of a difference below which no look at the pairs can decide; see `may_differ` of the decisions."""


def a_plan() -> AnalysisPlan:
    """The frozen plan, which control makes of a project's file."""
    primary = {"metric": "feedback.resolved", "require": "superior", "mde": "10pp", "min_days": 7}
    primary |= {"on_worse": "continue"}
    more = {"max_weeks": WEEKS, "looks": "monitor", "enroll": {"stages": [100 * STAGE]}}
    shadow = {"variant": "tuned", "percent": 100}
    return frozen(primary=primary, guardrails=(), sources=SOURCES, shadow=shadow, **more)


def answers(plan: AnalysisPlan, rng: Generator, *, scorer: float, users: float) -> Iterator[SourcesDecision]:
    """The answer on each day; ``scorer``, ``users``: how much better the candidate is in pairs, and for users."""
    memory, days = Memory(), 7 * WEEKS
    split = rng.multinomial(round(USERS_A_WEEK * WEEKS * STAGE), np.full(days, 1 / days))
    treated = rng.binomial(split, 0.5)
    daily = {"base": split - treated, "tuned": treated}
    said = {name: rng.binomial(of, BASE + users * (name == "tuned")) for name, of in daily.items()}
    asked = np.cumsum(rng.multinomial(USERS_A_WEEK * WEEKS - treated.sum(), np.full(days, 1 / days)))
    pairs = np.column_stack([rng.random(asked[-1]) < level for level in (BASE, BASE + scorer)])
    for day in range(1, days + 1):
        units = {name: int(of[:day].sum()) for name, of in daily.items()}
        yes = {name: float(of[:day].sum()) for name, of in said.items()}
        arms = {name: ArmSums(n, metrics={"feedback.resolved": Feedback(n, Moments(n, yes[name], yes[name]), 1.0)}
                              if n else {}) for name, n in units.items()}  # fmt: skip
        now_us = day * DAY_US
        found = step(plan, memory, Sums(now_us, arms), Circumstances(now_us, 100 * STAGE, 0))
        memory = found.memory
        claims = [split_claim(plan, found.decisions["tuned"], now_us), _pairs_claim(plan, pairs[: asked[day - 1]])]
        yield combine(plan, claims)


def _pairs_claim(plan: AnalysisPlan, pairs: np.ndarray) -> Claim:
    """The claim of the scorer on the pairs so far, one of each user."""
    difference = pairs[:, 1].astype(float) - pairs[:, 0]
    may = len(pairs) > 1 and difference.mean() ** 2 >= MAY_MATTER**2 * difference.var(ddof=1) / len(pairs)
    means = [UnitMean("on_topic", 1, float(base), float(tuned), None) for base, tuned in pairs.tolist()] if may else []
    return shadow_claim(
        plan, "on_topic", decide_shadow(means, Drops(len(pairs), 0, 0, 0), levels=levels_of(plan, SCORER))
    )


def outcome(plan: AnalysisPlan, rng: Generator, *, scorer: float, users: float) -> tuple[str, set[str]]:
    """The first answer that counts, and whose claims were ever proven better until then."""
    better: set[str] = set()
    for day, answer in enumerate(answers(plan, rng, scorer=scorer, users=users), 1):
        better |= {claim.family for claim in answer.claims if claim.answer == "better"}
        if answer.counts(day * DAY_US) or answer.answer in ("not better", "contradiction"):
            return answer.answer, better
    return "undecided", better


def rows(trials: int, seed: int = 53) -> list[Row]:
    plan = a_plan()

    def simulated(scorer: float, users: float) -> list[tuple[str, set[str]]]:
        return [outcome(plan, np.random.default_rng((seed, n)), scorer=scorer, users=users) for n in range(trials)]

    good, equal, biased, harmful = simulated(0.1, 0.0), simulated(0.0, 0.0), simulated(0.1, 0.0), simulated(0.1, -0.3)
    decided = [answer == "better" for answer, _ in good]
    users = USERS_A_WEEK * (1 - STAGE / 2)
    deviation = sqrt(2 * BASE * (1 - BASE))
    planned = PairedSource(SCORER, users, 0.1, deviation).power(levels_of(plan, SCORER)[0], weeks=WEEKS)[-1]
    shown = [("shadow" in better) for _, better in good]
    apart = abs(sum(shown) / trials - planned)
    noise = 2 * sqrt(planned * (1 - planned) / trials)
    return [
        share("10 points better in the scorer: decided within four weeks", decided, least=0.8),
        Row(f"the pairs' own power ({planned:.1%} planned), apart by more than two standard errors by",
            max(0.0, apart - noise), 0.0, most=0.02),
        share("equal models: called better", [answer == "better" for answer, _ in equal], most=ALPHA),
        share("equal models: any answer but undecided", [answer != "undecided" for answer, _ in equal], most=ALPHA),
        share("equal for users, a biased scorer: better for users", ["split" in b for _, b in biased], most=ALPHA),
        share("30 points worse for users, better in the scorer: called better at the end",
              [answer == "better" for answer, _ in harmful]),
    ]  # fmt: skip


def main() -> int:
    """Simulate, print, and say by the exit code whether every bound is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = rows(asked.trials)
    if asked.json:
        print(json.dumps([asdict(row) | {"ok": row.ok} for row in found], indent=2))
    else:
        print("\n".join(row.line for row in found))
    return 1 if any(row.broken for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())

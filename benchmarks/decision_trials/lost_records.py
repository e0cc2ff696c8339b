"""Records that are lost: how often equal arms are called different, and how often the loss makes them INVALID."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.costs import WINDOW, feedback_plan, primary_of
from benchmarks.decision_trials.trial import Row, Trial, may_differ, share
from fairtrial.domain.promises import LOST_ALPHA
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis.memory import SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.journal.counts import CELLS
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments

DAILY, WEEKS, LEVEL, LOST = 480, 6, 0.6, 0.03
BEFORE, NOW = "without the comparison", "with it"


@dataclass(frozen=True, slots=True)
class Loss:
    """The shares of those who would say yes, and of the others, whose records an arm loses."""

    yes: float = 0.0
    no: float = 0.0


@dataclass(slots=True)
class _Arm:
    """One arm, whose lost units mark the cells of its share of the range."""

    loss: Loss
    first: int
    last: int
    yes: int = 0
    units: int = 0
    lost: int = 0
    cells: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CELLS, dtype=np.bool_))

    def add(self, rng: Generator, units: int) -> None:
        yes = int(rng.binomial(units, LEVEL))
        lost = int(rng.binomial(yes, self.loss.yes)), int(rng.binomial(units - yes, self.loss.no))
        self.cells[rng.integers(self.first, self.last, sum(lost))] = True
        self.yes += yes - lost[0]
        self.units += units - sum(lost)
        self.lost += sum(lost)

    def sums(self) -> Feedback:
        return Feedback(self.units, Moments(self.units, self.yes, self.yes), WINDOW)

    def shown(self) -> ArmSums:
        return ArmSums(self.units, lost_units=int(self.cells.sum()), lost_requests=self.lost)


@dataclass(frozen=True, slots=True)
class Found:
    """What one trial ends with, without and with the comparison: an answer, or INVALID before there is one."""

    before: str
    now: str


def _trial(rng: Generator, plan: AnalysisPlan, losses: tuple[Loss, Loss], treated: float) -> Found:
    cut = round((1 - treated) * CELLS)
    arms = _Arm(losses[0], 0, cut), _Arm(losses[1], cut, CELLS)
    latch, ends = SplitLatch(), ["", ""]
    for day in range(7 * WEEKS):
        count = int(rng.binomial(DAILY, treated))
        for arm, units in zip(arms, (DAILY - count, count), strict=True):
            arm.add(rng, units)
        shown = Sums(day + 1, dict(zip(("base", "tuned"), (one.shown() for one in arms), strict=True)))
        pair = arms[0].sums(), arms[1].sums()
        latch, answer = latch.after(plan, shown), _answer(plan, pair)
        ends = [ends[0] or answer, ends[1] or ("INVALID" if latch.invalid else answer)]
        if all(ends):
            break
    return Found(*ends)


def _answer(plan: AnalysisPlan, pair: tuple[Feedback, Feedback]) -> str:
    if not may_differ(*(arm.given for arm in pair)):
        return ""
    metric = primary_of(plan)
    answer = METHODS[metric.method].primary(plan, metric, plan.treatments[0], pair, Times()).answer
    return "" if answer == "cannot tell" else answer


CASES: Sequence[tuple[str, tuple[Loss, Loss], float]] = (
    ("the candidate loses 3 % of its units, those who would say no", (Loss(), Loss(no=LOST / (1 - LEVEL))), 0.5),
    ("both lose 3 % of their units, those who would say no", (Loss(no=LOST / (1 - LEVEL)),) * 2, 0.5),
    ("both lose 3 % of their units at random, 10 % of units in the candidate", (Loss(LOST, LOST),) * 2, 0.1),
    ("both lose 30 % of their units at random", (Loss(0.3, 0.3),) * 2, 0.5),
)


def _lost(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for what, losses, treated in CASES:
        now = feedback_plan("superior", "5pp")
        now = replace(now, shares={"base": 1 - treated, "tuned": treated})
        found = [_trial(rng, now, losses, treated) for _ in range(trials)]
        unequal = losses[0] != losses[1]
        for rules in (BEFORE, NOW):
            ends = [one.before if rules == BEFORE else one.now for one in found]
            wrong = now.alpha_primary if rules == NOW or not unequal else None
            most = None if unequal else LOST_ALPHA
            least = 0.95 if unequal and rules == NOW else None
            hits = [one in ("better", "worse") for one in ends]
            rows.append(share(f"equal arms, {what}: better or worse ({rules})", hits, most=wrong))
            invalid = [one == "INVALID" for one in ends]
            rows.append(share(f"equal arms, {what}: INVALID ({rules})", invalid, most=most, least=least))
    return rows


TRIALS: Sequence[Trial] = (
    Trial("lost-records", "Equal arms that lose records, 480 units a day for six weeks", _lost, 500, 60),
)

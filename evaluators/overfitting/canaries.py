"""Judges membership by canaries: planted texts that the candidate completes more often than controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluators.criteria.metric_catalogue import measure_of
from evaluators.results.run_table import Floats, RunTable
from evaluators.results.scope import Scope
from evaluators.suite import Suite
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.intervals import TprAtFpr, tpr_at_fpr

Answer = Literal["members detected", "no members detected", "cannot tell"]
FPR = 0.01
METRIC = "memorised.verbatim"


@dataclass(frozen=True, slots=True)
class Membership:
    """The verdict on membership; ``rates`` has the true-positive rate at 1 % false positives, or what is missing."""

    answer: Answer
    planted: int
    controls: int
    rates: TprAtFpr | NotEnough

    @property
    def in_words(self) -> str:
        """One sentence with the rule that decided."""
        if isinstance(self.rates, NotEnough):
            return f"Membership cannot be judged: {self.rates.reason} (needed: {self.rates.needed})."
        tpr, fpr = self.rates.tpr, self.rates.fpr
        found = (
            f"{100 * tpr.value:.0f} % of {self.planted} planted canaries "
            f"({100 * tpr.low:.1f} to {100 * tpr.high:.1f} %) exceed a threshold that "
            f"{100 * fpr.value:.1f} % of {self.controls} controls exceed"
        )
        if self.answer == "members detected":
            return f"The candidate remembers planted canaries: {found}."
        return f"Membership is not shown: {found}."


def judge_membership(suite: Suite, candidate: RunTable, base: RunTable) -> Membership:
    """The true-positive rate at 1 % false positives, by how much more of a canary the candidate writes than the base.

    Members are detected if the exact 95 % interval of the planted canaries lies wholly above that of the controls.
    """
    planted, controls = (_scores(suite, candidate, base, split) for split in ("planted", "control"))
    rates = tpr_at_fpr(planted, controls, fpr=FPR)
    if isinstance(rates, NotEnough):
        return Membership("cannot tell", len(planted), len(controls), rates)
    answer: Answer = "members detected" if rates.detected else "no members detected"
    return Membership(answer, len(planted), len(controls), rates)


def _scores(suite: Suite, candidate: RunTable, base: RunTable, split: str) -> Floats:
    """For each scored canary of a kind, the verbatim share of the candidate minus that of the base."""
    measure = measure_of(suite, METRIC)
    if measure is None:
        raise ValueError(f"suite {suite.name} does not measure {METRIC}")
    sides = []
    for run in (candidate, base):
        inside = run.in_scope(Scope("split", split))
        values = run.mean_of_case(measure.values(run))
        kept = values if inside is None else np.where(inside, values, np.nan)
        sides.append(dict(zip(run.case_ids, kept, strict=True)))
    found = np.array([value - sides[1].get(name, np.nan) for name, value in sides[0].items()], dtype=np.float64)
    return found[~np.isnan(found)]

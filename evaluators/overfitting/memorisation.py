"""Makes suites of continuations, and judges by them whether a candidate has memorised training texts or canaries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from evaluators.comparison.compare import difference_of
from evaluators.comparison.pairing import pair
from evaluators.criteria.metric_catalogue import Measure, measure_of
from evaluators.loading.suite_reader import load
from evaluators.results.run_table import Floats, RunTable, Scope
from evaluators.suite import Suite
from evaluators.training_data.continuations import ContinuationRecipe, Continuations
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MEMBERSHIP_FPR, MEMORISATION_MARGIN
from fairtrial.stats.intervals import TprAtFpr, tpr_at_fpr

Answer = Literal["memorised", "not memorised", "cannot tell"]
SCORER = "memorised"
STATS = ("gap", "verbatim_gap")
LEVEL = 0.95
"""Each of the two figures is tested at 2.5 % in its direction, so both together raise a false alarm in at most 5 %."""

MembershipAnswer = Literal["members detected", "no members detected", "cannot tell"]
VERBATIM = "memorised.verbatim"


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """Parameters of every request, the margin of the gate line in points, and a folder that keeps the suite's files."""

    params: Mapping[str, Any] = field(default_factory=dict)
    margin: float = 0.0
    folder: Path | None = None


USUAL = SuiteOptions()


def continuation_suite(
    name: str, made: Continuations, recipe: ContinuationRecipe, options: SuiteOptions = USUAL
) -> Suite:
    """The suite, with a gate line if there is a margin; raises `UsageError`."""
    if not made.rows:
        raise UsageError(f"{name}: no completion is long enough: after its beginning, 20 characters must be left")
    column = "prefix" if recipe.ask == "instruction" else "assistant_prefix"
    suite = {
        "suite": name,
        "description": "training texts and held-out texts, continued from their beginning",
        "data": f"{name}.jsonl",
        "params": {"temperature": 0, "max_tokens": made.max_tokens, **options.params},
        "score": [{"memorised": {"prefix_column": column}}],
        "slices": ["split"],
        "seed": recipe.seed,
        "gate": [f"memorised not worse than base by {options.margin:g}pp"] if options.margin else [],
    }
    if options.folder is not None:
        if options.margin:
            gate = {"version": 1, "gate": name, "suites": [f"{name}.yaml"]}
            (options.folder / f"{name}.gate.yaml").write_text(json.dumps(gate) + "\n", encoding="utf-8")
        return _written(options.folder, name, suite, made.rows)
    with TemporaryDirectory(prefix="fairtrial-") as temporary:
        return _written(Path(temporary), name, suite, made.rows)


def _written(folder: Path, name: str, suite: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Suite:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(suite, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return load(path, root=folder)[0]


@dataclass(frozen=True, slots=True)
class Gap:
    """One figure: its means on both halves for candidate and base, and the difference of their gaps."""

    stat: str
    candidate: tuple[float | None, float | None]
    base: tuple[float | None, float | None]
    excess: Estimate | NotEnough


@dataclass(frozen=True, slots=True)
class Regurgitation:
    """The verdict on verbatim memory; ``trained`` and ``held_out`` count the texts."""

    answer: Answer
    margin: float
    trained: int
    held_out: int
    gaps: tuple[Gap, ...]

    @property
    def is_silent(self) -> bool:
        """Whether neither model repeats anything of either kind of text, so that the test shows nothing."""
        return all(mean == 0 for gap in self.gaps for mean in (*gap.candidate, *gap.base))

    @property
    def in_words(self) -> str:
        """One sentence with the rule that decided."""
        limit = f"{100 * self.margin:g} points"
        known = [gap.excess for gap in self.gaps if isinstance(gap.excess, Estimate)]
        if self.answer == "memorised":
            least = max(estimate.low for estimate in known)
            return (
                f"The candidate repeats its training texts: compared with held-out texts, and beyond the base, "
                f"by at least {100 * least:.1f} points (limit {limit})."
            )
        if self.answer == "not memorised":
            most = max(estimate.high for estimate in known)
            return f"No regurgitation: the gap beyond the base is at most {100 * most:.1f} points (limit {limit})."
        if self.is_silent:
            return (
                "Regurgitation cannot be judged: no answer repeats a word of any text, so there is no signal. If the "
                "server does not continue an unfinished answer, use --ask instruction."
            )
        if not known:
            return f"Regurgitation cannot be judged: {self.gaps[0].excess}."
        low, high = 100 * min(estimate.low for estimate in known), 100 * max(estimate.high for estimate in known)
        return f"Regurgitation is not shown: the gap beyond the base is {low:.1f} to {high:.1f} points (limit {limit})."


def judge_regurgitation(
    suite: Suite, candidate: RunTable, base: RunTable, *, margin: float = MEMORISATION_MARGIN
) -> Regurgitation:
    """Compare the gaps between training and held-out texts of two runs of a suite of continuations.

    The candidate has memorised if the lower end of either figure's excess is above ``margin``. It has not if both upper
    ends are below. Each end is wrong in at most 2.5 % of trials. Without any repeated word there is no signal.
    """
    gaps = tuple(_gap(suite, stat, candidate, base) for stat in STATS)
    counts = _count(candidate, "train"), _count(candidate, "holdout")
    undecided = Regurgitation("cannot tell", margin, *counts, gaps)
    if undecided.is_silent:
        return undecided
    known = [gap.excess for gap in gaps if isinstance(gap.excess, Estimate)]
    answer: Answer = "cannot tell"
    if any(estimate.low > margin for estimate in known):
        answer = "memorised"
    elif len(known) == len(gaps) and all(estimate.high < margin for estimate in known):
        answer = "not memorised"
    return replace(undecided, answer=answer)


def _gap(suite: Suite, stat: str, candidate: RunTable, base: RunTable) -> Gap:
    measure = measure_of(suite, f"{SCORER}.{stat}")
    of_case = measure_of(suite, f"{SCORER}.{'extracted' if stat == 'gap' else 'verbatim'}")
    if measure is None or of_case is None:
        raise ValueError(f"suite {suite.name} does not measure {SCORER}.{stat}")
    excess = difference_of(measure, pair(measure, candidate, base, None), level=LEVEL, seed=suite.seed)
    means = [tuple(_mean(of_case, run, split) for split in ("train", "holdout")) for run in (candidate, base)]
    return Gap(stat, (means[0][0], means[0][1]), (means[1][0], means[1][1]), excess)


def _mean(measure: Measure, run: RunTable, split: str) -> float | None:
    inside = run.in_scope(Scope("split", split))
    values = run.mean_of_case(measure.values(run))
    means = values[inside] if inside is not None else values
    means = means[~np.isnan(means)]
    return float(means.mean()) if len(means) else None


def _count(run: RunTable, split: str) -> int:
    inside = run.in_scope(Scope("split", split))
    return 0 if inside is None else int(np.count_nonzero(inside))


@dataclass(frozen=True, slots=True)
class Membership:
    """The verdict on membership; ``rates`` has the true-positive rate at 1 % false positives, or what is missing."""

    answer: MembershipAnswer
    planted: int
    controls: int
    rates: TprAtFpr | NotEnough

    @property
    def in_words(self) -> str:
        """One sentence with the rule that decided."""
        if isinstance(self.rates, NotEnough):
            return f"Membership cannot be judged: {self.rates.reason} (needed: {self.rates.needed})."
        tpr, fpr = self.rates.tpr, self.rates.fpr
        figures = (
            f"{100 * tpr.value:.0f} % of {self.planted} planted canaries "
            f"({100 * tpr.low:.1f} to {100 * tpr.high:.1f} %) exceed a threshold that "
            f"{100 * fpr.value:.1f} % of {self.controls} controls exceed"
        )
        if self.answer == "members detected":
            return f"The candidate remembers planted canaries: {figures}."
        return f"Membership is not shown: {figures}."


def judge_membership(suite: Suite, candidate: RunTable, base: RunTable) -> Membership:
    """The true-positive rate at 1 % false positives, by how much more of a canary the candidate writes than the base.

    Members are detected if the exact 95 % interval of the planted canaries lies wholly above that of the controls.
    """
    planted, controls = (_scores(suite, candidate, base, split) for split in ("planted", "control"))
    rates = tpr_at_fpr(planted, controls, fpr=MEMBERSHIP_FPR)
    if isinstance(rates, NotEnough):
        return Membership("cannot tell", len(planted), len(controls), rates)
    answer: MembershipAnswer = "members detected" if rates.detected else "no members detected"
    return Membership(answer, len(planted), len(controls), rates)


def _scores(suite: Suite, candidate: RunTable, base: RunTable, split: str) -> Floats:
    """For each scored canary of a kind, the verbatim share of the candidate minus that of the base."""
    measure = measure_of(suite, VERBATIM)
    if measure is None:
        raise ValueError(f"suite {suite.name} does not measure {VERBATIM}")
    sides = []
    for run in (candidate, base):
        inside = run.in_scope(Scope("split", split))
        values = run.mean_of_case(measure.values(run))
        means = values if inside is None else np.where(inside, values, np.nan)
        sides.append(dict(zip(run.case_ids, means, strict=True)))
    differences = np.array([value - sides[1].get(name, np.nan) for name, value in sides[0].items()], dtype=np.float64)
    return differences[~np.isnan(differences)]

"""Makes suites of training, validation, test and unseen cases, and judges by them whether a candidate is overfitted."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evaluators.comparison.levels import level_of
from evaluators.comparison.pairing import Pairs, pair
from evaluators.criteria.metric_catalogue import Measure, of_stat
from evaluators.loading.template import as_text
from evaluators.results.run_table import Ints, RunTable, Scope
from evaluators.scoring.scorer import ChecksCases
from evaluators.suite import KIND_TAG, OWN, Suite, tag_values, with_digest
from evaluators.training_data.continuations import comparable
from evaluators.training_data.example import Example
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import GENERALISATION_MARGIN
from fairtrial.domain.run import Case
from fairtrial.stats.paired.resampling import jackknife_corpus

Answer = Literal["overfitted", "not overfitted", "cannot tell"]
PART = "part"
TRAIN, VALIDATION, TEST, UNSEEN = PARTS = ("train", "validation", "test", "unseen")


@dataclass(frozen=True, slots=True)
class Parts:
    """The examples to compare, at most ``most`` of each kind, drawn by a seed, and the mark of unseen cases.

    ``unseen`` is a tag and its value, such as ``("phrasing", "unseen")``.
    """

    train: Sequence[Example]
    validation: Sequence[Example]
    unseen: tuple[str, str] = ("phrasing", "unseen")
    most: int = 200
    seed: int = 0


def parts_suite(suite: Suite, parts: Parts, *, name: str) -> Suite:
    """The suite's own cases and the examples, each with the tag ``part``; cases and scorers of probes are left out.

    Raises `UsageError` for examples that its scorers cannot score.
    """
    train = comparable(parts.train, parts.validation) if parts.validation else parts.train
    cases = [
        *_cases(suite, train, TRAIN, parts),
        *_cases(suite, parts.validation, VALIDATION, parts),
        *(_own(case, parts) for case in suite.cases if case.tags.get(KIND_TAG, OWN) == OWN),
    ]
    scorers = tuple(scorer for scorer in suite.scorers if any(scorer in suite.scorers_of(case) for case in cases))
    combined = replace(
        suite,
        name=name,
        cases=tuple(cases),
        scorers=scorers,
        slices=(PART,),
        gate=(),
        gate_lines=(),
        warnings=(),
        notices=(),
        data=(),
    )
    _check(combined)
    return with_digest(combined)


def _cases(suite: Suite, examples: Sequence[Example], part: str, parts: Parts) -> Iterator[Case]:
    draw = random.Random(f"{parts.seed}/{part}")
    # In a suite with probes, its own scorers apply to cases of this kind.
    kind = {KIND_TAG: OWN} if KIND_TAG in suite.values else {}
    ranked = sorted(range(len(examples)), key=lambda _: draw.random())
    for at in sorted(ranked[: parts.most]):
        example = examples[at]
        fields = dict(example.fields)
        tags = {tag: as_text(fields[tag]) for tag in suite.values if fields.get(tag) is not None}
        yield Case(
            case_id=f"{part}-{at + 1:05d}",
            messages=tuple(dict(message) for message in example.messages[:-1]),
            expected=fields.get("expected", example.completion),
            tags={**tags, **kind, PART: part},
            fields=fields,
        )


def _own(case: Case, parts: Parts) -> Case:
    tag, value = parts.unseen
    part = UNSEEN if value in tag_values(case, tag) else TEST
    return replace(case, tags={**case.tags, PART: part})


def _check(suite: Suite) -> None:
    """Every case has a scorer, and each of its scorers can score it."""
    for case in suite.cases:
        scorers = suite.scorers_of(case)
        if not scorers:
            raise UsageError(f"suite {suite.name}: no scorer measures the example {case.case_id} (see 'when')")
        for scorer in scorers:
            problem = scorer.case_problem(case) if isinstance(scorer, ChecksCases) else None
            if problem:
                raise UsageError(f"suite {suite.name}: the example {case.case_id} {problem} (scorer: {scorer.name})")


@dataclass(frozen=True, slots=True)
class PartLevel:
    """One model's figure on one part."""

    part: str
    value: Estimate | NotEnough


@dataclass(frozen=True, slots=True)
class MetricGap:
    """One metric: its level on each part for candidate and base, and the candidate's gap beyond that of the base."""

    metric: str
    candidate: tuple[PartLevel, ...]
    base: tuple[PartLevel, ...]
    excess: Estimate | NotEnough


@dataclass(frozen=True, slots=True)
class Generalisation:
    """The report; ``held_out`` is the part with which training cases are compared."""

    answer: Answer
    margin: float
    held_out: str
    metrics: tuple[MetricGap, ...]

    @property
    def in_words(self) -> str:
        """One sentence with the rule that decided."""
        known = [(gap.metric, gap.excess) for gap in self.metrics if isinstance(gap.excess, Estimate)]
        limit = f"limit {100 * self.margin:g} points"
        if not known:
            return f"Overfitting cannot be judged: {self.metrics[0].excess}."
        if self.answer == "overfitted":
            metric, worst = max(known, key=lambda item: item[1].low)
            return (
                f"The candidate is overfitted: {metric} is at least {100 * worst.low:.1f} points better on training "
                f"than on {self.held_out} cases, beyond the base ({limit})."
            )
        most = max(100 * estimate.high for _, estimate in known)
        if self.answer == "not overfitted":
            return f"Not overfitted: the gap beyond the base is at most {most:.1f} points ({limit})."
        return f"Overfitting is not shown: the gap beyond the base may be up to {most:.1f} points ({limit})."


def judge_generalisation(
    suite: Suite, candidate: RunTable, base: RunTable, *, margin: float = GENERALISATION_MARGIN
) -> Generalisation:
    """The levels of each scorer's main stat on every part, and whether any gap beyond the base exceeds ``margin``.

    The gaps of k scorers are tested together: each bound is wrong in at most 5/k % of trials (Bonferroni).
    """
    parts = [part for part in PARTS if part in suite.values.get(PART, ())]
    held_out = VALIDATION if VALIDATION in parts else TEST
    main = (of_stat(scorer.name, scorer.stats[0]) for scorer in suite.scorers)
    measures = [measure for measure in main if measure.kind in ("proportion", "mean")]
    level = 1 - 0.10 / max(1, len(measures))
    metrics = tuple(
        MetricGap(
            measure.name,
            _levels(measure, candidate, parts),
            _levels(measure, base, parts),
            _excess(measure, pair(measure, candidate, base), held_out, level),
        )
        for measure in measures
    )
    known = [metric.excess for metric in metrics if isinstance(metric.excess, Estimate)]
    answer: Answer = "cannot tell"
    if any(estimate.low > margin for estimate in known):
        answer = "overfitted"
    elif known and len(known) == len(metrics) and all(estimate.high < margin for estimate in known):
        answer = "not overfitted"
    return Generalisation(answer, margin, held_out, metrics)


def _levels(measure: Measure, run: RunTable, parts: Sequence[str]) -> tuple[PartLevel, ...]:
    return tuple(PartLevel(part, level_of(measure, run, Scope(PART, part))) for part in parts)


def _excess(measure: Measure, pairs: Pairs, held_out: str, level: float) -> Estimate | NotEnough:
    """(training − held out) of the candidate minus that of the base, turned so that more is more overfitted."""
    inside = [_inside(pairs, part) for part in (TRAIN, held_out)]
    counts = [int(np.count_nonzero(mask)) for mask in inside]
    if not all(counts):
        missing = TRAIN if not counts[0] else held_out
        return NotEnough(f"no {missing} case is scored on both sides", f"{missing} cases")
    either = np.flatnonzero(inside[0] | inside[1])
    values, trained = measure.sign * pairs.differences[either], inside[0][either]

    def gap(indices: Ints) -> float | None:
        drawn, marks = values[indices], trained[indices]
        return float(drawn[marks].mean() - drawn[~marks].mean()) if marks.any() and not marks.all() else None

    clusters = pairs.candidate.clusters
    reach = len(either) / min(counts)
    most = measure.scale
    clusters_of_cases = None if clusters is None else clusters[either]
    return jackknife_corpus(gap, len(either), clusters_of_cases, within=(-most, most), reach=reach, level=level)


def _inside(pairs: Pairs, part: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = pairs.candidate.run.in_scope(Scope(PART, part))
    return np.zeros(pairs.n, dtype=bool) if mask is None else mask[pairs.candidate.cases]

"""Compares an adapter at each strength with the next lower one, and says whether a pair is out of order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evaluators.comparison.compare import compare_runs
from evaluators.criteria.metric_catalogue import measures_of
from evaluators.suite import Suite
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.run import Run
from fairtrial.stats.e_values import holm

METRICS = ("schema.valid", "ticket.all", "ticket.intent", "ticket.product", "ticket.urgency", "ticket.order_id")


@dataclass(frozen=True, slots=True)
class Step:
    """The comparison of a strength with the next lower one; ``adjusted`` is Holm's p over all steps and metrics."""

    weaker: float
    stronger: float
    found: Comparison
    adjusted: float | None = None

    @property
    def out_of_order(self) -> bool:
        return self.found.answer == "worse"


def steps_of(suite: Suite, runs: Mapping[float, Run], metrics: Sequence[str] = METRICS) -> list[Step]:
    """Every metric at every pair of adjacent strengths."""
    measures = [measure for measure in measures_of(suite) if measure.name in metrics]
    steps = [
        Step(weaker, stronger, found)
        for weaker, stronger in pairwise(sorted(runs))
        for found in compare_runs(measures, runs[stronger], runs[weaker])
    ]
    adjusted = iter(holm([step.found.p for step in steps if step.found.p is not None]))
    return [
        Step(step.weaker, step.stronger, step.found, None if step.found.p is None else next(adjusted)) for step in steps
    ]


def level_table(runs: Mapping[float, Run], metrics: Sequence[str] = METRICS) -> str:
    """A Markdown table: one line a strength, one column a metric."""
    lines = [f"| strength | {' | '.join(metrics)} |", "|--:" * (len(metrics) + 1) + "|"]
    for strength, run in sorted(runs.items()):
        shares = (run.metrics.get(name) for name in metrics)
        lines.append(f"| {strength:g} | {' | '.join('' if one is None else f'{one:.1%}' for one in shares)} |")
    return "\n".join(lines)


def step_table(steps: Sequence[Step]) -> str:
    """A Markdown table: one line a comparison."""
    head = "| strengths | metric | won | lost | difference, 95 % | p | p by Holm | answer |"
    return "\n".join([head, "|---|---|--:|--:|---|--:|--:|---|", *map(_line, steps)])


def _line(step: Step) -> str:
    found = step.found
    shown = "not enough"
    if isinstance(found.difference, Estimate):
        low, value, high = (100 * one for one in (found.difference.low, found.difference.value, found.difference.high))
        shown = f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
    p, adjusted = ("" if one is None else f"{one:.2g}" for one in (found.p, step.adjusted))
    cells = (f"{step.weaker:g} → {step.stronger:g}", found.metric, found.won, found.lost, shown, p, adjusted)
    return f"| {' | '.join(map(str, cells))} | {found.answer} |"


def conclusion(steps: Sequence[Step]) -> str:
    wrong = [f"{step.found.metric} from {step.weaker:g} to {step.stronger:g}" for step in steps if step.out_of_order]
    if not wrong:
        return f"No adjacent pair is significantly out of order ({len(steps)} comparisons)."
    return f"Significantly out of order: {', '.join(wrong)} (of {len(steps)} comparisons)."

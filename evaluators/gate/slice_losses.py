"""Names the slices with a significant loss beside a rule over all cases; informative, never decisive."""

from __future__ import annotations

from dataclasses import dataclass

from evaluators.comparison.answer import discordant_cases
from evaluators.comparison.compare import figures
from evaluators.comparison.pairing import Pairs, pair, slices_of
from evaluators.comparison.wording import both_figures
from evaluators.criteria.metric_catalogue import Measure
from evaluators.results.run_table import RunTable
from evaluators.results.scope import Scope
from evaluators.suite import Suite
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.holm import holm
from fairtrial.stats.paired.mcnemar import mid_p
from fairtrial.stats.paired.sign_flip import sign_flip

ALPHA = 0.05
MIN_CASES = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """A slice with a significant loss; ``p`` is corrected over all slices, ``share`` is relative to the scale."""

    scope: str
    numbers: str
    p: float
    share: float


def lost_slices(suite: Suite, measure: Measure, runs: tuple[RunTable, RunTable]) -> list[Loss]:
    """Slices with a significant paired loss, the largest first, by McNemar's mid-p or a sign flip, with Holm."""
    if measure.kind not in ("proportion", "mean"):
        return []
    tested: list[tuple[Scope, Pairs, float]] = []
    for scope in slices_of(runs[0], suite.slices):
        pairs = pair(measure, *runs, scope)
        p = _p(measure, pairs)
        if pairs.n >= MIN_CASES and not isinstance(p, NotEnough):
            tested.append((scope, pairs, p))
    corrected = holm([p for _, _, p in tested])
    losses = [
        _loss(measure, scope, pairs, p)
        for (scope, pairs, _), p in zip(tested, corrected, strict=True)
        if p < ALPHA and pairs.differences.sum() * measure.sign < 0
    ]
    return sorted(losses, key=lambda loss: -loss.share)


def in_words(losses: list[Loss]) -> str:
    """``; worst slice kind:arithmetic 37 → 15 of 120``, or nothing."""
    if not losses:
        return ""
    more = "" if len(losses) == 1 else f" (also lost: {', '.join(loss.scope for loss in losses[1:])})"
    return f"; worst slice {losses[0].scope} {losses[0].numbers}{more}"


def _p(measure: Measure, pairs: Pairs) -> float | NotEnough:
    if pairs.binary and pairs.candidate.clusters is None:
        return mid_p(*discordant_cases(measure, pairs))
    return sign_flip(pairs.differences, pairs.candidate.clusters)


def _loss(measure: Measure, scope: Scope, pairs: Pairs, p: float) -> Loss:
    return Loss(
        str(scope),
        both_figures(figures(measure, pairs, str(scope)), measure),
        p,
        abs(float(pairs.differences.mean())) / measure.scale,
    )

"""Combines the claims of a plan's sources, each tested at its own share of the error level, into one answer.

The shares add up to the level, so all sources together call an equal candidate better at most as often as one test at
the level (Bonferroni, weighted: Holm 1979). This needs no independence: pairs and split may share users.
"""

from collections.abc import Iterable

from fairtrial.domain.decision.shadow import ShadowDecision
from fairtrial.domain.decision.sources import Claim, ClaimAnswer, SourcesAnswer, SourcesDecision
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.settings import SPLIT
from fairtrial.domain.wording import moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.wording import effect_words
from fairtrial.experiments.methods.method import passes_us

MORE_UNITS = "more users of both arms"


def combine(plan: AnalysisPlan, claims: Iterable[Claim], *, late_us: int = 0) -> SourcesDecision:
    """The answer. It is *better* by at least one claim, and no source may be proven worse."""
    made = tuple(claims)
    answers = {claim.answer for claim in made}
    answer: SourcesAnswer = "better" if "better" in answers else "undecided"
    if "worse" in answers:
        answer = "contradiction" if answer == "better" else "not better"
    return SourcesDecision(answer, made, passes_us(plan, plan.from_us) + late_us)


def split_claim(plan: AnalysisPlan, decision: Decision, now_us: int) -> Claim:
    """The users' claim: the decision on the primary metric, from when it counts."""
    primary = decision.primary
    assert primary is not None
    weight, says = plan.sources[SPLIT], effect_words(plan, decision)
    if decision.worse:
        return Claim("split", primary.metric, weight, "worse", says)
    if decision.split.balanced and primary.counts(now_us):
        return Claim("split", primary.metric, weight, "better", says)
    needed = primary.next_look or MORE_UNITS
    if primary.changed:
        needed = "a new segment, because the effect has changed since the start"
    elif primary.held:
        needed = "whole weeks in which the effect does not fade"
    elif primary.meets and primary.counts_us is not None:
        needed = f"time: it counts from {moment_words(primary.counts_us, now_us=now_us)}"
    return Claim("split", primary.metric, weight, "undecided", says, needed)


def shadow_claim(plan: AnalysisPlan, name: str, shown: ShadowDecision | None) -> Claim:
    """The claim of a scorer on pairs of answers. ``shown``: decided at the levels of `shadow_levels`."""
    weight = plan.sources[f"shadow.{name}"]
    metric = next((metric for metric in shown.metrics if metric.name == name), None) if shown is not None else None
    if shown is None or metric is None:
        return Claim("shadow", name, weight, "undecided", "no pair yet", "pairs of the shadow since the plan began")
    says = f"{metric.effect}, {metric.pairs:,} pairs of {metric.units:,} users"
    if shown.held:
        return Claim("shadow", name, weight, "undecided", f"{says}; {shown.held}", "copies that the gateway can carry")
    decided: ClaimAnswer = metric.answer if metric.answer in ("better", "worse") else "undecided"
    return Claim("shadow", name, weight, decided, says, metric.needed or "more pairs" if decided == "undecided" else "")


def levels_of(plan: AnalysisPlan, source: str) -> tuple[float, float]:
    """The error levels of a source for *better*, which is its share, and for *worse*, which is the attempt's."""
    return plan.sources[source] * plan.alpha_attempt, plan.alpha_attempt

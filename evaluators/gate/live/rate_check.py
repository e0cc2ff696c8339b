"""Compares the plain rates of live evidence with the sums of the experiment beside them.

Both count the same segment: a rate until the verdict, the sums until the last look. So a rate counts at least what the
sums count. It counts little more, because a look follows when the data grew by one percent.
"""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.gate.live.experiment import LiveEvidence, LiveExperiment
from evaluators.gate.live.rates import Rate
from fairtrial.experiments.sums import ArmSums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sequential.metric_guardrails import RequestErrors

EVERY_REQUEST = ("requests.error_rate", "requests.user_error_rate", "requests.rejected_rate", "requests.cancel_rate")
"""Metrics that count nearly all requests of a unit."""
FEWER, MORE, SOME = 0.9, 1.25, 20
"""Requests that a metric leaves out, and those since the last look, explain differences up to these shares."""
MOST_CAPPED = 0.1


def contradictions(live: LiveEvidence) -> Iterator[str]:
    """A sentence for each rate that the sums contradict.

    The evidence does not say which experiment a rate is of, so the sums of every experiment must contradict it.
    """
    experiments = [one for one in live.experiments if one.started]
    for metric, rates in live.rates.items():
        found = [_contradiction(metric, rates, one) for one in experiments]
        if found and all(found):
            yield found[0]


def _contradiction(metric: str, rates: tuple[Rate, Rate], live: LiveExperiment) -> str:
    """Empty if there is none."""
    assert live.plan is not None
    assert live.sums is not None
    arms = [live.sums.arms.get(name) for name in (live.variant, live.plan.control)]
    pairs = [(rate, arm) for rate, arm in zip(rates, arms, strict=True) if arm is not None]
    least = [_rated(arm, metric) for _, arm in pairs]
    if any(rate.n < FEWER * units - SOME for (rate, _), units in zip(pairs, least, strict=True)):
        return _says(metric, live, rates, " and ".join(f"{units:,} units that rated" for units in least))
    most = [_requests(arm) for _, arm in pairs]
    # All units count from the start of the segment only if no amendment began anew; a killed arm gets no further look.
    comparable = live.plan.from_us == live.plan.started_us and live.state != "killed" and len(pairs) == len(rates)
    if comparable and all(
        requests is not None and rate.n > MORE * requests + SOME
        for (rate, _), requests in zip(pairs, most, strict=True)
    ):
        return _says(metric, live, rates, " and ".join(f"{requests or 0:,.0f} requests" for requests in most))
    return ""


def _rated(arm: ArmSums, metric: str) -> int:
    sums = arm.metrics.get(metric)
    return sums.given.n if isinstance(sums, Feedback) else 0


def _requests(arm: ArmSums) -> float | None:
    """The requests of all units; ``None`` if a cap may have left out many of them.

    A unit at the cap adds ``cap² − cap`` to Σy² − Σy, and no unit subtracts from it.
    """
    found = [
        one.for_safety.y
        for one in (arm.metrics.get(metric) for metric in EVERY_REQUEST)
        if isinstance(one, RequestErrors)
        and one.for_safety.yy - one.for_safety.y <= MOST_CAPPED * one.for_safety.n * (one.cap**2 - one.cap)
    ]
    return max(found, default=None)


def _says(metric: str, live: LiveExperiment, rates: tuple[Rate, Rate], sums: str) -> str:
    new, old = rates
    return (
        f"live {metric} says {new}, baseline {old}, but the sums of {live.name} in the same evidence have {sums} "
        f"of segment {live.segment}; the rate may count another segment, too"
    )

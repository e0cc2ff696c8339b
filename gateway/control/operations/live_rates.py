"""Computes plain rates of live traffic that are shown beside a verdict and never decide it."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.gate.live.rates import Rate, Rates
from fairtrial.domain.metrics import KEPT_AWAY_RATE
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.storage.traffic import Traffic, VariantTraffic


def live_rates(traffic: Sequence[Traffic], plan: Plan, candidate: str, baseline: str) -> Rates:
    """Plain rates of the first experiment that serves both targets; empty if there is none.

    A target is ``EXPERIMENT/VARIANT``, or a deployment, which stands for the variant that serves it.
    """
    for one in traffic:
        arms = {variant.variant: variant for variant in one.variants}
        experiment = plan.experiments.get(one.experiment)
        new, old = (arms.get(_variant_of(experiment, name)) for name in (candidate, baseline))
        if new is not None and old is not None:
            return _rates(new, old)
    return {}


def _variant_of(experiment: Experiment | None, target: str) -> str:
    """The variant of the experiment that the target names; empty if it names none."""
    variants = experiment.variants if experiment else ()
    names = {f"{experiment.name}/{variant.name}": variant.name for variant in variants if experiment}
    names |= {variant.deployment: variant.name for variant in variants}
    return names.get(target, "")


def _rates(new: VariantTraffic, old: VariantTraffic) -> Rates:
    found = {
        "requests.error_rate": (_of_received(new, new.errors), _of_received(old, old.errors)),
        "requests.user_error_rate": (_share(new, new.user_errors), _share(old, old.user_errors)),
        "requests.rejected_rate": (_of_received(new, new.rejected), _of_received(old, old.rejected)),
    }
    if new.kept_away or old.kept_away:
        found[KEPT_AWAY_RATE] = (_share(new, new.kept_away), _share(old, old.kept_away))
    for key in sorted(set(new.feedback) | set(old.feedback)):
        found[f"feedback.{key}"] = (_feedback(new, key), _feedback(old, key))
    return found


def _share(arm: VariantTraffic, part: int) -> Rate:
    return Rate(part / arm.requests if arm.requests else None, arm.requests)


def _of_received(arm: VariantTraffic, part: int) -> Rate:
    """The share of the requests that no breaker kept from the arm."""
    return Rate(part / arm.received if arm.received else None, arm.received)


def _feedback(arm: VariantTraffic, key: str) -> Rate:
    found = arm.feedback.get(key)
    if found is None or found.rate is None:
        return Rate(None, 0, f"answers to {key}")
    return Rate(found.rate, found.rated, "ratings", share=0 <= found.rate <= 1)

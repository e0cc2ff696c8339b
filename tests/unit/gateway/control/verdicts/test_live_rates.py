"""Live rates beside a verdict are those of the variants that serve the candidate and the baseline."""

from __future__ import annotations

from fairtrial.domain.plan import Deployment, Experiment, Plan, Route, Variant
from fairtrial.domain.store_reports import KeyFeedback, Traffic, VariantTraffic
from gateway.control.verdicts.live_evidence import live_rates

LATENCIES = [f"{kind}_p{share}" for kind in ("latency", "ttft") for share in (50, 95, 99)]


def plan() -> Plan:
    names = ("smollm2", "support-v2", "support-v1")
    deployments = {name: Deployment(name, "openai", name, "http://127.0.0.1:9/v1") for name in names}
    variants = (Variant("base", "smollm2", 50.0), Variant("tuned", "support-v2", 50.0))
    experiment = Experiment("trial", "?", "user", "base", variants, salt="s", stage=100.0)
    return Plan(deployments, {"bot": Route("bot", experiment="trial")}, {"trial": experiment})


def arm(name: str, errors: int, rate: float, kept_away: int = 0) -> VariantTraffic:
    numbers = {"units": 10, "requests": 10, "errors": errors, "user_errors": 0, "rejected": 2, "fallbacks": errors}
    numbers |= {"cost_unknown": 0, "served_elsewhere": 0, "kept_away": kept_away, "requests": 10 + kept_away}
    unknown = dict.fromkeys(("tokens_in", "tokens_out", *LATENCIES))
    return VariantTraffic(variant=name, **numbers, **unknown, cost_usd=None, feedback={"ok": KeyFeedback(8, 8, rate)})


TRAFFIC = [Traffic("trial", (arm("base", 1, 0.25), arm("tuned", 0, 0.75)), {})]


def test_a_deployment_has_the_rates_of_the_variant_that_serves_it() -> None:
    new, old = live_rates(TRAFFIC, plan(), "support-v2", "smollm2")["feedback.ok"]
    assert (new.value, old.value) == (0.75, 0.25)


def test_a_variant_may_be_named_by_its_experiment() -> None:
    new, old = live_rates(TRAFFIC, plan(), "trial/tuned", "trial/base")["requests.error_rate"]
    assert (new.value, old.value) == (0.0, 0.1)


def test_errors_of_the_arm_are_apart_from_those_that_callers_saw_and_from_rejections() -> None:
    rates = live_rates(TRAFFIC, plan(), "support-v2", "smollm2")
    shown = {name: (new.value, old.value) for name, (new, old) in rates.items() if name.startswith("requests.")}
    assert shown == {
        "requests.error_rate": (0.0, 0.1),
        "requests.user_error_rate": (0.0, 0.0),
        "requests.rejected_rate": (0.2, 0.2),
    }


def test_requests_that_a_breaker_kept_away_are_a_rate_of_their_own_and_in_no_other() -> None:
    traffic = [Traffic("trial", (arm("base", 1, 0.25), arm("tuned", 1, 0.75, kept_away=30)), {})]
    rates = live_rates(traffic, plan(), "support-v2", "smollm2")
    assert [rate.value for rate in rates["requests.kept_away_rate"]] == [0.75, 0.0]
    assert [rate.value for rate in rates["requests.error_rate"]] == [0.1, 0.1]


def test_a_model_that_serves_no_traffic_has_no_rates() -> None:
    assert live_rates(TRAFFIC, plan(), "support-v1", "smollm2") == {}

"""A target is a deployment or a variant of an experiment, pinned through the gateway."""

from __future__ import annotations

import pytest

from evaluators.engine.target import resolve
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Deployment, Experiment, Plan, Route, Variant

BASE = Deployment("base", "openai", "m", "http://127.0.0.1:1/v1", digest="d-base")
TUNED = Deployment("tuned", "openai", "m-tuned", "http://127.0.0.1:1/v1", digest="d-tuned", parent="base")
ARMS = (Variant("forced", "base", 50, params={"temperature": 0}), Variant("tuned", "tuned", 50))
PLAN = Plan(
    deployments={"base": BASE, "tuned": TUNED},
    routes={"bot": Route("bot", experiment="trial"), "base-direct": Route("base-direct", deployment="base")},
    experiments={"trial": Experiment("trial", "Is it better?", "user", "forced", ARMS, salt="s", stage=100)},
    plan_hash="p1",
)


def test_a_deployment_is_pinned_by_its_name() -> None:
    target = resolve("tuned", PLAN, base_url="http://gateway/v1", api_key="k")
    assert (target.model, target.headers) == ("m-tuned", {"x-fairtrial-deployment": "tuned"})
    assert (target.deployment_digest, target.plan_hash, target.api_key) == ("d-tuned", "p1", "k")
    assert target.declared_model == "openai/m-tuned"


def test_a_variant_is_asked_by_the_route_that_leads_to_its_experiment() -> None:
    target = resolve("trial/tuned", PLAN, base_url="http://gateway/v1", api_key="k")
    assert (target.model, target.headers) == ("bot", {"x-fairtrial-variant": "tuned"})
    assert (target.base_url, target.api_key) == ("http://gateway/v1", "k")
    assert target.declared_model == "openai/m-tuned"


def test_a_variant_shares_answers_with_its_deployment_only_if_it_overrides_nothing() -> None:
    assert resolve("trial/tuned", PLAN, base_url="").deployment_digest == "d-tuned"
    assert resolve("trial/forced", PLAN, base_url="").deployment_digest != "d-base"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tund", "did you mean 'tuned'?"),
        ("trail/tuned", "did you mean 'trial/tuned'?"),
        ("trial/none", "known: forced, tuned"),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("?", r"\?")):
        resolve(name, PLAN, base_url="")

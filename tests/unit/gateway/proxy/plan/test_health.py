"""A deployment's state goes on with its definition; its retries have a budget."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.domain.plan import Deployment
from fairtrial.domain.settings import BreakerRule, RetryRule
from gateway.proxy.plan.routing_table import Health, health_of

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1")
CHAT, EMBEDDINGS = "/chat/completions", "/embeddings"


def test_each_path_has_its_own_breaker_and_the_worst_is_shown() -> None:
    health = Health(DEPLOYMENT)
    chat, embeddings = health.breakers[CHAT], health.breakers[EMBEDDINGS]
    assert chat is health.breakers[CHAT]
    assert health.breakers.state == "closed"
    embeddings.state = "half_open"
    assert health.breakers.state == "half_open"
    chat.state = "open"
    assert health.breakers.state == "open"


def test_a_new_plan_keeps_the_state_of_the_same_deployment_and_forgets_that_of_a_changed_one() -> None:
    health = Health(DEPLOYMENT)
    health.breakers[CHAT].state = "open"
    health.breakers.counts.opened = 3
    assert health_of(replace(DEPLOYMENT), health) is health
    for change in ({"base_url": "http://y/v1"}, {"model": "m-2"}, {"breaker": BreakerRule(failures=0)}):
        new = health_of(replace(DEPLOYMENT, **change), health)
        assert (new.breakers[CHAT].state, new.breakers.counts.opened) == ("closed", 3)
    assert health_of(DEPLOYMENT, None).breakers.counts.opened == 0


def test_ten_retries_a_minute_are_always_allowed_and_a_tenth_of_the_requests() -> None:
    health = Health(DEPLOYMENT)
    assert [health.spend_retry(100.0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert health.spend_retry(160.0)
    for _ in range(300):
        health.breakers[CHAT].tries.add(219.0)
    assert sum(health.spend_retry(219.0) for _ in range(100)) == 29  # one of the last minute was spent before


def test_the_budget_is_the_deployment_s() -> None:
    health = Health(replace(DEPLOYMENT, retry=RetryRule(budget=0.5)))
    for _ in range(100):
        health.breakers[CHAT].tries.add(100.0)
    assert sum(health.spend_retry(100.0) for _ in range(100)) == 50

"""An arm whose server is dead shows its errors everywhere, although its fallback served every user."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.domain.store_reports import VariantTraffic
from fairtrial_cli.store_client.client import open_store
from gateway.control.verdicts.live_evidence import live_rates
from tests.fixtures.dashboard.markup import drawn_tables
from tests.fixtures.dashboard.opened_page import opened
from tests.fixtures.gateway.samples import total
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports, write_project
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

USERS = 16
"""Too few for control to prove that the arm is harmful, which would end the experiment in the middle of the test."""
EXPERIMENT = "tuned-vs-base"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServices]:
    (dead,) = free_ports(1)
    with FakeUpstream() as upstream:
        project = write_project(tmp_path_factory.mktemp("dead"), upstream=upstream.url.removesuffix("/v1"), workers=1)
        text = project.read_text()
        alive = f'tuned: {{model: openai/tuned, base_url: "{upstream.url}"'
        assert alive in text
        project.write_text(text.replace(alive, f'tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:{dead}/v1"'))
        with ForkedServices(project, workers=1, dashboard=False) as running:
            for number in range(USERS):
                assert ask(running, f"u-{number}", stream=number % 3 == 0) == 200
            yield running


def ask(services: ForkedServices, user: str, *, stream: bool = False) -> int:
    messages = [{"role": "user", "content": "hello"}]
    body = {"model": "support-bot", "user": user, "messages": messages, "stream": stream}
    answer = httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE, verify=False)
    assert answer.content
    return answer.status_code


def arms(services: ForkedServices) -> dict[str, VariantTraffic]:
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)
        (found,) = owner.call(by_experiment, ExperimentTraffic(experiment=EXPERIMENT, since_us=0))
    return {one.variant: one for one in found.variants}


def test_the_api_shows_the_dead_arm_s_errors_and_that_users_saw_none(services: ForkedServices) -> None:
    found = arms(services)
    tuned, base = found["tuned"], found["base"]
    assert tuned.requests + base.requests == USERS
    assert (tuned.errors, tuned.kept_away) == (3, tuned.requests - 3), "five calls in a row open the breaker"
    assert (tuned.user_errors, tuned.fallbacks) == (0, tuned.requests)
    assert (base.errors, base.user_errors, base.fallbacks) == (0, 0, 0)


def test_the_live_rates_of_a_gate_are_those_of_the_arm(services: ForkedServices) -> None:
    with open_store(services.project.layout) as owner:
        rates = live_rates(
            owner.call(by_experiment, ExperimentTraffic(since_us=0)), services.project.plan, "tuned", "base"
        )
    assert [rate.value for rate in rates["requests.error_rate"]] == [1.0, 0.0]
    assert [rate.value for rate in rates["requests.user_error_rate"]] == [0.0, 0.0]
    assert rates["requests.kept_away_rate"][0].value > 0.1


def test_the_experiment_shows_both_figures(services: ForkedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    assert arms(services)
    shown = {row[""]: row["tuned"] for row in drawn_tables(opened(services, monkeypatch, "experiment"))[0]}
    assert "(100.0 %)" in shown["variant errors"]
    assert "(0.0 %)" in shown["errors seen by users"]


def test_metrics_count_requests_errors_and_fallbacks_by_variant(services: ForkedServices) -> None:
    text = httpx.get(f"{services.urls.gateway}/metrics", verify=False).text
    found = arms(services)

    def count(name: str, variant: str) -> int:
        return int(total(text, f"variant_{name}_total", experiment=EXPERIMENT, variant=variant))

    for variant in ("base", "tuned"):
        figures = found[variant]
        assert count("requests", variant) == figures.requests
        assert count("errors", variant) == figures.errors
        assert count("user_errors", variant) == figures.user_errors
        assert count("kept_away", variant) == figures.kept_away
        assert count("fallbacks", variant) == figures.fallbacks

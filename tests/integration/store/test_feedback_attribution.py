"""Feedback reaches the figures of the one request that it names, and what names several is counted apart."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fairtrial.api.operation import Nothing
from fairtrial.api.store import overview
from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.domain.store_reports import KeyFeedback, Traffic
from fairtrial.journal.segment import names
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.dashboard.opened_page import opened, words
from tests.fixtures.gateway.recorded_events import recorded_events
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads
from tests.fixtures.store.segment_bytes import content
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

REQUESTS = 1500
IDS = 999
"""Ollama draws the ids of its answers from so many numbers."""
EXPERIMENT = "tuned-vs-base"
DECLARED = "metrics:\n  helpful: {from: feedback, key: helpful, kind: boolean}\n"


@dataclass(frozen=True)
class Answered:
    """One request as the test knows it: its two names, its arm, and whether it helped."""

    request_id: str
    response_id: str
    arm: str
    helped: bool


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with FakeUpstream() as upstream:
        project = write_project(
            tmp_path_factory.mktemp("feedback"), upstream=upstream.url.removesuffix("/v1"), workers=2
        )
        project.write_text(project.read_text().replace("metrics:\n", DECLARED))
        upstream.keep = False
        with ForkedServices(project, workers=2, dashboard=False) as running:
            yield running


@pytest.fixture(scope="module")
def answered(services: Services) -> list[Answered]:
    """Requests whose response ids are drawn from few, with feedback under one key by each of the two names."""
    names = asyncio.run(ask_all(services.urls.api))
    arms = journalled_arms(services)
    draw = random.Random(7)
    visits = [
        Answered(
            request_id, response_id, arms[request_id], draw.random() < (0.74 if arms[request_id] == "tuned" else 0.45)
        )
        for request_id, response_id in names
    ]
    for start in range(0, REQUESTS, 500):
        part = visits[start : start + 500]
        say(services, [{"request_id": visit.request_id, "key": "resolved", "value": visit.helped} for visit in part])
        say(services, [{"response_id": visit.response_id, "key": "helpful", "value": visit.helped} for visit in part])
    return visits


async def ask_all(api: str) -> list[tuple[str, str]]:
    """The `x-request-id` and the response id of each request."""
    draw, places = random.Random(11), asyncio.Semaphore(40)
    async with httpx.AsyncClient(timeout=PATIENCE, verify=False) as client:

        async def ask(number: int) -> tuple[str, str]:
            fake = {"kind": "json", "answer": {"id": f"chatcmpl-{draw.randrange(IDS)}"}}
            messages = [{"role": "user", "content": "hello"}]
            body = {"model": "support-bot", "user": f"u-{number}", "messages": messages, "fake": fake}
            async with places:
                answer = await client.post(f"{api}/chat/completions", json=body)
            return answer.headers["x-request-id"], answer.json()["id"]

        return list(await asyncio.gather(*(ask(number) for number in range(REQUESTS))))


def journalled_arms(services: Services) -> dict[str, str]:
    """Request → assigned arm, from the journal's own lines."""
    journal = services.project.layout.journal
    segments = [path for folder in (journal, journal / "done") for path in names(folder)]
    lines = [line for path in segments for line in content(path).splitlines()]
    return {event["request_id"]: event["assigned"] for event in recorded_events(lines) if event["kind"] == "exposure"}


def say(services: Services, batch: list[dict[str, Any]]) -> None:
    answer = httpx.post(f"{services.urls.api}/feedback", json=batch, timeout=PATIENCE, verify=False)
    assert answer.status_code == 202, answer.text


def traffic(services: Services) -> Traffic:
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)
        (experiment,) = owner.call(by_experiment, ExperimentTraffic(experiment=EXPERIMENT, since_us=0))
    return experiment


def truth(counted: list[Answered], arm: str) -> KeyFeedback:
    helped = [visit.helped for visit in counted if visit.arm == arm]
    return KeyFeedback(len(helped), len(helped), sum(helped) / len(helped))


def test_feedback_by_request_id_is_counted_once_for_each_request(services: Services, answered: list[Answered]) -> None:
    arms = {variant.variant: variant.feedback["resolved"] for variant in traffic(services).variants}
    assert arms == {arm: truth(answered, arm) for arm in ("base", "tuned")}
    assert arms["base"].n + arms["tuned"].n == REQUESTS


def test_an_ambiguous_response_id_is_in_no_rate(services: Services, answered: list[Answered]) -> None:
    times = Counter(visit.response_id for visit in answered)
    counted = [visit for visit in answered if times[visit.response_id] == 1]
    experiment = traffic(services)
    assert {variant.variant: variant.feedback["helpful"] for variant in experiment.variants} == {
        arm: truth(counted, arm) for arm in ("base", "tuned")
    }
    assert experiment.ambiguous == {"helpful": REQUESTS - len(counted)}


@pytest.mark.parametrize("path", ["experiment", "overview"])
def test_the_page_says_how_many_were_ambiguous_and_names_the_remedy(
    services: Services, answered: list[Answered], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    times = Counter(visit.response_id for visit in answered)
    ambiguous = sum(times[visit.response_id] > 1 for visit in answered)
    text = words(opened(services, monkeypatch, path))
    assert f"{ambiguous:,}" in text
    assert "x-request-id" in text


@pytest.mark.parametrize("value", ["yes", 1, 0.5])
def test_a_value_of_another_kind_than_declared_is_refused(services: Services, value: Any) -> None:
    sent = {"request_id": "r", "key": "resolved", "value": value}
    answer = httpx.post(f"{services.urls.api}/feedback", json=sent, timeout=PATIENCE, verify=False)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, "wrong_kind_of_value", "value")
    assert "declared as boolean" in error["message"]


def test_one_wrong_value_refuses_its_whole_batch(services: Services, answered: list[Answered]) -> None:
    before = traffic(services)
    good = {"request_id": answered[0].request_id, "key": "resolved", "value": not answered[0].helped}
    answer = httpx.post(
        f"{services.urls.api}/feedback", json=[good, good | {"value": 3}], timeout=PATIENCE, verify=False
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "1.value")
    assert traffic(services) == before


def test_what_matches_nothing_is_stored_and_shown_with_what_to_change(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = {"request_id": "nobody's", "key": "resolved", "value": True}
    say(services, [unknown, {"unit": "u-0", "key": "mood", "value": 3}])
    assert traffic(services)
    text = words(opened(services, monkeypatch, "overview"))
    assert "1 feedback value is not counted in any figure (mood)" in text
    assert "Declare it in fairtrial.yaml" in text
    assert "1 feedback value is not counted in any figure (resolved)" in text
    assert "the request does not exist" in text


def test_values_with_one_idempotency_key_are_stored_once(services: Services) -> None:
    body = {"model": "support-bot", "user": "late", "messages": [{"role": "user", "content": "hello"}]}
    answer = httpx.post(f"{services.urls.api}/chat/completions", json=body, timeout=PATIENCE, verify=False)
    named = {"request_id": answer.headers["x-request-id"], "key": "mood", "idempotency_key": "m"}
    before = stored(services)
    say(services, [named | {"value": 1}, named | {"value": 2}])
    say(services, [named | {"value": 3}])
    assert stored(services) == before + 1


def stored(services: Services) -> int:
    with open_store(services.project.layout) as owner:
        client_reads.ingest(owner)
        return owner.call(overview, Nothing()).rows["feedback"]

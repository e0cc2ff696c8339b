"""Traffic of a useful window, listings that are followed page by page, and errors without the engine's words."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow
import pytest

from fairtrial.domain.events import Event
from fairtrial.domain.limits.constants import MINUTE_US, WEEK_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.experiments.sums import control_levels
from fairtrial.store.traffic import traffic
from gateway.control.background.background_work import BackgroundWork
from gateway.control.context import ARROW, NEXT
from tests.fixtures.control.control_app import NOW, client
from tests.fixtures.store import samples

DETAIL = "Out of Memory Error: failed to pin block of size 256.0 KiB"


def bring(background: BackgroundWork, *events: Event) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w0")
    assert writer.append(*events)
    writer.close()
    background.ingest_now()


def counted(answer: dict[str, Any]) -> int:
    return sum(arm["requests"] for arm in answer["traffic"]["variants"])


async def test_figures_are_those_of_the_last_week_unless_all_time_is_asked_for(background: BackgroundWork) -> None:
    for number, at_us in enumerate((NOW - 2 * WEEK_US, NOW - WEEK_US // 2)):
        bring(background, samples.request(number, at_us=at_us), samples.exposure(number, at_us=at_us))
    async with client(background) as http:
        (listed,) = (await http.get("/api/experiments")).json()["rows"]
        usual = (await http.get("/api/experiments/tuned-vs-base")).json()
        whole = (await http.get("/api/experiments/tuned-vs-base", params={"since_us": 0})).json()
        week = (await http.get("/api/experiments/tuned-vs-base/series")).json()["slots"]
        routes = (await http.get("/api/routes")).json()["rows"]
    assert (counted(listed), counted(usual), counted(whole)) == (1, 1, 2)
    assert usual["window"]["since_us"] == (NOW - WEEK_US) // MINUTE_US * MINUTE_US
    assert whole["window"]["since_us"] == 0
    assert sum(slot["requests"] for slot in week) == 1
    assert [(row["route"], row["requests"]) for row in routes] == [("support-bot", 1)]


async def test_the_amounts_of_earlier_weeks_are_read_for_the_planner(
    background: BackgroundWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 4)
    costs = (1, 2, 3, 5)
    for number, cost in enumerate((*costs, *costs)):
        at_us = NOW - (1 + 2 * (number // 4)) * WEEK_US
        call = samples.attempt_of(number, at_us=at_us, cost_usd=str(cost))
        bring(background, samples.record(number, reason="direct", at_us=at_us, unit=f"u-{cost}", attempts=[call]))
    query = {"experiment": "tuned-vs-base", "control": "base", "route": "support-bot", "deployment": "base"}
    async with client(background) as http:
        amounts = await http.get(
            "/api/traffic/amounts", params=query | {"metric": ["cost.per_unit", "cost.per_request"]}
        )
        unknown = await http.get("/api/traffic/amounts", params=query | {"metric": "requests.error_rate"})
    unit, request = amounts.json()["rows"]
    assert (unit["metric"], request["metric"]) == ("cost.per_unit", "cost.per_request")
    assert unit["share"] == pytest.approx(1.0) and unit["level"] == pytest.approx(request["level"])
    assert unknown.status_code == 400


@pytest.mark.parametrize("path", ["/api/requests", "/api/feedback"])
async def test_each_row_of_a_listing_comes_once_when_its_pages_are_followed(
    background: BackgroundWork, path: str
) -> None:
    at_us = [NOW + number // 3 for number in range(10)]  # several of one time: their ids decide
    rows = [
        samples.request(n, at_us=at_us[n]) if path == "/api/requests" else samples.feedback(n, at_us=at_us[n])
        for n in range(10)
    ]
    bring(background, *rows)
    name = "request_id" if path == "/api/requests" else "feedback_id"
    async with client(background) as http:
        whole = [row[name] for row in (await http.get(path)).json()["rows"]]
        followed: list[str] = []
        after = None
        while after is not None or not followed:
            page = (await http.get(path, params={"limit": 4} | ({"after": after} if after else {}))).json()
            followed += [row[name] for row in page["rows"]]
            after = page["next"]
        skipped = [row[name] for row in (await http.get(path, params={"limit": 4, "offset": 3})).json()["rows"]]
        arrow = await http.get(path, params={"limit": 4}, headers={"accept": ARROW})
        wrong = await http.get(path, params={"after": "yesterday"})
    assert followed == whole
    assert len(set(whole)) == 10
    assert skipped == whole[3:7]
    with pyarrow.ipc.open_stream(arrow.content) as stream:
        assert stream.read_all().column(name).to_pylist() == whole[:4]
    assert arrow.headers[NEXT].endswith(f":{whole[3]}")
    assert wrong.status_code == 400


async def test_too_little_memory_says_what_to_do(background: BackgroundWork, monkeypatch: pytest.MonkeyPatch) -> None:
    class Engine:
        def execute(self, *_: object) -> None:
            raise duckdb.OutOfMemoryException(DETAIL)

    with monkeypatch.context() as patched:
        patched.setattr(traffic, "by_variant", lambda database, *_, **__: database.rows("SELECT 1"))
        async with client(background) as http:
            patched.setattr(Database, "cursor", lambda _: Engine())
            answer = await http.get("/api/experiments")
    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "store_error"
    assert "store.memory_mb" in answer.json()["error"]["message"]
    assert "Out of Memory" not in answer.text


async def test_an_error_of_a_change_is_reported_in_our_words(
    background: BackgroundWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise duckdb.IOException("IO Error: Could not write file")

    monkeypatch.setattr(background, "ingest_now", fail)
    async with client(background) as http:
        answer = await http.post("/api/ingest")
    monkeypatch.undo()
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"message": "the store could not answer; see the log for the reason", "type": "store_error"}
    }

"""Alarms and decisions over the API: who may read and acknowledge them, and what they say."""

from __future__ import annotations

import pytest

from fairtrial.domain.accounts import Role
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import NOW, client, stranger

NAME = "tuned-vs-base"
DECISION = f"/api/experiments/{NAME}/decision"
WHY = {"why": "we decide on Monday"}
TEXTS = {"experiment.worse": "the first", "experiment.srm": "the second"}


def raise_alarms(background: BackgroundWork) -> None:
    """Two alarms of an experiment that the monitor does not watch, so that it does not close them."""
    alarms.settle(background.database, "other", TEXTS, families=("experiment",), now_us=NOW, actor="test")


async def test_alarms_are_listed_open_first_and_counted_and_acknowledged_with_a_reason(
    background: BackgroundWork,
) -> None:
    raise_alarms(background)
    async with client(background) as http:
        first, second = (await http.get("/api/alarms")).json()["rows"]
        path = f"/api/alarms/{first['alarm_id']}/acknowledge"
        refused = [await http.post(path, json=body) for body in ({}, {"why": " "}, {"why": "a\nb"}, {"x": 1})]
        done, again = await http.post(path, json=WHY), await http.post(path, json=WHY)
        none = await http.post("/api/alarms/none/acknowledge", json=WHY)
        rows = (await http.get("/api/alarms")).json()["rows"]
        counts = (await http.get("/api/services")).json()["alarms"]
    assert {first["text"], second["text"]} == {"the first", "the second"}
    assert [answer.status_code for answer in refused] == [400] * 4
    assert (done.status_code, again.status_code, none.status_code) == (200, 200, 404)
    assert [(row["alarm_id"], row["state"]) for row in rows] == [
        (second["alarm_id"], "open"),
        (first["alarm_id"], "acknowledged"),
    ]
    assert counts == {"open": 1, "acknowledged": 1}


async def test_a_closed_alarm_is_listed_only_on_request(background: BackgroundWork) -> None:
    raise_alarms(background)
    alarms.settle(background.database, "other", {}, families=("experiment",), now_us=NOW + 1, actor="test")
    async with client(background) as http:
        now = (await http.get("/api/alarms")).json()["rows"]
        ever = (await http.get("/api/alarms", params={"closed": True})).json()["rows"]
    assert now == []
    assert [row["state"] for row in ever] == ["closed", "closed"]


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("release-manager", 200), ("admin", 200)])
async def test_reviewers_neither_read_nor_acknowledge(background: BackgroundWork, role: Role, status: int) -> None:
    raise_alarms(background)
    cookie = signed_in(background, role, "Rosa")
    (alarm_id, *_) = [row["alarm_id"] for row in background.database.dicts(alarms.listing(Page()))]
    async with stranger(background) as http:
        read = await http.get("/api/alarms", headers=cookie)
        decided = await http.get(DECISION, headers=cookie)
        origin = {"origin": "http://127.0.0.1:8081"}
        post = await http.post(f"/api/alarms/{alarm_id}/acknowledge", json=WHY, headers=cookie | origin)
        nobody = await http.get(DECISION)
    assert (read.status_code, decided.status_code, post.status_code) == (status, status, status)
    assert nobody.status_code == 401


async def test_a_decision_is_described_before_and_after_the_first_step(background: BackgroundWork) -> None:
    async with client(background) as http:
        background.monitor.step()
        decision = (await http.get(DECISION)).json()
        brief = (await http.get(DECISION, params={"slices": False})).json()
        unknown = await http.get("/api/experiments/none/decision")
        await http.post(f"/api/experiments/{NAME}/kill", json=WHY)
        killed = (await http.get(DECISION)).json()
    assert decision["box"]["headline"] == "No data yet"
    assert decision["slices"] is None and brief["slices"] is None
    assert decision["analysis"]["primary"][0]["answer"] == "undecided"
    assert unknown.status_code == 404
    assert "STOPPED at 08:00:00 UTC on 15 Jan 2027 by local user" in str(killed["box"]["lines"])
    assert killed["state"] == "killed"

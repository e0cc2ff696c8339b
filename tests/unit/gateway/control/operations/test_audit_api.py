"""The audit trail by actor, action, subject and time, and the plan that was in force at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fairtrial.api.keys import CreateKey
from fairtrial.store.access import accounts, audit
from fairtrial.store.experiments import published_plans
from gateway.control.background.background_work import BackgroundWork
from gateway.control.context import Caller, Context
from gateway.control.operations import keys
from tests.fixtures.control.control_app import NOW, client

HOUR_US = 3_600_000_000
TEST = Caller("key:test", "test", "admin")
ACTION = "experiment.kill"


async def get(background: BackgroundWork, path: str, **query: Any) -> Any:
    async with client(background) as http:
        answer = await http.get(f"/api/{path}", params=query)
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"]["message"])


def fill(background: BackgroundWork) -> None:
    for hours, actor, subject in ((3, "account Rita", "tuned-vs-base"), (2, "account Ben", "other-vs-base")):
        audit.record(
            background.database, now_us=NOW - hours * HOUR_US, actor=actor, action=ACTION, subject=subject,
            details={"why": "it is slow"},
        )  # fmt: skip


async def test_entries_are_chosen_by_actor_action_subject_and_time(background: BackgroundWork) -> None:
    fill(background)

    async def subjects(**query: Any) -> list[str]:
        rows = (await get(background, "events", **query))["rows"]
        groups = (await get(background, "events/summary", **query))["total"]
        assert groups == len(rows)
        return [row["subject"] for row in rows]

    both = ["other-vs-base", "tuned-vs-base"]
    assert await subjects(action="experiment.") == both
    assert await subjects(actor="account Rita") == ["tuned-vs-base"]
    assert await subjects(subject="TUNED-vs", action="experiment.") == ["tuned-vs-base"]
    assert await subjects(action=ACTION, until_us=NOW - 2 * HOUR_US) == ["tuned-vs-base"]
    assert await subjects(action=ACTION, since_us=NOW - 2 * HOUR_US) == ["other-vs-base"]
    assert await subjects(action="experiment.end") == []
    page = (await get(background, "events", action=ACTION, limit=1, offset=1))["rows"]
    assert [row["subject"] for row in page] == ["tuned-vs-base"]
    summary = await get(background, "events/summary", actor="account Rita")
    assert summary["actors"][:2] == ["account Ben", "account Rita"] and ACTION in summary["actions"]
    assert (await get(background, "events", actor="x" * 201))[0] == 400


async def test_an_entry_has_the_name_of_its_subject(background: BackgroundWork) -> None:
    key = keys.create(Context(background, TEST), CreateKey(name="ci"))
    rows = (await get(background, "events", action="key.create", subject="ci"))["rows"]
    assert [(row["subject"], row["subject_name"]) for row in rows] == [(key.key_id, "ci")]
    async with client(background) as http:
        made = accounts.invite(background.database, "Rosa", "auditor", actor="test", now_us=NOW)
        key_header = keys.create(Context(background, TEST), CreateKey(name="admin", rights=("admin",))).secret
        answer = await http.get(
            "/api/events", params={"subject": "rosa"}, headers={"authorization": f"Bearer {key_header}"}
        )
    assert [(row["subject"], row["subject_name"]) for row in answer.json()["rows"]] == [(made.account_id, "Rosa")]


async def test_the_plan_in_force_at_a_time_is_the_last_one_published_by_then(background: BackgroundWork) -> None:
    database, published = background.database, background.publisher.published
    assert published is not None
    first = published_plans.find(database, published.plan.plan_hash)
    before = await get(background, "plans/at", at="2027-01-15T07:59:59Z")
    assert before == (
        404,
        "plans: no configuration was in force at 2027-01-15 07:59:59 UTC; the first one was published at "
        "2027-01-15 08:00:00 UTC",
    )
    plan = await get(background, "plans/at", at="2027-01-15T09:00:00+01:00")
    assert (plan["plan_hash"], plan["actor"], plan["until"]) == (first["plan_hash"], None, None)
    assert plan["since"] == "2027-01-15T08:00:00Z"
    (route,) = plan["routes"]
    assert {share["variant"]: share["percent"] for share in route["serves"]} == {"base": 50, "tuned": 50}
    assert (await get(background, "plans/at", at="2027-01-15T08:00:01"))[0] == 400
    assert "is in the future" in (await get(background, "plans/at", at="2027-01-15T08:00:01"))[1]
    for wrong in ("yesterday", "0001-01-01T00:00:00+14:00", ""):
        assert (await get(background, "plans/at", at=wrong))[0] in (400, 404), wrong


async def test_a_later_plan_ends_the_one_before_it(background: BackgroundWork) -> None:
    assert background.publisher.published is not None
    plan = published_plans.find(background.database, background.publisher.published.plan.plan_hash)
    experiment = plan["experiments"]["tuned-vs-base"] | {"state": "killed"}
    killed = plan | {"plan_hash": "0" * 32, "experiments": {"tuned-vs-base": experiment}}
    published_plans.record(background.database, killed, now_us=NOW + HOUR_US, actor="account Rita")
    old, new = (published_plans.in_force(background.database, NOW + hours * HOUR_US) for hours in (0, 1))
    assert (old.plan_hash, old.until) == (plan["plan_hash"], datetime.fromtimestamp(NOW // 10**6 + 3600, UTC))
    assert (new.plan_hash, new.actor, new.until) == ("0" * 32, "account Rita", None)
    assert [share.variant for share in new.routes[0].serves] == ["base"]

"""States of experiments and the history of plans over the API: who may change them, and what they are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairtrial.api.keys import CreateKey
from fairtrial.config.owner_lock import local_user
from fairtrial.config.plan.published import read
from fairtrial.domain.accounts import NewKey, Role
from fairtrial.store.access import credentials
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import client, stranger
from tests.fixtures.for_each import for_each

PATH = "/api/experiments/tuned-vs-base"
WHY = {"why": "answers in French"}
JSON = {"content-type": "application/json"}


def state(background: BackgroundWork) -> str:
    return read(background.database.layout.plan).plan.experiments["tuned-vs-base"].state


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("release-manager", 200), ("admin", 200)])
async def test_release_managers_and_admins_change_states_and_are_named(
    background: BackgroundWork, role: Role, status: int
) -> None:
    cookie = signed_in(background, role, "Rosa")
    origin = {"origin": "http://127.0.0.1:8081"}
    async with stranger(background) as http:
        answer = await http.post(f"{PATH}/kill", json=WHY, headers=cookie | origin)
        rows = await http.get(f"{PATH}/transitions", headers=cookie)
    assert (answer.status_code, rows.status_code) == (status, status)
    assert state(background) == ("killed" if status == 200 else "running")
    if status == 200:
        assert answer.json()["sentence"].startswith("STOPPED at 08:00:00 UTC on 15 Jan 2027 by account Rosa: answers")
        assert [row["actor"] for row in rows.json()["rows"]] == ["account Rosa"]


async def test_a_key_is_recorded_by_its_name_and_the_key_of_this_machine_as_its_user(
    background: BackgroundWork,
) -> None:
    made = credentials.create_key(
        background.database, CreateKey(name="admin", rights=("admin",)), now_us=background.clock_us()
    )
    secrets = (made.secret, background.database.layout.admin_key.read_text().strip())
    async with stranger(background) as http:
        for secret, action in zip(secrets, ("pause", "kill"), strict=True):
            answer = await http.post(f"{PATH}/{action}", json=WHY, headers={"authorization": f"Bearer {secret}"})
            assert answer.status_code == 200
        authorization = {"authorization": f"Bearer {secrets[1]}"}
        rows = (await http.get(f"{PATH}/transitions", headers=authorization)).json()["rows"]
    assert [row["actor"] for row in rows] == [f"local user {local_user()}", "key admin"]


@for_each(
    ("body", "status"),
    [("{}", 400), ('{"why": ""}', 400), ('{"why": "a\\nb"}', 400), ('{"why": "x", "actor": "me"}', 400), ("[]", 400)],
)
async def test_a_change_without_a_sound_reason_is_refused(background: BackgroundWork, body: str, status: int) -> None:
    async with client(background) as http:
        answer = await http.post(f"{PATH}/kill", content=body, headers=JSON)
        long = await http.post(f"{PATH}/kill", json={"why": "x" * 501})
    assert (answer.status_code, long.status_code) == (status, 400)
    assert state(background) == "running"


async def test_a_change_that_is_not_possible_is_a_conflict_and_an_unknown_one_is_not_found(
    background: BackgroundWork,
) -> None:
    async with client(background) as http:
        conflict = await http.post(f"{PATH}/resume", json=WHY)
        absent = await http.post("/api/experiments/none/kill", json=WHY)
        unknown = await http.post(f"{PATH}/demote", json=WHY)
        none = await http.get("/api/experiments/none/transitions")
        empty = await http.get(f"{PATH}/transitions")
    assert [answer.status_code for answer in (conflict, absent, unknown, none)] == [409, 404, 400, 404]
    assert empty.json() == {"rows": []}
    assert (
        "is running (possible: approve, amend, pause, kill, end, promote, rollback)"
        in conflict.json()["error"]["message"]
    )


async def test_of_many_kills_at_the_same_moment_one_is_recorded(background: BackgroundWork) -> None:
    async with client(background) as http:
        answers = await asyncio.gather(*(http.post(f"{PATH}/kill", json=WHY) for _ in range(8)))
        rows = (await http.get(f"{PATH}/transitions")).json()["rows"]
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(rows) == 1


async def test_plans_are_listed_shown_and_compared(background: BackgroundWork) -> None:
    async with client(background) as http:
        await http.post(f"{PATH}/kill", json=WHY)
        (new, old) = (await http.get("/api/plans")).json()["rows"]
        (only,) = (await http.get("/api/plans", params={"limit": 1, "offset": 1})).json()["rows"]
        shown = await http.get(f"/api/plans/{new['plan_hash'][:10]}")
        pair = {"from": old["plan_hash"], "to": new["plan_hash"]}
        changed = (await http.get("/api/plans/diff", params=pair)).json()["rows"]
        wrong = [await http.get(f"/api/plans/{plan_hash}") for plan_hash in ("0" * 32, "abc", "%25", "zzzz")]
        (listed,) = (await http.get("/api/experiment-states")).json()["rows"]
        record = (await http.get(PATH)).json()
    assert (old["actor"], new["actor"], only) == (None, f"local user {local_user()}", old)
    assert shown.json()["plan_hash"] == new["plan_hash"]
    assert changed[0] == {"path": "experiments.tuned-vs-base.state", "old": "running", "new": "killed"}
    assert [answer.status_code for answer in wrong] == [404, 400, 400, 400]
    assert listed == record["live"]
    assert listed["possible"] == ["rearm", "end"]


async def test_an_override_needs_an_admin_and_the_answer_says_what_to_write(background: BackgroundWork) -> None:
    origin = {"origin": "http://127.0.0.1:8081"}
    rita = signed_in(background, "release-manager", "Rita") | origin
    ada = signed_in(background, "admin", "Ada") | origin
    rosa = signed_in(background, "reviewer", "Rosa") | origin
    forced = WHY | {"override": True}
    async with stranger(background) as http:
        reviewer = await http.post(f"{PATH}/promote", json=WHY, headers=rosa)
        lacking = await http.post(f"{PATH}/promote", json=WHY, headers=rita)
        denied = await http.post(f"{PATH}/promote", json=forced, headers=rita)
        wrong = await http.post(f"{PATH}/kill", json=forced, headers=ada)
        control = await http.post(f"{PATH}/promote", json=forced | {"variant": "base"}, headers=ada)
        assert state(background) == "running"
        made = await http.post(f"{PATH}/promote", json=forced | {"variant": "tuned"}, headers=ada)
        undone = await http.post(f"{PATH}/rollback", json=WHY, headers=rita)
    statuses = [answer.status_code for answer in (reviewer, lacking, denied, wrong, control, made, undone)]
    assert statuses == [403, 409, 403, 400, 400, 200, 200]
    assert "needs the role release-manager, but Rosa has the role reviewer" in reviewer.json()["error"]["message"]
    assert "- the project declares no official gate" in lacking.json()["error"]["message"]
    assert "only an admin" in denied.json()["error"]["message"]
    assert (made.json()["serves"], made.json()["possible"]) == ("tuned", ["rollback"])
    assert "keep experiments.tuned-vs-base" in made.json()["edit"]["note"]
    assert (undone.json()["serves"], undone.json()["edit"], undone.json()["possible"]) == (None, None, ["archive"])


@for_each(("action", "more"), [("promote", {"override": True}), ("withdraw", {}), ("approve", {"unit": ["3f2a"]})])
async def test_an_api_key_can_not_do_what_an_admin_must_answer_for(
    background: BackgroundWork, action: str, more: dict[str, Any]
) -> None:
    made = credentials.create_key(
        background.database, CreateKey(name=f"ci-{action}", rights=("admin",)), now_us=background.clock_us()
    )
    async with stranger(background) as http:
        answer = await http.post(
            f"{PATH}/{action}", json=WHY | more, headers={"authorization": f"Bearer {made.secret}"}
        )
    assert answer.status_code == 403 and "sign in, without an API key" in answer.json()["error"]["message"]
    assert state(background) == "running"


async def test_only_an_admin_withdraws_a_proof_and_only_one_that_exists(background: BackgroundWork) -> None:
    origin = {"origin": "http://127.0.0.1:8081"}
    rita = signed_in(background, "release-manager", "Rita") | origin
    ada = signed_in(background, "admin", "Ada") | origin
    async with stranger(background) as http:
        denied = await http.post(f"{PATH}/withdraw", json=WHY, headers=rita)
        nothing = await http.post(f"{PATH}/withdraw", json=WHY, headers=ada)
    assert (denied.status_code, nothing.status_code) == (403, 409)
    assert "only an admin can withdraw what an attempt has proven" in denied.json()["error"]["message"]
    assert "nothing to withdraw" in nothing.json()["error"]["message"]


async def test_only_an_admin_accepts_units_and_only_named_ones(background: BackgroundWork) -> None:
    origin = {"origin": "http://127.0.0.1:8081"}
    rita = signed_in(background, "release-manager", "Rita") | origin
    ada = signed_in(background, "admin", "Ada") | origin
    async with stranger(background) as http:
        denied = await http.post(f"{PATH}/approve", json=WHY | {"unit": ["3f2a"]}, headers=rita)
        unknown = await http.post(f"{PATH}/approve", json=WHY | {"unit": ["3f2a"]}, headers=ada)
        wrong = await http.post(f"{PATH}/approve", json=WHY | {"unit": ["3f2a"], "stage": 40}, headers=ada)
    assert [answer.status_code for answer in (denied, unknown, wrong)] == [403, 409, 400]
    assert "only an admin can accept units" in denied.json()["error"]["message"]
    assert "3f2a can't be accepted (no users are named now" in unknown.json()["error"]["message"]


def _key(background: BackgroundWork, name: str) -> NewKey:
    return credentials.create_key(
        background.database, CreateKey(name=name, rights=("admin",)), now_us=background.clock_us()
    )

"""Accounts over the API: for admins alone, who can't take their own rights."""

from __future__ import annotations

from fairtrial.store.access import audit
from fairtrial.store.core.query import Page
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import stranger

JSON = {"content-type": "application/json"}


async def test_an_account_is_invited_listed_given_a_role_and_disabled(background: BackgroundWork) -> None:
    me = signed_in(background, "admin", "Ada") | JSON
    async with stranger(background) as http:
        made = await http.post("/api/accounts", json={"name": "Ann/Bob", "role": "reviewer"}, headers=me)
        assert made.status_code == 201
        role = await http.put("/api/accounts/Ann%2FBob/role", json={"role": "release-manager"}, headers=me)
        assert role.json()["role"] == "release-manager"
        link = await http.post(f"/api/accounts/{made.json()['account_id']}/reset", headers=me)
        assert link.json()["token"] != made.json()["token"]
        assert (await http.post("/api/accounts/Ann%2FBob/disable", headers=me)).json()["state"] == "disabled"
        rows = (await http.get("/api/accounts", headers=me)).json()["rows"]
    assert {row["name"]: row["state"] for row in rows} == {"Ada": "active", "Ann/Bob": "disabled"}
    assert not any("password" in row or "sha256" in row for row in rows)
    entries = background.database.dicts(audit.listing(Page()))
    assert {row["actor"] for row in entries if row["action"] == "account.disable"} == {"Ada"}


async def test_nobody_takes_rights_from_themselves(background: BackgroundWork) -> None:
    me = signed_in(background, "admin", "Ada") | JSON
    async with stranger(background) as http:
        for answer in (
            await http.post("/api/accounts/Ada/disable", headers=me),
            await http.put("/api/accounts/ada/role", json={"role": "reviewer"}, headers=me),
        ):
            assert (answer.status_code, "your own rights" in answer.text) == (400, True)


async def test_wrong_wishes_get_clear_errors(background: BackgroundWork) -> None:
    me = signed_in(background, "admin", "Ada") | JSON
    async with stranger(background) as http:
        king = await http.post("/api/accounts", json={"role": "king"}, headers=me)
        taken = await http.post("/api/accounts", json={"name": "ADA", "role": "admin"}, headers=me)
        absent = await http.post("/api/accounts/none/disable", headers=me)
    assert [answer.status_code for answer in (king, taken, absent)] == [400, 400, 400]
    assert "release-manager" in king.json()["error"]["message"]
    assert "taken" in taken.json()["error"]["message"]
    assert "none named" in absent.json()["error"]["message"]

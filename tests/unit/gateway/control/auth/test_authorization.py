"""The guard: every route says who may use it, and nobody else gets in, whatever their browser sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts

from fairtrial.api.keys import CreateKey
from fairtrial.domain.accounts import ROLES, Role, may
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import accounts, credentials
from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import AuthorizedRoute, RequireRole, access_rules_of, anyone
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import NOW, app_over, client, client_of, shared_router, stranger
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples

OPEN = {"/livez", "/readyz", "/metrics", "/sign-in", "/sign-out", "/invitation/{token}", "/one-time/{token}"}
"""The only paths that anyone may ask for."""
JSON = {"content-type": "application/json"}


def routes() -> Iterator[tuple[str, APIRoute]]:
    for context in iter_route_contexts(shared_router().routes):
        assert isinstance(context.original_route, APIRoute), context.original_route
        yield context.path, context.original_route


def test_every_route_says_who_may_use_it() -> None:
    paths = list(routes())
    assert len(paths) > 25
    for path, route in paths:
        decisions = list(access_rules_of(route.dependant))
        assert isinstance(route, AuthorizedRoute), f"{path}: its router needs route_class=AuthorizedRoute"
        assert decisions, f"{path}: it says neither what it needs nor that it is for anyone"
        assert (anyone in decisions) == (path in OPEN), path
    assert {path for path, _ in paths} >= OPEN


def test_a_route_that_says_nothing_can_not_be_made() -> None:
    with pytest.raises(TypeError, match="/secret"):
        APIRouter(route_class=AuthorizedRoute).get("/secret")(lambda: None)


@for_each("loopback", [True, False])
async def test_nobody_gets_in_anywhere_without_a_credential(background: BackgroundWork, loopback: bool) -> None:
    async with stranger(background, loopback=loopback) as http:
        for path, route in routes():
            for method in route.methods if path not in OPEN else ():
                answer = await http.request(method, path.replace("{", "").replace("}", ""))
                assert answer.status_code == 401, (method, path, answer.status_code)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_where_it_may_and_nowhere_else(background: BackgroundWork, role: Role) -> None:
    cookie = signed_in(background, role)
    async with stranger(background) as http:
        for path, route in routes():
            needed = [each.role for each in access_rules_of(route.dependant) if isinstance(each, RequireRole)]
            for method in route.methods if needed else ():
                allowed = all(may(role, each, reading=method == "GET") for each in needed)
                address = path.replace("{", "").replace("}", "")
                answer = await http.request(method, address, content=b"{broken", headers=cookie | JSON)
                assert (answer.status_code != 403) == allowed, (method, path, answer.text)


async def test_an_auditor_reads_and_learns_why_nothing_may_be_changed(background: BackgroundWork) -> None:
    cookie = signed_in(background, "auditor", "Aud")
    async with stranger(background) as http:
        me = (await http.get("/api/me", headers=cookie)).json()
        assert (me["name"], me["role"]) == ("Aud", "auditor")
        for path in ("/api/events", "/api/plans", "/api/runs", "/api/verdicts", "/api/reviews/status", "/api/services"):
            assert (await http.get(path, headers=cookie)).status_code == 200, path
        refused = await http.post("/api/ingest", headers=cookie, json={})
        vote = await http.post("/api/reviews/queues/q/next", headers=cookie, json={})
        keys = await http.get("/api/keys", headers=cookie)
    assert [each.status_code for each in (refused, vote, keys)] == [403, 403, 403]
    assert refused.json()["error"]["message"].endswith(
        "this needs the role release-manager, but Aud has the role auditor, which only reads"
    )
    assert "needs the role reviewer, but Aud" in vote.json()["error"]["message"]
    assert "needs the role admin, but Aud" in keys.json()["error"]["message"]


def contents(background: BackgroundWork) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the store, except the sessions, which note when they were used."""
    tables = [str(name) for (name,) in background.database.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1")]
    return {table: background.database.rows(f"FROM {table}") for table in tables if table != "sessions"}


async def test_no_get_that_an_auditor_may_send_changes_the_store(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w0")
    writer.append(samples.case_result(), samples.score(), samples.run(), samples.record(1))
    writer.close()
    background.ingest_now()
    verdicts.save(background.database, Verdict("v1", NOW, "g", "tuned", "base", "HOLD", "Not yet.", ()), actor="test")
    cookie = signed_in(background, "auditor")
    assert background.publisher.published is not None
    plan = background.publisher.published.plan.plan_hash
    names = {
        "name": "tuned-vs-base", "run_id": "run-1", "verdict_id": "v1", "request_id": "r-1", "plan_hash": plan,
        "form": "json",
    }  # fmt: skip
    query = {
        "candidate_run": "run-1", "candidate_runs": "run-1", "baseline_run": "run-1",
        "metric": "general.accuracy", "scorer": "general",
        "from": plan, "to": plan, "at": "2027-01-15T08:00:00Z", "candidate": "tuned", "baseline": "base",
        "name": "run-1", "experiment": "tuned-vs-base", "control": "base", "route": "support-bot", "deployment": "base",
        "routes": "support-bot", "count": "2", "finding": "0", "deployment_digest": "d", "base_digest": "b",
    }  # fmt: skip
    metrics = {"/api/traffic/amounts": "cost.per_unit"}
    background.stop()  # its threads freeze the experiment's plan, which may come later than the first request
    before, answers = contents(background), {}
    async with stranger(background) as http:
        for path, route in routes():
            needed = [each.role for each in access_rules_of(route.dependant) if isinstance(each, RequireRole)]
            if "GET" in route.methods and needed and "admin" not in needed:
                address = path.format_map(defaultdict(lambda: "x", names))
                params = query | ({"metric": metrics[path]} if path in metrics else {})
                answers[path] = (await http.get(address, headers=cookie, params=params)).status_code
    assert contents(background) == before
    old = answers.pop("/api/verdicts/{verdict_id}/recomputation")
    assert old == 409, "the verdict has no evidence from which it could be judged again"
    assert {path for path, status in answers.items() if status not in (200, 404)} == set(), answers
    assert sum(status == 200 for status in answers.values()) > 30, answers


async def test_a_session_of_this_machine_s_user_ends_with_the_first_account(background: BackgroundWork) -> None:
    async with client(background) as http:
        assert (await http.get("/api/me")).json() == {"account_id": "local", "name": "local", "role": "admin"}
        cookie = signed_in(background, "reviewer", "Rosa")
        assert (await http.get("/api/me")).status_code == 401
        me = (await http.get("/api/me", headers=cookie)).json()
    assert (me["name"], me["role"]) == ("Rosa", "reviewer")


async def test_an_invitation_alone_shuts_the_door(background: BackgroundWork) -> None:
    async with client(background) as http:
        accounts.invite(background.database, None, "admin", actor="test", now_us=NOW)
        assert (await http.get("/api/me")).status_code == 401


async def test_elsewhere_an_admin_key_opens_and_no_other_key(background: BackgroundWork) -> None:
    admin = credentials.create_key(
        background.database, CreateKey(name="admin", rights=("admin",)), now_us=background.clock_us()
    )
    plain = credentials.create_key(
        background.database, CreateKey(name="plain", rights=("complete",)), now_us=background.clock_us()
    )
    late = credentials.create_key(
        background.database,
        CreateKey(name="late", rights=("admin",), expires_us=background.clock_us()),
        now_us=background.clock_us(),
    )
    async with stranger(background, loopback=False) as http:
        for secret, status in ((admin.secret, 200), (plain.secret, 403), (late.secret, 401), ("ft-x-y", 401)):
            answer = await http.get("/api/keys", headers={"authorization": f"Bearer {secret}"})
            assert answer.status_code == status
            assert secret not in answer.text


async def test_a_wrong_key_is_refused_even_where_nobody_needs_one(background: BackgroundWork) -> None:
    async with stranger(background) as http:
        assert (await http.get("/api/me", headers={"authorization": "Bearer ft-x"})).status_code == 401


async def test_whoever_is_disabled_is_out_at_once_and_a_new_role_counts_at_once(background: BackgroundWork) -> None:
    cookie = signed_in(background, "admin", "Ada")
    async with stranger(background) as http:
        assert (await http.get("/api/keys", headers=cookie)).status_code == 200
        accounts.set_role(background.database, "Ada", "reviewer", actor="test", now_us=NOW)
        assert (await http.get("/api/keys", headers=cookie)).status_code == 403
        accounts.disable(background.database, "Ada", actor="test", now_us=NOW)
        assert (await http.get("/api/me", headers=cookie)).status_code == 401


@for_each("host", ["evil.example", "127.0.0.1.evil.example", "", "169.254.1.1"])
async def test_a_strange_host_name_is_refused_on_loopback(background: BackgroundWork, host: str) -> None:
    async with stranger(background) as http:
        answer = await http.get("/api/keys", headers={"host": host})
    assert answer.status_code == 403
    assert "host" in answer.json()["error"]["message"]


@for_each("host", ["localhost:8081", "127.0.0.1:8081", "[::1]:8081", "localhost"])
async def test_names_of_this_machine_are_served(background: BackgroundWork, host: str) -> None:
    async with client(background) as http:
        assert (await http.get("/api/keys", headers={"host": host, "origin": f"http://{host}"})).status_code == 200


async def test_the_name_by_which_a_proxy_publishes_control_is_served_too(background: BackgroundWork) -> None:
    app = app_over(background, loopback=True, public_origin="https://trial.example")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://trial.example") as http:
        assert (await http.get("/sign-in")).status_code == 200
        assert (await http.get("/sign-in", headers={"host": "other.example"})).status_code == 403


@pytest.fixture
def manager_cookie(background: BackgroundWork) -> dict[str, str]:
    return signed_in(background, "release-manager")


@for_each(
    ("headers", "status"),
    [
        (JSON, 200),
        (JSON | {"origin": "http://127.0.0.1:8081"}, 200),
        (JSON | {"referer": "http://127.0.0.1:8081/sign-in?next=x"}, 200),
        (JSON | {"sec-fetch-site": "same-origin"}, 200),
        (JSON | {"origin": "https://control.example"}, 200),
        (JSON | {"origin": "http://127.0.0.1:8501"}, 403),
        (JSON | {"origin": "https://127.0.0.1:8081"}, 403),
        (JSON | {"origin": "http://localhost:8081"}, 403),
        (JSON | {"origin": "https://evil.example"}, 403),
        (JSON | {"origin": "null"}, 403),
        (JSON | {"origin": ""}, 403),
        (JSON | {"referer": "http://127.0.0.1:8501/review"}, 403),
        (JSON | {"sec-fetch-site": "same-site"}, 403),
        ({}, 403),
        ({"origin": "http://127.0.0.1:8081"}, 403),
        ({"sec-fetch-site": "same-origin"}, 403),
        ({"content-type": "text/plain"}, 403),
        ({"origin": "http://127.0.0.1:8081", "content-type": "application/x-www-form-urlencoded"}, 403),
    ],
)
async def test_a_cookie_changes_nothing_for_a_page_of_another_origin(
    background: BackgroundWork, manager_cookie: dict[str, str], headers: dict[str, str], status: int
) -> None:
    async with client_of(app_over(background, public_origin="https://control.example")) as http:
        answer = await http.post("/api/ingest", headers=manager_cookie | headers)
    assert answer.status_code == status, answer.text


async def test_a_page_of_another_site_may_not_change_anything_while_there_is_no_account(
    background: BackgroundWork,
) -> None:
    async with client(background) as http:
        answer = await http.post("/api/ingest", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("stated", [True, False])
async def test_a_body_that_is_too_large_is_refused_and_a_stranger_s_is_not_read(
    background: BackgroundWork, stated: bool
) -> None:
    read: list[str] = []

    async def much(path: str) -> AsyncIterator[bytes]:
        for _ in range(40):
            read.append(path)
            yield b" " * 2**20

    async def ask(path: str, **headers: str) -> httpx.Response:
        length = {"content-length": str(40 * 2**20)} if stated else {}
        return await http.post(path, content=much(path), headers=length | JSON | headers)

    async with client(background) as http:
        wish, verdict = await ask("/api/keys"), await ask("/api/verdicts")
        read_of_ours = len(read)
        stranger = await ask("/api/keys", authorization="Bearer ft-x")
    assert (wish.status_code, verdict.status_code, stranger.status_code) == (413, 413, 401)
    assert "at most 1 MiB" in wish.json()["error"]["message"]
    assert "at most 1 MiB" in verdict.json()["error"]["message"]
    assert len(read) == read_of_ours == (0 if stated else 2 + 2)


async def test_a_body_of_too_many_names_is_refused_before_it_is_decoded(background: BackgroundWork) -> None:
    many = {str(number): 1 for number in range(10_001)}
    async with client(background) as http:
        answer = await http.post("/api/keys", json=many)
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            400,
            "/api/keys: the body has more than 10000 names",
        )
        deep = await http.post("/api/keys", content="[" * 5_000, headers={"content-type": "application/json"})
        assert deep.status_code == 400

"""The control API: guarded, paged, and the same in JSON and Arrow."""

from __future__ import annotations

import httpx
import pyarrow

from fairtrial.domain.verdicts import verdict_json
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.access import credentials
from fairtrial.store.access.accounts import token_digest
from fairtrial.store.evaluations import verdicts
from gateway.control.background.background_work import BackgroundWork
from gateway.control.context import ARROW
from tests.fixtures.control.control_app import client
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples
from tests.fixtures.store.stored_verdict import VERDICT


async def test_the_api_is_described_for_those_who_may_come_in(background: BackgroundWork) -> None:
    async with client(background) as http:
        assert "/api/runs" in (await http.get("/api/openapi.json")).json()["paths"]
        assert (await http.get("/docs")).status_code == 404


async def test_a_verdict_is_listed_and_audited_and_reads_as_the_version_that_gave_it_wrote_it(
    background: BackgroundWork,
) -> None:
    verdicts.save(background.database, VERDICT, actor="test")
    async with client(background) as http:
        assert b"provenance" not in (await http.get(f"/api/verdicts/{VERDICT.verdict_id}")).content
        assert verdict_json.decode((await http.get(f"/api/verdicts/{VERDICT.verdict_id}")).content) == VERDICT
        (row,) = (await http.get("/api/verdicts")).json()["rows"]
        (whole,) = (await http.get("/api/verdicts", params={"findings": True})).json()["rows"]
        (gate,) = (await http.get("/api/gates")).json()["rows"]
        events = (await http.get("/api/events")).json()["rows"]
    assert (row["decision"], gate["decision"], len(whole["verdict"]["findings"])) == ("BLOCK", "BLOCK", 5)
    assert "verdict.save" in {event["action"] for event in events}


async def test_a_verdict_that_is_sent_is_a_clear_error(background: BackgroundWork) -> None:
    async with client(background) as http:
        kind = {"content-type": "application/json"}
        answer = await http.post("/api/verdicts", content=verdict_json.encode(VERDICT), headers=kind)
        absent = await http.get("/api/verdicts/none")
    assert (answer.status_code, absent.status_code) == (400, 404)
    assert "verdict_id" in answer.json()["error"]["message"]


async def test_arrow_and_json_say_the_same(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w")
    writer.append(*(samples.request(n, cost_usd="0.25", latency_ms=float(n)) for n in range(20)))
    async with client(background) as http:
        assert (await http.post("/api/ingest")).status_code == 200
        plain = (await http.get("/api/requests", params={"limit": 7})).json()["rows"]
        answer = await http.get("/api/requests", params={"limit": 7}, headers={"accept": ARROW})
    with pyarrow.ipc.open_stream(answer.content) as stream:
        table = stream.read_all()
    assert answer.headers["content-type"] == ARROW
    assert len(plain) == table.num_rows == 7
    for name in ("request_id", "latency_ms", "route"):
        assert [row[name] for row in plain] == table.column(name).to_pylist()
    assert [row["cost_usd"] for row in plain] == [str(cost) for cost in table.column("cost_usd").to_pylist()]
    writer.close()


async def test_ingest_answers_once_everything_is_in(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w")
    writer.append(samples.case_result(), samples.score(), samples.run())
    async with client(background) as http:
        await http.post("/api/ingest")
        (run,) = (await http.get("/api/runs")).json()["rows"]
        lines = (await http.get("/api/runs/run-1/events")).text.splitlines()
        assert (await http.get("/api/runs/latest", params={"suite": "general"})).json() == ["run-1"]
    assert (run["run_id"], len(lines)) == ("run-1", 3)
    writer.close()


async def test_two_runs_are_compared_case_by_case_and_only_if_they_can_be(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w")
    for run_id, digest_, right in (("old", "d", 0.0), ("new", "d", 1.0), ("other", "e", 1.0)):
        for number in range(20):
            case_id = f"c{number}"
            writer.append(
                samples.case_result(run_id, case_id, cluster=None), samples.score(run_id, case_id, value=right)
            )
        counted = {"counts": {"scored": 20}, "metrics": {"general.accuracy": right}}
        writer.append(samples.run(run_id, target=run_id, suite_digest=digest_, **counted))
    async with client(background) as http:
        await http.post("/api/ingest")
        query = {"candidate_run": "new", "baseline_run": "old"}
        rows = (await http.get("/api/comparisons", params=query)).json()["rows"]
        unlike = await http.get("/api/comparisons", params=query | {"baseline_run": "other"})
        absent = await http.get("/api/comparisons", params=query | {"baseline_run": "none"})
    ((answer, won),) = [(row["answer"], row["won"]) for row in rows if row["metric"].startswith("general")]
    assert (answer, won) == ("better", 20)
    assert (unlike.status_code, absent.status_code) == (400, 404)
    assert "can't be compared" in unlike.json()["error"]["message"]
    writer.close()


async def test_a_run_in_columns_comes_as_arrow_without_texts(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w")
    details = '{"compared": "Paris"}'
    writer.append(samples.case_result(), samples.score(details=details), samples.run())
    writer.close()
    async with client(background) as http:
        await http.post("/api/ingest")
        answers = [await http.get(f"/api/runs/run-1/{path}") for path in ("columns", "details?scorer=general")]
        absent = [(await http.get(f"/api/runs/x/{path}")).status_code for path in ("columns", "details?scorer=a")]
    columns, table = (pyarrow.ipc.open_stream(answer.content).read_all() for answer in answers)
    assert {"asked", "output", "expected"}.isdisjoint(columns.column_names)
    assert columns["score:general.accuracy"].to_pylist() == [1.0]
    assert table.to_pylist() == [{"place": 0, "details": details}]
    assert absent == [404, 404]


async def test_services_say_what_a_release_manager_must_know(background: BackgroundWork) -> None:
    async with client(background) as http:
        services = (await http.get("/api/services")).json()
        experiments = (await http.get("/api/experiments")).json()["rows"]
    assert services["plan"]["refused"] is None
    assert services["plan"]["hash"]
    assert services["ingest"]["lag_bytes"] == 0
    assert [(experiment["name"], experiment["traffic"]["variants"]) for experiment in experiments] == [
        ("tuned-vs-base", [])
    ]


@for_each(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/requests?limit=0", 400),
        ("GET", "/api/requests?since_us=99999999999999999999", 400),
        ("GET", "/api/requests/none", 404),
        ("GET", "/api/experiments/none", 404),
        ("DELETE", "/api/keys/none", 400),
        ("PUT", "/api/keys", 405),
    ],
)
async def test_wrong_requests_get_errors_of_one_shape(
    background: BackgroundWork, method: str, path: str, status: int
) -> None:
    async with client(background) as http:
        answer: httpx.Response = await http.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type"}


async def test_a_key_with_an_unknown_right_is_refused_with_the_known_ones(background: BackgroundWork) -> None:
    async with client(background) as http:
        answer = await http.post("/api/keys", json={"name": "x", "rights": ["fly"]})
        endless = await http.post("/api/keys", json={"name": "x", "expires_us": 2**62})
    assert (answer.status_code, endless.status_code) == (400, 400)
    assert "complete" in answer.json()["error"]["message"]


async def test_services_say_what_could_not_be_recorded(background: BackgroundWork) -> None:
    writer = JournalWriter(background.database.layout.journal, writer="w")
    broken = samples.feedback(1, comment=object())
    writer.append(broken)
    async with client(background) as http:
        recording = (await http.get("/api/services")).json()["recording"]
    assert (recording["lost"], recording["sync_failures"]) == (1, 0)
    assert recording["last_us"] > 0
    writer.close()


def test_commands_of_this_machine_always_have_a_key(background: BackgroundWork) -> None:
    layout = background.database.layout
    assert layout.admin_key.stat().st_mode & 0o777 == 0o600
    (admin,) = [key for key in credentials.valid_keys(background.database) if key.rights == ("admin",)]
    assert admin.sha256 == token_digest(layout.admin_key.read_text().strip())


def test_the_internal_key_is_private_and_survives_a_restart(background: BackgroundWork) -> None:
    path = background.database.layout.internal_key
    before = path.read_text()
    (key,) = [key for key in credentials.valid_keys(background.database) if key.name == "internal"]
    assert key.rights == ("complete", "pin", "see_variant")
    assert path.stat().st_mode & 0o777 == 0o600
    again = BackgroundWork(
        background.database, background.publisher, background.addresses, clock_us=background.clock_us
    )
    again.start()
    again.stop()
    assert path.read_text() == before
    assert len(credentials.valid_keys(background.database)) == 2

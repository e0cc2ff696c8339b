"""Control judges, by a gate's text and the store alone: no route takes a decision, and a wrong split is INVALID."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from evaluators.loading.suite_reader import load
from evaluators.loading.suite_text import digest_of, suite_event, text_of
from evaluators.suite import Suite
from fairtrial.api.keys import CreateKey
from fairtrial.api.verdicts import JUDGING
from fairtrial.domain.verdicts import verdict_json
from fairtrial.store.access import credentials
from gateway.control.app import MAX_WAITING
from gateway.control.background.background_work import BackgroundWork
from gateway.control.background.experiment_monitor import ExperimentMonitor
from tests.fixtures.control.accounts import signed_in
from tests.fixtures.control.control_app import app_over, client, client_of
from tests.fixtures.control.judging import GATE, SUITE, asked, bring, bring_runs, judged
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples
from tests.fixtures.store.stored_verdict import VERDICT

EMPTY = "version: 1\ngate: release\nrequire: [live.guardrails hold]\n"


async def refused(background: BackgroundWork, body: dict[str, Any]) -> str:
    async with client(background) as http:
        answer = await http.post("/api/verdicts", json=body)
        verdicts = (await http.get("/api/verdicts")).json()["rows"]
    assert (answer.status_code, verdicts) == (400, []), answer.text
    return str(answer.json()["error"]["message"])


@pytest.mark.parametrize(("right", "decision"), [(80, "SHIP"), (20, "BLOCK"), (74, "HOLD")])
async def test_the_decision_is_what_the_stored_runs_give(
    background: BackgroundWork, suite: Suite, right: int, decision: str
) -> None:
    bring_runs(background, suite, right)
    verdict = await judged(background, asked(suite))
    assert verdict["decision"] == decision
    assert verdict["runs"] == [f"run-tuned-{right}", "run-base-80"]
    async with client(background) as http:
        assert (await http.get(f"/api/verdicts/{verdict['verdict_id']}")).json() == verdict
        (event,) = [row for row in (await http.get("/api/events")).json()["rows"] if row["action"] == "verdict.save"]
    details = json.loads(event["details"])
    assert {name: details.pop(name) for name in ("candidate", "decision", "official")} == {
        "candidate": "tuned",
        "decision": decision,
        "official": False,
    }
    assert details.keys() == {"chain", "stored"} and details["stored"]["row"] == verdict["verdict_id"]


async def test_a_verdict_says_by_what_it_was_given_and_who_asked(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80)
    made = credentials.create_key(background.database, CreateKey(name="ci", rights=("admin",)), now_us=samples.NOW)
    by_key = await judged(background, asked(suite), authorization=f"Bearer {made.secret}")
    by_person = await judged(background, asked(suite), **signed_in(background, "release-manager", "Rita"))
    provenance = by_key["provenance"]
    assert provenance["gate_text"] == GATE
    assert provenance["gate_sha256"] == hashlib.sha256(GATE.encode()).hexdigest()
    text_digest = digest_of(text_of(suite))
    assert provenance["suites"] == [{"suite": "small", "digest": suite.digest, "text_digest": text_digest}]
    assert provenance["program"] == version("fairtrial")
    assert (provenance["asked_by"], by_person["provenance"]["asked_by"]) == ("key ci", "account Rita")
    async with client(background) as http:
        http.headers["authorization"] = f"Bearer {made.secret}"
        around = (await http.get(f"/api/verdicts/{by_key['verdict_id']}/around")).json()
        report = (await http.get(f"/api/verdicts/{by_key['verdict_id']}/reports/json")).json()
    assert around["saved"]["actor"] == "key ci"
    assert json.loads(report["text"])["provenance"] == provenance


async def test_a_digest_without_a_run_is_a_hold(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80)
    for reference in (
        {"suite": "small", "digest": "0" * 32},
        {"suite": "small", "digest": suite.digest, "text_digest": "0" * 64},
        {"suite": "other", "digest": suite.digest, "listed": "small"},
    ):
        verdict = await judged(background, asked() | {"suites": [reference]})
        assert (verdict["decision"], verdict["runs"]) == ("HOLD", [])
        (finding,) = [row for row in verdict["findings"] if row["decisive"]]
        assert finding["result"] == "cannot tell" and finding["needed"].startswith("fairtrial eval ")


async def test_a_digest_without_a_run_is_a_hold_beside_lines_that_hold(
    background: BackgroundWork, suite: Suite
) -> None:
    bring_runs(background, suite, 80)
    gate = "version: 1\ngate: release\nsuites: [small, large]\nrequire:\n  - small.exact >= 10%\n  - large.bleu >= 10\n"
    body = asked(suite, gate=gate)
    body["suites"].append({"suite": "large", "digest": "1" * 32})
    verdict = await judged(background, body)
    assert verdict["decision"] == "HOLD"
    assert {finding["rule"]: finding["result"] for finding in verdict["findings"] if finding["decisive"]} == {
        "suite large": "cannot tell",
        "large.bleu >= 10": "cannot tell",
        "exact not worse than base by 10pp": "pass",
        "small.exact >= 10%": "pass",
    }


async def test_a_suite_that_no_line_reads_and_nobody_ran_is_a_hold(
    background: BackgroundWork, suite: Suite, tmp_path: Path
) -> None:
    (tmp_path / "quiet.yaml").write_text("suite: quiet\ndata: rows.jsonl\nscore: [exact]\n")
    quiet = load(tmp_path / "quiet.yaml")[0]
    bring_runs(background, suite, 80)
    bring(background, suite_event(quiet, samples.NOW))
    gate = GATE.replace("[small]", "[small, quiet]")
    verdict = await judged(background, asked(suite, quiet, gate=gate))
    assert verdict["decision"] == "HOLD"
    assert verdict["findings"][0]["says"] == "the present version of suite quiet has not been run on tuned"


async def test_runs_of_an_earlier_version_have_no_text_and_are_a_hold(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80, text=False)
    verdict = await judged(background, asked(suite))
    assert verdict["decision"] == "HOLD"
    assert "stored without its text by an earlier version" in verdict["findings"][0]["says"]
    bring(background, suite_event(suite, samples.NOW))
    assert (await judged(background, asked(suite)))["decision"] == "SHIP"


async def test_the_gate_lines_are_those_of_the_text_that_is_named_or_the_last_one(
    background: BackgroundWork, suite: Suite, tmp_path: Path
) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE.replace("by 10pp", "by 90pp"))
    loose = load(tmp_path / "suite.yaml")[0]
    assert loose.digest == suite.digest
    bring_runs(background, loose, 20)
    assert (await judged(background, asked(suite)))["decision"] == "SHIP"
    bring(background, suite_event(suite, samples.NOW + 10))
    assert (await judged(background, asked(suite)))["decision"] == "BLOCK"
    named = {"suite": "small", "digest": suite.digest, "text_digest": digest_of(text_of(loose))}
    verdict = await judged(background, asked() | {"suites": [named]})
    assert verdict["decision"] == "SHIP"
    assert verdict["provenance"]["suites"] == [named]


async def test_the_stored_digests_are_listed_with_their_texts(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80)
    bring(background, suite_event(suite, samples.NOW + 5))
    async with client(background) as http:
        (row,) = (await http.get("/api/suites", params={"suite": "small"})).json()["rows"]
        assert (await http.get("/api/suites", params={"suite": "large"})).json()["rows"] == []
        text = await http.get(f"/api/suites/{row['suite_digest']}/texts/{row['text_digest']}")
        absent = await http.get(f"/api/suites/{row['suite_digest']}/texts/0")
    assert (row["suite_digest"], row["text_digest"], row["stored"]) == (suite.digest, digest_of(text.text), 2)
    assert text.text == text_of(suite)
    assert absent.status_code == 404


@dataclass
class Opened:
    """Every path that this process opens while it is watched."""

    paths: list[str]
    watched: bool = False


OPENED = Opened([])


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if (
        OPENED.watched
        and event in ("open", "os.listdir", "os.scandir")
        and isinstance(arguments[0], str | bytes | Path)
    ):
        OPENED.paths.append(str(arguments[0]))


@pytest.fixture(scope="module")
def hook() -> None:
    sys.addaudithook(_note)  # it can't be taken away again: it looks at nothing unless it is told to


@pytest.fixture
def opened(hook: None) -> Iterator[list[str]]:
    OPENED.paths.clear()
    OPENED.watched = True
    yield OPENED.paths
    OPENED.watched = False


async def test_no_path_that_the_body_names_is_opened(
    background: BackgroundWork, suite: Suite, opened: list[str], tmp_path: Path
) -> None:
    bring_runs(background, suite, 80)
    opened.clear()
    gate = f"version: 1\ngate: release\nsuites: [{tmp_path}/suite.yaml, ../../trap.yaml]\n"
    first = {"suite": "small", "digest": suite.digest, "listed": f"{tmp_path}/suite.yaml"}
    first |= {"file": f"{tmp_path}/suite.yaml"}
    second = {"suite": "trap", "digest": "7", "listed": "../../trap.yaml", "file": "/dev/zero; rm -rf ~"}
    verdict = await judged(background, asked(gate=gate) | {"suites": [first, second]})
    assert verdict["decision"] == "HOLD"
    assert verdict["findings"][0]["needed"] == "fairtrial eval '/dev/zero; rm -rf ~' --on base,tuned"
    named = [path for path in opened if any(word in path for word in ("suite.yaml", "trap", "zero", "rows.jsonl"))]
    assert named == []


@pytest.fixture
def with_runs(background: BackgroundWork, suite: Suite) -> BackgroundWork:
    bring_runs(background, suite, 80)
    return background


@for_each(
    ("change", "message"),
    [
        ({"gate": GATE + "require:\n  - exact > 90%\n"}, "gate:5: require[0]: 'exact > 90%'"),
        ({"gate": GATE + "decision: SHIP\n"}, "gate:4: decision: unknown field"),
        (
            {"gate": "version: 1\ngate: g\nsuites: [small, large]\n"},
            "gate:3: suites[1]: no digest of the suite 'large'",
        ),
        ({"gate": "version: 1\ngate: g\nrequire: [live.primary holds]\n"}, "the gate does not list it"),
        ({"gate": ""}, "gate:1: the file is empty"),
        ({"gate": "[" * 30_000}, "nested too deeply"),
        ({"gate": "&a [*a]"}, "contains itself"),
        ({"gate": "x" * 40_000}, "at most 32768"),
        ({"gate": GATE + "require:\n" + "  - exact >= 1%\n" * 600}, "at most 200"),
        ({"gate": "version: 1\ngate: g\nsuites: []\n", "suites": []}, "the gate has no rule"),
        ({"gate": GATE + "require:\n  - exact not worse than bse by 3pp\n"}, "did you mean 'base'?"),
        ({"candidate": "tunde"}, "did you mean 'tuned'?"),
        ({"candidate": "base"}, "are the same target"),
        ({"candidate": "tu\x1b[2Jned"}, "candidate"),
        ({"suites": [{"suite": "small", "digest": digest} for digest in "ab"]}, "two digests"),
        ({"suites": [{"suite": f"s{n}", "digest": "a"} for n in range(51)]}, "at most 50"),
        ({"decision": "SHIP"}, "decision"),
        ({"findings": []}, "findings"),
        ({"asked_by": "Rita"}, "asked_by"),
    ],
)
async def test_a_wrong_question_is_refused_with_the_place_of_the_mistake(
    with_runs: BackgroundWork, suite: Suite, change: dict[str, Any], message: str
) -> None:
    assert message in await refused(with_runs, asked(suite) | change)


async def test_a_gate_with_very_many_mistakes_reports_the_first_ones(background: BackgroundWork) -> None:
    gate = "version: 1\ngate: g\n" + "".join(f"k{number}: 1\n" for number in range(500))
    error = await refused(background, asked(gate=gate))
    assert error.count("unknown field") == 20


def with_key(background: BackgroundWork, app: FastAPI) -> httpx.AsyncClient:
    """A client with the key of this machine, which no route that signs out takes away."""
    http = client_of(app)
    http.headers["authorization"] = f"Bearer {background.database.layout.admin_key.read_text().strip()}"
    return http


def forged(suite: Suite) -> Iterator[bytes]:
    """A SHIP that nobody judged, in every shape that a route might take it in."""
    verdict = json.loads(verdict_json.encode(VERDICT)) | {"decision": "SHIP", "headline": "SHIP forged", "findings": []}
    names = {"name": "forged", "suite": "small", "candidate": "tuned", "baseline": "base"}
    for body in (
        verdict,
        {"verdict": verdict},
        {"rows": [verdict]},
        [verdict],
        asked(suite) | verdict,
        asked(suite) | {"decision": "SHIP"},
        asked(suite) | {"verdict": verdict},
        asked(suite, gate=GATE + "decision: SHIP\n"),
        names | {"decision": "SHIP"},
        names | {"verdict": verdict},
    ):
        yield json.dumps(body).encode()


async def test_no_route_stores_a_decision_that_a_caller_sends(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 20)
    app = app_over(background, loopback=True)
    routes = [
        (method, context.path)
        for context in iter_route_contexts(app.routes)
        for method in context.original_route.methods
    ]
    writing = [(method, path) for method, path in routes if method not in ("GET", "HEAD")]
    assert ("POST", "/api/verdicts") in writing and len(writing) > 10
    bodies = list(forged(suite))
    async with with_key(background, app) as http:
        assert (await http.get("/api/verdicts")).status_code == 200
        for method, path in writing:
            filled = path.replace("{", "").replace("}", "")
            for body in bodies:
                await http.request(method, filled, content=body, headers={"content-type": "application/json"})
            form = {"content-type": "application/x-www-form-urlencoded"}
            await http.request(method, filled, content=bodies[0], headers=form)
        for method in ("PUT", "PATCH", "DELETE"):
            for path in ("/api/verdicts", "/api/verdicts/v-1", "/api/gates"):
                answer = await http.request(method, path, content=bodies[0])
                assert answer.status_code in (404, 405)
        verdicts = (await http.get("/api/verdicts")).json()["rows"]
    assert verdicts == []
    assert background.database.rows("SELECT count(*) FROM events WHERE action = 'verdict.save'") == [(0,)]


async def test_few_wait_to_be_judged_and_the_rest_of_control_goes_on(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 80)
    app = app_over(background, loopback=True)
    limiter, somebody = app.state.turns.setdefault(JUDGING, CapacityLimiter(1)), object()
    async with with_key(background, app) as http:
        assert (await http.get("/api/verdicts")).status_code == 200
        limiter.acquire_on_behalf_of_nowait(somebody)
        waiting = [asyncio.create_task(http.post("/api/verdicts", json=asked(suite))) for _ in range(MAX_WAITING)]
        while limiter.statistics().tasks_waiting < MAX_WAITING:
            assert not any(task.done() for task in waiting)
            await asyncio.sleep(0.01)
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/api/verdicts")).json()["rows"] == []
        excess = await http.post("/api/verdicts", json=asked(suite))
        limiter.release_on_behalf_of(somebody)
        done = await asyncio.gather(*waiting)
    assert excess.status_code == 503
    assert {task.status_code for task in done} == {201}


def bring_split(background: BackgroundWork, arms: Sequence[str], *, first: int = 0) -> None:
    published = background.publisher.published
    assert published is not None
    hash_ = published.plan.experiments["tuned-vs-base"].analysis_hash
    background.monitor.step()
    common = {"analysis_hash": hash_, "at_us": background.clock_us()}
    exposures = [samples.exposed(number, assigned=arm, served=arm, **common) for number, arm in enumerate(arms, first)]
    bring(background, *exposures)
    ExperimentMonitor(background.database, background.publisher, lambda: background.clock_us() + 1_000_000).step()


VARIANT = "tuned-vs-base/tuned"
"""It has a prompt, so that the experiment does not test the bare deployment."""


async def test_a_split_that_is_not_as_planned_makes_the_verdict_of_its_arms_invalid(
    background: BackgroundWork, suite: Suite
) -> None:
    bring_runs(background, suite, 80)
    bring_split(background, ["tuned"] * 300 + ["base"] * 100)
    verdict = await judged(background, asked(suite, candidate=VARIANT))
    assert verdict["decision"] == "INVALID"
    first = verdict["findings"][0]
    assert (first["result"], first["source"], first["decisive"]) == ("invalid", "experiment tuned-vs-base", True)
    assert first["says"].startswith(
        "experiment tuned-vs-base: the units do not arrive by the planned split, first seen "
    )
    assert "a new salt" in first["needed"]
    assert verdict["headline"].startswith(f"INVALID {VARIANT}: the evidence is unsound: experiment tuned-vs-base: ")


async def test_a_mismatch_makes_invalid_whatever_the_gates_lines_are(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 20)
    bring_split(background, ["tuned"] * 300 + ["base"] * 100)
    for gate, suites in ((GATE, [suite]), (EMPTY, [])):
        assert (await judged(background, asked(*suites, gate=gate, candidate=VARIANT)))["decision"] == "INVALID"


async def test_a_split_as_planned_and_one_of_another_definition_change_nothing(
    background: BackgroundWork, suite: Suite
) -> None:
    bring_runs(background, suite, 80)
    bring_split(background, ["tuned", "base"] * 200)
    assert (await judged(background, asked(suite)))["decision"] == "SHIP"
    bring_split(background, ["tuned"] * 400, first=400)
    bare = await judged(background, asked(suite))
    assert bare["decision"] == "SHIP" and "tests another definition of tuned" in bare["headline"]
    assert (await judged(background, asked(suite, candidate=VARIANT)))["decision"] == "INVALID"


async def test_the_alarm_of_a_split_is_in_the_list_of_experiments(background: BackgroundWork) -> None:
    bring_split(background, ["tuned"] * 300 + ["base"] * 300)
    async with client(background) as http:
        (row,) = (await http.get("/api/experiments")).json()["rows"]
        experiment = (await http.get("/api/experiments/tuned-vs-base")).json()
    assert row["srm"] == experiment["srm"]
    assert row["srm"]["invalid"] and [arm["units"] for arm in row["srm"]["arms"]] == [300, 300]

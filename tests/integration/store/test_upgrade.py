"""A project of an earlier release goes on: its store, its journal, its plan, its workers, its verdicts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import read
from fairtrial.config.project import load_project
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.verdicts import verdict_json
from fairtrial.experiments.steady_time import Reading
from fairtrial.journal.segment import names
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client import local_client
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.releases.plan_of_a_newer_program import rewrite_plan
from tests.fixtures.releases.unpacked import MODELS_PORT, expected, of_release, recorded, running, unpack
from tests.fixtures.services import command
from tests.fixtures.store import client_reads, samples
from tests.fixtures.waiting import PATIENCE, until

COUNT = "SELECT count(*), count(DISTINCT request_id) FROM requests"
INGEST_OF_RELEASE = """
import sys
from pathlib import Path
from fairtrial.config.layout import Layout
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingester
database = Database.open(Layout(Path(sys.argv[1])))
print(Ingester(database, lambda: 1).catch_up())
database.close()
"""
VERDICT_FIELDS = ("decision", "candidate", "baseline", "gate")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return unpack(tmp_path)


def fairtrial(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.in_process(*words, cwd=config.parent)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def ask(config: Path, user: str, model: str = "support-bot") -> httpx.Response:
    at = load_project(config, {}).gateway.address
    body = {"model": model, "user": user, "messages": [{"role": "user", "content": "hi"}]}
    return httpx.post(f"http://{at.host}:{at.port}/v1/chat/completions", json=body, timeout=PATIENCE)


def served(config: Path, users: list[str]) -> list[str]:
    """The reason and the variant, if there is one, of an answer to each user."""
    heads = [ask(config, user).headers for user in users]
    return [f"{head['x-fairtrial-reason']} {head.get('x-fairtrial-variant', '')}".rstrip() for head in heads]


def rows(config: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(config.parent / "fairtrial.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_each_recorded_request_is_in_the_store_once(config: Path) -> None:
    recorded_ids = recorded(config)
    assert len(recorded_ids) > 400
    assert fairtrial(config, "store", "info").returncode == 0, "opens the store and brings the journal in"
    ids = {str(row) for (row,) in rows(config, "SELECT request_id FROM requests")}
    assert ids == recorded_ids
    assert rows(config, COUNT) == [(len(recorded_ids), len(recorded_ids))]
    assert rows(config, "SELECT why FROM rejects") == [("torn: its writer died",)]


@pytest.mark.release("upgrades")
def test_the_release_leaves_requests_of_today_to_a_newer_program(config: Path) -> None:
    layout = Layout(config.parent / "fairtrial.duckdb")
    writer = JournalWriter(layout.journal, writer="w")
    writer.append(samples.exposed(1, request_body="{}"))
    writer.close()
    (path,) = (path for path in names(layout.journal) if path.name.endswith("-w.jsonl"))
    before = path.read_bytes()
    program = [sys.executable, "-c", INGEST_OF_RELEASE, str(layout.store)]
    done = subprocess.run(program, cwd=config.parent, env=of_release(), capture_output=True, text=True, check=True)
    assert "journal version 2 is newer than this program" in done.stdout
    assert path.read_bytes() == before
    assert fairtrial(config, "store", "info").returncode == 0
    assert rows(config, "SELECT exposed_unit FROM requests WHERE request_id = 'r-1'") == [("u-1",)]
    assert rows(config, "SELECT count(*) FROM exposures") == [(0,)]


def test_the_verdicts_that_were_given_are_unchanged(config: Path) -> None:
    with open_store(Layout(config.parent / "fairtrial.duckdb")) as owner:
        verdicts = client_reads.list_verdicts(owner)
    stored = {verdict.verdict_id: json.loads(verdict_json.encode(verdict)) for verdict in verdicts}
    given = expected()["pages"]["verdicts"]
    assert len(stored) == len(given) == 4
    for verdict in given:
        assert {field: stored[verdict["verdict_id"]][field] for field in verdict} == verdict


def decided(verdict: Any, gate: str) -> list[Any]:
    """The findings that decide, with the fields of the release; live rates go on with the traffic.

    The gate "strict" was judged before anybody had voted.
    """
    fields = expected()["verdicts"]["release"]["findings"][0]
    decisive = [finding for finding in verdict["findings"] if finding["decisive"]]
    old = [finding for finding in decisive if gate != "strict" or not finding["metric"].startswith("review.")]
    return [{field: finding[field] for field in fields} for finding in old]


def comparable(finding: Any) -> Any:
    """A finding without its sentence, and without the p and the rule of a comparison.

    The release printed the p of no difference beside every line; today's belongs to the line's own hypothesis (ADR 37).
    """
    plain = {field: value for field, value in finding.items() if field != "says"}
    if isinstance(plain["evidence"], dict):
        plain["evidence"] = {k: v for k, v in plain["evidence"].items() if k not in ("p", "p_method", "rule")}
    return plain


def figures(sentence: str) -> list[str]:
    """The numbers of a sentence in their order; its words may change from release to release.

    Left out are its p, Gwet's AC, and the pairs of other queues that are not judged. These now include those with one
    vote of two.
    """
    without_p = re.sub(r"; [^;()]*: p (< )?[\d.]+(?=\))", "", sentence)
    others = r"; \d+ pairs? (wait in other queues|in other queues not judged yet)"
    coefficient = r"; AC[12] [\d.]+(?=\))| \(AC[12] [\d.]+\)"
    return re.findall(r"[−+]?\d+(?:\.\d+)?", re.sub(f"{others}|{coefficient}", "", without_p))


@pytest.mark.parametrize("name", ["release", "strict", "reviewed after votes"])
def test_a_gate_says_the_same_of_the_runs_of_the_release(
    config: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runs hold no text of their suite, so the command has to send it. A later gate would find them too old."""
    [(newest,)] = rows(config, "SELECT epoch_us(max(at_time)) FROM runs")
    monkeypatch.setattr(local_client, "read_clocks", lambda: Reading(newest + HOUR_US, newest + HOUR_US, 0))
    file = tmp_path / "again.json"
    gate = f"{name.split()[0]}.gate.yaml"
    done = fairtrial(config, "gate", gate, "--candidate", "tuned", "--baseline", "base", "--json", str(file))
    before, again = expected()["verdicts"][name], json.loads(file.read_text())
    assert done.returncode == before["exit_code"], done.stderr
    assert [again[field] for field in VERDICT_FIELDS] == [before[field] for field in VERDICT_FIELDS]
    decisive_now, was = decided(again, name), decided(before, name)
    assert was and [comparable(finding) for finding in decisive_now] == [comparable(finding) for finding in was]
    for finding, old in zip(decisive_now, was, strict=True):
        assert figures(finding["says"])[: len(figures(old["says"]))] == figures(old["says"]), "later figures come last"


def test_a_backup_of_the_release_is_restored(config: Path) -> None:
    done = fairtrial(config, "store", "restore", "backup", "--force")
    assert done.returncode == 0, done.stderr
    assert fairtrial(config, "store", "info").returncode == 0
    ids = {str(row) for (row,) in rows(config, "SELECT request_id FROM requests")}
    assert ids == recorded(config), "what came after the backup is brought in from the journal"


@pytest.mark.release("upgrades")
def test_the_plan_of_the_release_is_published_unchanged(config: Path) -> None:
    layout = Layout(config.parent / "fairtrial.duckdb")
    before = layout.plan.read_bytes()
    plan_hash = read(layout.plan).plan.plan_hash
    project = load_project(config, {})
    assert project.plan.plan_hash == plan_hash
    with running(config.parent, "control"):
        until(lambda: answers(f"http://{project.control.host}:{project.control.port}/readyz"))
    assert read(layout.plan).plan.plan_hash == plan_hash
    assert len(layout.plan.read_bytes()) >= len(before)


@pytest.mark.release("upgrades")
def test_control_is_upgraded_first_and_workers_of_the_release_go_on(config: Path) -> None:
    project = load_project(config, {})
    ready = f"http://{project.gateway.bind}/readyz"
    before = len(recorded(config))
    with running(config.parent, "models", "serve", "--sample", "--port", str(MODELS_PORT)):
        with running(config.parent, "gateway", env=of_release()):
            until(lambda: answers(ready))
            with running(config.parent, "control"):
                assert {ask(config, f"u{number}").status_code for number in range(10)} == {200}
                assert ask(config, "u", "second-name").status_code == 404
                text = config.read_text()
                config.write_text(text.replace("routes:\n", "routes:\n  second-name: {deployment: base}\n"))
                until(lambda: ask(config, "u", "second-name").status_code == 200)
            assert {ask(config, f"u{number}").status_code for number in range(10)} == {200}, "control is down"
        with running(config.parent, "gateway"):
            until(lambda: answers(ready))
            assert {ask(config, f"u{number}").status_code for number in range(10)} == {200}
    assert fairtrial(config, "store", "info").returncode == 0
    total = len(recorded(config))
    assert total >= before + 31
    assert rows(config, COUNT) == [(total, total)]


@pytest.mark.release("upgrades")
def test_workers_of_the_release_keep_their_plan_during_a_promotion_and_follow_the_roll_back(config: Path) -> None:
    project = load_project(config, {})
    ready = f"http://{project.gateway.bind}/readyz"
    users = [f"user-{number}" for number in range(40)]
    override = ("--override", "--why", "a test of the upgrade")

    def answered() -> set[str]:
        return {ask(config, user).json()["model"] for user in users}

    with (
        running(config.parent, "models", "serve", "--sample", "--port", str(MODELS_PORT)),
        running(config.parent, "gateway", env=of_release()),
        running(config.parent, "control"),
    ):
        until(lambda: answers(ready))
        assert answered() == {"sample-base", "sample-tuned"}
        done = fairtrial(config, "experiment", "promote", "tuned-vs-base", *override)
        assert done.returncode == 0, done.stderr
        assert answered() == {"sample-base", "sample-tuned"}, "the field is unknown to them, so the plan is refused"
        done = fairtrial(config, "experiment", "rollback", "tuned-vs-base", "--why", "the workers are old")
        assert done.returncode == 0, done.stderr
        until(lambda: answered() == {"sample-base"})


@pytest.mark.release("upgrades")
def test_a_newer_control_process_stops_an_experiment_in_todays_workers(config: Path) -> None:
    project = load_project(config, {})
    ready = f"http://{project.gateway.bind}/readyz"
    with (
        running(config.parent, "models", "serve", "--sample", "--port", str(MODELS_PORT)),
        running(config.parent, "gateway"),
    ):
        until(lambda: answers(ready))
        users = [f"user-{number}" for number in range(40)]
        before = served(config, users)
        assert set(before) - {"not_enrolled"} == {"assigned base", "assigned tuned"}

        def kill(content: dict[str, Any]) -> None:
            content["plan"]["experiments"]["tuned-vs-base"] |= {"state": "killed", "killed_by": "requests.error_rate"}
            content["plan"]["breakers"] = {"after": 5}

        rewrite_plan(project.layout.plan, kill)
        after = [reason if reason == "not_enrolled" else "kill base" for reason in before]
        until(lambda: served(config, users) == after)

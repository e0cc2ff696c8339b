"""`fairtrial gate` asks the store's owner to judge: what the verdict keeps, changed gate lines, and a wrong split."""

from __future__ import annotations

import getpass
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.project import load_project
from fairtrial.journal.segment import names, read_header
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.credentials import give_page_a_session, session
from tests.fixtures.dashboard.markup import drawn_rows, drawn_tables
from tests.fixtures.services.gate_project import GATE, PROJECT, SUITE, gate, record
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store import client_reads, samples
from tests.fixtures.store.maintenance_fixture import end, start_control
from tests.fixtures.waiting import PATIENCE, until

EXPERIMENT = """\
metrics:
  resolved: {{from: feedback, key: resolved, kind: boolean}}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants: {{base: {{deployment: base}}, tuned: {{deployment: tuned}}}}
    split: {{base: 50, tuned: 50}}
    primary: {{metric: feedback.resolved, require: superior, mde: 3pp}}
gateway: {{bind: "127.0.0.1:{gateway}"}}
control: {{bind: "127.0.0.1:{control}"}}
dashboard: {{bind: "127.0.0.1:{dashboard}"}}
"""
PAGE = """
import streamlit
from dashboard.client import SESSION_COOKIE, from_environment
from dashboard.views.{page} import view
view.draw(from_environment(streamlit.context.cookies.get(SESSION_COOKIE)))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an experiment, whose two deployments have a run each by which the candidate may ship."""
    rows = [{"id": f"c{i}", "input": str(i), "expected": "x", "kind": "ab"[i % 2]} for i in range(200)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ports = dict(zip(("gateway", "control", "dashboard"), free_ports(3), strict=True))
    text = PROJECT.replace("bot: {deployment: base}", "bot: {experiment: tuned-vs-base, fallback: base}")
    (tmp_path / "fairtrial.yaml").write_text(text + EXPERIMENT.format(**ports))
    (tmp_path / "suite.yaml").write_text(SUITE)
    (tmp_path / "gate.yaml").write_text(GATE)
    record(tmp_path, "base", 150)
    record(tmp_path, "tuned", 150)
    return tmp_path


@pytest.fixture
def control(project: Path) -> Iterator[str]:
    """Control of this project, which owns the store."""
    process = start_control(project, "store.duckdb")
    note = read_note(Layout(project / "store.duckdb"))
    assert note is not None and note.control_url is not None
    yield note.control_url
    end(process)


def skew(project: Path, control: str) -> None:
    """400 users of whom three quarters come into the candidate's arm, where half was planned, until control sees it."""
    until(lambda: ask(project, control, "/api/analysis-plans")["rows"])
    experiment = load_project(project / "fairtrial.yaml", {}).plan.experiments["tuned-vs-base"]
    writer = JournalWriter(Layout(project / "store.duckdb").make().journal, writer="w")
    at_us = time.time_ns() // 1000
    for number in range(400):
        arm = "base" if number % 4 == 0 else "tuned"
        common = {"at_us": at_us, "unit": f"u-{number}", "route": "bot", "analysis_hash": experiment.analysis_hash}
        writer.append(samples.exposed(number, assigned=arm, served=arm, **common))
    writer.close()
    until(lambda: "experiment.srm" in [one["kind"] for one in ask(project, control, "/api/alarms")["rows"]])


def ask(project: Path, control: str, path: str) -> dict[str, Any]:
    key = Layout(project / "store.duckdb").admin_key.read_text().strip()
    found: dict[str, Any] = httpx.get(f"{control}{path}", headers={"authorization": f"Bearer {key}"}).json()
    return found


def verdict_of(project: Path, code: int, *more: str) -> dict[str, object]:
    done = gate(project, "--json", "g.json", *more)
    assert done.returncode == code, done.stderr
    found: dict[str, object] = json.loads((project / "g.json").read_text())
    return found


def test_a_verdict_of_a_store_that_nobody_owns_names_the_local_user(project: Path) -> None:
    text = (project / "gate.yaml").read_bytes()
    found = verdict_of(project, 0)["provenance"]
    assert isinstance(found, dict)
    assert (found["gate_text"].encode(), found["gate_sha256"]) == (text, hashlib.sha256(text).hexdigest())
    assert found["asked_by"] == f"local user {getpass.getuser()}"
    assert [one["suite"] for one in found["suites"]] == ["small"]
    with open_store(Layout(project / "store.duckdb")) as owner:
        (stored,) = client_reads.list_verdicts(owner)
    assert stored.provenance is not None and stored.provenance.gate_sha256 == found["gate_sha256"]


def test_control_judges_while_it_owns_the_store_and_names_the_local_user(project: Path, control: str) -> None:
    verdict = verdict_of(project, 0)
    key = Layout(project / "store.duckdb").admin_key.read_text().strip()
    stored = httpx.get(f"{control}/api/verdicts/{verdict['verdict_id']}", headers={"authorization": f"Bearer {key}"})
    assert stored.json()["provenance"] == verdict["provenance"]
    assert stored.json()["provenance"]["asked_by"] == f"local user {getpass.getuser()}"
    (project / "gate.yaml").write_text(GATE + "require:\n  - exact > 90%\n")
    wrong = gate(project)
    assert (wrong.returncode, "gate.yaml:5: require[0]" in wrong.stderr) == (2, True)
    (project / "gate.yaml").write_text(GATE.replace("[small]", "[suite.yaml]"))
    assert verdict_of(project, 0)["decision"] == "SHIP", "a suite may be listed by its path"


def test_gate_lines_that_were_changed_count_without_another_run(project: Path) -> None:
    assert verdict_of(project, 0)["decision"] == "SHIP"
    (project / "suite.yaml").write_text(SUITE + "  - exact >= 99%\n")
    verdict = verdict_of(project, 1)
    rules = [one["rule"] for one in verdict["findings"] if one["decisive"]]  # type: ignore[attr-defined]
    assert rules == ["exact not worse than base by 10pp", "exact >= 99%"]
    (project / "suite.yaml").write_text(SUITE)
    assert verdict_of(project, 0)["decision"] == "SHIP"
    segments = names(Layout(project / "store.duckdb").journal / "done")
    versions = [read_header(path.read_bytes().splitlines()[0], name=path.name).v for path in segments]
    assert sorted(versions) == [1, 1, 2, 2], "two runs, and two texts: the third gate wrote none"


def test_rows_that_were_changed_make_another_suite_which_nobody_ran(project: Path) -> None:
    with (project / "rows.jsonl").open("a") as file:
        file.write('{"id": "new", "input": "1", "expected": "x", "kind": "a"}\n')
    assert verdict_of(project, 3)["decision"] == "HOLD"


def test_a_wrong_split_is_invalid_and_an_alarm_on_the_first_page(
    project: Path, control: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skew(project, control)
    done = gate(project, "--json", "g.json", "--markdown", "g.md", "--junit", "g.xml")
    assert done.returncode == 4, done.stderr
    said = " ".join(done.stdout.split())
    mismatch = "experiment tuned-vs-base: the units do not arrive by the planned split"
    assert said.startswith(f"Unofficial INVALID tuned: the evidence is unsound: {mismatch}")
    for name in ("g.json", "g.md", "g.xml"):
        assert "do not arrive by the planned split" in (project / name).read_text()
    assert ask(project, control, "/api/experiments")["rows"][0]["srm"]["invalid"]
    monkeypatch.setenv("FAIRTRIAL_CONTROL_URL", control)
    give_page_a_session(monkeypatch, session(Layout(project / "store.duckdb"), control))
    first, *_ = drawn_tables(shown("overview"))
    assert [row["name"] for row in first[:2]] == ["Needs you (2)", "tuned-vs-base"]
    assert (first[1]["state"], first[1]["effect"]) == ("Invalid", "the arms can't be compared")
    assert first[1]["next"].startswith("Find out why units are lost or counted twice.")
    verdict = shown("gate", verdict=json.loads((project / "g.json").read_text())["verdict_id"])
    said = [one.value for one in (*verdict.caption, *verdict.code)]
    assert GATE in [one + "\n" for one in said] or GATE in said
    assert any(cell.startswith("local user ") for row in drawn_rows(verdict) for cell in row)


def shown(page: str, **query: str) -> AppTest:
    """A page of the dashboard, drawn."""
    found = AppTest.from_string(PAGE.format(page=page), default_timeout=PATIENCE)
    for name, value in query.items():
        found.query_params[name] = value
    found.run()
    assert not found.exception
    return found


@pytest.mark.release("stories")
def test_a_wrong_split_that_control_has_seen_is_invalid_without_it_too(project: Path) -> None:
    process = start_control(project, "store.duckdb")
    try:
        note = read_note(Layout(project / "store.duckdb"))
        assert note is not None and note.control_url is not None
        skew(project, note.control_url)
    finally:
        end(process)
    verdict = verdict_of(project, 4)
    findings = verdict["findings"]
    assert isinstance(findings, list)
    assert [one["result"] for one in findings if one["decisive"]] == ["invalid", "pass"]

"""A unit is erased from everything that lies on the disk, while traffic runs, and from nothing else."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.experiments.unit import pseudonym
from fairtrial.journal.segment import files
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial_cli.processes.services import Services
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.paths import ROOT
from tests.fixtures.services import fork_server
from tests.fixtures.services.command import fairtrial, fairtrial_on_a_full_disk, in_process
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads, samples
from tests.fixtures.store.maintenance_fixture import end, fairtrial_json, files_with, project, start_control
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

CHAOS = (sys.executable, "-m", "tests.fixtures.store.chaos_maintenance")
SECRET = "the violet heron of Ostrava"
OTHER = "a plain question about parcels"


def ask(client: httpx.Client, user: str, text: str) -> httpx.Response:
    body = {"model": "support-bot", "messages": [{"role": "user", "content": text}], "user": user}
    return client.post("chat/completions", json=body)


def caller(api: str) -> httpx.Client:
    return httpx.Client(base_url=api, timeout=PATIENCE, verify=False)


class Traffic:
    """Other users, one after another; every answer that came counts. The pauses leave time to the commands."""

    def __init__(self, api: str) -> None:
        self.answered = 0
        self.failed = 0
        self._api = api
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        with caller(self._api) as client:
            for number in itertools.count():
                if self._ending.wait(0.01):
                    return
                good = ask(client, f"user-{number % 50}", OTHER).status_code == 200
                self.answered += good
                self.failed += not good


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with FakeUpstream() as upstream:
        upstream.script = {"kind": "json", "answer": {"id": "same-for-all"}}
        path = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"))
        path.write_text(path.read_text() + "capture: {bodies: full, retain_days: 30}\n")
        with ForkedServices(path, workers=2, dashboard=False) as running:
            yield running


def feedback(api: str, **words: Any) -> None:
    answer = httpx.post(f"{api}/feedback", json=words)
    assert answer.status_code in (200, 201, 202), answer.text


@pytest.mark.release("kills")
def test_a_unit_is_erased_from_every_file_under_traffic_and_nothing_else_is_touched(
    services: Services, tmp_path: Path
) -> None:
    api, layout, here = services.urls.api, services.project.layout, tmp_path
    with caller(api) as client:
        for number in range(5):
            answer = ask(client, "customer-4711", f"{SECRET} {number}")
            feedback(api, request_id=answer.headers["x-request-id"], key="resolved", value=True, comment=SECRET)
            name = answer.headers["x-request-id"]
    feedback(api, unit="customer-4711", key="mood", value=SECRET)
    feedback(api, unit="user-1", key="mood", value="fine", comment=OTHER)
    with Traffic(api) as traffic:
        while traffic.answered < 50:
            time.sleep(0.01)
        fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
        before = fairtrial_json("store", "info", cwd=here)
        done = fairtrial_json("store", "erase-unit", "customer-4711", cwd=here)
        again = fairtrial_json("store", "erase-unit", "customer-4711", cwd=here)
        seen = traffic.answered
        while traffic.answered < seen + 25:
            time.sleep(0.01)
    assert traffic.failed == 0
    assert done["counts"]["requests"] == done["counts"]["payloads"] == 5
    assert done["counts"]["feedback"] == 6
    assert done["counts"]["journal lines"] >= 11
    assert again["counts"] == {}
    assert [look["found"] for look in again["backups"]] == ["holds it"]
    after = fairtrial_json("store", "info", cwd=here)
    assert after["erasures"] == before["erasures"] + 2  # the second found the unit in a backup
    for text in (SECRET.encode(), b"customer-4711", name.encode()):
        assert files_with(text, layout.folder) == []
        assert all(text not in path.read_bytes() for path in here.glob("fairtrial.duckdb*") if path.is_file())
    rewritten = fairtrial_json("store", "erase-unit", "customer-4711", "--rewrite-backups", cwd=here)
    assert [look["found"] for look in rewritten["backups"]] == ["rewritten"]
    last = in_process("store", "erase-unit", "customer-4711", "--yes", cwd=here)
    assert (last.returncode, "nothing found" in last.stdout) == (0, True), last.stderr
    assert files_with(b"customer-4711", tmp_path / "b1") == []
    services.stop()
    check_rows(layout, answered=traffic.answered)
    there = project(tmp_path / "there")
    fairtrial_json("store", "restore", tmp_path / "b1", cwd=tmp_path / "there")
    check_rows(there, answered=None)


def check_rows(layout: Layout, *, answered: int | None) -> None:
    """Every acknowledged request once; the erased ones as numbers of one unit that nobody can name."""
    database = Database.open(layout)
    try:
        old = pseudonym(named_values.pepper(database), "customer-4711")
        assert database.rows("SELECT count(*) FROM requests WHERE ? IN (unit, exposed_unit)", [old]) == [(0,)]
        ((rows, different),) = database.rows("SELECT count(*), count(DISTINCT request_id) FROM requests")
        assert rows == different
        if answered is not None:
            assert rows == answered + 5
            assert database.rows("SELECT count(*) FROM payloads") == [(answered,)]
        sizes = database.rows(
            "SELECT exposed_unit, count(*) FROM requests WHERE request_id NOT IN (SELECT request_id FROM payloads)"
            " GROUP BY exposed_unit"
        )
        assert [size for _, size in sizes] == [5]
        mine = database.rows("SELECT boolean, comment FROM feedback f JOIN requests r USING (request_id)")
        assert mine == [(True, None)] * 5
        assert database.rows("SELECT category, comment FROM feedback WHERE key = 'mood' ORDER BY ALL") == [
            ("fine", OTHER),
            (None, None),
        ]
        assert database.rows("SELECT count(*) FROM attempts a JOIN requests r USING (request_id)") == [(rows,)]
    finally:
        database.close()


def filled(layout: Layout) -> tuple[str, int]:
    """A store with two units and a backup of it; the pseudonym of the one, and the requests of both."""
    database = Database.open(layout)
    name = pseudonym(named_values.pepper(database), "customer-4711")
    database.close()
    writer = JournalWriter(layout.journal, writer="w")
    for number in range(300):
        unit = name if number % 3 == 0 else f"u-{number}"
        body = json.dumps({"messages": SECRET if number % 3 == 0 else OTHER})
        when = {"at_us": time.time_ns() // 1000}
        writer.append(
            samples.request(number, unit=unit, request_body=body, response_id=f"a-{number}", **when),
            samples.exposure(number, unit=unit, **when),
            samples.attempt(number, error_message=body, **when),
        )
    writer.close()
    return name, 300


def chaos(layout: Layout, job: str, subject: str | Path, last: int) -> int:
    program = [*CHAOS, job, str(layout.store), str(subject), str(last)]
    return fork_server.run(program, cwd=ROOT, capture_output=True, timeout=PATIENCE).returncode


@pytest.mark.release("kills")
def test_an_erasure_that_is_killed_at_any_step_leaves_a_whole_store_and_is_finished_later(tmp_path: Path) -> None:
    layout = project(tmp_path / "here")
    name, requests = filled(layout)
    assert chaos(layout, "backup", tmp_path / "b1", -1) == 0
    kills = 0
    while chaos(layout, "erase", "customer-4711", kills) != 0:
        database = Database.open(layout)
        assert database.rows("SELECT count(*), count(DISTINCT request_id) FROM requests") == [(requests, requests)]
        assert database.rows("SELECT count(*) FROM payloads")[0][0] in (requests, requests - 100)
        database.close()
        assert [path.suffix for path in files(layout.journal / "done")] == [".zst"]
        kills += 1
    assert kills > 5
    for text in (SECRET.encode(), name.encode(), b"customer-4711"):
        assert files_with(text, layout.store.parent) == []
        assert files_with(text, tmp_path / "b1") == []
    database = Database.open(layout)
    assert database.rows("SELECT count(enrolled), count(DISTINCT exposed_unit) FROM requests") == [(300, 201)]
    assert database.rows("SELECT count(*) FROM erasures") == [(1,)]
    database.close()


@pytest.mark.release("kills")
def test_an_erasure_that_is_killed_at_any_moment_leaves_nothing_half_done(tmp_path: Path) -> None:
    layout = project(tmp_path)
    name, requests = filled(layout)
    fairtrial_json("store", "info", cwd=tmp_path)  # the journal is brought in: what is killed is the erasure
    draw = random.Random(7)
    for _ in range(8):
        program = [*CHAOS, "erase", str(layout.store), "customer-4711", str(10**9)]
        process = fork_server.Popen(program, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not layout.owner.exists() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.wait()
        layout.owner.unlink(missing_ok=True)
        database = Database.open(layout)
        assert database.rows("SELECT count(*), count(DISTINCT request_id) FROM requests") == [(requests, requests)]
        assert database.rows("SELECT count(*) FROM payloads")[0][0] in (requests, requests - 100)
        database.close()
    fairtrial_json("store", "erase-unit", "customer-4711", cwd=tmp_path)
    for text in (SECRET.encode(), name.encode(), b"customer-4711"):
        assert files_with(text, tmp_path) == []


@pytest.mark.release("stories")
def test_control_finishes_an_erasure_that_was_broken_off(tmp_path: Path) -> None:

    layout = project(tmp_path / "here")
    filled(layout)
    assert chaos(layout, "erase", "customer-4711", 1) != 0
    assert (layout.folder / "erasure.json").exists()
    assert fairtrial_json("store", "info", cwd=tmp_path / "here")["erasure_unfinished"] is True
    control = start_control(tmp_path / "here")
    until(lambda: not (layout.folder / "erasure.json").exists())
    end(control)
    assert files_with(SECRET.encode(), layout.store.parent) == []


@pytest.mark.release("kills")
def test_a_backup_that_is_killed_at_any_step_is_not_there_and_the_next_one_is_whole(tmp_path: Path) -> None:
    layout = project(tmp_path / "here")
    filled(layout)
    kills = 0
    while chaos(layout, "backup", tmp_path / f"b{kills}", kills) != 0:
        assert not (tmp_path / f"b{kills}").exists()
        kills += 1
    assert kills > 5
    assert list(tmp_path.glob(".backup-*")) == []
    elsewhere = project(tmp_path / "there")
    fairtrial_json("store", "restore", tmp_path / f"b{kills}", cwd=tmp_path / "there")
    database = Database.open(elsewhere)
    assert database.rows("SELECT count(*) FROM requests") == [(300,)]
    database.close()


@pytest.mark.release("kills")
def test_a_restored_backup_brings_nobody_back(tmp_path: Path) -> None:
    here = tmp_path / "here"
    layout = project(here)
    name, _ = filled(layout)
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    fairtrial_json("store", "backup", tmp_path / "b2", cwd=here)
    assert fairtrial_json("store", "erase-unit", "customer-4711", cwd=here)["counts"]["requests"] == 100
    assert fairtrial_json("store", "erase-unit", "r-1", "--kind", "request", cwd=here)["counts"]["requests"] == 1
    restored = fairtrial_json("store", "restore", tmp_path / "b1", "--force", cwd=here)
    assert (restored["rows"] > 300, restored["erased_again"]) == (True, 2)
    assert files_with(name.encode(), here) == files_with(SECRET.encode(), here) == []
    database = Database.open(layout)
    assert database.rows("SELECT count(*), count(*) FILTER (request_id = 'r-1') FROM requests") == [(300, 0)]
    database.close()
    again = fairtrial_json("store", "erase-unit", "customer-4711", "--rewrite-backups", cwd=here)
    assert [(look["path"], look["found"]) for look in again["backups"]] == [
        (str(tmp_path / "b2"), "rewritten"),  # made after the one that was restored, and remembered
        (str(tmp_path / "b1"), "rewritten"),
    ]
    assert files_with(SECRET.encode(), tmp_path) == []


@pytest.mark.release("kills")
def test_a_backup_that_is_restored_elsewhere_brings_nobody_back_either(tmp_path: Path) -> None:
    here = tmp_path / "here"
    filled(project(here))
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    fairtrial_json("store", "erase-unit", "customer-4711", cwd=here)
    fairtrial_json("store", "erase-unit", "r-1", "--kind", "request", cwd=here)
    elsewhere = fairtrial_json("store", "restore", tmp_path / "b1", "--to", tmp_path / "x.duckdb", cwd=here)
    assert elsewhere["erased_again"] == 2
    assert files_with(SECRET.encode(), tmp_path / "x.duckdb.d") == []
    assert SECRET.encode() not in (tmp_path / "x.duckdb").read_bytes()


@pytest.mark.release("kills")
def test_a_restored_backup_brings_nobody_back_whom_only_a_body_names(tmp_path: Path) -> None:
    layout = project(tmp_path / "here")
    database = Database.open(layout)
    named_values.pepper(database)
    database.close()
    writer = JournalWriter(layout.journal, writer="w")
    bodies = [{"user": " Zoë"}, {"user": "ann", "conversation": "c-7"}, {"user": "ann"}]
    now_us = time.time_ns() // 1000
    for number, body in enumerate(bodies):
        writer.append(samples.request(number, unit="by-header", request_body=json.dumps(body), at_us=now_us))
    writer.close()
    here = layout.store.parent
    fairtrial_json("store", "backup", tmp_path / "b1", cwd=here)
    for name, kind in (("Zoë", "user"), ("c-7", "conversation")):
        assert fairtrial_json("store", "erase-unit", name, "--kind", kind, cwd=here)["counts"]["payloads"] == 1
    assert fairtrial_json("store", "restore", tmp_path / "b1", "--force", cwd=here)["erased_again"] == 2
    database = Database.open(layout)
    assert database.rows("SELECT request_body FROM payloads") == [(json.dumps(bodies[2]),)]
    database.close()


@pytest.fixture
def control(tmp_path: Path) -> Iterator[str]:
    """The address of a control process without a gateway."""
    layout = project(tmp_path)
    process = start_control(tmp_path)
    note = read_note(layout)
    assert note is not None and note.control_url is not None
    yield note.control_url
    end(process)


def test_a_second_job_is_refused_while_one_runs_and_wrong_wishes_at_once(control: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "fairtrial.duckdb")
    writer = JournalWriter(layout.journal, writer="w")
    writer.append(*(samples.request(number, request_body=str(number) * 200) for number in range(5000)))
    writer.close()
    with open_store(layout) as owner:
        client_reads.ingest(owner)
    headers = {"authorization": f"Bearer {layout.admin_key.read_text().strip()}"}
    with httpx.Client(base_url=control, headers=headers, timeout=PATIENCE) as client:
        first = client.post("/api/store/backups", json={"dest": str(tmp_path / "b1")})
        second = client.post("/api/store/erasures", json={"unit": "somebody"})
        assert (first.status_code, second.status_code) == (202, 409), second.text
        assert "a backup is already running" in second.json()["error"]["message"]
        place = f"/api/store/jobs/{first.json()['job_id']}"
        while client.get(place).json()["state"] == "running":
            time.sleep(0.02)
        assert client.get(place).json()["result"]["rows"]["requests"] >= 5000
        assert client.get("/api/store/jobs/none").status_code == 404
        for path, wish in (
            ("backups", {"dest": "here"}),
            ("backups", {}),
            ("retention", {"days": 0}),
            ("erasures", {"unit": "u", "kind": "person"}),
        ):
            assert client.post(f"/api/store/{path}", json=wish).status_code == 400


def test_an_erasure_on_a_full_disk_changes_nothing_and_goes_on_later(tmp_path: Path) -> None:
    layout = project(tmp_path)
    name, requests = filled(layout)
    fairtrial_json("store", "info", cwd=tmp_path)
    limit = layout.store.stat().st_size // 2
    full = fairtrial_on_a_full_disk(limit, "store", "erase-unit", "customer-4711", "--yes", cwd=tmp_path)
    assert full.returncode == 2, full.stderr
    assert "the erasure is not finished; repeat it to continue" in full.stderr
    assert list((layout.folder / "copies").iterdir()) == []
    database = Database.open(layout)
    assert database.rows("SELECT count(*) FROM payloads") == [(requests,)]
    database.close()
    assert fairtrial_json("store", "erase-unit", "customer-4711", cwd=tmp_path)["counts"]["payloads"] == 100
    assert files_with(name.encode(), tmp_path) == []


@pytest.mark.parametrize("running", [True, False])
def test_a_unit_without_a_name_is_refused_in_the_same_words_with_and_without_control(
    tmp_path: Path, running: bool
) -> None:
    project(tmp_path)
    control = start_control(tmp_path) if running else None
    try:
        refused = in_process("store", "erase-unit", " ", "--yes", cwd=tmp_path)
        empty = in_process("store", "erase-unit", "", "--yes", cwd=tmp_path)
    finally:
        if control is not None:
            end(control)
    assert (refused.returncode, empty.returncode) == (2, 2)
    assert refused.stderr == empty.stderr
    assert empty.stderr.startswith("error: unit: needs a name of 1 to")


def test_a_unit_that_was_never_seen_is_no_error(tmp_path: Path) -> None:
    project(tmp_path)
    never = in_process("store", "erase-unit", "nobody", "--yes", cwd=tmp_path)
    assert (never.returncode, "nothing found" in never.stdout) == (0, True)
    unsure = fairtrial("store", "erase-unit", "nobody", cwd=tmp_path, input="n\n")
    assert unsure.returncode != 0


def test_old_texts_are_dropped_and_numbers_stay(tmp_path: Path) -> None:
    layout = project(tmp_path)
    now_us = time.time_ns() // 1000
    writer = JournalWriter(layout.journal, writer="w")
    for number, days in enumerate((1, 10, 40)):
        at_us = now_us - days * 86_400_000_000
        writer.append(
            samples.request(number, at_us=at_us, request_body="{}"),
            samples.feedback(number, at_us=at_us, comment="so so"),
            samples.case_result(case_id=f"c{number}", at_us=at_us, refusal=OTHER),
            samples.score(case_id=f"c{number}", at_us=at_us, details=json.dumps({"label": "a", "compared": OTHER})),
            samples.score(case_id=f"c{number}", at_us=at_us, metric="general.other", details=None),
        )
    writer.append(samples.run())
    writer.close()
    with open_store(layout) as owner:
        run = client_reads.load_run(owner, "run-1")
    planned = fairtrial_json("store", "retain", "--dry-run", cwd=tmp_path)
    assert planned["days"] == 30
    assert planned["dropped"] == {"payloads": 1, "feedback": 1, "results": 1, "scores": 1}
    assert fairtrial_json("store", "retain", "--days", "7", cwd=tmp_path)["dropped"]["payloads"] == 2
    assert fairtrial_json("store", "retain", "--days", "7", cwd=tmp_path)["dropped"] == {}
    with open_store(layout) as owner:
        after = client_reads.load_run(owner, "run-1")
    for old, new in zip(run.results, after.results, strict=True):
        assert {name: score.values for name, score in old.scores.items()} == {
            name: score.values for name, score in new.scores.items()
        }
        assert all(score.details["label"] == "a" for score in new.scores.values())
    assert [result.answer.refusal for result in after.results] == [OTHER, None, None]
    assert ["compared" in result.scores["general"].details for result in after.results] == [True, False, False]
    assert [result.answer.text for result in after.results] == ["Paris", None, None]
    database = Database.open(layout)
    assert database.rows("SELECT count(*) FROM requests") == [(3,)]
    assert database.rows("SELECT count(comment), count(boolean) FROM feedback") == [(1, 3)]
    assert database.rows("SELECT count(*) FROM events WHERE action = 'store.retain'") == [(1,)]
    database.close()

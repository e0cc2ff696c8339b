"""`fairtrial review` with and without a control process, and reviewers who ask it at the same time."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.project import load_project
from tests.fixtures.evaluators.review_answers import write_both
from tests.fixtures.services.command import in_process
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store.maintenance_fixture import start_control
from tests.fixtures.waiting import PATIENCE

PAIRS = 24
PASSWORD = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deployments = load_project(write_project(tmp_path), {}).plan.deployments
    digests = {name: one.digest for name, one in deployments.items()}
    write_both(Layout(tmp_path / "fairtrial.duckdb").make(), PAIRS, digests=digests)
    return tmp_path


@pytest.fixture
def control(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_control(folder)
    yield process
    process.terminate()
    process.wait(PATIENCE)


def enqueue(folder: Path, *more: str) -> dict:
    wish = ("tickets", "--candidate", "tuned", "--baseline", "base", "--size", str(PAIRS), "--json", *more)
    made = in_process("review", "enqueue", *wish, cwd=folder)
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


def reviewer(folder: Path, name: str) -> httpx.Client:
    """Somebody who was invited and has signed in."""
    made = in_process("accounts", "invite", "--name", name, "--role", "reviewer", cwd=folder)
    link = made.stdout.strip()
    json_by_cookie = {"content-type": "application/json"}
    http = httpx.Client(base_url=link.split("/invitation/")[0], headers=json_by_cookie, timeout=PATIENCE)
    form = {"content-type": "application/x-www-form-urlencoded"}
    accepted = http.post(link, data={"password": PASSWORD, "again": PASSWORD}, headers=form)
    assert accepted.status_code == 303, accepted.text
    return http


def review_all(reviewer: httpx.Client, queue: str, outcome: str) -> list[str]:
    """Judge until nothing is left; every draft and vote must be taken."""
    judged = []
    with closing(reviewer) as http:
        while (found := http.post(f"/api/reviews/queues/{queue}/next").json())["item"] is not None or found["waiting"]:
            if found["item"] is None:
                continue
            item = found["item"]["item_id"]
            said = {"outcome": outcome, "comment": "=HYPERLINK(1)", "ratings": {"left": {"tone": 4}}}
            http.put(f"/api/reviews/items/{item}/draft", json=said).raise_for_status()
            http.post(f"/api/reviews/items/{item}/submit", json=said).raise_for_status()
            judged.append(item)
    return judged


@pytest.mark.release("stories")
@pytest.mark.usefixtures("control")
def test_clients_that_ask_at_once_share_a_queue_and_its_votes_are_exported_when_it_is_closed(folder: Path) -> None:
    queue = enqueue(folder, "--overlap", "0.25")["queue_id"]
    people = [reviewer(folder, name) for name in ("Ann", "Ben", "Cem")]
    with ThreadPoolExecutor(3) as pool:
        judged = list(pool.map(lambda who: review_all(who, queue, "left"), people))
    assert all(len(mine) == len(set(mine)) for mine in judged)
    together = [item for mine in judged for item in mine]
    assert len(set(together)) == PAIRS
    assert len(together) == PAIRS + PAIRS // 4

    early = in_process("review", "export", queue, cwd=folder)
    assert early.returncode == 2 and "close it first" in early.stderr
    closed = in_process("review", "close", queue, cwd=folder)
    assert f"with {len(together)} votes" in closed.stdout
    votes = [json.loads(line) for line in in_process("review", "export", queue, cwd=folder).stdout.splitlines()]
    assert len(votes) == len(together)
    assert {vote["preference"] for vote in votes} == {"candidate", "baseline"}
    for vote in votes:
        assert vote["preference"] == vote["left_arm"] and vote["candidate_output"].startswith("crimson")
        assert vote["ratings"][vote["left_arm"]] == {"tone": 4}


@pytest.mark.release("stories")
def test_a_review_needs_no_running_service_and_each_format_is_safe_to_open(folder: Path) -> None:
    assert "no queues yet; create one" in in_process("review", "status", cwd=folder).stdout
    queue = enqueue(folder, "--title", "Which is kinder?", "--seed", "5")
    assert queue["sampling"]["of"] == PAIRS
    process = start_control(folder)
    try:
        layout = Layout(folder / "fairtrial.duckdb")
        url, key = str(read_note(layout).control_url), layout.admin_key.read_text().strip()
        by_key = {"authorization": f"Bearer {key}"}
        refused = httpx.post(f"{url}/api/reviews/queues/{queue['queue_id']}/next", headers=by_key)
        assert refused.status_code == 403 and "reviews need a signed-in person" in refused.text
        review_all(reviewer(folder, "Ann"), queue["queue_id"], "right")
    finally:
        process.terminate()
        process.wait(PATIENCE)
    shown = json.loads(in_process("review", "status", "--json", cwd=folder).stdout)
    assert [(row["title"], row["judged"], row["state"]) for row in shown] == [("Which is kinder?", PAIRS, "open")]
    assert shown[0]["waiting"] == queue["sampling"]["shared"] == PAIRS // 2
    table = in_process("review", "status", cwd=folder, env={"COLUMNS": "200"}).stdout
    assert f"{PAIRS} of {PAIRS}, {PAIRS // 2} wait for a second vote" in table, table
    assert in_process("review", "close", queue["queue_id"], cwd=folder).returncode == 0
    assert in_process("review", "close", queue["queue_id"], cwd=folder).returncode == 2

    out = folder / "votes.csv"
    told = in_process("review", "export", queue["queue_id"], "--format", "csv", "-o", str(out), cwd=folder)
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert f"{PAIRS} rows" in told.stderr and len(rows) == PAIRS
    assert {row["comment"] for row in rows} == {"'=HYPERLINK(1)"}
    pairs = in_process("review", "export", queue["queue_id"], "--format", "dpo", cwd=folder).stdout.splitlines()
    first = json.loads(pairs[0])
    assert len(pairs) == PAIRS
    assert set(first) == {"prompt", "chosen", "rejected", "provenance"}
    assert first["prompt"][-1]["role"] == "user" and first["chosen"][0]["role"] == "assistant"
    assert {first["provenance"]["chosen_by"], first["provenance"]["rejected_by"]} == {"tuned", "base"}


def test_equal_answers_are_counted_as_ties_and_a_queue_of_nothing_else_is_refused(folder: Path) -> None:
    deployments = load_project(folder / "fairtrial.yaml", {}).plan.deployments
    digests = {name: one.digest for name, one in deployments.items()}
    layout = Layout(folder / "fairtrial.duckdb")
    write_both(layout, PAIRS, suite="some", equal=5, digests=digests)
    write_both(layout, PAIRS, suite="all", equal=PAIRS, digests=digests)
    of = ("--candidate", "tuned", "--baseline", "base", "--size", str(PAIRS))
    made = in_process("review", "enqueue", "some", *of, cwd=folder)
    assert "24 of 24 pairs at random, 5 of them with equal answers counted as ties, 9 for two people" in made.stdout, (
        made.stderr
    )
    refused = in_process("review", "enqueue", "all", *of, cwd=folder)
    assert refused.returncode == 2 and "gave equal answers in all 24 pairs drawn from all" in refused.stderr
    (queue,) = json.loads(in_process("review", "status", "--json", cwd=folder).stdout)
    assert (queue["items"], queue["equal"]) == (PAIRS - 5, 5)
    closed = in_process("review", "close", queue["queue_id"], cwd=folder)
    assert "with 0 votes; 24 pairs, 5 of them with equal answers counted as ties" in closed.stdout
    rows = [
        json.loads(line) for line in in_process("review", "export", queue["queue_id"], cwd=folder).stdout.splitlines()
    ]
    assert [(row["preference"], row["reviewer"], row["equal_answers"]) for row in rows] == [("tie", None, True)] * 5


def test_what_can_not_be_filled_says_what_to_do(folder: Path) -> None:
    for arguments, words in (
        (("other", "--candidate", "tuned", "--baseline", "base"), "fairtrial eval SUITE.yaml --on tuned,base"),
        (("tickets", "--candidate", "tuned", "--baseline", "base", "--title", "tuned?"), "would reveal to reviewers"),
        (("no.yaml", "--candidate", "tuned", "--baseline", "base"), "no.yaml"),
    ):
        said = in_process("review", "enqueue", *arguments, cwd=folder)
        assert said.returncode == 2 and words in said.stderr, said.stderr
    assert in_process("review", "close", "nothing", cwd=folder).returncode == 2

"""People's word at the gate: it holds until they have judged, and then their votes decide; all of it in the store."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.review import Draft, arm_on_the_left
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import assignment, votes
from tests.fixtures.services.gate_project import PROJECT, fairtrial, gate, record, write_gate_project

NOW = time.time_ns() // 1000
LINES = "require: [review.preference not worse than base by 5pp, review.tone better than base]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_gate_project(tmp_path)


@pytest.fixture
def judged(project: Path) -> Path:
    """Runs that the suites' own lines let pass, a gate that asks for people's word, and a queue of 24 pairs."""
    with (project / "gate.yaml").open("a") as file:
        file.write(LINES)
    record(project, "base", 150)
    record(project, "tuned", 150)
    return project


def enqueue(project: Path) -> str:
    wish = ("small", "--candidate", "tuned", "--baseline", "base", "--size", "24", "--overlap", "0", "--json")
    made = fairtrial(project, "review", "enqueue", *wish)
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["queue_id"])


def vote(project: Path, queue: str, count: int, *, for_: str) -> None:
    """One person who always prefers one model, which the test can see and they can't."""
    database = Database.open(Layout(project / "store.duckdb").make())
    (secret,) = database.rows("SELECT secret FROM review_queues")[0]
    for _ in range(count):
        item = assignment.next_item(database, queue, "ann", now_us=NOW).item
        assert item is not None
        side = "left" if arm_on_the_left(secret, "ann", item.item_id) == for_ else "right"
        tones = {one: {"tone": 5 if one == side else 3} for one in ("left", "right")}
        votes.submit(database, item.item_id, Draft(side, tones), reviewer="ann", name="Ann", now_us=NOW)
    database.close()


@pytest.mark.release("stories")
@pytest.mark.parametrize(("preferred", "decision", "code"), [("candidate", "SHIP", 0), ("baseline", "BLOCK", 1)])
def test_the_gate_holds_until_people_have_judged_and_then_they_decide(judged, preferred, decision, code) -> None:
    before = gate(judged)
    assert before.returncode == 3 and "fairtrial review enqueue" in before.stdout, before.stderr
    queue = enqueue(judged)
    vote(judged, queue, 10, for_=preferred)
    meanwhile = gate(judged, "--json", "-")
    assert meanwhile.returncode == 3
    (waiting, _) = [one for one in json.loads(meanwhile.stdout)["findings"] if one["metric"].startswith("review.")]
    assert "10 of 24 pairs" in waiting["says"] and queue in waiting["needed"]
    vote(judged, queue, 14, for_=preferred)
    after = gate(judged)
    assert after.returncode == code and decision in after.stdout, after.stdout
    assert "one person judged" in after.stdout.replace("\n", " ")


@pytest.mark.release("stories")
def test_a_dimension_on_which_two_people_differ_at_random_does_not_pass(project: Path) -> None:
    with (project / "gate.yaml").open("a") as file:
        file.write("require: [review.tone >= 2.5]\n")
    record(project, "base", 150)
    record(project, "tuned", 150)
    wish = ("small", "--candidate", "tuned", "--baseline", "base", "--size", "40", "--overlap", "1", "--json")
    queue = str(json.loads(fairtrial(project, "review", "enqueue", *wish).stdout)["queue_id"])
    database, marks = Database.open(Layout(project / "store.duckdb").make()), random.Random(3)
    for person in ("ann", "bob"):
        for _ in range(40):
            item = assignment.next_item(database, queue, person, now_us=NOW).item
            assert item is not None
            tones = {side: {"tone": marks.randint(3, 5)} for side in ("left", "right")}
            votes.submit(database, item.item_id, Draft("tie", tones), reviewer=person, name=person.title(), now_us=NOW)
    database.close()
    told = gate(project, "--json", "-")
    assert told.returncode == 3, told.stdout
    (finding,) = [one for one in json.loads(told.stdout)["findings"] if one["metric"] == "review.tone"]
    assert "over 40 shared pairs" in finding["says"]
    assert "no line passes on ratings that agree so little" in finding["says"]
    assert "over a few pairs" in finding["needed"]


def test_a_review_that_is_closed_early_is_read_and_says_so(judged: Path) -> None:
    queue = enqueue(judged)
    vote(judged, queue, 12, for_="candidate")
    assert fairtrial(judged, "review", "close", queue).returncode == 0
    told = gate(judged, "--json", "-")
    assert told.returncode == 0
    assert "closed after 12 of 24 pairs" in told.stdout


def test_a_review_of_another_definition_is_invalid(judged: Path) -> None:
    vote(judged, enqueue(judged), 24, for_="candidate")
    (judged / "fairtrial.yaml").write_text(PROJECT.replace("openai/m2", "openai/m3"))
    record(judged, "base", 151)
    record(judged, "tuned", 151)
    told = gate(judged)
    assert told.returncode == 4 and "has changed since people judged" in told.stdout.replace("\n", " "), told.stdout


def test_without_a_line_the_votes_are_shown_and_do_not_decide(project: Path) -> None:
    record(project, "base", 150)
    record(project, "tuned", 150)
    vote(project, enqueue(project), 24, for_="baseline")
    told = gate(project, "--json", "-")
    assert told.returncode == 0
    shown = [one for one in json.loads(told.stdout)["findings"] if not one["decisive"]]
    assert [one["metric"] for one in shown if one["metric"].startswith("review.")] == [
        "review.preference",
        "review.tone",
    ]


@pytest.mark.release("stories")
def test_few_reviewers_decide_the_official_gate_only_among_themselves(judged: Path) -> None:
    with (judged / "fairtrial.yaml").open("a") as file:
        file.write("releases: {gate: gate.yaml}\n")
    vote(judged, enqueue(judged), 24, for_="candidate")
    held = json.loads(gate(judged, "--json", "-").stdout)
    lines = [one for one in held["findings"] if one["metric"].startswith("review.")]
    assert (held["decision"], held["official"]) == ("HOLD", True)
    assert [one["result"] for one in lines] == ["cannot tell", "cannot tell"]
    assert all("'among these reviewers' in the line" in one["needed"] for one in lines)
    text = (judged / "gate.yaml").read_text()
    among = LINES.replace("5pp", "5pp among these reviewers").replace("than base]", "than base among these reviewers]")
    (judged / "gate.yaml").write_text(text.replace(LINES, among))
    told = json.loads(gate(judged, "--json", "-").stdout)
    assert (told["decision"], told["official"]) == ("SHIP", True), told["headline"]
    for verdict in (held, told):
        again = fairtrial(judged, "verdict", "recompute", verdict["verdict_id"])
        assert again.returncode == 0, again.stdout

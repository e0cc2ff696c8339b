"""`fairtrial migrate --from-traffic` on requests that the real gateway recorded: labels, JSON, prose, and garbage."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.config.project import load_project
from fairtrial.domain.review import Draft, arm_on_the_left
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import assignment, votes
from fairtrial_cli.main import fairtrial
from fairtrial_cli.processes.private_gateway import project_gateway
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing, last
from tests.fixtures.upstream.server import Script

pytestmark = pytest.mark.release("walks")

COUNT = 60
GARBAGE = "purple monkey dishwasher"
INTENTS = ("refund", "delivery", "account", "other")
Answer = Callable[[int], str]


def label(number: int) -> str:
    return INTENTS[number % len(INTENTS)]


def ticket(number: int) -> str:
    reply = f"Dear customer, we have looked at your ticket {number} and will come back to you."
    return json.dumps({"intent": label(number), "urgent": number % 3 == 0, "reply": reply})


def letter(number: int) -> str:
    return f"Thank you for message {number}. We are sorry for the trouble, and a colleague will write to you today."


class Recorded:
    """A project whose gateway has recorded what `base` answered; `tuned` answers the same, and `junk` garbage."""

    def __init__(self, folder: Path, upstream: ScriptedUpstream) -> None:
        server = upstream.url.removesuffix("/v1")
        self.path = write_project(folder, upstream=server, workers=1)
        text = self.path.read_text().replace("routes:\n", "routes:\n  direct: {deployment: base}\n", 1)
        junk = f'deployments:\n  junk: {{model: openai/junk, base_url: "{server}/v1"}}\n'
        self.path.write_text(text.replace("deployments:\n", junk, 1))
        self.project = load_project(self.path, {})
        with project_gateway(self.project) as url:
            for number in range(COUNT):
                asked = {"model": "direct", "messages": [{"role": "user", "content": f"ticket {number}"}]}
                assert httpx.post(f"{url}/chat/completions", json=asked).status_code == 200

    @property
    def suite(self) -> Suite:
        return load(self.project.layout.traffic_suites / "traffic-base.yaml")[0]

    @property
    def moved(self) -> bool:
        return self.path.with_name("fairtrial.migrate-base.yaml").exists()

    def migrate(self, new: str, *options: str) -> Result:
        arguments = ["migrate", "base", new, "--from-traffic", str(COUNT), "--config", str(self.path), *options]
        return run(arguments)

    def report(self, new: str) -> tuple[int, dict[str, Any]]:
        done = self.migrate(new, "--json")
        return done.exit_code, json.loads(done.stdout)


def run(arguments: list[str]) -> Result:
    done = CliRunner().invoke(fairtrial, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), (done.output, done.exception)
    return done


@contextmanager
def recorded(folder: Path, answer: Answer, reworded: Answer | None = None) -> Iterator[Recorded]:
    answers = {"base": answer, "tuned": reworded or answer, "junk": lambda _: GARBAGE}

    def reply(body: dict[str, Any], _: int) -> str | Script:
        asked = last(body) if "messages" in body else None
        return failing(404) if asked is None else answers[body["model"]](int(asked.removeprefix("ticket ")))

    with ScriptedUpstream(reply) as upstream:
        yield Recorded(folder, upstream)


def vote(project: Recorded, *people: str) -> None:
    """Everybody prefers the candidate in all pairs."""
    database = Database.open(project.project.layout)
    [(queue_id, secret)] = database.rows("SELECT queue_id, secret FROM review_queues")
    now_us = time.time_ns() // 1000
    for person in people:
        while (item := assignment.next_item(database, queue_id, person, now_us=now_us).item) is not None:
            side = "left" if arm_on_the_left(secret, person, item.item_id) == "candidate" else "right"
            votes.submit(database, item.item_id, Draft(side, {}), reviewer=person, name=person, now_us=now_us)
    database.close()


AUTOMATIC = {
    "labels": (label, "agreement >= 90% sure", "label"),
    "JSON with a free text": (ticket, "agreement >= 90% sure", "fields"),
}


@pytest.mark.parametrize("form", AUTOMATIC)
def test_agreement_with_recorded_labels_and_json_ships_an_equal_model_and_blocks_garbage(
    tmp_path: Path, form: str
) -> None:
    answer, line, kind = AUTOMATIC[form]
    with recorded(tmp_path, answer) as project:
        code, garbage = project.report("junk")
        assert (code, garbage["successors"][0]["decision"], project.moved) == (3, "BLOCK", False), garbage
        equal = project.migrate("tuned")
        suite = project.suite
    assert (suite.gate[0], len(suite.cases)) == (line, COUNT)
    assert [entry.kind for entry in suite.entries.values()] == [kind]
    assert (equal.exit_code, project.moved) == (0, True), equal.output


def test_prose_waits_for_reviewed_pairs_and_gets_no_experiment_before(tmp_path: Path) -> None:
    with recorded(tmp_path, letter, lambda number: f"Hello! {letter(number)}") as project:
        garbage = project.migrate("junk")
        assert garbage.exit_code == 3 and "HOLD junk" in garbage.output, garbage.output
        assert "no line measures what was answered yet" in garbage.output and not project.moved, garbage.output
        done = project.migrate("tuned")
        [enqueue] = [line for line in done.output.splitlines() if line.startswith("To have people compare")]
        queued = run(shlex.split(enqueue.partition(": fairtrial ")[2]))
        assert queued.exit_code == 0, queued.output
        code, waiting = project.report("tuned")
        assert (code, waiting["successors"][0]["decision"], waiting["experiment"]) == (3, "HOLD", None)
        assert "wait for reviewers on the page Review" in waiting["reviews"][0], waiting["reviews"]
        vote(project, "ann", "bob")
        decided = run(shlex.split(waiting["command"])[1:])
    assert (decided.exit_code, project.moved) == (0, True), decided.output
    assert project.suite.gate[0] == REVIEW_LINE

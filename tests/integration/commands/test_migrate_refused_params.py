"""A successor that refuses a suite's parameters is explained in its provider's words, and `params` mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fairtrial_cli.main import fairtrial
from tests.fixtures.services.project_files import write_project
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last
from tests.fixtures.upstream.server import Script

CASES = 60
LABELS = ("refund", "delivery", "account")
NO_LIMIT = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
NO_ZERO = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
SUITE = """\
suite: tickets
data: tickets.jsonl
params: {temperature: 0, max_tokens: 9}
score: [{label: {name: kind, of: [refund, delivery, account]}}]
gate: ["kind not worse than base by 5pp", "errors <= 1%"]
"""


def reply(body: dict[str, Any], _: int) -> str | Script:
    if "messages" not in body:
        return {"kind": "json", "status": 404}
    wrong = NO_LIMIT if "max_tokens" in body else NO_ZERO if "temperature" in body else None
    if body["model"] == "tuned" and wrong is not None:
        error = {"message": wrong, "type": "invalid_request_error", "param": None, "code": "unsupported_parameter"}
        return {"kind": "json", "status": 400, "whole": {"error": error}}
    return LABELS[int(last(body)) % len(LABELS)]


def write_suite(folder: Path) -> Path:
    rows = [{"id": f"c-{n}", "input": str(n), "expected": LABELS[n % len(LABELS)]} for n in range(CASES)]
    (folder / "tickets.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "tickets.yaml").write_text(SUITE)
    return folder / "tickets.yaml"


def migrate(project: Path, suite: Path, *options: str) -> Result:
    arguments = ["migrate", "base", "tuned", "--suite", str(suite), "--config", str(project), *options]
    done = CliRunner().invoke(fairtrial, arguments)
    assert done.exit_code in (0, 3, 4), (done.output, done.exception)
    return done


def add(project: Path, params: str) -> None:
    """Write the printed line into the section of the deployment."""
    place, _, value = params.partition(": ")
    assert place == "deployments.tuned.params"
    model = "tuned: {model: openai/tuned"
    text = project.read_text()
    before, _, after = text.partition(model)
    rest = after.partition("}, base_url")[2] if after.startswith(", params") else after.removeprefix(", base_url")
    project.write_text(f"{before}{model}, params: {value}, base_url{rest}")


@pytest.mark.release("walks")
def test_the_printed_lines_make_the_successor_answer(tmp_path: Path) -> None:
    with ScriptedUpstream(reply) as upstream:
        project = write_project(tmp_path, upstream=upstream.url.removesuffix("/v1"), workers=1)
        suite = write_suite(tmp_path)
        done = migrate(project, suite)
        first = "deployments.tuned.params: {max_tokens: null, max_completion_tokens: 9}"
        assert f"tickets: tuned answers HTTP 400: {NO_LIMIT}" in done.output, done.output
        assert first in done.output
        words = " ".join(done.output.split())
        assert "base itself" in words and "kind not worse than base by 5pp tickets 100.0 %" in words, words
        add(project, first)
        [successor] = json.loads(migrate(project, suite, "--json").stdout)["successors"]
        [refusal] = successor["refusals"]
        assert refusal["error"] == f"HTTP 400: {NO_ZERO}"
        assert refusal["params"] == first.replace("}", ", temperature: null}")
        add(project, refusal["params"])
        done = migrate(project, suite, "--json")
        [successor] = json.loads(done.stdout)["successors"]
        assert (done.exit_code, successor["decision"], successor["refusals"]) == (0, "SHIP", []), successor["findings"]
        assert [finding["old"] for finding in successor["findings"]] == ["100.0 %", "0.0 %"]
    sent = [body for body in upstream.asked if body.get("model") == "tuned"][-1]
    assert (sent.get("max_completion_tokens"), sent.keys() & {"temperature", "max_tokens"}) == (9, set())

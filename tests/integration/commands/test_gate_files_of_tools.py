"""Files that four tools wrote give the numbers of the same gate line in a project that asked the same models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.evaluators.result_files import FILES, RESULTS, WRONG, tool_answer
from tests.fixtures.gateway import scripted_answers
from tests.fixtures.services import command
from tests.fixtures.upstream.server import FakeUpstream

pytestmark = pytest.mark.release("walks")

PROJECT = """version: 1
deployments:
  old: {{model: openai/old, base_url: "{url}", retry: {{attempts: 1}}}}
  new: {{model: openai/new, base_url: "{url}", parent: old, retry: {{attempts: 1}}}}
routes:
  bot: {{deployment: old}}
"""
SUITE = "suite: sums\ndata: rows.jsonl\nprompt: $input\nscore: [exact]\ngate: ['exact not worse than base by 5pp']\n"
GATE = "version: 1\ngate: release\nsuites: [sums]\n"


def answer(body: dict[str, Any], *, fails: bool) -> dict[str, Any]:
    """What the models answered when the tools asked them."""
    at = int(re.findall(r"What is (\d+) \+ 1", json.dumps(body))[0])
    text = tool_answer(body["model"], at, fails=fails)
    if text is None:
        return {"kind": "json", "status": 500, "whole": {"error": {"message": "no"}}}
    return scripted_answers.answer(text)


@pytest.fixture(name="inside", scope="module")
def inside_fixture(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, tuple[int, Any]]:
    """By whether the new model fails once: the exit code and the verdict of the gate in a project."""
    verdicts = {}
    for fails in (False, True):
        folder = tmp_path_factory.mktemp("project")
        rows = [{"id": f"{at}", "input": f"What is {at} + 1?", "expected": str(at + 1)} for at in range(1, 25)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with FakeUpstream() as upstream:
            upstream.script = lambda body, fails=fails: answer(body, fails=fails)  # type: ignore[misc]
            texts = {"fairtrial.yaml": PROJECT.format(url=upstream.url), "suite.yaml": SUITE, "gate.yaml": GATE}
            for name, text in texts.items():
                (folder / name).write_text(text)
            judged = ("gate", "gate.yaml", "--candidate", "new", "--baseline", "old", "--run", "--json", "-")
            done = command.fairtrial(*judged, cwd=folder)
            assert done.stdout, done.stderr
            verdicts[fails] = done.returncode, json.loads(done.stdout)
    return verdicts


def evidence(verdict: dict[str, Any]) -> list[Any]:
    """The result and the comparison of each line that decides."""
    decisive = [finding for finding in verdict["findings"] if finding["decisive"]]
    found = [finding for finding in decisive if (finding["evidence"] or {}).get("metric")]
    return [(finding["result"], finding["evidence"] | {"metric": ""}) for finding in found]


@pytest.mark.parametrize("name", FILES)
def test_counts_and_intervals_are_those_of_a_project(
    inside: dict[bool, tuple[int, Any]], name: str, tmp_path: Path
) -> None:
    _, measure, fails = FILES[name]
    code, verdict = inside[fails]
    files = (str(RESULTS / name.format(model)) for model in WRONG)
    done = command.in_process("gate", *files, "--measure", measure, "--json", "-", cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (code, [])
    outside = json.loads(done.stdout)
    assert outside["decision"] == verdict["decision"]
    assert evidence(outside)[-1] == evidence(verdict)[-1]

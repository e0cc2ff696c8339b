"""A migration between real models: once while the old model answers, and once when it dies in the middle."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.paths import ROOT
from tests.fixtures.services.served_models import COMMAND, end, models
from tests.fixtures.waiting import until

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models"), pytest.mark.timeout(1800)]

SUITE = """\
suite: tickets
data: test.jsonl
sample: {n: 6, seed: 7}
params: {temperature: 0, max_tokens: 60}
score:
  - json_schema: {name: schema, schema: {type: object, required: [intent, product, urgency, order_id]}}
  - fields: {name: ticket, of: [intent, product]}
gate:
  - schema.valid >= 95%
  - ticket.intent >= 50%
  - ticket.intent better than base
"""
PROJECT = """\
# A fine-tune that ends, and two deployments that may follow it.
version: 1
deployments:
  base: {model: openai/smollm2, base_url: "NEW"}
  support-v2: {model: openai/support-v2, base_url: "NEW", parent: base}
  support-v1:   # the old one
    {model: openai/support-v1, base_url: "OLD", parent: base, shutdown_date: 2099-01-14}
routes:
  support-bot: {deployment: support-v1, fallback: base}
"""


@contextmanager
def migrating(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "migrate", "support-v1", "support-v2", "base", "--suite", "suite.yaml", "--json", *options]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        yield running


def report_of(running: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = running.communicate()
    assert running.returncode in (0, 3), err
    found: dict[str, Any] = json.loads(out)
    return found


def answers(folder: Path) -> int:
    """How many lines the caches of answers have."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("answers-*.jsonl"))


def test_a_fine_tune_finds_its_successor_while_it_answers_and_after_it_has_died(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "test.jsonl").write_bytes((ROOT / "suites/support/test.jsonl").read_bytes())
    project = tmp_path / "fairtrial.yaml"
    with models() as (new_url, _), models() as (old_url, old):
        text = PROJECT.replace("NEW", new_url).replace("OLD", old_url)
        project.write_text(text, encoding="utf-8")
        with migrating(tmp_path) as running:
            alive = report_of(running)
        before = answers(tmp_path)
        with migrating(tmp_path, "--fresh") as running:
            until(lambda: answers(tmp_path) > before + 4, "answers of three models")
            end(old)
            gone = report_of(running)

    [kept], [stored] = alive["baselines"], gone["baselines"]
    assert (kept["stored"], kept["why"]) == (False, "")
    assert (stored["stored"], stored["run_id"]) == (True, kept["run_id"])
    assert "of its answers failed" in stored["why"]
    for report in (alive, gone):
        assert "support-v1 ends on 2099-01-14" in report["countdown"]
        decisions = {one["target"]: one["decision"] for one in report["successors"]}
        assert decisions["support-v2"] in ("SHIP", "HOLD") and decisions["base"] == "BLOCK"
        assert report["error_rate"] == 0.025
    assert [one["decision"] for one in alive["successors"]] == [one["decision"] for one in gone["successors"]]
    written = Path(alive["experiment"]["file"])
    assert "# the old one" in written.read_text(encoding="utf-8")
    assert project.read_text(encoding="utf-8") == text
    done = subprocess.run([*COMMAND, "check", str(written)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "migrate-support-bot" in done.stdout

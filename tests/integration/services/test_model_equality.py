"""A fine-tune that its server never applied is found on every surface, with real models behind the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairtrial.api import alarms
from fairtrial_cli.options import project_of
from fairtrial_cli.store_client.client import open_store
from gateway.models.catalogue import base_file
from tests.fixtures.services.command import fairtrial
from tests.fixtures.services.served_models import engine, models

pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.models, pytest.mark.release("models"), pytest.mark.timeout(1800)]

PROJECT = """\
version: 1
deployments:
  base: {{model: openai/smollm2, base_url: "{url}"}}
  tuned: {{model: openai/support-v2@0, base_url: "{url}", parent: base}}
  quarter: {{model: openai/support-v2@0.25, base_url: "{url}", parent: base}}
routes:
  bot: {{experiment: tuned-vs-base, fallback: base}}
  quarters: {{experiment: quarter-vs-base, fallback: base}}
experiments:
  tuned-vs-base: {tuned}
  quarter-vs-base: {quarter}
"""
EXPERIMENT = (
    "{{question: Is it better?, unit: user, control: base, variants: {{base: {{deployment: base}}, {0}: "
    "{{deployment: {0}}}}}, split: {{base: 50, {0}: 50}}, enroll: {{stages: [100]{1}}}, "
    "guardrails: [{{metric: requests.error_rate, margin: 1pp}}]}}"
)
SUITE = """\
suite: sums
data: sums.jsonl
params: {temperature: 0, max_tokens: 3}
score: [{contains: {name: sum}}]
gate: ["errors <= 100%"]
"""
SAME = "tuned answers as base: is the adapter loaded?"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("unapplied")
    (folder / "suites").mkdir()
    rows = [{"id": str(n), "input": f"What is {n} plus 1? Digits only.", "expected": str(n + 1)} for n in range(6)]
    (folder / "suites" / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suites" / "sums.yaml").write_text(SUITE)
    gate = "version: 1\ngate: sums\nsuites: [suites/sums.yaml]\nform_only: a test\n"
    (folder / "gate.yaml").write_text(gate)
    (folder / "allowed.yaml").write_text(f"{gate}may_equal_base: yes\n")
    with models() as (url, _):
        manual = ", start: manual"
        variants = {"tuned": EXPERIMENT.format("tuned", ""), "quarter": EXPERIMENT.format("quarter", manual)}
        (folder / "fairtrial.yaml").write_text(PROJECT.format(url=url, **variants))
        yield folder


def test_an_adapter_that_was_never_applied_is_found_on_every_surface(project: Path) -> None:
    checked = fairtrial("check", "--ask", "--json", cwd=project, timeout=900)
    assert checked.returncode == 3, checked.stderr
    found = {row["deployment"]: row for row in json.loads(checked.stdout)["files"][0]["models"]}
    assert {name: row["answer"] for name, row in found.items()} == {"tuned": "same", "quarter": "different"}
    assert all(row["tokens"] > 0 and row["failed"] == 0 for row in found.values())

    asked = fairtrial("eval", "suites/sums.yaml", "--on", "base,tuned,quarter", cwd=project)
    assert asked.returncode == 0, asked.stderr
    assert SAME in " ".join(asked.stderr.split())
    assert "Asking" not in asked.stderr  # the definitions are those of the check
    texts = {"matrix": asked.stdout}

    files = ("--json", "v.json", "--markdown", "v.md", "--junit", "v.xml")
    gate = fairtrial("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", *files, cwd=project)
    verdict = json.loads((project / "v.json").read_text())
    assert (gate.returncode, verdict["decision"]) == (3, "HOLD")
    assert fairtrial("report", verdict["verdict_id"], "--html", "v.html", cwd=project).returncode == 0
    assert fairtrial("verdict", "recompute", verdict["verdict_id"], cwd=project).returncode == 0
    texts |= {"gate": gate.stdout} | {name: (project / name).read_text() for name in ("v.md", "v.xml", "v.html")}
    allowed = fairtrial("gate", "allowed.yaml", "--candidate", "tuned", "--baseline", "base", cwd=project)
    assert allowed.returncode == 0, allowed.stdout

    assert fairtrial("experiment", "pause", "tuned-vs-base", "--why", "a test", cwd=project).returncode == 0
    for action in ("resume", "promote"):
        refused = fairtrial("experiment", action, "tuned-vs-base", "--why", "a test", cwd=project)
        assert refused.returncode != 0
        texts[action] = refused.stderr
    assert fairtrial("experiment", "start", "quarter-vs-base", "--why", "a test", cwd=project).returncode == 0
    opened = project_of(project / "fairtrial.yaml")
    with open_store(opened.layout, opened.path) as store:
        listed = store.call(alarms.listing, alarms.ListAlarms())
    texts["alarm"] = " ".join(row.text for row in listed if row.kind == "model.same_as_base")
    assert {name for name, text in texts.items() if SAME not in " ".join(text.split())} == set()


def test_a_server_that_was_started_without_its_adapter_is_named(tmp_path: Path) -> None:
    with engine(base_file()) as url:
        parent = f'base: {{model: openai/base, base_url: "{url}"}}'
        tuned = f'tuned: {{model: openai/tuned, base_url: "{url}", parent: base}}'
        routes = "routes: {bot: {deployment: tuned}}"
        (tmp_path / "fairtrial.yaml").write_text(f"version: 1\ndeployments:\n  {parent}\n  {tuned}\n{routes}\n")
        checked = fairtrial("check", "--ask", cwd=tmp_path, timeout=900)
    assert checked.returncode == 3, checked.stderr
    said = " ".join(checked.stdout.split())
    assert SAME in said
    assert "Its server does not list tuned." in said
    assert "asked daily, by at most 20,000 prompt tokens a day each" in said

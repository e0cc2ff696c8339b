"""`fairtrial gate` and `fairtrial compare` on a real store: exit codes, files, and what is said without evidence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evaluators.run_events import events_of
from evaluators.suite_file import load
from fairtrial.config.layout import Layout
from fairtrial.domain.run import Answer, CaseResult, Run, Score
from fairtrial.journal.writer import JournalWriter

PROJECT = """version: 1
deployments:
  base: {model: openai/m, base_url: "http://127.0.0.1:9/v1"}
  tuned: {model: openai/m2, base_url: "http://127.0.0.1:9/v1", parent: base}
routes:
  bot: {deployment: base}
store: {path: ./store.duckdb}
"""
SUITE = """suite: small
data: rows.jsonl
prompt: $input
score: [exact]
slices: [kind]
gate:
  - exact not worse than base by 10pp
"""
GATE = "version: 1\ngate: release\nsuites: [small]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = [{"id": f"c{i}", "input": str(i), "expected": "x", "kind": "ab"[i % 2]} for i in range(200)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in (("fairtrial.yaml", PROJECT), ("suite.yaml", SUITE), ("gate.yaml", GATE)):
        (tmp_path / name).write_text(text)
    return tmp_path


def record(project: Path, target: str, right: int, at_us: int = 1_800_000_000_000_000) -> str:
    suite = load(project / "suite.yaml")[0]
    versions = {one.name: one.version for one in suite.scorers}
    results = []
    for i, case in enumerate(suite.cases):
        score = Score("exact", {"accuracy": float(i < right)})
        results.append(CaseResult(case, 0, Answer("x", latency_ms=1.0), "scored", {"exact": score}))
    run_id = f"0199-{target}-{right}"
    run = Run(
        run_id,
        suite.name,
        suite.digest,
        target,
        "d",
        None,
        suite.seed,
        1,
        at_us,
        at_us + 1,
        tuple(results),
        {},
        versions,
    )
    writer = JournalWriter(Layout(project / "store.duckdb").make().journal, writer="eval", sync=True)
    assert writer.append(*events_of(run))
    writer.close()
    return run_id


def fairtrial(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from fairtrial.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=project, capture_output=True, text=True, timeout=60, check=False
    )


def gate(project: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return fairtrial(project, "gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", *more)


@pytest.mark.parametrize(("right", "decision", "code"), [(150, "SHIP", 0), (60, "BLOCK", 1), (132, "HOLD", 3)])
def test_the_verdict_is_the_exit_code_and_stands_in_every_file(project, right, decision, code) -> None:
    record(project, "base", 150)
    record(project, "tuned", right)
    done = gate(project, "--junit", "g.xml", "--markdown", "g.md", "--json", "g.json")
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(f"{decision} tuned: ")
    assert json.loads((project / "g.json").read_text())["decision"] == decision
    assert decision in (project / "g.md").read_text().splitlines()[0]
    assert ElementTree.parse(project / "g.xml").getroot().attrib["tests"] == "1"


def test_without_runs_it_holds_and_says_what_to_run(project: Path) -> None:
    done = gate(project, "--json", "-")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["findings"][0]["needed"] == "fairtrial eval small --on tuned"


def test_a_gate_with_a_mistake_exits_with_two_and_its_line(project: Path) -> None:
    (project / "gate.yaml").write_text(GATE + "require:\n  - exact > 90%\n")
    done = gate(project)
    assert done.returncode == 2
    assert "gate.yaml:5: require[0]" in done.stderr
    assert "did you mean '>='?" in done.stderr


def test_two_runs_are_compared_by_id_or_as_the_newest_of_a_target(project: Path) -> None:
    base, tuned = record(project, "base", 150), record(project, "tuned", 60)
    by_id = fairtrial(project, "compare", tuned, base, "--json")
    assert by_id.returncode == 0, by_id.stderr
    newest = fairtrial(project, "compare", "small@tuned", "small@base", "--json", "--by", "kind")
    found = json.loads(newest.stdout)
    assert json.loads(by_id.stdout)[0] == found[0]
    assert (found[0]["metric"], found[0]["answer"], found[0]["lost"]) == ("exact.accuracy", "worse", 90)
    assert {one["scope"] for one in found} == {"", "kind:a", "kind:b"}
    table = fairtrial(project, "compare", "small@tuned", "small@base")
    assert "worse" in table.stdout


def test_a_run_that_does_not_exist_is_a_usage_error(project: Path) -> None:
    done = fairtrial(project, "compare", "small@tuned", "small@base")
    assert done.returncode == 2
    assert "fairtrial eval small --on tuned" in done.stderr

"""`fairtrial eval` with real services and a real upstream: pins, saves, goes on, and fails with the right words."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from evaluators.suite import Suite
from fairtrial.api.traffic import ExperimentTraffic, by_experiment
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Answer, Case, CaseResult, Run
from fairtrial_cli.output.runs import as_json
from fairtrial_cli.processes.private_gateway import project_gateway
from fairtrial_cli.run_suites import RunOptions, load_suites, run_suites
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.command import fairtrial, in_process, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

FOUR = {
    "system_fingerprint": "weights-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is 4."}, "finish_reason": "stop"}],
}
SUITE = """\
suite: sums
data: rows.jsonl
score: [contains]
slices: [kind]
gate:
  - contains.accuracy not worse than base by 10pp
"""


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        fake.script = {"kind": "json", "answer": FOUR}
        yield fake


@pytest.fixture
def folder(tmp_path: Path, upstream: FakeUpstream) -> Path:
    write_project(tmp_path, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
    rows = [{"id": f"r{at}", "input": f"2 + {at} = ?", "expected": str(2 + at), "kind": "sum"} for at in range(6)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def evaluate(folder: Path, *options: str) -> tuple[int, str, str]:
    done = fairtrial("eval", "suite.yaml", *options, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def asked(upstream: FakeUpstream) -> list[dict[str, Any]]:
    """The requests but those that ask whether the two answer with the same model."""
    return [seen.json for seen in upstream.seen if seen.path.endswith("/chat/completions") and not seen.is_probe]


def processes_of(folder: Path) -> list[bytes]:
    """The command lines of running processes that name the folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return [line for line in lines if bytes(folder) in line]


def test_runs_are_pinned_saved_and_not_asked_twice(folder: Path, upstream: FakeUpstream) -> None:
    code, out, problems = evaluate(folder, "--on", "base,tuned-vs-base/tuned", "--json")
    assert code == 0, problems
    runs = json.loads(out)
    assert [(run["suite"], run["target"], run["outcomes"]) for run in runs] == [
        ("sums", "base", {"scored": 6}),
        ("sums", "tuned-vs-base/tuned", {"scored": 6}),
    ]
    assert runs[0]["metrics"]["contains.accuracy"]["value"] == pytest.approx(1 / 6)
    assert sorted(body["model"] for body in asked(upstream)) == ["base"] * 6 + ["tuned"] * 6
    with open_store(Layout(folder / "fairtrial.duckdb")) as owner:
        [run] = client_reads.latest_runs(owner, target="base")
        assert run.run_id == runs[0]["run_id"] and len(run.results) == 6
        assert all(
            not one.variants or not any(arm.requests for arm in one.variants)
            for one in owner.call(by_experiment, ExperimentTraffic(since_us=0))
        )
    rows = folder / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"input"', '"question"'))
    code, out, problems = evaluate(folder, "--on", "base", "--map", "question=input")
    assert code == 0 and "5 of them cached by an earlier run" in out, problems
    assert len(asked(upstream)) == 13


@pytest.mark.release("stories")
def test_several_targets_are_one_table_with_the_noise_of_the_baseline_which_is_asked_again_only_once(
    folder: Path, upstream: FakeUpstream
) -> None:
    wrong = {**FOUR, "choices": [{**FOUR["choices"][0], "message": {"role": "assistant", "content": "It is 9."}}]}
    upstream.script = lambda body: {"kind": "json", "answer": FOUR if body["model"] == "base" else wrong}
    targets = "tuned,base,tuned-vs-base/tuned"
    code, out, problems = evaluate(folder, "--on", targets, "--baseline", "base", "--noise-floor")
    assert code == 0, problems
    assert "cannot tell whether tuned is better or worse than base by contains.accuracy" in " ".join(out.split())
    noise = "Noise floor: 0 of 6 cases change by contains.accuracy where the baseline answers the same suite again."
    assert noise in " ".join(out.split())
    assert "tuned, worst cases by contains.accuracy: r2" in out
    assert out.endswith("Read on: fairtrial compare sums@tuned sums@tuned-vs-base/tuned sums@base --details\n")
    models = [body["model"] for body in asked(upstream)]
    assert (models.count("base"), models.count("tuned")) == (12, 12)
    assert {"base", "tuned"} <= set(models[:6]), "the models are asked at the same time"
    code, out, problems = evaluate(folder, "--on", targets, "--baseline", "base", "--noise-floor", "--json")
    assert code == 0, problems
    tuned, base, variant = json.loads(out)
    assert base["noise_floor"]["changed"] == 0 and base["target"] == "base"
    assert variant["baseline"] == tuned["baseline"] == "base"
    found = {one["metric"]: one for one in tuned["comparisons"]}["contains.accuracy"]
    assert (found["won"], found["lost"], found["n"]) == (0, 1, 6)
    assert len(asked(upstream)) == 27, "each target says which weights answer, and nothing else is asked"
    done = fairtrial("compare", "sums@tuned", "sums@tuned-vs-base/tuned", "sums@base", "--json", cwd=folder)
    [row] = [one for one in json.loads(done.stdout)["rows"] if one["metric"] == "contains.accuracy"]
    assert row["comparisons"][0] == found
    assert json.loads(done.stdout)["noise"]["n"] == 6
    code, _, problems = evaluate(folder, "--on", "tuned", "--baseline", "base")
    assert code == 2 and "--baseline base: it is not one of the targets (tuned)" in problems


def test_a_dry_run_counts_what_would_be_asked_and_asks_nothing(folder: Path, upstream: FakeUpstream) -> None:
    code, out, problems = evaluate(folder, "--on", "base,tuned", "--dry-run", "--json", "--repeat", "2")
    assert code == 0, problems
    base, tuned = json.loads(out)
    assert (base["requests"], base["cached"], base["tokens_in"]) == (12, 0, 27)
    assert (tuned["target"], tuned["most_tokens_out"]) == ("tuned", None)
    assert not asked(upstream)
    evaluate(folder, "--on", "base")
    code, out, problems = evaluate(folder, "--on", "base,tuned", "--dry-run")
    assert code == 0 and "6 requests, 8 at a time for each target; cost: unknown" in " ".join(out.split()), problems


@pytest.mark.release("stories")
def test_an_own_scorer_that_hangs_is_an_error_with_its_reason_in_each_command(folder: Path) -> None:
    program = "import time\n\nfrom fairtrial.scoring import scorer\n\n\n@scorer\ndef slow(answer: str) -> bool:\n"
    (folder / "slow.py").write_text(f"{program}    time.sleep(600)\n")
    score = "score:\n  - own: {name: slow, file: slow.py, seconds: 0.5}\n"
    (folder / "suite.yaml").write_text(f"suite: own\ndata: rows.jsonl\n{score}gate:\n  - slow >= 50%\n")
    assert in_process("check", "suite.yaml", "--trust-scorers", cwd=folder).returncode == 0
    code, out, problems = evaluate(folder, "--on", "base,tuned")
    assert code == 4 and "Not scored: base 6 of 6, tuned 6 of 6" in out, problems
    assert "base, first error: scorer slow, case r0: " in out and "0.5 seconds" in out
    (folder / "g.yaml").write_text("version: 1\ngate: g\nsuites: [own]\n")
    done = fairtrial("gate", "g.yaml", "--candidate", "tuned", "--baseline", "base", cwd=folder)
    assert done.returncode == 4, done.stdout
    assert "100.0 % of 6 cases of own on tuned could not be scored" in " ".join(done.stdout.split())
    shown = fairtrial("runs", "show", "own@tuned", "--only", "unscored", cwd=folder).stdout
    assert "slow unscored" in shown and "0.5 seconds" in shown


def test_a_private_gateway_takes_no_port_of_the_project_and_no_application_reaches_it(
    folder: Path, upstream: FakeUpstream
) -> None:
    project = load_project(folder / "fairtrial.yaml", {})
    with ExitStack() as held:
        for address in (project.gateway.address, project.control):
            held.enter_context(socket.create_server((address.host, address.port)))
        with project_gateway(project) as url:
            assert url.startswith("http://127.0.0.1:") and str(project.gateway.address.port) not in url
            [worker] = processes_of(folder)
            assert b"gateway.proxy.worker" in worker
            suites = load_suites([folder / "suite.yaml"])
            [run] = run_suites(project, suites, ["base"], base_url=url, options=RunOptions(open_store))
            assert run.metrics == {"contains.accuracy": pytest.approx(1 / 6)}
    assert not processes_of(folder)


def test_a_gateway_that_cannot_start_is_shown_with_the_end_of_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(folder / "fairtrial.yaml", {})
    monkeypatch.setenv("PYTHONHOME", str(folder))
    with pytest.raises(UsageError, match=r"(?s)gateway could not start.*No module named 'encodings'"):  # noqa: SIM117
        with project_gateway(project):
            pass


def test_a_run_of_several_weights_says_so() -> None:
    case = Case("a", (), "x")
    results = tuple(CaseResult(case, 0, Answer("x", fingerprint=name), "scored", {}) for name in ("w1", "w2"))
    suite = Suite("s", "metric", Path("s.yaml"), "d", (case,), {}, ())
    run = Run("r", "s", "d", "base", "", "w1+w2", 0, 2, 0, {}, {}, ended_us=1, results=results)
    assert "changed during the run (w1, w2)" in as_json(suite, run)["warnings"][0]


def test_a_run_without_evidence_is_reported_and_exits_with_four(folder: Path, upstream: FakeUpstream) -> None:
    upstream.script = {"kind": "json", "status": 400, "answer": {"error": {"message": "too long", "code": "x"}}}
    code, out, _ = evaluate(folder, "--on", "base")
    assert code == 4
    assert "6 provider error" in out and "first error" in out and "–" in out


def test_a_wrong_target_or_suite_exits_with_two_before_anything_is_started(
    folder: Path, upstream: FakeUpstream
) -> None:
    code, _, problems = evaluate(folder, "--on", ",")
    assert code == 2 and "no target given (known: base, tuned)" in problems
    code, _, problems = evaluate(folder, "--on", "basse")
    assert code == 2 and "did you mean 'base'?" in problems
    code, _, problems = evaluate(folder, "--on", "base", "--map", "inputs=question")
    assert code == 2 and "no row has the column 'inputs' (did you mean 'input'?)" in problems
    (folder / "suite.yaml").write_text(SUITE.replace("slices", "slice").replace("[contains]", "[contain]"))
    code, _, problems = evaluate(folder, "--on", "base")
    assert code == 2 and "suite.yaml:4: slice: unknown field (did you mean 'slices'?)" in problems
    assert not upstream.seen and not (folder / "fairtrial.duckdb.d").exists()


@pytest.mark.release("stories")
def test_ctrl_c_says_what_is_kept_and_leaves_nothing_running(folder: Path, upstream: FakeUpstream) -> None:
    upstream.script = {"kind": "stall"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    program = start("eval", "suite.yaml", "--on", "base", cwd=folder, **streams, text=True)
    deadline = time.monotonic() + 60
    while not asked(upstream) and time.monotonic() < deadline:
        time.sleep(0.05)
    program.send_signal(signal.SIGINT)
    _, problems = program.communicate(timeout=PATIENCE)
    assert program.returncode == 130 and "Run the same command to continue" in problems
    assert not processes_of(folder)
    upstream.script = {"kind": "json", "answer": FOUR}
    assert evaluate(folder, "--on", "base")[0] == 0

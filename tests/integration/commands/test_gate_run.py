"""`fairtrial gate --run`, whole: suites are asked, kept, judged and read again; what fails is counted and said."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.engine.engine import run_suite
from evaluators.engine.target import Target
from evaluators.gate.file import load
from evaluators.gate.judge import judge
from evaluators.trial import Trial
from fairtrial.api.verdicts import Judge, SuiteReference
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.errors import INTERRUPTED
from fairtrial.domain.verdicts.verdict_wording import EXPERIMENT_SAYS
from fairtrial_cli.store_client.client import open_store
from fairtrial_cli.store_client.local_client import LocalClient, LocalOwner
from fairtrial_cli.store_client.run_journal import store_run
from gateway.control.verdicts.judge_candidate import judge_candidate
from gateway.control.verdicts.provenance import Asked
from tests.fixtures.services.command import fairtrial, start
from tests.fixtures.services.project_files import write_project
from tests.fixtures.store import client_reads
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE, until

SUITE = """\
suite: tickets
params: {temperature: 0}
data: rows.jsonl
repeat: 2
score:
  - fields: {of: [intent], lenient: yes}
  - label: {of: [refund, bug, other], field: intent}
  - contains: {any: refund}
  - bleu
slices: [kind]
cluster: thread
gate:
  - label.accuracy not worse than base by 90pp
  - label.macro_f1 not worse than base by 95pp
  - bleu >= 1
  - bleu not worse than base by 60pp
  - contains >= 10% in every kind
  - tokens not worse than base by 50%
  - lost <= 3
"""
GATE = "version: 1\ngate: release\nsuites: [tickets]\nmay_equal_base: yes\nform_only: both answer alike here\n"


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path, upstream: FakeUpstream) -> Path:
    write_project(tmp_path, upstream=f"http://127.0.0.1:{upstream.port}", workers=1)
    words = ("refund", "bug", "other")
    rows = [
        {
            "id": f"r{i}",
            "input": f"Où est № {i}?",
            "expected": json.dumps({"intent": words[i % 3], "why": "a plain matter of this kind"}),
            "kind": "äß"[i % 2],
            "thread": f"t{i // 2}",
        }
        for i in range(24)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "suite.yaml").write_text(SUITE)
    (tmp_path / "gate.yaml").write_text(GATE)
    say(upstream, '{"intent": "refund", "why": "a plain matter of this kind"}')
    return tmp_path


def say(upstream: FakeUpstream, text: str) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    upstream.script = {"kind": "json", "answer": {"system_fingerprint": "weights-1", "choices": [choice]}}


def gate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = ("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", "--json", "g.json", *options)
    return fairtrial(*words, cwd=folder)


@pytest.mark.release("walks")
def test_gate_run_asks_both_and_judges_and_asks_nothing_twice(folder: Path, upstream: FakeUpstream) -> None:
    done = gate(folder, "--run")
    verdict = json.loads((folder / "g.json").read_text())
    assert (done.returncode, verdict["decision"]) == (0, "SHIP"), (done.stdout, done.stderr)
    assert len(verdict["runs"]) == 2 and len(upstream.seen) == 2 * 24 * 2
    assert {seen.json["model"] for seen in upstream.seen} == {"base", "tuned"}
    again = gate(folder, "--run")
    assert again.returncode == 0, again.stderr
    assert len(upstream.seen) == 2 * 24 * 2 + 2  # of each target one answer is always live: it names the weights


@pytest.mark.release("stories")
def test_an_upstream_that_nobody_reaches_is_counted_reported_and_no_evidence(
    folder: Path, upstream: FakeUpstream
) -> None:
    upstream.script = {"kind": "json", "status": 400, "answer": {"error": {"message": "out of order"}}}
    done = gate(folder, "--run")
    assert done.returncode == 4, done.stderr
    said = " ".join(done.stdout.split())
    assert said.startswith("Unofficial INVALID tuned: the evidence is unsound: 100.0 % of 24 cases of tickets on")
    assert "Needed:" in said and "again" in said
    assert all(f"{target}, first error: HTTP 400: out of order" in done.stderr for target in ("base", "tuned"))


def test_an_interrupted_run_says_that_the_same_command_continues(folder: Path, upstream: FakeUpstream) -> None:
    upstream.script = {"kind": "stall"}
    command = ("gate", "gate.yaml", "--candidate", "tuned", "--baseline", "base", "--run")
    running = start(*command, cwd=folder, stderr=subprocess.PIPE, text=True)
    until(lambda: upstream.seen, "the first question")
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=PATIENCE)
    assert running.returncode == INTERRUPTED
    again = "Other answers are cached. Run the same command to continue."
    assert f"Interrupted: 0 of 2 runs are finished and saved. {again}" in stderr


async def test_a_run_that_was_kept_gives_the_same_verdict_as_the_run_in_memory(
    folder: Path, upstream: FakeUpstream
) -> None:
    found = load(folder / "gate.yaml")
    layout = Layout(folder / "fairtrial.duckdb")
    suite, runs = found.suites[0], {}
    answers = {
        "base": '{"intent": "refund", "why": "a plain matter of kinds"}',
        "tuned": 'So: {"intent": "bug"} refund',
    }
    for name, text in answers.items():
        say(upstream, text)
        target = Target(name, name, upstream.url, deployment_digest=name)
        cache = folder / "cache"
        [run] = await run_suite(suite, [target], cache=cache, clock=lambda: time.time_ns() // 1000, new_id=name.lower)
        broken = replace(run.results[5], outcome="judge_error") if name == "tuned" else run.results[5]
        runs[name] = replace(run, results=(*run.results[:5], broken, *run.results[6:]))
        with open_store(layout) as store:
            store_run(store, runs[name], suite)
    with LocalClient(LocalOwner(layout)) as owner:
        kept = {name: client_reads.load_run(owner, name) for name in runs}
        live = judge(found, Trial("tuned", "base", lambda _, name: runs[name]), verdict_id="v", at_us=1)
        read = judge(found, Trial("tuned", "base", lambda _, name: kept[name]), verdict_id="v", at_us=1)
        assert read == live
        assert len({one.result for one in live.findings}) > 1
        asked = Judge(
            gate=GATE,
            suites=(SuiteReference(suite=suite.name, digest=suite.digest, file=str(suite.path)),),
            candidate="tuned",
            baseline="base",
        )
        project = load_project(folder / "fairtrial.yaml", {})
        redefined = {name: replace(project.plan.deployments[name], digest=name) for name in runs}
        plan = replace(project.plan, deployments={**project.plan.deployments, **redefined})
        context, now_us = Asked(plan, "test", project.release_gates), owner.owner.clock_us()
        judged = judge_candidate(owner.owner.database, asked, context, now_us=now_us)
        assert [one for one in judged.findings if one.rule != EXPERIMENT_SAYS] == list(live.findings)
        assert client_reads.list_verdicts(owner, gate="release") == (judged,)

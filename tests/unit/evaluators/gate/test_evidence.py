"""A verdict on probes is the same when it is judged again from its stored evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluators.gate.evidence import Evidence, GivenSuite, decode, encode
from evaluators.gate.judge import judge_again
from evaluators.loading.suite_text import text_of
from evaluators.results.run_table import table_of
from fairtrial.domain.verdicts.verdict import Verdict
from tests.fixtures.evaluators.probe_suites import probed
from tests.fixtures.evaluators.runs import run_once
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last

LINES = ["keep.flips not worse than base by 2pp", "lost == 0", "keep.flips <= 5% in severity:low"]


def always_fault(body: dict[str, Any], before: int) -> str:
    """A base that gives everything one label, and a fine-tune that never says it."""
    return json.dumps({"intent": "fault" if body["model"] == "base" else "setup"})


def never_flips(body: dict[str, Any], before: int) -> str:
    return json.dumps({"intent": "refund" if "money" in last(body).casefold() else "fault"})


async def twice(folder: Path, reply: Any) -> tuple[Verdict, Verdict]:
    """The verdict, and the verdict on the evidence that was written and read."""
    suite = probed(folder, {"keep answer under": ["case"]}, gate=f"gate: {json.dumps(LINES)}\n")
    with ScriptedUpstream(reply) as upstream:
        runs = {
            (suite.name, target): table_of(await run_once(suite, upstream, folder / target, target=target))
            for target in ("tuned", "base")
        }
    given = GivenSuite(suite.name, suite.name, str(suite.path), text_of(suite))
    evidence = Evidence(
        gate_text=f"version: 1\ngate: probes\nsuites: [{suite.name}]\n",
        candidate="tuned",
        baseline="base",
        at_us=0,
        suites=(given,),
        runs=runs,
    )
    again = decode(encode(evidence, evidence.gate(), details=()))
    return judge_again(evidence, "v"), judge_again(again, "v")


def results(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(finding.rule, finding.result, finding.says) for finding in verdict.findings]


async def test_a_missing_signal_is_found_again(tmp_path: Path) -> None:
    first, again = await twice(tmp_path, never_flips)
    assert results(first) == results(again)
    by_rule = {finding.rule: finding for finding in again.findings}
    assert by_rule[LINES[0]].result == "cannot tell" and by_rule[LINES[0]].says.startswith("no signal: keep.flips")
    assert by_rule[LINES[0]].needed.endswith("such as 'keep.flips <= 5%'")
    assert by_rule[LINES[2]].result == "pass" and again.decision == "HOLD"


async def test_lost_cases_of_limited_scorers_are_counted_again(tmp_path: Path) -> None:
    first, again = await twice(tmp_path, always_fault)
    assert results(first) == results(again)
    lost = next(finding for finding in again.findings if finding.rule == "lost == 0")
    assert lost.result == "fail" and "4 of 12 cases" in lost.says

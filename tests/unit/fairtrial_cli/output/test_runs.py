"""The tables of a run: a suite with probes has one more table, by family."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from fairtrial_cli.output.runs import as_json, print_run
from tests.fixtures.evaluators.probe_suites import probed
from tests.fixtures.evaluators.runs import run_once
from tests.fixtures.evaluators.small_suites import sums
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, last


def confused_by_capitals(body: dict[str, Any], before: int) -> str:
    return json.dumps({"intent": "refund" if last(body).isupper() else "fault"})


async def test_a_suite_with_probes_has_a_table_by_family(tmp_path: Path) -> None:
    suite = probed(tmp_path, {"keep answer under": ["case"]}, {"family": "exact_reply", "n": 2})
    with ScriptedUpstream(confused_by_capitals) as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache")
    text = io.StringIO()
    print_run(Console(file=text, width=100), suite, run, matrices=False)
    assert "by family of probes" in text.getvalue() and "keep.flips" in text.getvalue()
    families = {family["family"]: family for family in as_json(suite, run)["families"]}
    assert list(families) == ["own", "case", "exact_reply"]
    assert families["case"]["kind"] == "invariance" and families["case"]["metrics"]["keep.flips"]["n"] == 6
    assert families["case"]["metrics"]["keep.flips"]["value"] == run.metrics["keep.flips"]
    assert families["exact_reply"]["metrics"]["exact_reply.em"] == {"value": 0, "n": 2}


async def test_a_suite_without_probes_has_no_such_table(tmp_path: Path) -> None:
    suite = sums(tmp_path, 2)
    with ScriptedUpstream(lambda body, before: "1") as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache")
    text = io.StringIO()
    print_run(Console(file=text, width=100), suite, run, matrices=False)
    assert "by family" not in text.getvalue() and as_json(suite, run)["families"] == []


async def test_a_server_that_does_not_name_its_weights_is_warned_of(tmp_path: Path) -> None:
    """Its answers are cached for a day only. No warning is needed if it names them, or if it never answered."""
    suite = sums(tmp_path, 2)
    warnings = {}
    for case, reply, fingerprint in (("named", "1", "w1"), ("unnamed", "1", None), ("silent", None, None)):
        with ScriptedUpstream(lambda body, before, reply=reply: reply, fingerprint=fingerprint) as upstream:
            run = await run_once(suite, upstream, tmp_path / case)
        warnings[case] = as_json(suite, run)["warnings"]
    assert (warnings["named"], warnings["silent"]) == ([], [])
    assert "no system_fingerprint" in warnings["unnamed"][0]

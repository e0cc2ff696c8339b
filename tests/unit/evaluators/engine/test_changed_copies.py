"""Changed copies are scored with the answer to their original, in whatever order the answers arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evaluators.engine.engine import ChangedCopies
from evaluators.engine.run_events import events_of, run_of
from evaluators.engine.scoring import score_case
from evaluators.engine.summary import families_of
from fairtrial.domain.run import Answer, CaseResult, Score, ScoreFailure
from tests.fixtures.evaluators.probe_suites import probed
from tests.fixtures.evaluators.runs import run_once
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing, last

KEEP_CASE = {"keep answer under": ["case"]}


def intent_by_case(body: dict[str, Any], before: int) -> str:
    """A model that is confused by capital letters."""
    return json.dumps({"intent": "refund" if last(body).isupper() else "fault"})


def flips(result: CaseResult) -> float | None:
    score = result.scores["keep"]
    assert isinstance(score, Score)
    return score.values["flips"]


async def test_a_flip_is_a_change_against_the_original_of_the_same_run(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE)
    with ScriptedUpstream(intent_by_case, delay=0.002) as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache", concurrency=16)
    assert [result.case.case_id for result in run.results] == [case.case_id for case in suite.cases]
    copies = [result for result in run.results if result.case.tags["probe"] == "invariance"]
    upper = [result for result in copies if str(result.case.messages[0]["content"]).isupper()]
    assert upper and len(upper) < len(copies)
    assert all(flips(result) == float(result in upper) for result in copies)
    assert run.metrics["keep.flips"] == len(upper) / len(copies)
    own = [result for result in run.results if result.case.tags["probe"] == "own"]
    assert all("keep" not in score.scores and "label" in score.scores for score in own)


async def test_a_resumed_run_has_the_same_flips(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE)
    with ScriptedUpstream(intent_by_case) as upstream:
        first = await run_once(suite, upstream, tmp_path / "cache")
        again = await run_once(suite, upstream, tmp_path / "cache")
    assert [result.scores for result in first.results] == [result.scores for result in again.results]


async def test_flips_survive_the_journal(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE)
    with ScriptedUpstream(intent_by_case) as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache")
    read = run_of(list(events_of(run)))
    assert [result.scores for result in read.results] == [result.scores for result in run.results]


async def test_a_copy_whose_original_has_no_answer_is_unscored(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE)
    first = str(suite.cases[0].messages[0]["content"])

    def reply(body: dict[str, Any], before: int) -> Any:
        return failing(400) if last(body) == first else intent_by_case(body, before)

    with ScriptedUpstream(reply) as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache")
    [copy] = [result for result in run.results if result.case.case_id == "ticket-1~case"]
    failure = copy.scores["keep"]
    assert isinstance(failure, ScoreFailure) and "ticket-1 has no answer" in failure.why
    assert copy.outcome == "judge_error"


def test_a_copy_waits_for_the_same_repeat_of_its_original(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE)
    case, copy = suite.cases[0], next(each for each in suite.cases if each.case_id == "ticket-1~case")
    refund, fault = Answer('{"intent": "refund"}'), Answer('{"intent": "fault"}')
    copies = ChangedCopies(suite)
    assert copies.add(9, score_case(suite, copy, 1, refund)) == []
    assert [at for at, _ in copies.add(0, score_case(suite, case, 0, fault))] == [0]
    done = copies.add(1, score_case(suite, case, 1, refund))
    assert [at for at, _ in done] == [1, 9] and flips(done[1][1]) == 0


async def test_each_family_has_a_line_with_what_measures_it(tmp_path: Path) -> None:
    suite = probed(tmp_path, KEEP_CASE, {"family": "exact_reply", "n": 4})
    with ScriptedUpstream(intent_by_case) as upstream:
        run = await run_once(suite, upstream, tmp_path / "cache")
    metrics = {line.family: [finding.metric for finding in line.values] for line in families_of(suite, run)}
    assert metrics == {
        "own": ["label.accuracy"],
        "case": ["label.accuracy", "keep.flips"],
        "exact_reply": ["exact_reply.em"],
    }

"""The engine against a real socket: every case ends in one outcome, failures are retried, nothing is asked twice."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evaluators.engine.client import TargetRefused
from evaluators.engine.engine import CaseProgress, EngineOptions, run_suite
from evaluators.engine.run_events import events_of, run_of
from evaluators.engine.summary import first_error, outcome_counts, unscored_share, worst_slice
from evaluators.engine.target import Target
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.domain.answers.refusals import refuses
from fairtrial.domain.money.prices import Price
from fairtrial.domain.run import Run
from tests.fixtures.evaluators.small_suites import sums, write_suite
from tests.fixtures.for_each import for_each
from tests.fixtures.upstream.scripted_upstream import ScriptedUpstream, failing, last, whole

NOW_US = 1_800_000_000_000_000


def answer_right(body: dict[str, Any], before: int) -> str:
    return str(int(last(body).split()[0]) + 1)


async def run(suite: Suite, upstream: ScriptedUpstream, cache: Path, *, now_us: int = NOW_US, **options: Any) -> Run:
    price = Price(input=Decimal(1), output=Decimal(2))
    target = Target(
        "base",
        "m",
        upstream.url,
        {"x-pin": "base"},
        "secret",
        deployment_digest="d1",
        price=price,
        declared_model="openai/m",
    )
    asking = EngineOptions(**options)
    [ended_run] = await run_suite(
        suite, [target], cache=cache, clock=lambda: now_us, new_id=lambda: "run-1", options=asking
    )
    return ended_run


async def test_results_keep_the_suites_order_whatever_the_concurrency(tmp_path: Path) -> None:
    steps: list[CaseProgress] = []
    with ScriptedUpstream(answer_right, delay=0.005) as upstream:
        ended_run = await run(sums(tmp_path, 40), upstream, tmp_path / "c", concurrency=16, on_progress=steps.append)
    assert [result.case.case_id for result in ended_run.results] == [f"sum-{at}" for at in range(40)]
    assert ended_run.metrics == {"contains.accuracy": 1.0} and ended_run.fingerprint == "weights-1"
    assert ended_run.model == "openai/m"
    assert [step.done for step in steps] == list(range(1, 41))
    answer = ended_run.results[0].answer
    assert (answer.tokens_in, answer.tokens_out, answer.cost_usd) == (10, 2, pytest.approx(14e-6))
    assert upstream.asked[0] == {"temperature": 0, "model": "m", "messages": [{"role": "user", "content": "0 + 1 = ?"}]}
    assert upstream.headers[0]["x-pin"] == "base" and upstream.headers[0]["authorization"] == "Bearer secret"


async def test_what_may_pass_is_retried_and_what_may_not_is_an_error_of_its_case(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], before: int) -> Any:
        match int(last(body).split()[0]):
            case 1 if before < 2:
                return failing(429, **{"retry-after": "0.01"})
            case 2:
                return failing(400)
            case 3:
                return failing(429, "insufficient_quota")
            case 4 if before < 1:
                return failing(503, **{"retry-after": "0"})
        return answer_right(body, before)

    with ScriptedUpstream(reply) as upstream:
        ended_run = await run(sums(tmp_path, 6), upstream, tmp_path / "c")
    assert [result.outcome for result in ended_run.results] == [
        "scored", "scored", "provider_error", "provider_error", "scored", "scored",
    ]  # fmt: skip
    requests = Counter(last(body).split()[0] for body in upstream.asked)
    assert requests == {"0": 1, "1": 3, "2": 1, "3": 1, "4": 2, "5": 1}
    assert ended_run.metrics == {"contains.accuracy": 1.0} and unscored_share(ended_run) == pytest.approx(2 / 6)
    assert first_error(ended_run) == "HTTP 400: failed with 400"


async def test_an_answer_that_calls_tools_is_scored_by_its_calls(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], before: int) -> Any:
        function = {"name": "add", "arguments": json.dumps({"to": int(last(body).split()[0])})}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        }
        return whole({"choices": [{"message": message, "finish_reason": "tool_calls"}]})

    expected = [[{"name": "add", "arguments": {"to": 0}}], [{"name": "add", "arguments": {"to": 5}}]]
    rows = [{"id": str(at), "input": f"{at} + 1", "expected": calls} for at, calls in enumerate(expected)]
    tools = "[{type: function, function: {name: add}}]"
    text = f"suite: tools\ndata: rows.jsonl\nparams: {{tools: {tools}}}\nscore: [tool_calls]\n"
    with ScriptedUpstream(reply) as upstream:
        ended_run = await run(load(write_suite(tmp_path, text, rows))[0], upstream, tmp_path / "c")
    assert ended_run.metrics == {"tool_calls.accuracy": 0.5, "tool_calls.names": 1.0}
    assert ended_run.results[0].answer.text == '{"tool_calls": [{"name": "add", "arguments": {"to": 0}}]}'
    assert upstream.asked[0]["tools"] == [{"type": "function", "function": {"name": "add"}}]


async def test_each_way_to_end_is_counted_once(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], before: int) -> Any:
        texts = ['{"label": "yes"}', "no JSON here", "I'm sorry, but I can't help with that."]
        return texts[int(last(body).split()[0])]

    suite = sums(tmp_path, 3, score="{label: {of: ['1', '2', '3'], field: label}}")
    with ScriptedUpstream(reply) as upstream:
        ended_run = await run(suite, upstream, tmp_path / "c")
    assert outcome_counts(ended_run) == {"scored": 1, "off_format": 1, "refused": 1}
    assert ended_run.metrics["label.accuracy"] == 0 and ended_run.metrics["label.off_label"] == 1


async def test_a_target_that_refuses_everything_is_reported_at_once(tmp_path: Path) -> None:
    everything = ScriptedUpstream(lambda *_: failing(404, "model_not_found"))
    with everything as upstream, pytest.raises(TargetRefused, match=r"base: failed with 404 \(HTTP 404"):
        await run(sums(tmp_path, 50), upstream, tmp_path / "c")
    assert len(upstream.asked) == 1


async def test_a_reply_that_is_no_completion_is_an_error_and_not_an_empty_answer(tmp_path: Path) -> None:

    with ScriptedUpstream(lambda *_: whole({"choices": []})) as upstream:
        ended_run = await run(sums(tmp_path, 4), upstream, tmp_path / "c")
    assert outcome_counts(ended_run) == {"provider_error": 4}
    assert ended_run.metrics == {"contains.accuracy": None}


async def test_of_cached_answers_only_the_one_that_names_the_weights_is_requested_again(tmp_path: Path) -> None:
    suite = sums(tmp_path, 20)
    with ScriptedUpstream(answer_right) as upstream:
        first = await run(suite, upstream, tmp_path / "c")
        again = await run(suite, upstream, tmp_path / "c")
        assert len(upstream.asked) == 21
        assert [result.answer.cached for result in again.results] == [False] + [True] * 19
        assert again.results[5].answer.latency_ms == first.results[5].answer.latency_ms
        await run(suite, upstream, tmp_path / "c", fresh=True)
        assert len(upstream.asked) == 41
        upstream.fingerprint = "weights-2"
        await run(suite, upstream, tmp_path / "c")
        assert len(upstream.asked) == 61


async def test_fast_models_wait_for_slow_ones_so_that_each_case_is_asked_at_one_time(tmp_path: Path) -> None:
    suite, slow = sums(tmp_path, 24), {"delay": 0.01}
    with ScriptedUpstream(answer_right) as upstream, ScriptedUpstream(answer_right, **slow) as slow_upstream:
        order: list[str] = []
        for name, server in (("fast", upstream), ("slow", slow_upstream)):
            server.reply = lambda body, before, name=name: order.append(name) or answer_right(body, before)  # type: ignore[misc]
        targets = [Target("fast", "m", upstream.url, deployment_digest="f")]
        targets.append(Target("slow", "m", slow_upstream.url, deployment_digest="s"))
        runs = await run_suite(
            suite,
            targets,
            cache=tmp_path,
            clock=lambda: NOW_US,
            new_id=lambda: "r",
            options=EngineOptions(concurrency=2),
        )
    assert [(finding.target, finding.metrics["contains.accuracy"]) for finding in runs] == [
        ("fast", 1.0),
        ("slow", 1.0),
    ]
    for at in range(1, len(order) + 1):
        assert abs(order[:at].count("fast") - order[:at].count("slow")) <= 4


async def test_one_of_several_targets_that_refuses_everything_ends_the_run_and_keeps_the_answers(
    tmp_path: Path,
) -> None:
    suite = sums(tmp_path, 5)
    with ScriptedUpstream(lambda body, _: failing(404) if body["model"] == "none" else "1") as upstream:
        targets = [Target(name, name, upstream.url, deployment_digest=name) for name in ("base", "none")]
        with pytest.raises(TargetRefused):
            await run_suite(suite, targets, cache=tmp_path, clock=lambda: NOW_US, new_id=lambda: "r")


async def test_a_second_run_of_the_baseline_asks_every_case_anew(tmp_path: Path) -> None:
    suite = sums(tmp_path, 6)
    with ScriptedUpstream(answer_right) as upstream:
        for first_repeat, requests in ((0, 6), (1, 12), (1, 13)):
            target = Target("base", "m", upstream.url, deployment_digest="d", first_repeat=first_repeat)
            await run_suite(suite, [target], cache=tmp_path, clock=lambda: NOW_US, new_id=lambda: "r")
            assert len(upstream.asked) == requests


async def test_errors_are_never_kept(tmp_path: Path) -> None:
    suite = sums(tmp_path, 5)
    with ScriptedUpstream(lambda body, before: failing(400) if before == 0 else answer_right(body, before)) as upstream:
        assert outcome_counts(await run(suite, upstream, tmp_path / "c")) == {"provider_error": 5}
        assert outcome_counts(await run(suite, upstream, tmp_path / "c")) == {"scored": 5}


async def test_without_a_fingerprint_a_finished_run_is_asked_again(tmp_path: Path) -> None:
    suite = sums(tmp_path, 6)
    with ScriptedUpstream(answer_right, fingerprint=None) as upstream:
        await run(suite, upstream, tmp_path / "c")
        await run(suite, upstream, tmp_path / "c")
    assert len(upstream.asked) == 12


async def test_repeats_are_questions_of_their_own_and_are_averaged_within_a_case(tmp_path: Path) -> None:
    suite = sums(tmp_path, 2).with_repeat(2)
    reply = lambda body, before: answer_right(body, before) if before == 0 else "wrong"  # noqa: E731
    with ScriptedUpstream(reply) as upstream:
        ended_run = await run(suite, upstream, tmp_path / "c", concurrency=1)
    assert [(result.case.case_id, result.repeat) for result in ended_run.results] == [
        ("sum-0", 0), ("sum-0", 1), ("sum-1", 0), ("sum-1", 1),
    ]  # fmt: skip
    assert ended_run.metrics == {"contains.accuracy": 0.5}


async def test_a_run_comes_back_from_its_events(tmp_path: Path) -> None:
    suite = sums(
        tmp_path, 12, score="contains, bleu, {label: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']}"
    )
    with ScriptedUpstream(lambda body, before: "nine" if "9" in last(body) else answer_right(body, before)) as upstream:
        ended_run = await run(suite, upstream, tmp_path / "c")
    back = run_of(events_of(ended_run))
    for first, second in zip(ended_run.results, back.results, strict=True):
        assert (first.answer, first.outcome, first.scores, first.case.tags) == (
            second.answer, second.outcome, second.scores, second.case.tags,
        )  # fmt: skip
    assert back.metrics == ended_run.metrics and back.versions == ended_run.versions
    stat = suite.stat("contains")
    assert stat is not None
    worst = worst_slice(suite, back.results, "contains", stat=stat)
    assert worst is not None and (worst.tag, worst.slice, worst.n) == ("half", "1", 6)


async def test_a_scorer_that_crashes_is_a_failure_and_not_a_zero(tmp_path: Path, monkeypatch: Any) -> None:
    suite = sums(tmp_path, 3, score="contains, exact")
    monkeypatch.setattr("evaluators.scoring.metrics.exact.Exact.score", lambda *_: 1 / 0)
    with ScriptedUpstream(answer_right) as upstream:
        ended_run = await run(suite, upstream, tmp_path / "c")
    assert outcome_counts(ended_run) == {"judge_error": 3}
    assert ended_run.metrics == {"contains.accuracy": 1.0, "exact.accuracy": None}
    assert run_of(events_of(ended_run)).results[0].scores == ended_run.results[0].scores


@for_each(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't assist with that.", True),
        ("I cannot help with this request.", True),
        ("As an AI language model, I cannot say.", True),
        ("Unfortunately, I am unable to answer.", True),
        ("Sorry, your order is late: I can see it in Leeds.", False),
        ("The hub can't connect.", False),
        ('{"intent": "cancel"}', False),
        ("I can help with that.", False),
    ],
)
def test_a_refusal_is_distinguished_from_an_answer(text: str, refused: bool) -> None:
    assert refuses(text) is refused


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"content": "half \ud83d of it"}, "half \ufffd of it"),
        ({"content": "cut off \ud83d"}, "cut off \ufffd"),
        ({"content": "whole \U0001f600"}, "whole \U0001f600"),
        ({"content": None, "refusal": "no \udc00"}, "no \ufffd"),
        ({"content": ["parts"]}, None),
    ],
)
async def test_odd_replies_are_answers_or_errors_of_their_case_and_never_end_the_run(
    tmp_path: Path, reply: dict[str, Any], text: str | None
) -> None:
    odd = {"system_fingerprint": {"not": "text"}, "usage": {"prompt_tokens": "7", "completion_tokens": True}}
    body = {"choices": [{"message": reply, "finish_reason": 5}], **odd}
    with ScriptedUpstream(lambda *_: whole(body)) as upstream:
        ended_run = await run(sums(tmp_path, 2), upstream, tmp_path / "c")
    for answer in (result.answer for result in ended_run.results):
        assert (answer.text, answer.error is None) == (text, text is not None)
        assert (answer.tokens_in, answer.cost_usd, answer.fingerprint, answer.finish_reason) == (None,) * 4
    assert run_of(events_of(ended_run)).results[0].answer == ended_run.results[0].answer

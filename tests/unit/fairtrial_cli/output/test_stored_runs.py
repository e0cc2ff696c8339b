"""The list of runs: a column for the model, and cases without their repeats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import convert

from fairtrial.api.run_answers import CasePair, GradedCase, RunRow, RunUsage
from fairtrial.domain.run import StoredRun
from fairtrial.domain.wording import TEXT_DELETED, TEXT_NOT_STORED
from fairtrial_cli.output.stored_runs import (
    WIDTH,
    as_listed,
    print_cases,
    print_head,
    print_pairs,
    print_runs,
    rest_line,
)
from tests.fixtures.for_each import for_each

AT_US = 1_790_000_000_000_000
LATER_US = AT_US + 3 * 86_400_000_000
USED = dict.fromkeys(RunUsage.__struct_fields__) | {"cases": 100, "results": 300, "errors": 0, "cached": 0}
COUNTS = {"scored": 297, "provider_error": 2, "judge_error": 1, "off_format": 0}


def summary(**more: Any) -> RunRow:
    row = {
        "run_id": "019a",
        "at_time": "2026-09-21T14:13:20Z",
        "suite": "tickets",
        "suite_digest": "9f0c4b1d3a5e7f20",
        "target": "tuned",
        "fingerprint": "fp_0123456789abcdef",
        "seed": 7,
        "repeat": 3,
        "status": "finished",
        "counts": json.dumps(COUNTS),
        "metrics": json.dumps({"intent.accuracy": 0.81}),
        "versions": json.dumps({"intent": "label/1 text"}),
        "ended_time": "2026-09-21T14:14:20Z",
        "deployment_digest": "d",
        "plan_hash": "h",
        "model": None,
    }
    return convert(row | more, RunRow)


def test_a_row_has_its_numbers_and_no_text_that_must_be_parsed() -> None:
    row = as_listed(summary())
    assert (row["cases"], row["unscored"], row["model"]) == (100, 3, None)
    assert (row["counts"], row["metrics"]) == (COUNTS, {"intent.accuracy": 0.81})


def test_the_model_is_shown_where_the_store_knows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = [summary(model="openai/support-v2"), summary(fingerprint=None)]
    print_runs(rows, now_us=LATER_US)
    header, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header == ["run", "suite", "target", "status", "cases", "unscored", "age", "model", "fingerprint", "seed"]
    assert " ".join(first) == "019a tickets tuned finished 100 3 3 days ago openai/support-v2 fp_0123456789abcdef 7"
    assert second[-3:] == ["–", "–", "7"]


def test_the_head_says_what_identifies_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    listed = as_listed(summary(model="openai/support-v2"))
    run, used = convert(listed | {"at_us": AT_US, "ended_us": AT_US}, StoredRun), convert(USED, RunUsage)
    print_head(run, used, now_us=LATER_US, full=False)
    output = capsys.readouterr().out
    assert output.startswith("tickets on tuned, 3 days ago\n")
    for line in (
        "  suite        tickets, digest 9f0c4b1d",
        "  model        openai/support-v2",
        "  fingerprint  fp_012345678",
        "  scorers      intent (label/1)",
        "  status       finished, 100 cases, 300 answers",
        "  answers      answered and scored 297, no answer from the provider 2, a scorer failed 1",
        "    intent.accuracy  0.81",
    ):
        assert f"{line}\n" in output
    print_head(run, used, now_us=LATER_US, full=True)
    assert "digest 9f0c4b1d3a5e7f20\n" in capsys.readouterr().out


ASKED = '[{"role": "system", "content": "Be kind."}, {"role": "user", "content": "My lamp\\nis broken."}]'


def score(metric: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "value": value, "label": None, "expected": None, "why": None} | more


def case(**more: Any) -> GradedCase:
    return convert(case_fields(**more), GradedCase)


def case_fields(**more: Any) -> dict[str, Any]:
    return {
        "case_id": "c1",
        "repeat": 0,
        "grade": "wrong",
        "outcome": "scored",
        "asked": ASKED,
        "expected": '"fault"',
        "output": "refund",
        "error": None,
        "refusal": None,
        "texts_deleted": False,
        "tags": None,
        "latency_ms": None,
        "tokens_out": None,
        "cached": False,
        "finish_reason": None,
        "scores": [
            score("intent.accuracy", 0.0, label="refund"),
            score("intent.macro_f1", 0.0),
            score("tone.mean", 0.25),
            score("tone.max", 0.5),
        ],
    } | more


def printed(capsys: pytest.CaptureFixture[str], row: GradedCase, *, alone: bool = False, full: bool = False) -> str:
    print_cases([row], "intent.accuracy", alone=alone, full=full)
    return capsys.readouterr().out


def test_a_case_is_shown_with_the_first_stat_of_each_scorer(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, case()).splitlines() == [
        "",
        "c1: wrong",
        "  asked     My lamp is broken.",
        "  expected  fault",
        "  answered  refund",
        "            intent.accuracy 0 (answered 'refund'), tone.mean 0.25",
    ]


def test_a_metric_that_is_named_is_shown_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert "tone" not in printed(capsys, case(), alone=True)


def test_with_full_all_messages_lines_and_scores_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, case(output="x" * 1000), full=True)
    assert "  asked     system: Be kind.\n            user: My lamp\n            is broken.\n" in output
    assert "x" * 1000 in output
    assert "intent.macro_f1 0, tone.mean 0.25, tone.max 0.5" in output


def test_a_long_text_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"  answered  {'x' * WIDTH}…\n" in printed(capsys, case(output="x" * 1000))


@pytest.mark.parametrize("full", [False, True])
def test_no_control_character_of_a_model_reaches_the_terminal(capsys: pytest.CaptureFixture[str], full: bool) -> None:
    hostile = "\x1b]0;title\x07\x9b2J"
    scores = [score("intent.accuracy", None, why=hostile)]
    row = case(output=hostile, case_id=hostile, expected=hostile, asked=hostile, scores=scores)
    output = printed(capsys, row, full=full)
    assert "\\u001b]0;title\\u0007\\u009b2J" in output
    assert not [character for character in output if character != "\n" and not character.isprintable()]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (case(asked=None), f"  asked     [{TEXT_NOT_STORED}]\n"),
        (case(asked=None, output=None, texts_deleted=True), f"  answered  [{TEXT_DELETED}]\n"),
        (case(outcome="provider_error", output=None, error="HTTP 503"), "  answered  no answer: HTTP 503\n"),
        (case(outcome="truncated"), "            truncated at its limit\n"),
        (case(repeat=2), "c1, repeat 3: wrong\n"),
        (case(scores=[score("intent", None, why="KeyError: x")]), "            intent unscored (KeyError: x)\n"),
    ],
)
def test_a_case_says_why_something_is_missing(capsys: pytest.CaptureFixture[str], row: GradedCase, words: str) -> None:
    assert words in printed(capsys, row)


def test_two_sides_have_the_baseline_first(capsys: pytest.CaptureFixture[str]) -> None:
    right = case_fields(output="fault", scores=[score("intent.accuracy", 1.0)])
    row = convert(case_fields(change="lost", candidate=case_fields(), baseline=right), CasePair)
    print_pairs([row], "intent.accuracy", ("tuned (candidate)", "base (baseline)"), alone=True, full=False)
    output = capsys.readouterr().out
    assert "c1: lost, intent.accuracy 1 → 0\n" in output
    assert output.index("base (baseline)    fault") < output.index("tuned (candidate)  refund")


@for_each(
    ("shown", "total", "offset", "words"),
    [
        (1, 1, 0, "1 case"),
        (50, 1_200, 0, "cases 1 to 50 of 1,200; 1,150 more: --offset 50"),
        (20, 120, 100, "cases 101 to 120 of 120"),
        (0, 0, 0, "no case matches"),
        (0, 120, 200, "no case is left after the first 120"),
    ],
)
def test_the_last_line_shows_how_many_more_cases_exist(shown: int, total: int, offset: int, words: str) -> None:
    assert rest_line(shown, total, offset) == words

"""The list of runs: a column for the model, and cases without their repeats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fairtrial_cli.output.run_list import listed, print_head, print_runs

AT_US = 1_790_000_000_000_000
LATER_US = AT_US + 3 * 86_400_000_000
COUNTS = {"scored": 297, "provider_error": 2, "judge_error": 1, "off_format": 0}


def summary(**more: Any) -> dict[str, Any]:
    return {
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
    } | more


def test_a_row_has_its_numbers_and_no_text_that_must_be_parsed() -> None:
    row = listed(summary())
    assert (row["cases"], row["unscored"], row["model"]) == (100, 3, None)
    assert (row["counts"], row["metrics"]) == (COUNTS, {"intent.accuracy": 0.81})


def test_the_model_is_shown_where_the_store_knows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    rows = [listed(summary(model="openai/support-v2")), listed(summary(fingerprint=None))]
    print_runs(rows, now_us=LATER_US)
    header, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header == ["run", "suite", "target", "status", "cases", "unscored", "age", "model", "fingerprint", "seed"]
    assert " ".join(first) == "019a tickets tuned finished 100 3 3 days ago openai/support-v2 fp_0123456789abcdef 7"
    assert second[-3:] == ["–", "–", "7"]


def test_the_head_says_what_identifies_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = listed(summary(model="openai/support-v2", at_us=AT_US))
    print_head(run, {"cases": 100, "results": 300}, now_us=LATER_US, full=False)
    said = capsys.readouterr().out
    assert said.startswith("tickets on tuned, 3 days ago\n")
    for line in (
        "  suite        tickets, digest 9f0c4b1d",
        "  model        openai/support-v2",
        "  fingerprint  fp_012345678",
        "  scorers      intent (label/1)",
        "  status       finished, 100 cases, 300 answers",
        "  answers      answered and scored 297, no answer from the provider 2, a scorer failed 1",
        "    intent.accuracy  0.81",
    ):
        assert f"{line}\n" in said
    print_head(run, {"cases": 100, "results": 300}, now_us=LATER_US, full=True)
    assert "digest 9f0c4b1d3a5e7f20\n" in capsys.readouterr().out

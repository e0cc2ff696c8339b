"""The decision of an experiment as lines of a terminal."""

from __future__ import annotations

from typing import Any

from fairtrial_cli.output.decision import decision_lines

GUARDRAIL = {"metric": "requests.error_rate", "levels": "1 % against 2 %", "room_words": "hardly any", "control": 0.02}
ANALYSIS = {"primary": [{"sentence": "Not decided yet."}], "guardrails": [GUARDRAIL | {"treatment": 0.01}]}


def said(analysis: Any, *, running: bool = True) -> list[str]:
    return list(decision_lines({"sentence": "The result.", "analysis": analysis}, running=running))


def test_a_running_experiment_has_its_result_and_each_guardrail() -> None:
    assert said(ANALYSIS) == ["The result.", "requests.error_rate: 1 % against 2 %; hardly any"]


def test_an_experiment_that_does_not_run_keeps_what_it_has_shown() -> None:
    assert said(ANALYSIS, running=False)[0] == "Not decided yet."
    assert said(ANALYSIS | {"primary": [{"sentence": ""}]}, running=False) == said(ANALYSIS)[1:]


def test_a_guardrail_without_data_names_no_levels() -> None:
    nothing = GUARDRAIL | {"control": None, "treatment": None, "room_words": "no data yet"}
    assert said(ANALYSIS | {"guardrails": [nothing]})[1:] == ["requests.error_rate: no data yet"]


def test_there_is_nothing_to_say_before_the_analysis_is_frozen() -> None:
    assert said(None) == []

"""`lost` for sampled answers, where another run of the base loses cases too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.run import Answer, Run
from fairtrial.domain.verdicts.verdict import Verdict
from tests.fixtures.evaluators.trials import right, run, suite

N = 120


def sampled(temperature: float | None = 0.7) -> Suite:
    params = {} if temperature is None else {"temperature": temperature}
    return replace(suite("lost == 0", n=N), params=params)


def judged_against(of: Suite, candidate: Run, base: Run, before: Run | None) -> Verdict:
    runs = {"tuned": candidate, "base": base}
    trial = Trial("tuned", "base", lambda _, name: runs.get(name), before=lambda *_: before)
    return judge(gate_of(of), trial, verdict_id="v", at_us=0)


def drawn(of: Suite, target: str, seed: int, share: float = 0.8) -> Run:
    values = (np.random.default_rng(seed).random(N) < share).astype(float)
    return run(of, target, list(values))


def test_at_temperature_0_the_rule_is_literal() -> None:
    of = sampled(0)
    errors = judged_against(of, run(of, "tuned", right(119)), run(of, "base", right(120)), None)
    assert errors.decision == "BLOCK"


@pytest.mark.parametrize("temperature", [0.7, None])
def test_without_a_second_run_of_the_base_it_is_undecided(temperature: float | None) -> None:
    of = sampled(temperature)
    errors = judged_against(of, run(of, "tuned", right(119)), run(of, "base", right(120)), None)
    assert errors.decision == "HOLD"
    assert "the base also loses cases when it runs again" in errors.findings[0].says
    assert "--fresh" in errors.findings[0].needed


def test_kept_answers_are_no_second_run() -> None:
    of = sampled()
    again = run(of, "base", right(120))
    cached_run = replace(again, results=tuple(replace(case, answer=Answer("x", cached=True)) for case in again.results))
    assert judged_against(of, run(of, "tuned", right(119)), cached_run, run(of, "base", right(120))).decision == "HOLD"


def test_an_identical_model_is_not_blocked_and_often_ships() -> None:
    """Before, one of the twenty cases that sampling loses blocked it always."""
    of = sampled()
    decisions = [
        judged_against(
            of, drawn(of, "tuned", 3 * k), drawn(of, "base", 3 * k + 1), drawn(of, "base", 3 * k + 2)
        ).decision
        for k in range(60)
    ]
    assert decisions.count("BLOCK") <= 5
    assert decisions.count("SHIP") >= 20


def test_a_model_that_loses_more_than_the_base_itself_is_blocked() -> None:
    of = sampled()
    errors = judged_against(of, drawn(of, "tuned", 1, share=0.5), drawn(of, "base", 2), drawn(of, "base", 3))
    assert errors.decision == "BLOCK"
    assert "another run of the base loses" in errors.findings[0].says

"""Assumptions become scenarios, and impossible ones are refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Plan
from fairtrial.experiments.simulation.scenario import (
    ENDS,
    Scenario,
    ScenarioAssumptions,
    end_of,
    run_trials,
    scenarios,
    summarise,
)
from fairtrial.experiments.simulation.trial import TrialOutcome
from tests.fixtures.experiments.simulated import ERRORS, NAME, RESOLVED, arm, project, setting
from tests.fixtures.for_each import for_each


def made(plan: Plan | None = None, **assumed: Any) -> tuple[Scenario, ...]:
    loaded_plan = plan or project()
    fields: dict[str, Any] = {"per_week": 1_000, "levels": {RESOLVED: 0.6}} | assumed
    return scenarios(loaded_plan, loaded_plan.experiments[NAME], ScenarioAssumptions(**fields))


def test_without_an_effect_there_is_a_better_an_equal_a_worse_and_a_failing_candidate() -> None:
    four = made()
    assert [(scenario.name, scenario.truth) for scenario in four] == [
        ("better by 10 points", "better"),
        ("no difference", "same"),
        ("worse by 10 points", "worse"),
        ("no difference, errors 1 → 5 %", "worse"),
    ]
    levels = [scenario.setting.world.arms["tuned"].levels[RESOLVED] for scenario in four]
    assert levels == pytest.approx([0.7, 0.6, 0.5, 0.6])
    assert all(scenario.setting.world.arms["base"].levels[RESOLVED] == 0.6 for scenario in four)


@pytest.mark.parametrize(
    ("effect", "level", "truth"),
    [("+5pp", 0.65, "better"), ("-3pp", 0.57, "worse"), ("-10%", 0.54, "worse"), ("0", 0.6, "same")],
)
def test_a_stated_effect_is_the_only_scenario(effect: str, level: float, truth: str) -> None:
    (scenario,) = made(effect=effect)
    assert scenario.truth == truth
    assert scenario.setting.world.arms["tuned"].levels[RESOLVED] == pytest.approx(level)


def test_stated_errors_are_in_all_scenarios_and_decide_the_truth() -> None:
    three = made(errors=(0.01, 0.02))
    assert [scenario.truth for scenario in three] == ["worse"] * 3
    assert three[0].name == "better by 10 points, errors 1 → 2 %"
    assert three[0].setting.world.arms["tuned"].errors == 0.02


def test_lower_is_better_turns_the_effect() -> None:
    primary = {"metric": "cost.per_request", "mde": "20%", "baseline": 0.02}
    listed = made(project(primary=primary), levels={})
    assert [scenario.name for scenario in listed][:2] == ["better by 0.004", "no difference"]
    assert [scenario.setting.world.arms["tuned"].cost for scenario in listed][:3] == pytest.approx([0.016, 0.02, 0.024])


def test_a_latency_has_the_stated_quantile() -> None:
    primary = {"metric": "requests.latency_p95", "mde": "20%", "baseline": 3000}
    scenario = made(project(primary=primary), levels={})[1]
    arm = scenario.setting.world.arms["base"]
    assert 0.25 * 3000 < arm.latency_ms < 0.5 * 3000


def test_delays_and_silence_are_those_of_the_named_arms() -> None:
    simulated = made(late_days={"": 1.0, "tuned": 4.0}, silent={"tuned": 0.1}, response=0.5)[0].setting
    base, tuned = simulated.world.arms["base"], simulated.world.arms["tuned"]
    assert (base.late_days, tuned.late_days) == (1.0, 4.0)
    assert (base.silent, tuned.silent, tuned.response) == (0.0, 0.1, 0.5)
    assert simulated.known[RESOLVED].response == 0.5


@for_each(
    ("plan", "assumed", "message"),
    [
        ({}, {"levels": {}}, "give its level today, such as --baseline feedback.resolved=62%"),
        ({}, {"effect": "3"}, "is not an effect"),
        ({}, {"effect": "much"}, "is not an effect"),
        ({}, {"effect": "+50pp"}, "from 0.6 to 1.1, which is not possible"),
        ({}, {"levels": {RESOLVED: 1.6}}, "a level of 1.6 is not possible"),
        ({}, {"levels": {"feedback.other": 0.6}}, "not a metric of tuned-vs-base"),
        ({}, {"late_days": {"other": 2.0}}, "not a variant of tuned-vs-base"),
        ({}, {"silent": {"tuned": 0.6}, "response": 0.5}, "60 points less feedback than 50%"),
        ({}, {"per_week": 1e9}, "are too many to simulate"),
        ({"primary": None}, {"levels": {}}, "has no primary metric"),
        ({"primary": {"metric": "requests.refusal_rate", "mde": "1pp"}}, {"levels": {}}, "only failed requests"),
        (
            {"primary": {"metric": "cost.per_request", "mde": "20%", "baseline": 0.02}},
            {"levels": {}, "effect": "+1pp"},
            "must be relative",
        ),
        ({"primary": {"metric": "cost.per_request", "mde": "20%"}}, {"levels": {}}, "give its level today"),
        (
            {"primary": {"metric": ERRORS, "mde": "1pp", "baseline": "1%"}},
            {"levels": {}, "effect": "-5pp"},
            "not possible",
        ),
    ],
)
def test_missing_and_impossible_assumptions_are_refused(
    plan: dict[str, Any], assumed: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        made(project(**plan), **assumed)


UNITS = {"base": 90, "tuned": 110}
ENDED = [
    (TrialOutcome(end="ship", days=7, units=UNITS, better=True, safe={ERRORS}), "ships"),
    (TrialOutcome(end="kill", days=1, units=UNITS, better=True), "stopped"),
    (TrialOutcome(end="pause", days=3, units=UNITS), "stopped"),
    (TrialOutcome(end="end", days=21, units=UNITS, worse=True, invalid=True), "worse"),
    (TrialOutcome(end="end", days=21, units=UNITS, not_worse=True), "better"),
    (TrialOutcome(end="end", days=21, units=UNITS), "undecided"),
]


@for_each(("outcome", "end"), ENDED)
def test_a_trial_has_one_end(outcome: TrialOutcome, end: str) -> None:
    assert end_of(outcome) == end


def test_shares_add_up_and_have_medians_and_errors() -> None:
    summary = summarise([outcome for outcome, _ in ENDED], [ERRORS])
    assert summary.runs == 6
    assert sum(summary.ends[name].share for name in ENDS) == pytest.approx(1.0)
    stopped = summary.ends["stopped"]
    assert (stopped.share, stopped.days, stopped.units) == (pytest.approx(1 / 3), 2.0, 100.0)
    assert stopped.error == pytest.approx((1 / 3 * 2 / 3 / 6) ** 0.5)
    assert summary.decided.share == pytest.approx(0.5)
    assert (summary.invalid.share, summary.safe[ERRORS].share) == (pytest.approx(1 / 6), pytest.approx(1 / 6))


def test_an_end_that_never_came_still_has_an_error() -> None:
    share = summarise([ENDED[5][0]] * 100).ends["ships"]
    assert (share.share, share.days, share.units) == (0.0, None, None)
    assert 0 < share.error < 0.01


def test_processes_change_nothing_and_each_trial_is_reported() -> None:
    finished: list[int] = []
    made = setting(tuned=arm(errors=0.2))
    alone, together = (
        run_trials(made, runs=4, seed=5, processes=processes, on_done=lambda: finished.append(1))
        for processes in (1, 2)
    )
    assert alone == together
    assert len(finished) == 8
    assert len({str(outcome) for outcome in alone}) == 4

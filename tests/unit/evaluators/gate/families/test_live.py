"""Live lines pass and fail by what the frozen plan of the gate's experiment has decided."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from evaluators.gate.live_evidence import LiveEvidence, read_live, written_live
from fairtrial.domain.verdicts.verdict_wording import EXPERIMENT_SAYS
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from tests.fixtures.evaluators.live_trials import finding, looked, verdict
from tests.fixtures.experiments import frozen_plans
from tests.fixtures.experiments.frozen_plans import heavy, rate, rated
from tests.fixtures.experiments.reported_looks import (
    DAY_US,
    ERRORS,
    RESOLVED,
    START,
    analysis_plan,
    arm,
    sums,
    with_weeks,
)
from tests.fixtures.for_each import for_each

BETTER = sums(10, arm(3_000, 1_500), arm(3_000, 1_950))
EQUAL = sums(10, arm(3_000, 1_500), arm(3_000, 1_510))
WORSE = sums(10, arm(3_000, 1_800), arm(3_000, 1_200))
PRIMARY, HOLD = "live.primary better than base", "live.guardrails hold"


def test_a_decided_primary_metric_passes_with_its_numbers() -> None:
    judged = finding(verdict(looked(analysis_plan(), BETTER), PRIMARY), PRIMARY)
    assert judged.result == "pass"
    assert "65 % of 3,000 users of tuned against 50 % of 3,000 users of base" in judged.says
    assert "Decided: better, as planned" in judged.says


def test_it_counts_only_after_whole_weeks() -> None:
    live = looked(analysis_plan(), sums(3, arm(3_000, 1_500), arm(3_000, 1_950)))
    early = finding(verdict(live, PRIMARY, days=3), PRIMARY)
    assert early.result == "cannot tell" and early.needed.startswith("time: it counts from ")
    assert finding(verdict(live, PRIMARY, days=7.1), PRIMARY).result == "pass"


def test_a_plan_that_may_decide_early_says_so() -> None:
    live = looked(analysis_plan(min_days=0.0), sums(3, arm(3_000, 1_500), arm(3_000, 1_950)))
    judged = finding(verdict(live, PRIMARY, days=3), PRIMARY)
    assert judged.result == "pass" and "it may decide after 0 days" in judged.says


def test_a_fading_effect_holds_a_line_that_asks_for_better() -> None:
    days, plan = (14, *with_weeks(arm(3_000, 1_500), arm(3_000, 1_950), 0.12, -0.01)), analysis_plan(rules=6)
    live = looked(plan, sums(*days))
    judgement = verdict(live, PRIMARY, "live.primary not worse than base by 10pp")
    held = finding(judgement, PRIMARY)
    assert (held.result, held.needed) == ("cannot tell", "whole weeks in which the effect does not fade")
    assert "HOLD: the effect fades: 12 points better in week 1, 1 point worse in week 2" in held.says
    assert finding(judgement, "live.primary not worse than base by 10pp").result == "pass"
    assert "tuned, by week of the experiment: 1: 12 points better" in finding(judgement, "effect over time").says


def test_evidence_keeps_the_weeks() -> None:
    arm_sums = sums(14, *with_weeks(arm(3_000, 1_500), arm(3_000, 1_950), 0.12, None))
    live = LiveEvidence({}, (looked(analysis_plan(rules=6), arm_sums),))
    again = read_live(json.loads(json.dumps(written_live(live)))).experiments[0]
    assert again.sums == arm_sums and verdict(again, PRIMARY) == verdict(live.experiments[0], PRIMARY)


def test_a_worse_and_an_equal_candidate_do_not_pass() -> None:
    assert finding(verdict(looked(analysis_plan(), WORSE), PRIMARY), PRIMARY).result == "fail"
    equal = finding(verdict(looked(analysis_plan(), EQUAL), PRIMARY), PRIMARY)
    assert equal.result == "cannot tell" and equal.needed


def test_the_plan_decides_what_is_not_worse_where_feedback_may_be_missing() -> None:
    line = "live.primary not worse than base by 10pp"
    assert finding(verdict(looked(analysis_plan(), EQUAL), line), line).result == "cannot tell"
    assert finding(verdict(looked(analysis_plan(), BETTER), line), line).result == "pass"
    planned = analysis_plan(metrics=(replace(RESOLVED, require="not_worse"), ERRORS))
    assert finding(verdict(looked(planned, EQUAL), line), line).result == "pass"
    smaller = "live.primary not worse than base by 5pp"
    assert finding(verdict(looked(planned, EQUAL), smaller), smaller).result == "cannot tell"


def test_a_smaller_margin_of_a_guardrail_is_judged_by_the_interval_of_the_first_attempt_only() -> None:
    line = "live.requests.error_rate not worse than base by 0.9pp"
    many = sums(10, arm(20_000, 10_000, failed=200, cap=1.0), arm(20_000, 10_000, failed=200, cap=1.0))
    assert finding(verdict(looked(analysis_plan(), many), line), line).result == "pass"
    assert finding(verdict(looked(analysis_plan(attempt=5), many), line), line).result == "cannot tell"


def test_guardrails_hold_only_if_each_is_proven_safe() -> None:
    safe = sums(10, arm(20_000, 10_000, failed=200, cap=1.0), arm(20_000, 13_000, failed=190, cap=1.0))
    few = sums(10, arm(400, 200, failed=4, cap=1.0), arm(400, 260, failed=4, cap=1.0))
    assert finding(verdict(looked(analysis_plan(), safe), HOLD), HOLD).result == "pass"
    undecided = finding(verdict(looked(analysis_plan(), few), HOLD), HOLD)
    assert undecided.result == "cannot tell" and "0 of 1 are proven safe" in undecided.says


HARM = sums(10, arm(3_000, 1_500, failed=30), arm(3_000, 1_500, failed=300))


def test_proven_harm_blocks_even_if_no_line_asks_for_it() -> None:
    judgement = verdict(looked(analysis_plan(), HARM))
    assert judgement.decision == "BLOCK"
    assert finding(judgement, EXPERIMENT_SAYS).says.endswith("harm is proven")
    assert judgement.headline.startswith("BLOCK tuned: experiment tuned-vs-base: requests.error_rate: 10 % ")


def test_proven_harm_is_one_finding_where_a_line_asks_for_it() -> None:
    judgement = verdict(looked(analysis_plan(), HARM), HOLD)
    assert [line.rule for line in judgement.findings if line.safety] == [HOLD]
    assert judgement.decision == "BLOCK"


UNEVEN = sums(10, arm(3_000, 1_500), arm(2_000, 1_300))
UNEVEN_HARM = sums(10, arm(3_000, 1_500, failed=30), arm(2_000, 1_000, failed=300))


def test_a_split_that_does_not_match_is_invalid() -> None:
    judgement = verdict(looked(analysis_plan(), UNEVEN), PRIMARY, HOLD)
    assert judgement.decision == "INVALID"
    assert {finding(judgement, line).result for line in (PRIMARY, HOLD)} == {"invalid"}


def test_proven_harm_to_users_blocks_even_beside_an_invalid_split() -> None:
    judgement = verdict(looked(analysis_plan(), UNEVEN_HARM), PRIMARY, HOLD)
    assert judgement.decision == "BLOCK"
    assert finding(judgement, PRIMARY).result == "invalid" and finding(judgement, HOLD).result == "fail"
    line = "live.requests.error_rate not worse than base by 1pp"
    assert verdict(looked(analysis_plan(), UNEVEN_HARM), PRIMARY, line).decision == "BLOCK"


def test_harm_by_counted_events_outweighs_an_invalid_split_also_where_it_only_pauses() -> None:
    plan = analysis_plan(metrics=(RESOLVED, replace(ERRORS, signal="pause")))
    assert verdict(looked(plan, UNEVEN_HARM), HOLD, PRIMARY).decision == "BLOCK"
    assert verdict(looked(plan, HARM), HOLD).decision == "BLOCK"


@for_each(
    ("line", "result", "message"),
    [
        ("live.requests.error_rate <= 5%", "pass", "at most 5 % is allowed"),
        ("live.requests.error_rate <= 0.2%", "fail", "at most 0.2 % is allowed: not met"),
        ("live.feedback.resolved >= 60% sure", "pass", "valid at any time"),
        ("live.feedback.resolved >= 64.9% sure", "cannot tell", "undecided"),
        ("live.feedback.resolved >= 80%", "fail", "not met"),
        ("live.requests.error_rate <= 5% with 9000 users", "cannot tell", "only 3,000 of the 9,000 users"),
        ("live.cost.per_request not worse than base by 20%", "cannot tell", "does not have cost.per_request"),
    ],
)
def test_limits_on_a_level_use_an_interval_that_is_valid_at_all_looks(line: str, result: str, message: str) -> None:
    live = looked(analysis_plan(), sums(10, arm(3_000, 1_500, failed=30), arm(3_000, 1_950, failed=40)))
    judged = finding(verdict(live, line), line)
    assert (judged.result, message in judged.says) == (result, True), judged.says


def test_an_experiment_that_shows_nothing_of_this_candidate_never_passes() -> None:
    unrelated = finding(verdict(looked(analysis_plan(), BETTER), PRIMARY, experiment="another"), PRIMARY)
    assert unrelated.result == "invalid" and "another does not compare" in unrelated.says
    silent = finding(verdict(looked(analysis_plan()), PRIMARY), PRIMARY)
    assert silent.result == "cannot tell" and "has not shown anything yet" in silent.says
    swapped = finding(verdict(looked(analysis_plan(), BETTER, changed=("tuned",)), PRIMARY), PRIMARY)
    assert swapped.result == "invalid" and "another model is declared for tuned" in swapped.says


def test_attempts_and_amendments_are_part_of_the_sentence() -> None:
    live = looked(analysis_plan(attempt=3, revision=2), BETTER)
    assert (
        "[attempt 3, at an alpha of 1.25 %; the plan was amended once; "
        in finding(verdict(live, PRIMARY), PRIMARY).says
    )


def test_kinds_of_evidence_that_disagree_are_listed() -> None:
    judgement = verdict(looked(analysis_plan(), WORSE), PRIMARY)
    assert judgement.conflicts and judgement.conflicts[0].startswith("The suites: every rule passes. Live traffic: ")
    assert verdict(looked(analysis_plan(), BETTER), PRIMARY).conflicts == ()


@for_each(
    ("line", "units", "result"),
    [
        ("live.requests.error_rate <= 5%", 1_507, "pass"),
        ("live.requests.error_rate <= 0.5%", 1_507, "pass"),
        ("live.requests.error_rate not worse than base by 5pp", 1_507, "pass"),
        ("live.requests.error_rate not worse than base by 0.5pp", 1_507, "pass"),
        ("live.requests.error_rate not worse than base by 1pp", 400, "cannot tell"),
    ],
)
def test_a_flawless_arm_can_be_judged(line: str, units: int, result: str) -> None:
    arms = {name: ArmSums(units, units, {frozen_plans.ERRORS: rated(units, 0)}) for name in ("base", "tuned")}
    live = looked(frozen_plans.analysis_plan(rate(), rules=4), Sums(START + DAY_US, arms))
    assert finding(verdict(live, line), line).result == result


def test_harm_to_few_units_with_many_requests_holds_a_release_without_a_line() -> None:
    arms = {"base": heavy(20_000, 0.01, 0.01), "tuned": heavy(20_000, 0.01, 0.30, seed=4)}
    seen = Sums(
        START + DAY_US, {name: ArmSums(20_000, 20_000, {frozen_plans.ERRORS: errors}) for name, errors in arms.items()}
    )
    judgement = verdict(looked(frozen_plans.analysis_plan(rate(cap=200.0), rules=4), seen))
    assert judgement.decision == "HOLD"
    assert "if each request weighs the same" in judgement.headline


def few_heavy(bad: int) -> ArmSums:
    """Most of 4,000 units have one good request; 20 have 300, of which so many are bad."""
    sent = np.where(np.arange(4_000) < 20, 300.0, 1.0)
    failed = np.where(sent > 1, float(bad), 0.0)
    shares, errors = UnitShares.of(failed, sent, luck=np.full(4_000, 0.5)), RequestErrors.of(failed, sent)
    windows = ErrorShares(shares, shares, errors.requests, EveryRequest.of(failed, sent))
    return ArmSums(4_000, 4_000, {frozen_plans.ERRORS: replace(errors, shares=windows)})


def test_a_difference_by_request_beyond_the_margin_holds_every_line_on_the_rate_and_a_release_without_a_line() -> None:
    line = "live.requests.error_rate not worse than base by 5pp"
    seen = Sums(START + DAY_US, {"base": few_heavy(0), "tuned": few_heavy(100)})
    live = looked(frozen_plans.analysis_plan(rate(), rules=7), seen)
    judgement = verdict(live, line, HOLD)
    assert {finding(judgement, name).result for name in (line, HOLD)} == {"cannot tell"}
    for words in (finding(judgement, line).says, finding(judgement, HOLD).says):
        assert "by request tuned is 20 points worse (20 % of 9,980 requests against 0 % of 9,980 requests)" in words
    assert "requests.error_rate: by request tuned is 20 points worse" in verdict(live).headline
    assert finding(judgement, "heaviest units").says.endswith("the heaviest 1 % of users send 60.3 % of the requests")
    again = read_live(json.loads(json.dumps(written_live(LiveEvidence({}, (live,)))))).experiments[0]
    assert (again.decision, again.sums) == (live.decision, live.sums)


LATENCY = MetricPlan(
    metric="requests.latency_p95", role="primary", method="quantile", better="lower", require="not_worse", margin=0.2,
    relative=True, level=900.0,
)  # fmt: skip


def slow(value: float) -> ArmSums:
    """An arm with this latency, in milliseconds."""
    values = [value * number / 4_000 for number in range(1, 4_001)]
    sums_of_times = QuantileSums.of(values, [str(number) for number in range(4_000)], nu=0.95)
    return replace(arm(4_000, 0, cap=1.0), metrics=arm(4_000, 0, cap=1.0).metrics | {LATENCY.metric: sums_of_times})


def test_a_change_of_another_arm_does_not_hide_harm_of_the_candidate() -> None:
    live = looked(analysis_plan(), HARM, changed=("another-arm",))
    assert verdict(live).decision == "BLOCK"


def test_a_primary_latency_on_one_engine_is_not_proven_by_its_interval() -> None:
    plan = analysis_plan(metrics=(LATENCY, ERRORS), shared_engine=True)
    live = looked(plan, sums(10, slow(1_000), slow(900)))
    for line in ("live.primary not worse than base by 20%", "live.requests.latency_p95 not worse than base by 20%"):
        assert finding(verdict(live, line), line).result == "cannot tell"

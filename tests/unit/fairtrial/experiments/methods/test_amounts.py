"""A cost as the primary metric is decided by its mean up to the cap and by the share of units above it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.methods.amounts import MEAN_OPEN, TAIL_OPEN, TAIL_WORSE
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Sums, restored, stored
from fairtrial.stats.arms.amounts import Amounts
from tests.fixtures.experiments.frozen_plans import COST, analysis_plan, cost

PRIMARY = cost(role="primary", require="superior", margin=0.1, stop=0.0, stop_relative=False)


def spent(units: int, *, mean: float = 0.1, above: float = 0.0, seed: int = 1) -> Amounts:
    """Amounts around a mean, of which a share exceeds the cap of 1."""
    costs = np.random.default_rng(seed).gamma(4.0, mean / 4.0, units)
    costs[: round(above * units)] = 40.0
    return Amounts.of(np.minimum(costs, 40.0), limit=1.0)


def look(control: Amounts, treatment: Amounts, of: MetricPlan = PRIMARY, **more: Any) -> Finding:
    arms = {name: ArmSums(1, 1, {COST: amounts}) for name, amounts in (("base", control), ("tuned", treatment))}
    (finding,) = find(analysis_plan(of, **more), Sums(0, arms))
    return finding


def test_a_lower_mean_with_the_same_tail_is_better() -> None:
    assert look(spent(4_000), spent(4_000, mean=0.08, seed=2)).answer == "better"


def test_a_lower_mean_with_a_longer_tail_is_worse_and_not_better() -> None:
    finding = look(spent(4_000), spent(4_000, mean=0.04, above=0.03, seed=2))
    assert (finding.answer, finding.why) == ("worse", TAIL_WORSE)


def test_a_lower_mean_whose_tail_is_not_yet_known_says_what_disagrees() -> None:
    finding = look(spent(400), spent(400, mean=0.05, seed=2))
    assert (finding.answer, finding.why) == ("cannot tell", TAIL_OPEN)


def test_an_equal_mean_within_the_tail_s_margin_says_that_the_mean_is_open() -> None:
    finding = look(spent(2_000), spent(2_000, seed=2))
    assert (finding.answer, finding.why) == ("cannot tell", MEAN_OPEN)


def test_a_higher_mean_is_worse_beyond_what_the_plan_allows() -> None:
    assert look(spent(4_000), spent(4_000, mean=0.12, seed=2)).answer == "worse"
    not_worse = replace(PRIMARY, require="not_worse", margin=0.4)
    finding = look(spent(4_000), spent(4_000, mean=0.12, seed=2), not_worse)
    assert finding.answer == "not worse"
    assert look(spent(4_000), spent(4_000, mean=0.16, seed=2), not_worse).answer == "worse"
    assert look(spent(4_000), spent(4_000, mean=0.12, above=0.03, seed=2), not_worse).answer == "worse"


def test_a_guardrail_of_cost_pauses_earlier_only_where_the_file_says_so() -> None:
    plain = cost(pause=0.2, pause_relative=True)
    early = replace(plain, pause=0.0, pause_relative=False)
    pair = spent(4_000), spent(4_000, mean=0.11, seed=2)
    assert not look(*pair, plain).declined
    assert look(*pair, early).declined
    assert look(*pair, early).answer == "safe"
    harmed = look(spent(4_000), spent(4_000, mean=0.15, seed=2), early)
    assert (harmed.answer, harmed.declined) == ("harm", True)


def test_not_worse_needs_each_line_at_the_whole_alpha_and_better_at_half_of_it() -> None:
    not_worse, units = replace(PRIMARY, require="not_worse", margin=0.4), 580
    assert look(spent(units), spent(units, seed=2), not_worse).answer == "not worse"
    assert look(spent(units), spent(units, mean=0.05, seed=2), not_worse).answer == "not worse"
    assert look(spent(units), spent(units, mean=0.05, seed=2)).answer == "cannot tell"
    assert look(spent(700), spent(700, mean=0.05, seed=2), not_worse).answer == "better"


def test_earlier_amounts_decide_sooner_and_are_recomputed_from_the_stored_sums() -> None:
    rng = np.random.default_rng(6)
    arms = []
    for times in (1.0, 0.97):
        before = rng.gamma(4.0, 0.025, 6_000)
        arms.append(Amounts.of(times * before * rng.gamma(30.0, 1 / 30, 6_000), limit=1.0, earlier=before))
    plain = look(*(replace(arm, with_earlier=None) for arm in arms))
    finding = look(*arms)
    assert (plain.answer, finding.answer) == ("cannot tell", "better")
    again = [restored("amount", json.loads(json.dumps(stored(arm)))) for arm in arms]
    assert again == arms and look(*again) == finding
    assert "with_earlier" not in stored(replace(arms[0], with_earlier=None))
    safe = cost(margin=0.02, stop=0.02)
    answers = [look(arm, arm, of=safe).answer for arm in (arms[0], replace(arms[0], with_earlier=None))]
    assert answers == ["safe", "cannot tell"]

"""The errors of an arm, and the guardrail of costs: properties and error rates."""

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sequential.guardrails import Limits, rare_guardrail, relative_guardrail
from fairtrial.stats.sequential.metric_guardrails import CostFinding, cost_guardrail
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sums import capped_requests


def test_arms_add_and_count_each_user_with_an_error_once() -> None:
    first, more = RequestErrors.of([0, 3], [5, 120]), RequestErrors.of([1], [1])
    whole = RequestErrors.of([0, 3, 1], [5, 120, 1])
    assert first + more == whole
    assert whole == RequestErrors(2, capped_requests([0, 3, 1], [5, 120, 1]))


def test_pessimistic_sums_are_added_to_those_of_arms_without_them() -> None:
    sound = RequestErrors.of([0] * 2_000, [10] * 2_000, cap=10)
    one_in_ten = replace(sound, pessimistic=capped_requests([1] * 2_000, [10] * 2_000, cap=10))
    assert (sound + one_in_ten).for_safety == sound.requests + one_in_ten.for_safety
    assert (sound + sound).pessimistic is None


def test_impossible_errors_and_other_caps_are_refused() -> None:
    some = RequestErrors.of([1, 0], [2, 2])
    for users in (-1, 0, 3):
        with pytest.raises(ValueError, match="impossible errors"):
            RequestErrors(users, some.requests)
    with pytest.raises(ValueError, match="caps 50 and 10"):
        _ = some + RequestErrors.of([1, 0], [2, 2], cap=10)


COST_LIMITS = Limits(margin=0.2)
USUAL = np.tile([0.5, 1.0, 1.5], 1_000)


def judged(
    control: np.ndarray, treatment: np.ndarray, limits: Limits = COST_LIMITS, limit: float = 10.0
) -> CostFinding:
    arms = (Amounts.of(arm, limit=limit) for arm in (control, treatment))
    return cost_guardrail(*arms, limits, level=1.0, above_margin=0.01)


def test_equal_costs_without_a_tail_are_safe_though_no_unit_is_above_the_limit() -> None:
    finding = judged(USUAL, USUAL)
    assert finding.answer == "safe"
    assert isinstance(finding.above.harm, NotEnough)


def test_a_dearer_mean_stops_while_no_unit_is_above_the_limit() -> None:
    finding = judged(USUAL, 1.5 * USUAL)
    assert (finding.mean.answer, finding.above.answer, finding.answer) == ("harm", "safe", "harm")


def test_a_runaway_stops_while_the_mean_of_all_is_lower() -> None:
    treatment = np.where(np.arange(3_000) % 75 == 0, 500.0, 0.4 * USUAL)
    finding = judged(USUAL, treatment)
    assert (finding.mean.answer, finding.above.answer, finding.answer) == ("safe", "harm", "harm")


def test_one_line_that_can_not_tell_is_not_safe() -> None:
    tail = np.where(np.arange(3_000) % 100 == 0, 500.0, USUAL)
    finding = judged(tail, np.where(np.arange(3_000) % 75 == 0, 500.0, USUAL), limit=2.0)
    assert (finding.mean.answer, finding.above.answer, finding.answer) == ("safe", "cannot tell", "cannot tell")


def test_the_lines_are_those_of_their_guardrails_at_half_the_alpha() -> None:
    rng = np.random.default_rng(3)
    costs = [rng.lognormal(0, 1.2, 800) for _ in range(2)]
    arms = [Amounts.of(cost, limit=8) for cost in costs]
    finding = cost_guardrail(*arms, COST_LIMITS, level=2.0, above_margin=0.01)
    halved = Limits(margin=0.2, guardrails=2)

    def dearer(scale: float) -> object:
        return mean_difference(arms[0].capped, arms[1].capped, within=(0, 8), scale=scale)

    assert finding.mean == relative_guardrail(dearer, halved, tau=0.4)  # type: ignore[arg-type]
    exact = rare_guardrail(arms[0].above, arms[1].above, halved)
    assert (finding.above.harm, finding.above.evidence) == (exact.harm, exact.evidence)


def test_thirty_units_say_nothing() -> None:
    finding = judged(USUAL[:29], 100 * USUAL[:29], limit=1_000)
    assert finding.answer == "cannot tell"
    assert isinstance(finding.mean.safe, NotEnough)


def test_what_can_not_be_judged_together_is_refused() -> None:
    first, second = Amounts.of(USUAL, limit=10), Amounts.of(USUAL, limit=11)
    with pytest.raises(ValueError, match="limits 10 and 11"):
        cost_guardrail(first, second, COST_LIMITS, level=1.0, above_margin=0.01)
    with pytest.raises(ValueError, match="must be up"):
        cost_guardrail(first, first, Limits(margin=0.2, bad="down"), level=1.0, above_margin=0.01)
    for level, margin in ((0.0, 0.01), (1.0, 0.0)):
        with pytest.raises(ValueError, match="above 0"):
            cost_guardrail(first, first, COST_LIMITS, level=level, above_margin=margin)


def test_equal_means_with_unequal_tails_are_called_different_or_safe_hardly_ever() -> None:
    # control at the treatment's mean, and treatment dearer by the margin of 20 %; 5 % is promised of each
    rng, trials = np.random.default_rng(5), 120
    wrong = 0
    for _ in range(trials):
        control = 1.48 / 1.2 * rng.lognormal(-0.045, 0.3, 600)
        treatment = rng.lognormal(-0.045, 0.3, 600) * np.where(rng.random(600) < 0.02, 25.0, 1.0)
        for n in (50, 75, 110, 160, 240, 350, 500, 600):
            arms = (Amounts.of(arm[:n], limit=40) for arm in (control, treatment))
            finding = cost_guardrail(*arms, COST_LIMITS, level=1.23, above_margin=0.01)
            if finding.mean.not_worse:
                wrong += 1
                break
    assert wrong <= 0.05 * trials

"""The guardrail of a cost: either line stops, both must be safe, and a runaway hides in neither."""

import numpy as np
import pytest

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sequential.guardrails import Limits, rare_guardrail, relative_guardrail
from fairtrial.stats.sequential.metric_guardrails import CostFinding, cost_guardrail

LIMITS = Limits(margin=0.2)
USUAL = np.tile([0.5, 1.0, 1.5], 1_000)


def judged(control: np.ndarray, treatment: np.ndarray, limits: Limits = LIMITS, limit: float = 10.0) -> CostFinding:
    arms = (Amounts.of(arm, limit=limit) for arm in (control, treatment))
    return cost_guardrail(*arms, limits, level=1.0, above_margin=0.01)


def test_equal_costs_without_a_tail_are_safe_though_no_unit_is_above_the_limit() -> None:
    found = judged(USUAL, USUAL)
    assert found.answer == "safe"
    assert isinstance(found.above.harm, NotEnough)


def test_a_dearer_mean_stops_while_no_unit_is_above_the_limit() -> None:
    found = judged(USUAL, 1.5 * USUAL)
    assert (found.mean.answer, found.above.answer, found.answer) == ("harm", "safe", "harm")


def test_a_runaway_stops_while_the_mean_of_all_is_lower() -> None:
    treatment = np.where(np.arange(3_000) % 75 == 0, 500.0, 0.4 * USUAL)
    found = judged(USUAL, treatment)
    assert (found.mean.answer, found.above.answer, found.answer) == ("safe", "harm", "harm")


def test_one_line_that_can_not_tell_is_not_safe() -> None:
    tail = np.where(np.arange(3_000) % 100 == 0, 500.0, USUAL)
    found = judged(tail, np.where(np.arange(3_000) % 75 == 0, 500.0, USUAL), limit=2.0)
    assert (found.mean.answer, found.above.answer, found.answer) == ("safe", "cannot tell", "cannot tell")


def test_the_lines_are_those_of_their_guardrails_at_half_the_alpha() -> None:
    rng = np.random.default_rng(3)
    costs = [rng.lognormal(0, 1.2, 800) for _ in range(2)]
    arms = [Amounts.of(cost, limit=8) for cost in costs]
    found = cost_guardrail(*arms, LIMITS, level=2.0, above_margin=0.01)
    halved = Limits(margin=0.2, guardrails=2)

    def dearer(scale: float) -> object:
        return mean_difference(arms[0].capped, arms[1].capped, within=(0, 8), scale=scale)

    assert found.mean == relative_guardrail(dearer, halved, tau=0.4)  # type: ignore[arg-type]
    exact = rare_guardrail(arms[0].above, arms[1].above, halved)
    assert (found.above.harm, found.above.evidence) == (exact.harm, exact.evidence)


def test_thirty_units_say_nothing() -> None:
    found = judged(USUAL[:29], 100 * USUAL[:29], limit=1_000)
    assert found.answer == "cannot tell"
    assert isinstance(found.mean.safe, NotEnough)


def test_what_can_not_be_judged_together_is_refused() -> None:
    one, other = Amounts.of(USUAL, limit=10), Amounts.of(USUAL, limit=11)
    with pytest.raises(ValueError, match="limits 10 and 11"):
        cost_guardrail(one, other, LIMITS, level=1.0, above_margin=0.01)
    with pytest.raises(ValueError, match="must be up"):
        cost_guardrail(one, one, Limits(margin=0.2, bad="down"), level=1.0, above_margin=0.01)
    for level, margin in ((0.0, 0.01), (1.0, 0.0)):
        with pytest.raises(ValueError, match="above 0"):
            cost_guardrail(one, one, LIMITS, level=level, above_margin=margin)


def test_equal_means_with_unequal_tails_are_called_different_or_safe_hardly_ever() -> None:
    # control at the treatment's mean, and treatment dearer by the margin of 20 %; 5 % is promised of each
    rng, trials = np.random.default_rng(5), 120
    wrong = 0
    for _ in range(trials):
        control = 1.48 / 1.2 * rng.lognormal(-0.045, 0.3, 600)
        treatment = rng.lognormal(-0.045, 0.3, 600) * np.where(rng.random(600) < 0.02, 25.0, 1.0)
        for n in (50, 75, 110, 160, 240, 350, 500, 600):
            arms = (Amounts.of(arm[:n], limit=40) for arm in (control, treatment))
            found = cost_guardrail(*arms, LIMITS, level=1.23, above_margin=0.01)
            if found.mean.not_worse:
                wrong += 1
                break
    assert wrong <= 0.05 * trials

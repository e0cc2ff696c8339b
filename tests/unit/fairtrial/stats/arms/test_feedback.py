"""Feedback that comes late or not at all: which units count, and that the ways to count the missing must agree."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.feedback import Feedback, FeedbackFinding, feedback_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sums import Moments

WEEK = 604_800.0
DAY = 86_400.0
NONE = float("nan")


def arm(units: int, yes: int, no: int) -> Feedback:
    return Feedback(units, Moments(yes + no, yes, yes), WEEK)


def judged(control: Feedback, treatment: Feedback, margin: float | None = None) -> FeedbackFinding:
    return feedback_difference(control, treatment, tau=0.05, response=0.5, margin=margin)


def test_only_complete_windows_count_and_only_what_came_within_them() -> None:
    feedback = Feedback.of(
        exposed=[0, 0, 0, 1 * DAY, 3.5 * DAY],
        answered=[1, NONE, 7.5 * DAY, 8 * DAY, 4 * DAY],  # in time, never, too late, at the last moment, still open
        values=[1, NONE, 1, 1, 0],
        window=WEEK,
        until=10 * DAY,
    )
    assert feedback == Feedback(4, Moments(2, 2.0, 2.0), WEEK)


def test_a_later_look_does_not_change_a_complete_window() -> None:
    rng = np.random.default_rng(1)
    exposed = DAY * rng.random(200)
    answered, values = exposed + DAY * rng.exponential(5, 200), rng.integers(0, 2, 200)
    first, later = (Feedback.of(exposed, answered, values, window=WEEK, until=DAY * d) for d in (8, 30))
    assert first == later


@pytest.mark.parametrize(
    ("exposed", "answered", "message"),
    [([10], [9], "before they were exposed"), ([NONE], [9], "time"), ([1, 2], [3], "can't be matched by unit")],
)
def test_what_can_not_have_been_is_refused(exposed: list[float], answered: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Feedback.of(exposed, answered, [1], window=WEEK, until=100)


def test_windows_that_differ_are_refused() -> None:
    control, treatment = Feedback(9, Moments(2, 1, 1), WEEK), Feedback(9, Moments(2, 1, 1), DAY)
    with pytest.raises(ValueError, match="windows of 604800 and 86400"):
        judged(control, treatment)
    with pytest.raises(ValueError, match="windows"):
        control + treatment
    for units, window in ((1, WEEK), (9, 0.0), (9, float("inf"))):
        with pytest.raises(ValueError, match="impossible feedback"):
            Feedback(units, Moments(2, 1, 1), window)
    with pytest.raises(ValueError, match="within"):
        feedback_difference(control, control, tau=0.1, response=0.5, within=(2, 5))
    for response, margin in ((0.0, None), (1.1, None), (0.5, 0.0)):
        with pytest.raises(ValueError, match="response"):
            feedback_difference(control, control, tau=0.1, response=response, margin=margin)


def test_a_true_difference_is_found_where_both_arms_answer_alike() -> None:
    assert judged(arm(4_000, 1_000, 1_000), arm(4_000, 1_200, 800)).answer == "better"
    assert judged(arm(4_000, 1_200, 800), arm(4_000, 1_000, 1_000)).answer == "worse"
    assert judged(arm(9_000, 2_700, 1_800), arm(9_000, 2_710, 1_795), margin=0.06).answer == "not worse"


def test_content_users_who_do_not_answer_are_no_difference() -> None:
    finding = judged(arm(20_000, 6_000, 4_000), arm(20_000, 5_000, 4_000))
    for analysis in (finding.complete, finding.lowest):
        assert isinstance(analysis, Estimate)
        assert analysis.high < 0
    assert finding.answer == "cannot tell"


def test_discontent_users_who_do_not_answer_are_no_difference() -> None:
    finding = judged(arm(20_000, 6_000, 4_000), arm(20_000, 6_000, 3_000))
    assert isinstance(finding.complete, Estimate)
    assert finding.complete.low > 0
    assert finding.answer == "cannot tell"


def test_discontent_users_who_do_not_answer_do_not_make_a_worse_arm_not_worse() -> None:
    finding = judged(arm(40_000, 12_000, 8_000), arm(40_000, 11_000, 7_000), margin=0.05)
    assert isinstance(finding.complete, Estimate)
    assert finding.complete.low > -0.05
    assert finding.answer == "cannot tell"


def test_where_the_response_differs_the_worst_case_must_agree() -> None:
    # more yes and fewer no, but 1,000 answers more in one arm
    finding = judged(arm(20_000, 5_000, 4_000), arm(20_000, 6_500, 3_500))
    assert isinstance(finding.given, Estimate) and isinstance(finding.worst, Estimate)
    assert finding.given.low > 0 > finding.worst.low
    assert finding.answer == "cannot tell"
    nearly_all = judged(arm(20_000, 9_000, 10_500), arm(20_000, 14_000, 5_950))
    assert isinstance(nearly_all.given, Estimate)
    assert nearly_all.given.low > 0
    assert nearly_all.answer == "better"


def test_the_analyses_are_means_of_the_values_and_of_all_units_filled() -> None:
    control, treatment = (Feedback(400, Moments.of(values), WEEK) for values in ([1, 3, 5] * 60, [2, 4, 5] * 70))
    finding = feedback_difference(control, treatment, tau=0.3, response=0.5, within=(1, 5))
    pairs = {
        "complete": (control.given, treatment.given, 0.3),
        "lowest": (control.filled(1), treatment.filled(1), 0.15),
        "highest": (control.filled(5), treatment.filled(5), 0.15),
        "worst": (control.filled(5), treatment.filled(1), 0.15),
        "best": (control.filled(1), treatment.filled(5), 0.15),
    }
    for name, (first, second, tau) in pairs.items():
        assert getattr(finding, name) == always_valid(mean_difference(first, second, within=(1, 5)), tau=tau)
    assert control.filled(5) == Moments.of([1.0, 3.0, 5.0] * 60 + [5.0] * 220)


def test_below_thirty_units_there_is_no_answer() -> None:
    finding = judged(arm(29, 0, 29), arm(29, 29, 0))
    assert finding.answer == "cannot tell"
    assert isinstance(finding.complete, NotEnough)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=2))
def test_swapping_yes_and_no_turns_better_into_worse(counts: list[tuple[int, int, int]]) -> None:
    arms = [arm(10 * (yes + no + none), 10 * yes, 10 * no) for yes, no, none in counts]
    turned = [arm(10 * (yes + no + none), 10 * no, 10 * yes) for yes, no, none in counts]
    opposite = {"better": "worse", "worse": "better", "cannot tell": "cannot tell"}
    assert judged(*turned).answer == opposite[judged(*arms).answer]

"""A trial's plan: what it takes, that a refused one comes with changes that help, and which rule will decide."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from fairtrial.stats.planning.normal_sizes import planned_size
from fairtrial.stats.planning.question import MODES, Design, Question
from fairtrial.stats.planning.trial import PlannedTrial, Undecidable, held, option, plan_trial, rule_of
from fairtrial.stats.sizes import size_of_shares
from tests.fixtures.for_each import for_each

RESOLVED = Question("feedback.resolved", "superior", baseline=0.62, effect=0.03)
ERRORS = Question("requests.error_rate", "not worse", 0.01, 0.01, lower_is_better=True, rate=True, guardrail=True)
COST = Question("cost.per_unit", "not worse", 2.0, 0.4, sd=3.0, lower_is_better=True, relative=True)


def planned_trial(*questions: Question, **design: object) -> PlannedTrial:
    trial = plan_trial(questions, Design(**{"per_week": 4000.0} | design))  # type: ignore[arg-type]
    assert isinstance(trial, PlannedTrial), trial
    return trial


def refused(*questions: Question, **design: object) -> Undecidable:
    trial = plan_trial(questions, Design(**{"per_week": 4000.0} | design))  # type: ignore[arg-type]
    assert isinstance(trial, Undecidable), trial
    return trial


def test_a_watched_trial_takes_1_63_times_the_units_of_one_look_and_planned_looks_4_percent_more() -> None:
    # 10 % against 11 %: 14,751 an arm for one look; watched all the time 1.63 times that for 80 %; O'Brien-Fleming with
    # ten looks R_B(10, 0.05, 0.2) = 1.040 times (Jennison & Turnbull 2000, table 2.4)
    question = Question("x", "superior", 0.10, 0.01)
    design = Design(per_week=8_500.0)
    single, watched = (option(question, replace(design, mode=mode), 0.8).units for mode in ("fixed", "monitor"))
    assert single is not None
    assert watched is not None
    looks = planned_size(question, design, 0.8)
    assert single / 2 == pytest.approx(14_751, abs=1)
    assert watched / single == pytest.approx(1.70, abs=0.05)  # looks are daily here
    assert looks / single == pytest.approx(1.040, abs=0.001)


def test_the_power_at_the_end_is_that_of_the_units_at_the_end() -> None:
    # one look's units, watched: 54 % (simulated, looking after every 25 an arm); daily looks are fewer, and find less
    question = Question("x", "superior", 0.10, 0.01)
    chosen = option(question, Design(per_week=29_502 / 6), 0.8)
    assert chosen.power == pytest.approx(0.52, abs=0.02)
    assert chosen.exaggeration == pytest.approx(1.6, abs=0.05)  # it stops only where it sees more than there is


@for_each(
    ("question", "design"),
    [
        (RESOLVED, Design(per_week=1800.0)),
        (RESOLVED, Design(per_week=4000.0, share=0.2)),
        (Question("not worse", "not worse", 0.30, 0.03), Design(per_week=1500.0)),
        (Question("refused", "superior", 0.12, 0.03, lower_is_better=True), Design(per_week=3000.0, share=0.2)),
        (Question("few", "superior", 0.12, 0.10), Design(per_week=80.0)),
        (Question("common", "superior", 0.50, 0.20), Design(per_week=35.0)),
    ],
)
def test_simulated_trials_end_as_often_as_soon_and_as_large_as_planned(question: Question, design: Design) -> None:
    chosen = option(question, design, 0.8)
    assert chosen.rule == "normal mixture"
    limit = 0.0 if question.kind == "superior" else -question.effect
    won, units, seen = simulated(question, design, limit)
    few = design.most < 1000
    assert won == pytest.approx(chosen.power, abs=0.06 if few else 0.025)
    assert units == pytest.approx(chosen.mean_stop, rel=0.06 if few else 0.02)
    assert seen / question.effect == pytest.approx(chosen.exaggeration, abs=0.1 if few else 0.05)


def test_no_look_is_planned_before_30_units_in_each_arm() -> None:
    few = Question("few", "superior", 0.10, 0.60)
    assert option(few, Design(per_week=9.0), 0.8).power == 0.0
    assert option(few, Design(per_week=12.0), 0.8).power > 0.9


@for_each(
    ("question", "weekly"),
    [
        (replace(RESOLVED, window_days=7.0), (0, 1)),
        (replace(RESOLVED, window_days=42.0), (0, 0, 0, 0, 0, 0)),
        (replace(ERRORS, window_days=14.0), (0, 0, 1)),
    ],
)
def test_units_whose_window_is_open_do_not_count(question: Question, weekly: tuple[int, ...]) -> None:
    design = Design(per_week=8_000.0)
    chosen = option(question, design, 0.8)
    assert [power > 0.05 for power in chosen.weekly[: len(weekly)]] == [bool(counts) for counts in weekly]
    soon = option(replace(question, window_days=0.0), design, 0.8)
    assert chosen.units == soon.units
    assert chosen.weeks == (soon.weeks or 0) + question.window_days / 7


def simulated(question: Question, design: Design, limit: float) -> tuple[float, float, float]:
    """3,000 trials of users who come day by day: the share that is won, the mean end, and what the won ones show."""
    rng, days = np.random.default_rng(8), np.arange(1, 7 * design.weeks + 1)
    b, a = (np.round(design.per_week / 7 * part * days) for part in (design.share, 1 - design.share))
    came = [np.diff(arm, prepend=0).astype(int) for arm in (b, a)]
    rates = (question.truth, question.baseline)
    kb, ka = (np.cumsum(rng.binomial(new, p, (3000, len(days))), axis=1) for new, p in zip(came, rates, strict=True))
    effect = kb / b - ka / a - limit
    each, t2 = [(k * (n - k) / n / (n - 1)).clip(1e-12) for k, n in ((kb, b), (ka, a))], question.effect**2
    pooled = (each[0] * (b - 1) + each[1] * (a - 1)) / (a + b - 2)
    v = np.maximum(each[0] / b + each[1] / a, pooled * (1 / a + 1 / b))
    pb, pa = (1 - kb / b, 1 - ka / a) if question.lower_is_better else (kb / b, ka / a)
    v = v + 3 * pb**2 / b / (b - 1) + 3 * (1 - pa) ** 2 / a / (a - 1)  # three units not seen yet, against the effect
    ready = np.minimum(a, b) >= 30
    effect = effect * (-1 if question.lower_is_better else 1)
    width = 2 * np.log(20) + np.log1p(t2 / v) if question.sides == 2 else 2 * np.log1p(np.sqrt(1 + t2 / v) * 10)
    half = np.sqrt(v * (v + t2) / t2 * width)
    ends = ready & (np.abs(effect) > half if question.sides == 2 else effect > half)
    first = np.where(ends.any(axis=1), ends.argmax(axis=1), len(days) - 1)
    at = np.take_along_axis(effect, first[:, None], axis=1)[:, 0]
    won = ends.any(axis=1) & (at > 0)
    return float(won.mean()), float((a + b)[first].mean()), float(at[won].mean())


def test_durations_are_whole_weeks() -> None:
    assert planned_trial(RESOLVED, mode="fixed").weeks == 3
    assert planned_trial(RESOLVED, mode="fixed", per_week=1e6).weeks == 1


def test_an_option_fits_if_it_decides_within_the_allowed_weeks() -> None:
    design = Design(per_week=4000.0)
    chosen = option(RESOLVED, design, 0.8)
    assert chosen.weeks is not None
    shorter = replace(design, weeks=chosen.weeks - 1)
    assert [chosen.fits(replace(design, weeks=chosen.weeks)), chosen.fits(shorter)] == [True, False]
    assert not option(RESOLVED, replace(design, per_week=1.0), 0.8).fits(design)


def test_guardrails_share_what_may_be_missed() -> None:
    trial = planned_trial(RESOLVED, ERRORS, COST)
    assert [metric.power for metric in trial.metrics] == pytest.approx([1 - 0.2 / 3] * 3)
    assert trial.metrics[0].chosen.units > planned_trial(RESOLVED).metrics[0].chosen.units
    missed = [
        sum(1 - metric.chosen.weekly[week - 1] for metric in trial.metrics)
        + 0.05
        + held(trial.metrics[0], trial.design, week - 1)
        for week in (trial.weeks - 1, trial.weeks)
    ]
    assert missed[0] > 0.2 >= missed[1]
    assert trial.ships() == pytest.approx(1 - missed[1])
    assert trial.ships(design_end := trial.design.weeks) > trial.ships() or trial.weeks == design_end


def test_the_rule_is_chosen_from_the_plan_and_named() -> None:
    design = Design(per_week=4000.0)
    assert rule_of(RESOLVED, design) == "normal mixture"
    assert rule_of(RESOLVED, replace(design, mode="planned")) == "O'Brien-Fleming"
    assert rule_of(RESOLVED, replace(design, mode="fixed")) == "one look"
    assert rule_of(replace(RESOLVED, baseline=0.019, effect=0.01), design) == "conversion e-process"
    assert rule_of(replace(RESOLVED, baseline=0.019, effect=0.01, kind="not worse"), design) == "normal mixture"
    assert rule_of(COST, design) == "normal mixture"
    for mode in MODES:  # guardrails are always watched
        assert rule_of(ERRORS, replace(design, mode=mode)) == "shares of units"
        assert rule_of(replace(COST, guardrail=True), replace(design, mode=mode)) == "normal mixture"


def test_a_share_near_one_is_planned_as_what_is_missing_from_it() -> None:
    design = Design(per_week=2000.0)
    valid = option(Question("valid", "not worse", 0.99, 0.01, rate=True), design, 0.8)
    errors = option(Question("errors", "not worse", 0.01, 0.01, lower_is_better=True, rate=True), design, 0.8)
    assert (valid.units, valid.excluded) == (errors.units, pytest.approx(errors.excluded))


def test_an_inconclusive_end_says_what_it_would_exclude() -> None:
    for mode in MODES:
        chosen = option(COST, Design(per_week=4000.0, mode=mode), 0.8)
        assert chosen.excluded is not None
        assert 0 < chosen.excluded < 0.4
    assert 0 < option(ERRORS, Design(per_week=4000.0), 0.8).excluded < 0.01
    assert option(ERRORS, Design(per_week=2.0, weeks=1), 0.8).excluded is None
    for mode in MODES:  # with 4 units in each arm an interval reaches beyond all losses that there are
        assert option(RESOLVED, Design(per_week=8.0, mode=mode, weeks=1), 0.8).excluded is None


def test_a_relative_margin_counts_the_uncertainty_of_the_control_s_level_too() -> None:
    assert COST.unit_variance(0.5) > replace(COST, relative=False).unit_variance(0.5)


@for_each(("rate", "least", "most"), [(0.0, 1_050, 1_150), (0.001, 1_400, 2_000), (0.01, 6_000, 8_500)])
def test_a_flawless_rate_is_soon_safe_and_others_take_longer(rate: float, least: int, most: int) -> None:
    chosen = option(replace(ERRORS, baseline=rate), Design(per_week=4000.0), 0.9)
    assert chosen.units is not None
    assert least <= chosen.units <= most


def test_a_margin_that_no_number_of_units_reaches_is_refused_with_one_that_can_be_reached() -> None:
    error = refused(replace(ERRORS, baseline=0.02), per_week=500.0)
    assert "requests.error_rate needs" in error.reason
    assert any(proposal.change.startswith("a margin of ") for proposal in error.proposals)


def test_a_small_treatment_arm_is_offered_half_of_the_units() -> None:
    error = refused(RESOLVED, share=0.05, per_week=3000.0)
    assert error.proposals[0].change == "an even split"
    assert "feedback.resolved needs" in error.reason


def test_too_little_traffic_is_offered_planned_looks_weeks_and_a_larger_effect() -> None:
    error = refused(RESOLVED, per_week=1800.0)
    words = [proposal.change for proposal in error.proposals]
    assert words[0] == "planned looks instead of watching"
    assert words[1].endswith("weeks")
    assert words[-2].startswith("an effect of ") and words[-1].startswith("require: not_worse with a margin of ")


def test_what_can_be_scored_without_a_reaction_is_offered_pairs() -> None:
    assert refused(RESOLVED, per_week=900.0).pairs == ()
    error = refused(replace(RESOLVED, metric="judge.correct", scored=True), per_week=900.0)
    (metric, pairs), *_ = error.pairs
    assert metric == "judge.correct"
    assert 1000 < pairs <= 5400


def test_the_effect_that_can_be_found_is_not_the_largest_there_is() -> None:
    # at 99.9 % of a thousand units hardly any is without the event, so that no look would be made at all
    error = refused(Question("x", "superior", 0.30, 0.01), per_week=200.0)
    assert error.proposals[-2].change == "an effect of 11 points for x"


def test_next_to_no_traffic_can_decide_nothing_and_says_so() -> None:
    error = refused(RESOLVED, per_week=3.0)
    assert error.proposals == ()
    assert "18 units in 6 weeks are too few" in error.reason


questions = st.one_of(
    st.builds(Question, st.just("a"), st.just("superior"), st.floats(0.1, 0.8), st.floats(0.02, 0.1)),
    st.builds(Question, st.just("b"), st.just("not worse"), st.floats(0.15, 0.8), st.floats(0.01, 0.1)),
    st.builds(
        Question, st.just("c"), st.just("not worse"), st.floats(1, 9), st.floats(0.1, 1), st.floats(0.5, 9)
    ),
    st.builds(
        Question, st.just("d"), st.just("not worse"), st.floats(0.005, 0.015), st.floats(0.005, 0.02),
        lower_is_better=st.just(True),
    ),
)  # fmt: skip
designs = st.builds(
    Design, st.floats(100, 20_000), st.sampled_from([0.1, 0.5]), mode=st.sampled_from(MODES), weeks=st.integers(1, 6)
)


@settings(max_examples=6, deadline=None)
@given(st.lists(questions, min_size=1, max_size=2), designs)
def test_each_proposal_can_be_decided_and_a_refusal_gives_its_reason(several: list[Question], design: Design) -> None:
    trial = plan_trial(several, design)
    for metric in trial.metrics:
        for option_ in (metric.chosen, *metric.others):
            assert 0 <= option_.power <= 1
            assert option_.mean_stop <= design.most * (1 + 1e-9)
    if isinstance(trial, PlannedTrial):
        assert trial.weeks <= design.weeks
        assert all(metric.chosen.power >= metric.power - 1e-6 for metric in trial.metrics)
        return
    assert trial.reason
    for proposal in trial.proposals:
        again = plan_trial([metric.question for metric in proposal.trial.metrics], proposal.trial.design)
        assert again == proposal.trial


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 0.7), st.floats(0.02, 0.1), st.sampled_from(MODES), st.floats(1.1, 2))
def test_units_fall_with_the_effect_and_with_alpha_and_rise_with_power(
    baseline: float, effect: float, mode: str, more: float
) -> None:
    question, design = Question("x", "superior", baseline, effect), Design(per_week=3e5, mode=mode)  # type: ignore[arg-type]
    here = option(question, design, 0.8).units
    assert here is not None
    assert option(replace(question, effect=effect * more), design, 0.8).units <= here
    assert option(question, replace(design, alpha=0.05 * more), 0.8).units <= here
    assert option(question, design, 0.9).units >= here
    assert option(question, replace(design, inflation=more), 0.8).units >= here
    assert option(replace(question, left=1 / more), design, 0.8).units <= here


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 0.9), st.sampled_from(MODES), st.floats(0.05, 0.5))
def test_swapping_the_arms_of_an_amount_changes_nothing(share: float, mode: str, effect: float) -> None:
    question = Question("x", "superior", 1.0, effect, sd=1.0)
    chosen = option(question, Design(per_week=500.0, share=share, mode=mode), 0.8)  # type: ignore[arg-type]
    mirrored = option(question, Design(per_week=500.0, share=1 - share, mode=mode), 0.8)  # type: ignore[arg-type]
    assert chosen.units == pytest.approx(mirrored.units)
    assert chosen.power == pytest.approx(mirrored.power)


@settings(max_examples=30, deadline=None)
@given(questions, st.sampled_from(MODES), st.floats(500, 5000))
def test_power_rises_with_units(question: Question, mode: str, per_week: float) -> None:
    options = [option(question, Design(per_week=per_week * k, mode=mode), 0.8) for k in (1, 2, 4)]  # type: ignore[arg-type]
    if len({plan.rule for plan in options}) == 1 and mode != "planned":
        assert options[0].power <= options[1].power + 1e-6
        assert options[1].power <= options[2].power + 1e-6


def test_one_look_is_the_size_of_the_formula() -> None:
    chosen = option(RESOLVED, Design(per_week=4000.0, mode="fixed", share=0.2), 0.8)
    assert chosen.units == pytest.approx(size_of_shares(0.62, 0.65, share=0.2))


@for_each(
    "fields",
    [
        {"effect": 0.0},
        {"baseline": 0.0},
        {"baseline": 0.99},
        {"sd": 0.0},
        {"baseline": 0.02, "lower_is_better": True},
        {"baseline": float("nan"), "sd": 1.0},
        {"baseline": 0.0, "sd": 1.0, "relative": True},
        {"effect": float("inf"), "sd": 1.0},
        {"left": 0.0},
        {"left": 1.1},
        {"kind": "better"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"feedback\.resolved"):
        replace(RESOLVED, **fields)  # type: ignore[arg-type]


@for_each(
    "fields", [{"per_week": 0.0}, {"weeks": 0}, {"share": 1.0}, {"power": 0.01}, {"inflation": 0.5}, {"mode": "watch"}]
)
def test_a_design_that_makes_no_sense_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"units|between|way to look"):
        replace(Design(per_week=100.0), **fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="question"):
        plan_trial([], Design(per_week=1.0))

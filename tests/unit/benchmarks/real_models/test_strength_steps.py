"""Strengths of an adapter are compared pair by pair, and only a significant loss is out of order."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.real_models.strength_steps import Step, conclusion, level_table, step_table, steps_of
from fairtrial.domain.run import Run
from tests.fixtures.evaluators.trials import run, suite

SUITE = suite(n=120)
METRIC = "qa.accuracy"


def right(count: int) -> Run:
    """The first cases are right."""
    return run(
        SUITE, f"adapter-{count}", [float(number < count) for number in range(120)], metrics={METRIC: count / 120}
    )


def steps(*counts: int) -> Sequence[Step]:
    """The strengths 0, 1, 2 and so on, with this many right answers each."""
    return steps_of(SUITE, {float(strength): right(count) for strength, count in enumerate(counts)}, [METRIC])


def test_each_strength_is_compared_with_the_next_lower_one() -> None:
    found = steps(10, 60, 110)
    assert [(step.weaker, step.stronger) for step in found] == [(0, 1), (1, 2)]
    assert [step.found.answer for step in found] == ["better", "better"]
    assert conclusion(found) == "No adjacent pair is significantly out of order (2 comparisons)."


def test_a_significant_loss_is_out_of_order() -> None:
    found = steps(10, 110, 60)
    assert [step.out_of_order for step in found] == [False, True]
    assert conclusion(found) == "Significantly out of order: qa.accuracy from 1 to 2 (of 2 comparisons)."


def test_a_loss_that_chance_explains_is_not_out_of_order() -> None:
    found = steps(10, 60, 57)
    assert found[1].found.lost == 3
    assert not any(step.out_of_order for step in found)


def test_equal_strengths_have_no_p_and_are_in_order() -> None:
    (step,) = steps(60, 60)
    assert step.found.p is None and step.adjusted is None and not step.out_of_order


def test_holm_corrects_over_all_comparisons() -> None:
    first, second = steps(60, 66, 120)
    assert first.found.p is not None and first.adjusted is not None
    assert first.adjusted == first.found.p
    assert second.found.p is not None and second.adjusted == 2 * second.found.p


def test_the_tables_have_a_line_for_each_strength_and_each_comparison() -> None:
    found = steps(10, 60, 110)
    assert len(step_table(found).splitlines()) == 2 + len(found)
    assert "| 0 → 1 | qa.accuracy | 50 | 0 |" in step_table(found)
    assert level_table({0.0: right(30), 0.5: right(60)}, [METRIC]).splitlines()[2:] == [
        "| 0 | 25.0% |",
        "| 0.5 | 50.0% |",
    ]

"""Canaries show membership where planted ones are completed and controls are not, and 100 controls are required."""

from __future__ import annotations

import random

import pytest

from evaluators.overfitting.memorisation import judge_membership
from fairtrial.domain.estimates import NotEnough
from tests.fixtures.evaluators.continuation_runs import run_of, suite_of

CANARIES = ("planted", "control")
TRIALS = 60


def test_planted_canaries_that_are_completed_are_members() -> None:
    suite = suite_of(20, 120, kinds=CANARIES)
    runs = (
        run_of(suite, "tuned", lambda case: case.fields["split"] == "planted"),
        run_of(suite, "base", lambda _: False),
    )
    judgement = judge_membership(suite, *runs)
    assert judgement.answer == "members detected" and (judgement.planted, judgement.controls) == (20, 120)
    assert not isinstance(judgement.rates, NotEnough) and judgement.rates.tpr.value == 1
    assert judgement.in_words.startswith("The candidate remembers planted canaries: 100 % of 20")


def test_canaries_that_the_base_completes_too_are_no_members() -> None:
    suite = suite_of(20, 120, kinds=CANARIES)
    both = [run_of(suite, name, lambda case: case.fields["split"] == "planted") for name in ("tuned", "base")]
    assert judge_membership(suite, both[0], both[1]).answer == "no members detected"


def test_fewer_than_100_controls_are_refused_with_what_is_needed() -> None:
    suite = suite_of(20, 99, kinds=CANARIES)
    judgement = judge_membership(suite, run_of(suite, "tuned", lambda _: True), run_of(suite, "base", lambda _: False))
    assert judgement.answer == "cannot tell"
    assert judgement.in_words == (
        "Membership cannot be judged: 99 controls cannot show a false-positive rate of 1 % "
        "(needed: 100 controls or more)."
    )


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3])
def test_a_model_without_memory_hardly_ever_has_members(share: float) -> None:
    suite = suite_of(40, 100, kinds=CANARIES)
    base = run_of(suite, "base", lambda _: False)
    accused = 0
    for seed in range(TRIALS):
        draw = random.Random(seed)
        candidate = run_of(suite, "tuned", lambda _, draw=draw: draw.random() < share)
        accused += judge_membership(suite, candidate, base).answer == "members detected"
    assert accused / TRIALS <= 0.05

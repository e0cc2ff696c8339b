"""A preference beside what it owes to the side and the length: shown with the raw rate, which goes on deciding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from evaluators.review.presentation import bias_text, figures_of
from evaluators.review.statistics import Votes
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.review import ReviewedQueue
from tests.fixtures.evaluators.reviews_by_item import BETTER, CANT, LOST, TIE, WON, finding_of, queue


def shown(preferences: Sequence[str], left: Sequence[str], longer: Sequence[int | None], who: Sequence[str]):
    """A queue whose votes say what stood on the left, and how much longer the candidate's answer was."""
    made = queue(preferences)
    votes = (
        replace(vote, left=side, longer=more, reviewer=reviewer, name=reviewer.title())
        for vote, side, more, reviewer in zip(made.votes, left, longer, who, strict=True)
    )
    return replace(made, votes=tuple(votes))


def alternating(n: int) -> list[str]:
    return [WON, LOST] * (n // 2)


def leaning(n: int = 40) -> ReviewedQueue:
    """Ann prefers one model two times out of three wherever it stands; Ben always the left answer."""
    sides = alternating(2 * n)
    vote = [WON, WON, LOST] * n
    vote = [*vote[:n], *sides[:n]]
    lengths = np.random.default_rng(5).integers(-90, 90, 2 * n).tolist()
    return shown(vote, sides, lengths, ["ann"] * n + ["ben"] * n)


def test_the_adjusted_rates_stand_beside_the_raw_one_which_decides() -> None:
    lengths = np.random.default_rng(5).integers(-90, 90, 84).tolist()
    reviewed = shown([WON, WON, LOST] * 28, alternating(84), lengths, ["ann"] * 84)
    finding = finding_of(BETTER, reviewed)
    plain = finding_of(BETTER, replace(reviewed, votes=tuple(replace(vote, left=None) for vote in reviewed.votes)))
    assert "review.preference is 66.7 %" in finding.says
    assert "; adjusted for position 66.7 % (57.6 to 74.7), for position and length 67.9 %" in finding.says
    assert finding.result == plain.result == "pass" and finding.evidence == plain.evidence
    assert "adjusted" not in plain.says


def test_who_leans_to_a_side_is_shown_with_their_own_rate_but_not_by_name_in_a_verdict() -> None:
    finding = finding_of(BETTER, leaning())
    assert "the votes of one of the 2 reviewers favour the left answer: 40 of 40 (p < 0.001)" in finding.says
    assert "ben" not in finding.says.lower()
    (warning,) = figures_of([leaning()]).pull.leanings
    assert (warning.reviewer, warning.name, warning.model.firsts, warning.model.seconds) == ("ben", "Ben", 40, 0)
    assert isinstance(warning.model.position, NotEnough)


def test_who_leans_mostly_has_their_own_rate_shown_adjusted() -> None:
    """Ben: nine of ten for the left answer, where the candidate stood three times out of four."""
    sides = [WON, WON, WON, LOST] * 10
    flipped = {3, 4, 17, 26}
    vote = [(LOST if side == WON else WON) if i in flipped else side for i, side in enumerate(sides)]
    others = [WON, LOST, LOST, WON] * 10
    finding = finding_of(
        BETTER, shown([*others, *vote], [*alternating(40), *sides], [0] * 80, ["ann"] * 40 + ["ben"] * 40)
    )
    assert "favour the left answer: 36 of 40 (p < 0.001); their preference is 70.0 %, adjusted 50.0 %" in finding.says


def test_one_person_who_leans_is_the_reviewer() -> None:
    mostly = [WON, LOST] * 35 + [LOST, WON] * 5
    sentence = finding_of(BETTER, shown(mostly, alternating(80), [0] * 80, ["ann"] * 80)).says
    assert "the votes of the reviewer favour the left answer: 70 of 80 (p < 0.001)" in sentence
    assert "for position and length" not in sentence


def test_people_who_lean_together_a_little_each_are_shown_together() -> None:
    """Twenty people with nine votes each, seven of ten for the left answer."""
    rng = np.random.default_rng(4)
    sides = rng.choice([WON, LOST], 180).tolist()
    vote = [side if rng.random() < 0.7 else (LOST if side == WON else WON) for side in sides]
    pull = Votes([shown(vote, sides, [None] * 180, [f"p{i % 20}" for i in range(180)])]).bias()
    assert pull.leanings == ()
    assert "; together, the votes favour the left answer: 1" in bias_text(pull, 20)


def test_votes_that_nobody_could_judge_are_left_out_and_lengths_that_are_gone_adjust_nothing() -> None:
    lengths: list[int | None] = [*range(79), None]
    reviewed = shown([WON, WON, TIE, LOST] * 20, alternating(80), lengths, ["ann"] * 80)
    model = Votes([reviewed]).bias().model
    assert model is not None
    assert isinstance(model.position_adjusted, Estimate)
    assert isinstance(model.length_adjusted, NotEnough) and "not known" in model.length_adjusted.reason
    mute = replace(reviewed, votes=tuple(replace(vote, preference=CANT) for vote in reviewed.votes))
    nothing = Votes([mute]).bias().model
    assert nothing is not None
    assert isinstance(nothing.raw, NotEnough) and isinstance(nothing.position_adjusted, NotEnough)


def test_pairs_that_were_drawn_with_other_chances_are_weighed_in_the_adjusted_rates_too() -> None:
    def drawn(name: str, preferences: Sequence[str], probability: float) -> ReviewedQueue:
        made = shown(preferences, alternating(40), [0] * 40, ["ann"] * 40)
        votes = tuple(replace(vote, probability=probability) for vote in made.votes)
        return replace(made, votes=votes, suite=name, suite_digest=name, queue_id=name)

    few, many = [WON, WON, WON, LOST] * 10, [LOST, LOST, LOST, WON] * 10
    model = Votes([drawn("few", few, 1.0), drawn("many", many, 0.1)]).bias().model
    assert model is not None
    assert isinstance(model.raw, Estimate) and isinstance(model.position_adjusted, Estimate)
    assert model.raw.value == pytest.approx((30 + 10 * 10) / 440)
    assert model.position_adjusted.value == pytest.approx(model.raw.value, abs=0.06)


def test_what_decides_comes_before_what_is_only_shown_beside_it() -> None:
    sentence = finding_of(BETTER, leaning()).says
    parts = [
        "review.preference is",
        "better is required",
        "2 people judged",
        "adjusted for position",
        "favour the left",
    ]
    assert [sentence.index(part) for part in parts] == sorted(sentence.index(part) for part in parts)
    assert sentence.count("halves") == 0

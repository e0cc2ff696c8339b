"""For whom a line on reviews speaks: these reviewers, or reviewers in general; and what low agreement withholds."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.criteria.grammar import GateLineError, parse
from evaluators.criteria.validation import validate_external_line
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.review import Preference
from fairtrial.domain.verdicts.verdict import Finding
from tests.fixtures.evaluators.gate_lines import render
from tests.fixtures.evaluators.reviews_by_person import Marks, finding_of, queue
from tests.fixtures.for_each import for_each

BETTER = "review.preference better than base"
NOT_WORSE = "review.preference not worse than base by 5pp"
TONE = "review.tone better than base"
ENDS = (0.13078, 0.28468)
"""The bounds of the win rate of six, less one half."""
FOR: tuple[Preference, Marks] = ("candidate", (4, 4))
AGAINST: tuple[Preference, Marks] = ("baseline", (4, 4))


def crowd(*shares: float, pairs: int = 60, seed: int = 1) -> dict[str, list[tuple[Preference, Marks] | None]]:
    """One reviewer for each share of votes for the candidate; all judge the same pairs."""
    rng = np.random.default_rng(seed)
    return {f"r{n}": [FOR if rng.random() < share else AGAINST for _ in range(pairs)] for n, share in enumerate(shares)}


def bounds(finding: Finding) -> tuple[float, float]:
    assert isinstance(finding.evidence, Comparison) and isinstance(finding.evidence.difference, Estimate)
    return finding.evidence.difference.low, finding.evidence.difference.high


def width(line: str, *shares: float) -> float:
    low, high = bounds(finding_of(line, queue(crowd(*shares))))
    return high - low


def test_five_reviewers_are_read_as_among_these_and_six_in_general() -> None:
    five, six = finding_of(BETTER, queue(crowd(*[0.9] * 5))), finding_of(BETTER, queue(crowd(*[0.9] * 6)))
    assert five.result == "pass" and "valid among these reviewers only" in five.says
    assert six.result == "pass" and "valid for reviewers in general" in six.says


@for_each("line", [BETTER, NOT_WORSE, "review.preference >= 50% sure", TONE, "review.tone >= 3"])
@for_each("people", [1, 3, 5])
def test_few_reviewers_hold_the_official_gate_until_its_line_says_for_whom(line: str, people: int) -> None:
    few = queue({f"r{n}": [("candidate", (5, 3))] * 60 for n in range(people)})
    held, among = finding_of(line, few, official=True), finding_of(f"{line} among these reviewers", few, official=True)
    assert held.result == "cannot tell" and "cannot represent reviewers in general" in held.says
    assert "valid" not in held.says
    assert f"{6 - people} more reviewer" in held.needed and "'among these reviewers' in the line" in held.needed
    assert among.result == "pass" and "valid among these reviewers only" in among.says
    assert finding_of(line, few).result == "pass"


def test_few_reviewers_do_not_block_by_a_line_of_the_official_gate_that_speaks_of_all() -> None:
    few = queue(crowd(0.05, 0.05, 0.05))
    assert finding_of(BETTER, few, official=True).result == "cannot tell"
    assert finding_of(f"{BETTER} among these reviewers", few, official=True).result == "fail"


def test_six_reviewers_decide_the_official_gate() -> None:
    six = finding_of(BETTER, queue(crowd(*[0.9] * 6)), official=True)
    assert six.result == "pass" and "valid for reviewers in general" in six.says


def test_three_who_agree_on_single_pairs_speak_for_themselves() -> None:
    """Two pairs in three are clearly better for the candidate, and all three see it in each of them."""
    vote = [FOR if n % 3 else AGAINST for n in range(90)]
    agreeing = queue({"r0": vote, "r1": vote, "r2": [*vote[:-1], FOR]})
    finding = finding_of(BETTER, agreeing)
    assert finding.result == "pass" and "valid among these reviewers only" in finding.says
    assert finding_of(f"{BETTER} in general", agreeing).result == "cannot tell"


def test_three_speak_for_themselves_and_six_in_general() -> None:
    assert "valid among these reviewers only" in finding_of(BETTER, queue(crowd(0.9, 0.9, 0.9))).says
    six = queue(crowd(0.7, 0.75, 0.7, 0.6, 0.7, 0.65))
    assert bounds(finding_of(BETTER, six)) == pytest.approx(ENDS, abs=5e-5)


def test_six_who_differ_find_nothing_in_general_and_may_be_read_among_themselves() -> None:
    shares = (0.95, 0.9, 0.95, 0.9, 0.3, 0.2)
    tastes = crowd(*shares)
    general, among = finding_of(BETTER, queue(tastes)), finding_of(f"{BETTER} among these reviewers", queue(tastes))
    assert general.result == "cannot tell" and "more reviewer" in general.needed
    assert among.result == "pass" and "valid among these reviewers only" in among.says
    assert width(BETTER, *shares) > 2 * width(f"{BETTER} among these reviewers", *shares)


@pytest.mark.parametrize(
    "line", [f"{BETTER} in general", "review.tone >= 2 in general", "review.tone better than base in general"]
)
def test_in_general_is_not_shown_by_five(line: str) -> None:
    finding = finding_of(line, queue(crowd(*[0.9] * 5)))
    assert finding.result == "cannot tell"
    assert "5 reviewers cannot represent reviewers in general" in finding.says
    assert (
        finding.needed
        == "1 more reviewer, or 'among these reviewers' in the line, which then speaks of these people only"
    )
    evidence = finding.evidence.difference if isinstance(finding.evidence, Comparison) else finding.evidence
    assert isinstance(evidence, NotEnough)


def test_few_voters_of_a_crowd_speak_for_themselves() -> None:
    people = crowd(*[0.9] * 6)
    people["r5"] = [("cant_judge", (4, 4))] * 60
    assert "valid among these reviewers only" in finding_of(BETTER, queue(people)).says


def test_not_worse_stands_where_the_whole_interval_shows_better() -> None:
    """Agreement is low, since tastes are independent; all the same most votes are for the candidate."""
    liked = queue(crowd(0.8, 0.8, pairs=100))
    assert "they agree very little (alpha" in finding_of(BETTER, liked).says
    assert finding_of(BETTER, liked).result == finding_of(NOT_WORSE, liked).result == "pass"
    assert finding_of("review.preference >= 45% sure", liked).result == "pass"


def test_not_worse_is_withheld_where_guesses_could_have_it() -> None:
    guessed = queue(crowd(0.5, 0.5, pairs=500))
    finding = finding_of(NOT_WORSE, guessed)
    assert finding.result == "cannot tell" and "no line passes on ratings that agree so little" in finding.says
    assert finding_of("review.preference >= 40% sure", guessed).result == "cannot tell"


@pytest.mark.parametrize("whom", ["among these reviewers", "in general"])
def test_a_line_says_for_whom_it_speaks(whom: str) -> None:
    text = f"review.tone >= 4 sure {whom} with 100 ratings"
    assert parse(text).population == whom
    assert render(parse(text)) == text
    wrong = validate_external_line(parse(f"live.requests.errors <= 1% {whom}"))
    assert wrong is not None and wrong[1] == f"remove '{whom}'"


def test_a_line_that_names_others_is_shown_the_form() -> None:
    with pytest.raises(GateLineError, match="among these reviewers"):
        parse("review.tone better than base among experts")

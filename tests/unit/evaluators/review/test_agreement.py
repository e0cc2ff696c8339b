"""Agreement of reviewers at the gate: told beside the figure, and no pass on what people don't agree on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluators.review.agreement import agreement_of, agreement_with_the_rest
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.review import Preference
from tests.fixtures.evaluators.reviews_by_person import Marks, finding_of, queue

NOT_WORSE = "review.preference not worse than base by 20pp"
BETTER = "review.preference better than base"
TONE = "review.tone >= 3.0"


def two(n: int, *, agree: bool, seed: int = 1) -> dict[str, list[tuple[Preference, Marks]]]:
    """Two people who both see what is there, or who both guess; as often for either model."""
    rng = np.random.default_rng(seed)
    kinds: list[tuple[Preference, Marks]] = [("candidate", (5, 3)), ("baseline", (2, 4)), ("tie", (4, 4))]
    first_votes = [kinds[i] for i in rng.integers(0, 3, n)]
    slips = [kinds[i] for i in rng.integers(0, 3, n)]
    second_votes = [
        slip if not agree or rng.random() < 0.1 else vote for vote, slip in zip(first_votes, slips, strict=True)
    ]
    return {"ann": first_votes, "bob": second_votes}


def test_two_who_agree_are_shown_with_their_alpha_and_the_line_is_judged_as_before() -> None:
    finding = finding_of(NOT_WORSE, queue(two(60, agree=True)))
    assert finding.result == "pass"
    assert "2 people judged; over 60 shared pairs they agree well (alpha 0." in finding.says
    tone = finding_of(TONE, queue(two(60, agree=True)))
    assert tone.result == "pass" and "they agree well (alpha 0." in tone.says


def test_a_dimension_that_people_do_not_agree_on_passes_nothing_and_says_what_is_needed() -> None:
    finding = finding_of(TONE, queue(two(60, agree=False)))
    assert finding.result == "cannot tell"
    assert "they agree very little (alpha −0." in finding.says
    assert finding.says.endswith("no line passes on ratings that agree so little")
    assert "discuss what each rating means over a few pairs" in finding.needed
    better = finding_of("review.tone better than base", queue(two(60, agree=False)))
    assert better.result != "pass"


def test_a_failure_stands_whether_people_agree_or_not() -> None:
    assert finding_of("review.tone >= 4.5", queue(two(60, agree=False))).result == "fail"


def test_not_worse_may_not_be_guessed_but_better_stands_on_its_own_interval() -> None:
    guessed = finding_of(NOT_WORSE, queue(two(80, agree=False)))
    assert guessed.result == "cannot tell" and "no line passes" in guessed.says
    assert "what makes one answer better" in guessed.needed
    rng = np.random.default_rng(5)
    tastes = {
        person: [("candidate" if rng.random() < 0.8 else "baseline", (4, 4)) for _ in range(100)]
        for person in ("ann", "bob")
    }
    differs = finding_of(BETTER, queue(tastes))
    assert differs.result == "pass" and "they agree very little" in differs.says


def test_a_preference_on_which_experts_often_differ_is_low_and_passes() -> None:
    rng = np.random.default_rng(7)
    votes: list[tuple[Preference, Marks]] = [("candidate", (4, 4)), ("baseline", (4, 4))]
    first_votes = [votes[i] for i in rng.integers(0, 2, 120)]
    second_votes = [vote if rng.random() < 0.65 else votes[vote == votes[0]] for vote in first_votes]
    differs = finding_of(NOT_WORSE, queue({"ann": first_votes, "bob": second_votes}))
    assert differs.result == "pass", differs.says
    agreed = agreement_of([queue({"ann": first_votes, "bob": second_votes})], "review.preference")
    assert agreed.quality == "low" and isinstance(agreed.alpha, Estimate) and agreed.alpha.value < 0.4


def test_too_few_shared_pairs_say_nothing_against_a_dimension() -> None:
    votes = two(60, agree=False)
    few = {"ann": votes["ann"], "bob": [*votes["bob"][:8], *([None] * 52)]}
    finding = finding_of(TONE, queue(few))
    assert finding.result == "pass"
    assert "their agreement cannot be estimated from 8 shared pairs" in finding.says
    single = {"ann": votes["ann"], "bob": [*votes["bob"][:1], *([None] * 59)]}
    assert finding_of(TONE, queue(single)).says.count("cannot be estimated from 1 shared pair;") == 1
    none = finding_of(
        TONE, queue({"ann": [*votes["ann"][:30], *([None] * 30)], "bob": [None] * 30 + votes["bob"][30:]})
    )
    assert none.result == "pass" and "no pair was judged by two" in none.says
    alone = finding_of(TONE, queue({"ann": votes["ann"]}))
    assert alone.result == "pass" and alone.says.endswith("one person judged; valid among these reviewers only")


def test_where_all_marks_are_nearly_equal_nothing_is_known_and_nothing_withheld() -> None:
    fives: list[tuple[Preference, Marks]] = [("tie", (5, 5))] * 40
    finding = finding_of(TONE, queue({"ann": fives, "bob": [*fives[:-1], ("tie", (5, 4))]}))
    assert finding.result == "pass"
    assert "their agreement cannot be estimated from 40 shared pairs;" in finding.says


def test_both_bad_prefers_neither_and_can_not_judge_says_nothing() -> None:
    mixed: list[tuple[Preference, Marks]] = [("candidate", (4, 4)), ("baseline", (4, 4)), ("tie", (4, 4))] * 6
    worse: list[tuple[Preference, Marks]] = [("candidate", (4, 4)), ("baseline", (4, 4)), ("both_bad", (4, 4))] * 6
    agreed = agreement_of([queue({"ann": mixed, "bob": worse})], "review.preference")
    assert isinstance(agreed.alpha, Estimate) and agreed.alpha.value == 1
    silent: list[tuple[Preference, Marks]] = [("cant_judge", (4, 4))] * 18
    lost = agreement_of([queue({"ann": mixed, "bob": silent})], "review.preference")
    assert isinstance(lost.alpha, NotEnough) and (lost.pairs, lost.people) == (0, 0)


def test_cases_of_one_cluster_and_both_answers_of_a_pair_are_drawn_together() -> None:
    votes = queue(two(40, agree=True))
    assert agreement_of([votes], "review.tone").alpha.n == 40
    paired = replace(
        votes, votes=tuple(replace(vote, cluster=f"c{int(vote.cluster[1:]) // 2}") for vote in votes.votes)
    )
    found_ = agreement_of([paired], "review.tone")
    assert (found_.alpha.n, found_.pairs, found_.people) == (20, 40, 2)


def test_pairs_of_two_queues_are_not_shared_and_a_persons_last_word_counts() -> None:
    votes = two(20, agree=True)
    apart = [queue({"ann": votes["ann"]}), queue({"bob": votes["bob"]}, queue_id="q2")]
    assert agreement_of(apart, "review.tone").pairs == 0
    both = queue(votes)
    again = replace(both, votes=(*both.votes, replace(both.votes[0], preference="cant_judge", ratings={})))
    assert agreement_of([again], "review.tone").pairs == 19


def test_each_of_three_is_shown_beside_the_rest_and_of_two_neither() -> None:
    votes = two(40, agree=True)
    assert agreement_with_the_rest([queue(votes)]) == ()
    guesses = two(40, agree=False, seed=9)["bob"]
    each = agreement_with_the_rest([queue({**votes, "cem": guesses})])
    assert [person.reviewer for person in each] == ["ann", "bob", "cem"]
    tones = [person.alphas["review.tone"] for person in each]
    assert all(isinstance(person, Estimate) for person in tones)
    assert tones[2].value < 0.3 < min(tones[0].value, tones[1].value)


@pytest.mark.parametrize("metric", ["review.preference", "review.accuracy", "review.tone", "review.usefulness"])
def test_without_votes_there_is_no_agreement_to_tell(metric: str) -> None:
    none = agreement_of([], metric)
    assert isinstance(none.alpha, NotEnough) and (none.quality, none.pairs) == ("unknown", 0)


def test_votes_that_are_still_to_come_are_counted_while_a_queue_is_open() -> None:
    votes = two(60, agree=True)
    alone = {"ann": votes["ann"], "bob": [*votes["bob"][:2], *([None] * 58)]}
    early = finding_of(TONE, queue(alone, state="open", awaited=10))
    assert "2 people judged; 10 pairs still need a second reviewer; their agreement cannot be estimated" in early.says
    assert "wait for" not in finding_of(TONE, queue(alone, state="closed", awaited=10)).says

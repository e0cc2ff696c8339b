"""Pairs with equal answers in the statistics: ties of the win rate that are not judged pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evaluators.criteria.validation import PREFERENCE
from evaluators.gate.evidence import anonymous
from evaluators.review.statistics import Votes
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.review import ReviewedQueue
from tests.fixtures.evaluators.reviews_by_person import finding_of, queue

LINE = "review.preference not worse than base by 5pp with 20 pairs"


def with_equal(people: dict[str, list], equal: Sequence[str]) -> ReviewedQueue:
    return replace(queue(people), equal=tuple(equal))


def test_equal_pairs_are_ties_of_the_win_rate_and_no_judged_pairs() -> None:
    judged = [("candidate", (4, 4))] * 14 + [("baseline", (4, 4))] * 4
    few = with_equal({"ann": judged}, [f"e{n}" for n in range(22)])
    figures, plain = Votes([few]), Votes([queue({"ann": judged})])
    assert figures.preference().candidate == pytest.approx((14 + 11) / 40)
    assert figures.pairs == plain.pairs == 18
    assert (figures.preference().p, figures.counts) == (plain.preference().p, plain.counts)
    assert figures.agreement(PREFERENCE) == plain.agreement(PREFERENCE)
    assert figures.level("tone") == plain.level("tone")
    finding = finding_of(LINE, few)
    assert "40 pairs, 22 of them with equal answers counted as ties" in finding.says
    assert finding.result == "cannot tell" and "2 more" in finding.needed


def test_a_second_vote_on_some_pairs_and_an_early_end_keep_the_share_of_equal_pairs() -> None:
    """Half of 40 drawn pairs are equal, whether 20 pairs have 30 votes, or 10 of them have 10."""
    won: list = [("candidate", (4, 4))] * 20
    equal = [f"e{n}" for n in range(20)]
    for people in ({"ann": won, "ben": won[:10]}, {"ann": won[:10] + [None] * 10}):
        assert Votes([with_equal(people, equal)]).preference().candidate == pytest.approx(0.75)


def test_the_equal_pairs_of_a_suite_weigh_as_much_as_its_votes() -> None:
    """A tenth of the cases of one suite was drawn, so that its 20 equal pairs stand for 200 cases."""
    won: list = [("candidate", (4, 4))] * 20
    some = queue({"ann": won}, suite="other", equal=tuple(f"e{n}" for n in range(20)))
    some = replace(some, votes=tuple(replace(vote, probability=0.1) for vote in some.votes))
    whole = queue({"ann": [("baseline", (4, 4))] * 20})
    assert Votes([some, whole]).preference().candidate == pytest.approx((200 + 100) / 420)


def test_equal_pairs_help_to_show_that_a_model_is_not_worse_but_never_that_it_is_better() -> None:
    judged: list = [("candidate", (4, 4))] * 12 + [("baseline", (4, 4))] * 12
    equal = [f"e{n}" for n in range(200)]
    assert finding_of(LINE, queue({"ann": judged})).result == "cannot tell"
    assert finding_of(LINE, with_equal({"ann": judged}, equal)).result == "pass"
    assert finding_of("review.preference better than base", with_equal({"ann": judged}, equal)).result == "cannot tell"


def test_the_adjusted_rates_count_equal_pairs_as_the_raw_one_does() -> None:
    given: list = [("candidate", (4, 4))] * 40 + [("baseline", (4, 4))] * 20
    plain = queue({"ann": given})
    lefts = [replace(vote, left="candidate" if n % 2 else "baseline") for n, vote in enumerate(plain.votes)]
    shown = replace(plain, votes=tuple(lefts))
    before = Votes([shown]).bias().model
    after = Votes([replace(shown, equal=tuple(f"e{n}" for n in range(60)))]).bias().model
    assert before is not None and after is not None
    for name in ("raw", "position_adjusted"):
        rate, mixed = getattr(before, name), getattr(after, name)
        assert isinstance(rate, Estimate) and mixed.value == pytest.approx((rate.value + 0.5) / 2)


def test_anonymous_evidence_keeps_which_equal_pairs_share_a_cluster_with_a_judged_one() -> None:
    (hidden,) = anonymous((with_equal({"ann": [("tie", (4, 4))] * 3}, ["c1", "z", "z"]),))
    clusters = [vote.cluster for vote in hidden.votes]
    assert hidden.equal[0] == clusters[1] and hidden.equal[1] == hidden.equal[2] not in clusters
    assert not {"c1", "z"} & set(hidden.equal)

"""The truth table on blind reviews, which votes may be read, and what a line can't ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.review import ReviewedQueue
from tests.fixtures.evaluators.file_errors import gate_errors
from tests.fixtures.evaluators.reviews_by_item import BAD, BETTER, CANT, LOST, TIE, WON, finding_of, queue, verdict
from tests.fixtures.evaluators.trials import right, run, suite
from tests.fixtures.for_each import for_each

NOT_WORSE = "review.preference not worse than base by 5pp"


@for_each(
    ("line", "won", "lost", "ties", "result"),
    [
        (NOT_WORSE, 30, 10, 10, "pass"),
        (NOT_WORSE, 15, 15, 10, "cannot tell"),
        (NOT_WORSE, 5, 35, 0, "fail"),
        (NOT_WORSE, 0, 0, 200, "pass"),
        (BETTER, 30, 10, 10, "pass"),
        (BETTER, 20, 10, 0, "pass"),
        (BETTER, 22, 18, 10, "cannot tell"),
        (BETTER, 10, 30, 10, "fail"),
        ("review.preference better than base by 30pp", 45, 5, 0, "pass"),
        ("review.preference better than base by 30pp", 30, 20, 0, "fail"),
        ("review.preference >= 50%", 22, 18, 0, "pass"),
        ("review.preference >= 50% sure", 22, 18, 0, "cannot tell"),
        ("review.preference >= 0.5 sure", 40, 10, 0, "pass"),
        ("review.preference >= 60%", 22, 18, 0, "cannot tell"),
        ("review.preference >= 50%", 5, 45, 0, "fail"),
    ],
)
def test_a_preference_is_judged_by_the_truth_table(line: str, won: int, lost: int, ties: int, result: str) -> None:
    finding = finding_of(line, queue([WON] * won + [LOST] * lost + [TIE] * ties))
    assert finding.result == result, finding.says
    assert finding.decisive and "one person judged" in finding.says
    assert f"{won} for tuned, {lost} for base" in finding.says
    assert bool(finding.needed) == (result == "cannot tell")


def test_ties_and_both_bad_count_half_and_can_not_judge_is_missing() -> None:
    finding = finding_of(BETTER, queue([WON] * 12 + [BAD] * 4 + [TIE] * 4 + [CANT] * 30))
    assert isinstance(finding.evidence, Comparison)
    assert (round(finding.evidence.candidate, 9), finding.evidence.n) == (0.8, 20)
    assert "4 ties and 4 both bad counted as halves, 30 'can't judge' left out" in finding.says
    assert (finding.evidence.won, finding.evidence.lost) == (12, 0)


@for_each(
    ("line", "marks", "result"),
    [
        ("review.tone >= 4.0", [(5, 3), (4, 4)] * 20, "pass"),
        ("review.tone >= 4.0 sure", [(5, 3), (4, 4)] * 20, "pass"),
        ("review.tone >= 4.0 sure", [(5, 3), (4, 4), (3, 3)] * 14, "cannot tell"),
        ("review.tone >= 4.0", [(3, 3), (2, 4)] * 20, "fail"),
        ("review.tone better than base", [(5, 3), (4, 4)] * 20, "pass"),
        ("review.tone better than base", [(4, 3), (3, 4)] * 20, "cannot tell"),
        ("review.tone not worse than base by 10%", [(4, 4)] * 40, "pass"),
        ("review.tone not worse than base by 10%", [(3, 5), (2, 4)] * 20, "fail"),
    ],
)
def test_marks_are_judged_paired_and_by_the_truth_table(
    line: str, marks: Sequence[tuple[int, int]], result: str
) -> None:
    finding = finding_of(line, queue([TIE] * len(marks), marks=marks))
    assert finding.result == result, finding.says
    assert isinstance(finding.evidence, Comparison | Estimate)


def test_with_so_many_ratings_a_pass_on_fewer_is_still_undecided() -> None:
    marks = [(5, 3)] * 15 + [(4, 4)] * 15
    finding = finding_of("review.tone >= 4.0 with 100 ratings", queue([TIE] * 30, marks=marks))
    assert (finding.result, finding.needed) == ("cannot tell", "70 more ratings")
    assert finding_of("review.tone >= 4.0 with 30 pairs", queue([TIE] * 30, marks=marks)).result == "pass"


def test_fewer_than_ten_pairs_are_never_a_figure() -> None:
    for line in (BETTER, "review.tone >= 4.0", "review.tone better than base"):
        finding = finding_of(line, queue([WON] * 9))
        assert finding.result == "cannot tell" and "too few" in finding.says
    shown = {finding.metric: finding.says for finding in verdict(NOT_WORSE, reviews=[queue([WON] * 9)]).findings}
    assert shown["review.tone"].startswith("review.tone cannot be compared: 9 rated pairs are too few;")


def test_a_queue_that_is_not_done_is_not_read_and_says_how_to_end_it() -> None:
    open_ = queue([], items=20, settled=12)
    finding = finding_of(BETTER, open_)
    assert finding.result == "cannot tell"
    assert "12 of 20 pairs of the review 'Which?' are judged so far" in finding.says
    assert "8 more judged pairs" in finding.needed and "fairtrial review close q1" in finding.needed
    limited = finding_of(f"{BETTER} with 10 pairs", open_).needed
    assert limited.startswith(
        "8 more judged pairs, which are all that the review has left, or an earlier end after the 10 pairs that the "
        "line requires: fairtrial review close q1 (a shared pair needs two reviewers; "
    )
    closed = finding_of(BETTER, queue([WON] * 20, state="closed", items=40, settled=20))
    assert closed.result == "pass" and "closed after 20 of 40 pairs" in closed.says
    undone = finding_of(BETTER, queue([WON] * 19, items=20, settled=20))
    assert undone.result == "pass" and "19 of 20 pairs judged" in undone.says
    both = finding_of(BETTER, queue([WON] * 20), open_)
    assert both.result == "pass" and "8 pairs in other queues not judged yet" in both.says


def test_reviews_of_another_definition_are_invalid_and_of_another_suite_no_evidence() -> None:
    finding = finding_of(BETTER, queue([WON] * 20), digests={"tuned": "new", "base": "d"})
    assert finding.result == "invalid" and "has changed since people judged" in finding.says
    second_finding = finding_of(BETTER, queue([WON] * 20, suite_digest="digest-0"))
    assert second_finding.result == "cannot tell" and "another version of suite small" in second_finding.says
    assert "fairtrial review enqueue small --candidate tuned --baseline base" in second_finding.needed
    elsewhere = finding_of(BETTER, queue([WON] * 20, suite="unknown", suite_digest="x"))
    assert elsewhere.result == "pass"
    stale = queue([LOST] * 20, candidate_digest="old")
    mixed = finding_of(BETTER, queue([WON] * 20), stale, digests={"tuned": "d", "base": "d"})
    assert mixed.result == "pass"


def test_without_a_line_the_evidence_is_shown_and_decides_nothing() -> None:
    judgement = verdict(reviews=[queue([LOST] * 30, marks=[(1, 5)] * 30)])
    assert judgement.decision == "SHIP"
    shown = [finding for finding in judgement.findings if not finding.decisive]
    assert [finding.metric for finding in shown] == ["review.preference", "review.tone"]
    assert all("no line of the gate requires" in finding.says for finding in shown)
    waiting = [finding for finding in verdict(reviews=[queue([], items=5)]).findings if not finding.decisive]
    assert "0 of 5 pairs" in waiting[0].says
    assert [finding for finding in verdict().findings if not finding.decisive] == []


def test_the_headline_names_the_figure_and_the_rule() -> None:
    judgement = verdict(BETTER, reviews=[queue([LOST] * 30 + [WON] * 10)])
    assert judgement.headline.startswith("BLOCK tuned: review.preference is 25.0 % (rule: better than base), n=40")


def test_a_case_that_was_judged_in_two_queues_is_one_cluster() -> None:
    twice = finding_of(BETTER, queue([WON] * 6 + [LOST] * 4), queue([WON] * 6 + [LOST] * 4, queue_id="q2"))
    assert isinstance(twice.evidence, Comparison)
    assert twice.evidence.n == 20 and "one person judged in 2 reviews" in twice.says
    once = finding_of(BETTER, queue([WON] * 6 + [LOST] * 4))
    assert isinstance(once.evidence, Comparison)
    assert twice.evidence.difference.low == pytest.approx(once.evidence.difference.low, abs=1e-9)


@for_each(
    ("line", "hint"),
    [
        ("review.prefrence better than base", "did you mean 'review.preference'?"),
        ("review.length >= 4", "known: review.preference, review.accuracy"),
        ("review.tone >= 6", "a rating from 1 to 5"),
        ("review.tone >= 80%", "a rating from 1 to 5"),
        ("review.preference >= 120%", "between 0 and 100 %"),
        ("review.preference == 50%", "use >="),
        ("review.preference not worse than base by 10%", "in points"),
        ("review.preference not worse than base by 60pp", "less than 50pp"),
        ("review.tone not worse than base by 5pp", "a relative margin, such as 5%"),
        ("review.tone better than v1", "write: base"),
        ("review.tone hold", "cannot hold"),
        ("review.tone >= 4 in language:en", "remove 'in language:en'"),
        ("review.tone >= 4 with 100 cases", "known: ratings, votes, pairs"),
    ],
)
def test_a_line_that_reviews_can_not_answer_is_a_mistake_with_its_place(tmp_path: Path, line: str, hint: str) -> None:
    (tmp_path / "gate.yaml").write_text(f"version: 1\ngate: g\nsuites: []\nrequire:\n  - {line}\n")
    (error,) = gate_errors(tmp_path / "gate.yaml")
    assert (error.line, error.path) == (5, "require[0]") and hint in str(error)


def test_a_suites_own_line_may_ask_for_a_review_too() -> None:
    of = suite("qa not worse than base by 10pp", BETTER)
    runs = {"tuned": run(of, "tuned", right(80)), "base": run(of, "base", right(80))}
    judgement = judge(gate_of(of), Trial("tuned", "base", lambda _, target: runs.get(target)), verdict_id="v", at_us=0)
    assert (judgement.decision, judgement.findings[-1].rule) == ("HOLD", BETTER)
    assert "nobody has compared" in judgement.findings[-1].says


def test_suites_that_were_drawn_from_at_different_rates_weigh_as_many_cases_as_they_stand_for() -> None:
    def drawn(name: str, preferences: Sequence[str], probability: float) -> ReviewedQueue:
        made = queue(preferences, suite=name, suite_digest=name, queue_id=name)
        return replace(made, votes=tuple(replace(vote, probability=probability) for vote in made.votes))

    finding = finding_of(BETTER, drawn("few", [WON] * 20, 1.0), drawn("many", [LOST] * 20, 0.1))
    assert isinstance(finding.evidence, Comparison) and isinstance(finding.evidence.difference, Estimate)
    assert finding.evidence.candidate == pytest.approx(20 / 220)
    assert "weighted by 1/π" in finding.evidence.difference.method
    half = replace(drawn("half", [LOST] * 20, 0.5), state="closed", items=40)
    early = finding_of(BETTER, drawn("few", [WON] * 20, 1.0), half)
    assert isinstance(early.evidence, Comparison)
    assert early.evidence.candidate == pytest.approx(20 / 100)
    again = finding_of(BETTER, drawn("one", [WON] * 20, 0.3), drawn("one", [LOST] * 20, 0.1))
    assert isinstance(again.evidence, Comparison)
    assert again.evidence.candidate == pytest.approx(0.5)

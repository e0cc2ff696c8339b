"""The scorers of changed copies: what is a flip, and what holds a direction."""

from __future__ import annotations

import json
from typing import Any

from evaluators.loading.scorers import build_entry
from evaluators.scoring.scorer import ScoresPairs
from fairtrial.domain.run import Answer, Case, CaseOutcome, CaseResult, Score
from tests.fixtures.for_each import for_each


def result(
    text: str, *, outcome: CaseOutcome = "scored", fields: dict[str, Any] | None = None, **scores: Any
) -> CaseResult:
    measured = {name: Score(name, values, details) for name, (values, details) in scores.items()}
    return CaseResult(Case("c", (), None, fields=fields or {}), 0, Answer(text), outcome, measured)


def pair(entry: Any, copy: CaseResult, original: CaseResult) -> Score:
    scorer = build_entry(entry, variables={}).scorer
    assert isinstance(scorer, ScoresPairs)
    return scorer.score_pair(copy, original)


def flips(entry: Any, copy: CaseResult, original: CaseResult) -> bool:
    return pair(entry, copy, original).values["flips"] == 1


class TestFlips:
    def test_a_changed_outcome_of_another_scorer_is_a_flip(self) -> None:
        right, wrong = ({"accuracy": 1.0}, {}), ({"accuracy": 0.0}, {})
        assert flips("keep", result("a", exact=wrong), result("b", exact=right))
        assert not flips("keep", result("a", exact=right), result("b", exact=right))

    def test_another_wrong_label_is_a_flip_too(self) -> None:
        copy = result("x", label=({"accuracy": 0.0}, {"label": "refund", "expected": "fault"}))
        original = result("y", label=({"accuracy": 0.0}, {"label": "setup", "expected": "fault"}))
        assert flips("keep", copy, original)
        assert not flips({"keep": "outcome"}, copy, original)

    def test_another_wrong_field_is_a_flip_too(self) -> None:
        def wrong(answer: str) -> Any:
            return {"all": 0.0, "order": 0.0}, {"wrong": {"order": {"said": answer, "expected": "1"}}}

        assert flips("keep", result("x", fields_=wrong("2")), result("y", fields_=wrong("3")))
        assert not flips("keep", result("x", fields_=wrong("2")), result("y", fields_=wrong("2")))

    def test_a_small_change_of_a_graded_score_is_none(self) -> None:
        assert not flips("keep", result("x", rouge=({"rouge1": 0.71}, {}), exact=({"em": 1.0}, {})),
                         result("y", rouge=({"rouge1": 0.70}, {}), exact=({"em": 1.0}, {})))  # fmt: skip

    def test_by_outcome_nothing_is_kept_where_no_scorer_has_an_outcome(self) -> None:
        graded = ({"f1": 0.4}, {})
        assert pair({"keep": "outcome"}, result("x", qa=graded), result("y", qa=graded)).values["flips"] is None
        assert pair({"keep": "outcome"}, result("x"), result("y")).values["flips"] is None
        refused = result("I can't help", outcome="refused")
        assert flips({"keep": "outcome"}, refused, result("y"))

    def test_without_other_scorers_the_answers_are_compared(self) -> None:
        assert not flips("keep", result("The Parcel, please!"), result("the parcel please"))
        assert flips("keep", result("the lamp"), result("the parcel"))
        assert not flips("keep", result('{"a": 1, "b": 2}'), result('{"b": 2, "a": 1.0}'))
        pairing = pair("keep", result('{"a": 1}'), result('{"a": 2}'))
        assert pairing.values == {"flips": 1} and pairing.details["changes"] == ["a: 2 → 1"]

    def test_a_refusal_of_only_one_side_is_a_flip(self) -> None:
        same = {"accuracy": 0.0}, {}
        assert flips("keep", result("no", outcome="refused", exact=same), result("x", exact=same))

    def test_two_unusable_answers_are_unscored_and_one_is_a_flip(self) -> None:
        wrong = {"accuracy": 0.0}, {"label": "(off-label)"}
        off = result("?", outcome="off_format", label=wrong)
        assert pair("keep", off, off).values == {"flips": None}
        right = result("x", label=({"accuracy": 1.0}, {"label": "fault"}))
        assert flips("keep", off, right) and flips("keep", right, off)

    def test_one_answer_alone_is_unscored(self) -> None:
        scorer = build_entry("keep", variables={}).scorer
        assert scorer.score(Case("c", (), None), Answer("x")).values == {"flips": None}


ORDER = ["low", "normal", "high"]


@for_each(
    ("rule", "before", "after", "held"),
    [
        ({"must": "not lower", "order": ORDER}, "normal", "normal", 1),
        ({"must": "not lower", "order": ORDER}, "normal", "low", 0),
        ({"must": "higher", "order": ORDER}, "normal", "normal", 0),
        ({"must": "higher", "order": ORDER}, "normal", "high", 1),
        ({"must": "not higher"}, 3, 2, 1),
        ({"must": "lower"}, 3, 4, 0),
        ({"must": "same"}, "a", "a", 1),
        ({"must": "change"}, "a", "a", 0),
        ({"must": "equal", "value": None}, "LM-1", None, 1),
        ({"must": "equal", "value": None}, "LM-1", "LM-1", 0),
        ({"must": "not lower", "order": ORDER}, "very", "low", None),
        ({"must": "not lower", "order": ORDER}, "low", "very", 0),
    ],
)
def test_a_direction_holds_or_not(rule: dict[str, Any], before: Any, after: Any, held: float | None) -> None:
    copy = result(json.dumps({"urgency": after}), fields={"direction": {"field": "urgency", **rule}})
    assert pair("direction", copy, result(json.dumps({"urgency": before}))).values == {"held": held}


def test_a_copy_without_the_field_is_wrong_and_an_original_without_it_is_unscored() -> None:
    rule = {"direction": {"field": "urgency", "must": "same"}}
    with_field, without = '{"urgency": "low"}', "I can't help with that."
    assert pair("direction", result(without, fields=rule), result(with_field)).values == {"held": 0}
    assert pair("direction", result(with_field, fields=rule), result(without)).values == {"held": None}


def test_without_a_field_the_whole_answer_counts() -> None:
    rule = {"direction": {"must": "higher", "order": ORDER}}
    assert pair("direction", result("high.", fields=rule), result("low")).values == {"held": 1}

"""Every run measures refusals, the format, the language and the length of its answers, without a scorer for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluators.engine.scoring import score_case
from evaluators.engine.signal_scorer import Signals, expects_answer
from evaluators.suite import ScorerEntry, Suite
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each

GERMAN = "Die Türklingel läutet seit gestern Abend nicht mehr. Was kann ich tun?"
ENGLISH = "Please charge the battery of the doorbell, and then press the button for ten seconds."
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "one", "schema": SCHEMA}}


def case(expected: Any = None, prompt: str = "hello", **fields: Any) -> Case:
    return Case("c", ({"role": "user", "content": prompt},), expected, fields=fields)


def suite(*cases: Case, kind: str = "exact", **params: Any) -> Suite:
    return Suite("s", "metric", Path("s.yaml"), "d", cases, params, (), entries={"one": ScorerEntry(kind, {})})


def measured(of: Suite, case_: Case, text: str, **answer: Any) -> Mapping[str, float | None]:
    score = score_case(of, case_, 0, Answer(text, **answer), signals=Signals(of)).scores[SIGNALS]
    assert isinstance(score, Score)
    return score.values


class TestTheFormat:
    @pytest.mark.parametrize(("text", "valid"), [('{"n": 1}', 1.0), ('{"n": "1"}', 0.0), ('Sure: {"n": 1}', 0.0)])
    def test_follows_the_schema_that_the_suite_requests(self, text: str, valid: float) -> None:
        of = suite(case(), response_format=FORMAT)
        assert measured(of, of.cases[0], text)["format_valid"] == valid

    @for_each(
        ("expected", "text", "valid"),
        [
            ('{"n": 1}', '{"n": 7}', 1.0),
            ('{"n": 1}', "seven", 0.0),
            ('{"n": 1}', '```json\n{"n": 7}\n```', 0.0),
            ("refund", "billing", 1.0),
            ("refund", '{"intent": "refund"}', 0.0),
            (["refund", "[1]"], "[2]", 1.0),
            ("<a>1</a>", "<a>2</a>", 1.0),
            ("<a>1</a>", "2", 0.0),
        ],
    )
    def test_is_that_of_the_reference(self, expected: Any, text: str, valid: float) -> None:
        of = suite(case(expected))
        assert measured(of, of.cases[0], text)["format_valid"] == valid

    def test_is_that_of_most_references_where_a_case_has_none(self) -> None:
        of = suite(case('{"n": 1}'), case('{"n": 2}'), case())
        assert measured(of, of.cases[2], "words")["format_valid"] == 0.0

    def test_is_not_measured_without_any_reference(self) -> None:
        of = suite(case())
        assert "format_valid" not in measured(of, of.cases[0], '{"n": 1}')

    @pytest.mark.parametrize(("kind", "known"), [("fields", True), ("contains", False)])
    def test_of_an_expected_object_is_json_only_if_a_scorer_reads_json(self, kind: str, known: bool) -> None:
        of = suite(case({"n": 1}), kind=kind)
        assert ("format_valid" in measured(of, of.cases[0], '{"n": 1}')) is known

    def test_of_an_answer_that_the_api_withholds_is_not_measured(self) -> None:
        of = suite(case('{"n": 1}'))
        assert "format_valid" not in measured(of, of.cases[0], "half", finish_reason="content_filter")


class TestOverRefusals:
    def test_are_refusals_of_cases_with_a_reference(self) -> None:
        of = suite(case("refund"))
        refused = measured(of, of.cases[0], "I'm sorry, but I can't help with that.")
        assert (refused["refused"], refused["over_refused"]) == (1.0, 1.0)
        assert measured(of, of.cases[0], "refund")["over_refused"] == 0.0

    @for_each(
        ("each", "expected"),
        [
            (case(), False),
            (case("I'm sorry, but I can't help with that."), False),
            (case("refund", expects="refusal"), False),
            (case(expects="answer"), True),
            (case(contains_any=["refund"]), True),
            (case({"n": 1}), True),
        ],
    )
    def test_need_a_case_that_expects_an_answer(self, each: Case, expected: bool) -> None:
        assert expects_answer(each) is expected


class TestTheLanguage:
    def test_is_compared_with_that_of_the_prompt(self) -> None:
        of = suite(case(prompt=GERMAN))
        assert measured(of, of.cases[0], ENGLISH)["language_switch"] == 1.0
        assert measured(of, of.cases[0], GERMAN)["language_switch"] == 0.0

    def test_is_compared_with_that_of_the_reference_where_it_has_one(self) -> None:
        of = suite(case(ENGLISH, prompt=GERMAN))
        assert measured(of, of.cases[0], ENGLISH)["language_switch"] == 0.0

    def test_is_right_for_the_reference_itself_whatever_it_is(self) -> None:
        unknown = "qwzx vbnk plmq rtgh wsxz yhnj"
        of = suite(case(unknown, prompt=GERMAN))
        assert measured(of, of.cases[0], unknown)["language_switch"] == 0.0
        assert "language_switch" not in measured(of, of.cases[0], unknown[::-1])

    def test_of_a_label_is_not_measured(self) -> None:
        of = suite(case("refund", prompt=GERMAN))
        assert "language_switch" not in measured(of, of.cases[0], "refund")


def test_the_length_is_the_number_of_characters() -> None:
    of = suite(case())
    assert measured(of, of.cases[0], "äöü")["characters"] == 3.0


def test_a_signal_never_changes_the_outcome_of_a_case() -> None:
    of, refund = suite(case("refund")), case("refund")
    for text in ("refund", "I'm sorry, but I can't help with that.", ""):
        without = score_case(of, refund, 0, Answer(text))
        assert replace(score_case(of, refund, 0, Answer(text), signals=Signals(of)), scores={}) == replace(
            without, scores={}
        )


def test_an_error_of_the_target_has_no_signals() -> None:
    of = suite(case("refund"))
    assert score_case(of, of.cases[0], 0, Answer(None, error="503"), signals=Signals(of)).scores == {}

"""The scorers of behaviour: abstaining, refusing, the form of answers, and their language."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evaluators.loading.scorers import WrongEntry, build_entry
from evaluators.scoring.scorer import OffFormat, Scorer
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each

DECLINES = "I don't know."


def scorer(entry: Any) -> Scorer:
    return build_entry(entry, variables={}).scorer


def measure(built: Scorer, text: str, expected: Any = None, **columns: Any) -> Score:
    return built.score(Case("c", (), expected, fields=columns), Answer(text))


def figure(built: Scorer, stat: str, scores: list[Score]) -> float | None:
    chosen = next(each for each in built.stats if each.name == stat)
    if chosen.aggregate is not None:
        return chosen.aggregate(scores)
    values = [value for score in scores if (value := score.values[stat]) is not None]
    return sum(values) / len(values) if values else None


def test_abstains_counts_recall_over_unanswerable_and_coverage_over_answerable_cases() -> None:
    abstains = scorer("abstains")
    scores = [
        *(measure(abstains, text, answerable=False) for text in (DECLINES, "Paris.", DECLINES, "Rome.")),
        *(measure(abstains, text, answerable=True) for text in ("Paris.", DECLINES, "Rome.")),
    ]
    assert figure(abstains, "recall", scores) == 0.5
    assert figure(abstains, "coverage", scores) == pytest.approx(2 / 3)
    assert figure(abstains, "precision", scores) == pytest.approx(2 / 3)
    assert figure(abstains, "accuracy", scores) == pytest.approx(4 / 7)


def test_the_precision_of_no_abstention_is_unknown_and_never_a_number() -> None:
    abstains = scorer("abstains")
    assert figure(abstains, "precision", [measure(abstains, "Paris.", answerable=False)]) is None


def test_an_empty_answer_neither_abstains_nor_answers() -> None:
    abstains = scorer("abstains")
    for answerable in (True, False):
        score = measure(abstains, " \n", answerable=answerable)
        assert score.values["accuracy"] == 0 and score.values["precision"] is None


def test_a_project_says_what_declining_looks_like_in_its_format() -> None:
    fields = scorer({"abstains": {"fields": {"intent": ["other", None]}, "phrases": "no"}})
    assert measure(fields, '{"intent": "other"}', answerable=False).values["recall"] == 1
    assert measure(fields, '{"intent": null}', answerable=False).values["recall"] == 1
    assert measure(fields, '{"intent": "refund"}', answerable=False).values["recall"] == 0
    assert measure(fields, '{"product": "hub"}', answerable=False).values["recall"] == 0
    assert measure(fields, DECLINES, answerable=False).values["recall"] == 0
    assert measure(scorer({"abstains": "^escalate$"}), "ESCALATE", answerable=False).values["recall"] == 1


@pytest.mark.parametrize("value", ["true", "Yes", True])
def test_answerable_may_be_text_as_in_a_csv_file(value: Any) -> None:
    assert measure(scorer("abstains"), "Paris.", answerable=value).values["coverage"] == 1


@pytest.mark.parametrize("name", ["abstains", "refuses"])
def test_a_row_without_the_truth_is_refused(name: str) -> None:
    built = scorer(name)
    assert "neither yes nor no" in built.case_problem(Case("c", (), None, fields={}))  # type: ignore[attr-defined]
    column = "answerable" if name == "abstains" else "harmful"
    assert built.case_problem(Case("c", (), None, fields={column: False})) is None  # type: ignore[attr-defined]


@for_each(
    ("entry", "wrong"),
    [
        ({"abstains": {"phrases": "no"}}, "what an abstention looks like"),
        ({"abstains": {"fields": ["intent"]}}, "name the fields"),
        ({"abstains": {"as": "(?=a)"}}, "look-ahead"),
        ({"refuses": {"as": "("}}, "not a valid RE2"),
        ({"well_formed": {"json": "maybe"}}, "not known"),
    ],
)
def test_wrong_options_are_refused_with_the_reason(entry: Any, wrong: str) -> None:
    with pytest.raises(WrongEntry, match=wrong):
        scorer(entry)


def test_refuses_separates_harmful_requests_from_their_benign_twins() -> None:
    refuses = scorer("refuses")
    refusal = "I'm sorry, but I can't help with that."
    scores = [
        measure(refuses, refusal, harmful=True),
        measure(refuses, "First, take a pipe.", harmful=True),
        measure(refuses, refusal, harmful=False),
        measure(refuses, "Preheat the oven.", harmful=False),
        measure(refuses, "Beat the eggs.", harmful=False),
    ]
    assert figure(refuses, "recall", scores) == 0.5
    assert figure(refuses, "over_refusal", scores) == pytest.approx(1 / 3)
    assert figure(refuses, "precision", scores) == 0.5
    assert figure(refuses, "accuracy", scores) == pytest.approx(3 / 5)


def test_an_answer_of_control_characters_or_of_one_phrase_is_not_well_formed() -> None:
    built = scorer("well_formed")
    assert measure(built, "The hub is offline.").values["accuracy"] == 1
    assert measure(built, "👨‍👩‍👧 Ω≈ç√ नमस्ते").values["accuracy"] == 1
    for text, why in (("", "empty"), (" \n", "empty"), ("a\x07b", "control characters"), ("I am. " * 40, "loop")):
        score = measure(built, text)
        assert score.values["accuracy"] == 0 and why in score.details["wrong"]


def test_a_long_table_does_not_count_as_a_loop() -> None:
    rows = "".join(f"| order {number} | sent on day {number % 28} |\n" for number in range(1000, 1040))
    assert measure(scorer("well_formed"), rows).values["accuracy"] == 1


def test_well_formed_requires_the_fields_of_a_json_reference() -> None:
    built, expected = scorer("well_formed"), {"intent": "refund", "urgency": "low"}
    assert measure(built, json.dumps(expected), expected).values["accuracy"] == 1
    assert measure(built, '{"intent": "x"}', expected).details["wrong"] == ["no field 'urgency'"]
    with pytest.raises(OffFormat, match="not JSON"):
        measure(built, "Sure! Here it is.", expected)
    assert measure(scorer({"well_formed": "no"}), "Sure!", expected).values["accuracy"] == 1
    with pytest.raises(OffFormat):
        measure(scorer({"well_formed": "yes"}), "Sure!")


GERMAN = "Der Kondensator verdoppelt seine Kapazität, wenn man ihn mit Öl füllt."


def test_the_language_of_a_long_answer_is_detected() -> None:
    assert measure(scorer({"language": "de"}), GERMAN).values["accuracy"] == 1
    assert measure(scorer("language"), GERMAN, language=["pt", "es"]).values["accuracy"] == 0
    assert measure(scorer("language"), GERMAN, language="de").details == {"detected": "de"}


@pytest.mark.parametrize("text", ["ok", "", '{"intent": "refund", "product": "thermostat"}', "1.234.567,89 + 12 = 55"])
def test_a_language_that_cannot_be_detected_is_unscored(text: str) -> None:
    assert measure(scorer({"language": "de"}), text).values["accuracy"] is None

"""What the rule-based scorers count as right, off format and unfit."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.loading.scorers import WrongEntry, build_entry
from evaluators.scoring.metrics.regex import MOST_CHARS
from evaluators.scoring.scorer import OffFormat, Scorer, ShowsComparison
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each


def scorer(entry: Any) -> Scorer:
    return build_entry(entry, variables={}).scorer


def measure(built: Scorer, text: str, expected: Any = None, **columns: Any) -> Score:
    return built.score(Case("c", (), expected, fields=columns), Answer(text))


@for_each(
    ("text", "right"),
    [
        ("5", True), ("It is 5.", True), ("5, I think", True), ("= 5", True), ("(5)", True), ("5%", True),
        ("15", False), ("50", False), ("1.5", False), ("5.2", False), ("5,200", False), ("-5", False),
        ("it is -5", False), ("x5", False), ("7-5 is 2", True),
    ],
)  # fmt: skip
def test_a_number_is_found_as_a_whole_number_only(text: str, right: bool) -> None:
    assert measure(scorer("contains"), text, contains_any=["5", "five"]).values == {"accuracy": float(right)}


def test_contains_ignores_case_and_looks_for_whole_words() -> None:
    contains = scorer("contains")
    assert measure(contains, "PARIS, of course", contains_any=["paris"]).values["accuracy"] == 1
    assert measure(contains, "Parisian", contains_any=["paris"]).values["accuracy"] == 0
    assert measure(contains, "don’t", "don't").values["accuracy"] == 1
    assert measure(scorer({"contains": {"words": "no"}}), "Parisian", "paris").values["accuracy"] == 1
    assert measure(scorer({"contains": {"case": "yes"}}), "paris", "Paris").values["accuracy"] == 0


def test_contains_joins_any_all_and_none() -> None:
    contains = scorer({"contains": {"any": ["yes", "sure"], "all": ["hub"], "none": "ZX-41"}})
    assert measure(contains, "sure, the hub").values["accuracy"] == 1
    assert measure(contains, "sure, the hub zx-41").values["accuracy"] == 0
    assert measure(contains, "the hub").values["accuracy"] == 0
    assert measure(contains, "sure").values["accuracy"] == 0


def test_contains_names_the_texts_that_it_found_and_those_that_it_missed() -> None:
    contains = scorer({"contains": {"any": ["yes", "sure"], "all": ["hub"], "none": "ZX-41"}})
    assert isinstance(contains, ShowsComparison)
    compared = contains.normalised(Case("c", (), None), Answer("sure, ZX-41"))
    assert (
        compared.why == "any of 'yes', 'sure': found 'sure'; all of 'hub': none found; none of 'ZX-41': found 'ZX-41'"
    )


def test_regex_finds_and_forbids() -> None:
    invented = scorer({"regex": {"none": r"LM-?\d{3,}", "case": "no"}})
    assert measure(invented, "order lm-12345").values["accuracy"] == 0
    assert measure(invented, "which order?").values["accuracy"] == 1
    assert measure(scorer({"regex": r"^\d+$"}), "12").values["accuracy"] == 1


def test_exact_strips_unless_an_option_forbids_it() -> None:
    assert measure(scorer("exact"), " Paris\n", ["Rome", "Paris"]).values["accuracy"] == 1
    assert measure(scorer({"exact": "raw"}), "Paris ", "Paris").values["accuracy"] == 0


def test_fields_compares_each_field_as_json() -> None:
    fields = scorer({"fields": ["intent", "order_id"]})
    expected = '{"intent": "refund", "order_id": null}'
    assert measure(fields, '{"intent":"refund","order_id":null,"more":1}', expected).values == {
        "all": 1.0, "intent": 1.0, "order_id": 1.0,
    }  # fmt: skip
    assert measure(fields, '{"intent":"refund"}', expected).values["order_id"] == 0
    assert measure(fields, '{"intent":"fault","order_id":null}', expected).values == {
        "all": 0.0, "intent": 0.0, "order_id": 1.0,
    }  # fmt: skip


@for_each("text", ["", "no JSON", "[1]", '{"intent": NaN}', 'Here: {"intent": "refund"}'])
def test_an_answer_that_is_not_one_json_object_is_off_format_and_wrong(text: str) -> None:
    with pytest.raises(OffFormat) as caught:
        measure(scorer({"fields": ["intent"]}), text, {"intent": "refund"})
    assert caught.value.score.values == {"all": 0.0, "intent": 0.0}


def test_lenient_takes_the_first_object_in_the_text() -> None:
    fields = scorer({"fields": {"of": ["intent"], "lenient": "yes"}})
    assert measure(fields, 'So {so}: {"intent": "refund"}.', {"intent": "refund"}).values["all"] == 1


def test_a_positive_class_has_its_recall_and_precision() -> None:
    urgency = scorer({"label": {"field": "urgency", "of": ["low", "normal", "high"], "positive": ["normal", "high"]}})
    values = measure(urgency, '{"urgency": "high"}', {"urgency": "normal"}).values
    assert (values["accuracy"], values["recall"], values["precision"]) == (0, 1, 1)
    values = measure(urgency, '{"urgency": "low"}', {"urgency": "normal"}).values
    assert (values["recall"], values["precision"], values["recall.normal"], values["recall.low"]) == (0, None, 0, None)


def test_a_label_may_stand_in_quotes_or_capitals_and_anything_else_is_off_label() -> None:
    label = scorer({"label": ["yes", "no"]})
    assert measure(label, ' **"Yes".** ', "yes").values["accuracy"] == 1
    predicted = measure(label, "I think yes", "yes")
    assert (
        predicted.values["accuracy"] == 0
        and predicted.values["off_label"] == 1
        and predicted.details["label"] == "(off-label)"
    )


def test_a_schema_accepts_or_says_where_it_does_not() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"enum": ["x", "y"]}}}
    valid = scorer({"json_schema": {"schema": schema}})
    assert measure(valid, '{"a": "x"}').values == {"valid": 1.0}
    assert measure(valid, '{"a": "z"}').details["at"] == "$.a"
    with pytest.raises(OffFormat):
        measure(valid, "x")


@for_each(
    ("entry", "message"),
    [
        ("exakt", "did you mean 'exact'"),
        ({"exact": "loose"}, "known: strip, raw, squad"),
        ({"label": {"off": ["a", "b"]}}, "did you mean 'of'"),
        ({"label": ["a"]}, "at least two"),
        ({"label": {"of": ["a", "b"], "positive": "c"}}, "'c' is not one of the labels"),
        ({"regex": "("}, "not a valid RE2 pattern"),
        ({"contains": ""}, "empty text"),
        ({"json_schema": {"schema": {"type": "objekt"}}}, "the schema is invalid"),
        ({"json_schema": "none.json"}, "'none.json' files cannot be used here"),
        ({"rouge": {"kinds": [6]}}, "known: 1, 2, 3, 4, 5, L, Lsum"),
        ({"fields": {"of": ["a"], "lenient": "maybe"}}, "neither yes nor no"),
        ({"exact": {"name": "a.b"}}, "is not a name"),
        ({"exact": None, "regex": "x"}, "one name with its options"),
    ],
)
def test_a_wrong_entry_is_an_error_with_its_reason_and_the_known_names(entry: Any, message: str) -> None:
    with pytest.raises(WrongEntry) as caught:
        scorer(entry)
    assert message in f"{caught.value.wrong} ({caught.value.known})"


def test_regex_does_not_look_at_more_text_than_it_says_and_takes_nothing_unseen_for_absent() -> None:
    built = scorer({"regex": {"none": "secret"}})
    assert measure(built, "x" * MOST_CHARS).values == {"accuracy": 1.0}
    with pytest.raises(OffFormat, match="20,001 characters; regex searches at most 20,000") as caught:
        measure(built, "x" * (MOST_CHARS - 5) + "secret")
    assert caught.value.score.values == {"accuracy": 0.0}

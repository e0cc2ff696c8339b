"""The scorers that evaluations from elsewhere need: fuzzy, numbers, JSON, XML, tool calls, groups and modifiers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evaluators.loading.scorers import WrongEntry, build_entry
from evaluators.scoring.scorer import ChecksCases, OffFormat, Scorer
from fairtrial.domain.answers.chat import text_with_calls
from fairtrial.domain.run import Answer, Case, Score
from tests.fixtures.for_each import for_each


def scorer(entry: Any) -> Scorer:
    return build_entry(entry, variables={"final": r"Answer: (\w+)"}).scorer


def measure(entry: Any, text: str, expected: Any = None) -> Score:
    return scorer(entry).score(Case("c", (), expected), Answer(text))


def accuracy(entry: Any, text: str, expected: Any = None) -> float | None:
    return measure(entry, text, expected).values["accuracy"]


def off_format(entry: Any, text: str, expected: Any = None) -> dict[str, float | None]:
    with pytest.raises(OffFormat) as caught:
        measure(entry, text, expected)
    return dict(caught.value.score.values)


def test_fuzzy_takes_the_nearest_reference_and_may_ignore_case() -> None:
    assert measure("fuzzy", " Paris", ["Rome", "Paris"]).values["similarity"] == 1
    assert measure({"fuzzy": {"case": "no"}}, "PARIS", "Paris").values["similarity"] == 1


@for_each(
    ("text", "expected", "right"),
    [
        ("The answer is 42.", 42, 1), ("42.0", "42", 1), ("$1,234.50 in all", "1234.5", 1), ("It is −3", -3, 1),
        ("7-5 is 2", 2, 1), ("0.1", "0.10", 1), (".5", 0.5, 1), ("1.5e3", 1500, 1), ("first 3, then 4", 3, 0),
        ("$7,703,562, or so", 7703562, 1), ("1,234,5", 1234, 0),
        ("41.99", 42, 0), ("-42", 42, 0), ("1e9999999", 1, None), ("x5", 5, None), ("none", 5, None),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: str, expected: Any, right: int | None) -> None:
    if right is None:
        assert off_format("number", text, expected) == {"accuracy": 0}
    else:
        assert accuracy("number", text, expected) == right


def test_a_number_may_differ_by_the_tolerance_and_no_more() -> None:
    assert accuracy({"number": 0.01}, "1.01", 1) == 1, "exact decimals: floats would differ by more"
    assert accuracy({"number": 0.01}, "1.0101", 1) == 0
    assert accuracy({"number": {"relative": 0.05}}, "104", 100) == 1
    assert accuracy({"number": {"relative": 0.05}}, "106", 100) == 0


def test_a_number_is_taken_from_where_the_suite_says() -> None:
    assert accuracy({"number": {"take": "first"}}, "3, not 4", 3) == 1
    assert accuracy({"number": {"take": "only"}}, " 3 km. ", 3) == 1
    assert off_format({"number": {"take": "only"}}, "It is 3", 3) == {"accuracy": 0}


def test_units_convert_and_an_unknown_unit_is_wrong() -> None:
    length = {"number": {"units": {"km": 1000, "m": 1}}}
    assert accuracy(length, "1.2 km", "1200 m") == 1
    assert accuracy(length, "1200 m", 1200) == 1, "a bare expected number is in the base unit"
    assert accuracy(length, "1200", 1200) == 0
    assert accuracy(length, "1200 ft", 1200) == 0
    problem = scorer(length).case_problem(Case("c", (), "12 ft"))  # type: ignore[attr-defined]
    assert problem == "expects '12 ft', which is not one number in a known unit"


def test_json_equal_compares_at_every_depth() -> None:
    expected = {"a": [1, 2.0, {"b": None}], "at": 5}
    assert accuracy("json_equal", '{"at": 5, "a": [1, 2, {"b": null}]}', expected) == 1
    assert accuracy("json_equal", '{"at": 5, "a": [2, 1, {"b": null}]}', json.dumps(expected)) == 0
    assert accuracy({"json_equal": {"order": "no", "ignore": "at"}}, '{"a": [{"b": null}, 2, 1]}', expected) == 1
    assert accuracy("json_equal", '{"a": true}', {"a": 1}) == 0
    assert accuracy({"json_equal": {"lenient": "yes"}}, 'So: {"a": 1}.', {"a": 1}) == 1
    assert off_format("json_equal", "no", {"a": 1}) == {"accuracy": 0}
    assert off_format("json_equal", "[" * 100_000 + "]" * 100_000, []) == {"accuracy": 0}


def test_xml_is_well_formed_and_compared_by_element() -> None:
    expected = "<order><id>5</id><item>cup</item><item>hub</item></order>"
    entry = {"xml": ["id", "item"]}
    right = {"all": 1.0, "id": 1.0, "item": 1.0, "valid": 1.0}
    assert measure(entry, "<order><item>cup</item><item> hub </item><id>5</id></order>", expected).values == right
    wrong = measure(entry, "<order><id>6</id><item>cup</item></order>", expected)
    assert wrong.values == {"all": 0, "id": 0, "item": 0, "valid": 1} and wrong.details["wrong"]["id"]["said"] == ["6"]
    assert measure({"xml": {"lenient": "yes"}}, "Here:\n```\n<a/>\n```").values == {"valid": 1}
    assert off_format("xml", "<a>") == {"valid": 0}


def test_xml_that_grows_by_entities_is_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    with pytest.raises(OffFormat, match="document type"):
        measure("xml", bomb)


CALLS = [{"function": {"name": "find", "arguments": '{"id": 5}'}}, {"function": {"name": "log", "arguments": "{}"}}]
EXPECTED = [{"name": "log"}, {"name": "find", "arguments": {"id": 5.0}}]


def test_tool_calls_are_a_set_or_a_list_of_names_with_arguments() -> None:
    text = text_with_calls("", CALLS)
    assert measure("tool_calls", text, EXPECTED).values == {"accuracy": 1, "names": 1}
    assert measure({"tool_calls": {"order": "yes"}}, text, EXPECTED).values == {"accuracy": 0, "names": 0}
    other_calls = text_with_calls("Let me see.", [{"function": {"name": "find", "arguments": '{"id": 6}'}}, CALLS[1]])
    assert measure("tool_calls", other_calls, EXPECTED).values == {"accuracy": 0, "names": 1}
    assert measure({"tool_calls": {"ignore": "id"}}, other_calls, EXPECTED).values == {"accuracy": 1, "names": 1}
    assert measure("tool_calls", "Paris", []).values == {"accuracy": 1, "names": 1}
    assert measure("tool_calls", "Paris", EXPECTED).values == {"accuracy": 0, "names": 0}


def test_tool_calls_are_valid_by_the_schema_of_their_tool() -> None:
    find = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    entry = {"tool_calls": {"schemas": {"find": find}}}
    sound, unknown = [CALLS[0]], CALLS
    assert measure(entry, text_with_calls("", sound), EXPECTED).values["valid"] == 1
    assert measure(entry, text_with_calls("", unknown), EXPECTED).values["valid"] == 0
    broken = [{"function": {"name": "find", "arguments": '{"id": '}}]
    assert measure(entry, text_with_calls("", broken), EXPECTED).values["valid"] == 0


def test_exact_may_compare_the_beginning_or_the_end() -> None:
    assert accuracy({"exact": {"match": "prefix"}}, "Paris, France", ["Rome", "Paris"]) == 1
    assert accuracy({"exact": {"match": "suffix"}}, "It is Paris", "Paris") == 1
    assert accuracy({"exact": {"match": "suffix"}}, "Paris, France", "Paris") == 0


def test_a_modifier_extracts_and_no_match_is_off_format() -> None:
    entry = {"exact": {"name": "strict", "extract": "$final"}}
    assert accuracy(entry, "Answer: Rome? No. Answer: Paris", "Paris") == 1
    assert off_format(entry, "Paris", "Paris") == {"accuracy": 0}
    assert accuracy({"exact": {"extract": "[0-9]+"}}, "I say 5", "5") == 1
    assert "extract:" in scorer(entry).version


def test_a_reference_may_be_in_another_column() -> None:
    case = Case("c", (), "wrong", fields={"other": "right"})
    built = scorer({"exact": {"reference": "other"}})
    assert built.score(case, Answer("right")).values == {"accuracy": 1}
    assert "reference:other" in built.version
    assert isinstance(built, ChecksCases)
    assert built.case_problem(Case("c", (), "right", fields={})) is not None


def test_a_negated_scorer_keeps_what_is_off_format_wrong() -> None:
    assert accuracy({"exact": {"negate": "yes"}}, "Paris", "Paris") == 0
    assert accuracy({"exact": {"negate": "yes"}}, "Rome", "Paris") == 1
    assert off_format({"number": {"negate": "yes"}}, "no number", 5) == {"accuracy": 0}


def test_a_threshold_makes_a_score_a_pass() -> None:
    entry = {"fuzzy": {"pass": 0.9}}
    assert [stat.name for stat in scorer(entry).stats] == ["pass", "similarity"]
    assert measure(entry, "Paris", "Paris").values == {"pass": 1, "similarity": 1}
    assert measure(entry, "Rome", "Paris").values["pass"] == 0
    assert (
        measure({"bleu": {"sentence": "yes", "pass": 50}}, "the cat sat on it", "the cat sat on it").values["pass"] == 1
    )


def test_a_group_weighs_its_members_from_worst_to_best() -> None:
    entry = {"group": {"of": ["exact", {"fuzzy": {"case": "no"}}], "weights": [3, 1], "pass": 0.5}}
    assert measure(entry, "Paris", "Paris").values == {"pass": 1, "score": 1}
    assert measure(entry, "PARIS", "Paris").values == {"pass": 0, "score": 0.25}
    assert off_format({"group": {"of": ["exact", "number"]}}, "five", "5") == {"score": 0}


@for_each(
    ("entry", "wrong"),
    [
        ({"exact": {"extract": "("}}, "not a valid RE2 pattern"),
        ({"fuzzy": {"negate": "yes"}}, "not a share of right answers"),
        ({"fuzzy": {"pass": 2}}, "not a number from 0 to 1"),
        ({"bleu": {"pass": 30}}, "no value of each case"),
        ({"keep": {"negate": "yes"}}, "no such option"),
        ({"exact": {"match": "prefix", "mode": "squad"}}, "compares whole answers"),
        ({"number": {"units": ["km"]}}, "map each unit"),
        ({"xml": ["a.b"]}, "can't be the name of a stat"),
        ({"xml": ["a["]}, "not a path"),
        ({"group": {"of": ["exact", "exact"]}}, "the same name"),
        ({"group": {"of": ["bleu"]}}, "no score of each case"),
        ({"group": {"of": ["exact"], "weights": [0]}}, "a number above 0"),
        ({"group": {"of": ["exakt"]}}, "does not exist"),
        ({"exact": {"negat": "yes"}}, "no option"),
    ],
)
def test_an_entry_that_cannot_work_is_refused(entry: Any, wrong: str) -> None:
    with pytest.raises(WrongEntry) as caught:
        scorer(entry)
    assert wrong in caught.value.wrong

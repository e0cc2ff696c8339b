"""What an explanation of a score shows: the compared texts, and a sentence on right or wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.engine.scoring import score_case, score_copy
from evaluators.engine.summary import Explanation, changed_since, explain
from evaluators.loading.scorers import build_entry
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Case, ScoreFailure
from tests.fixtures.for_each import for_each

COLUMNS = {"answerable": "no", "harmful": "yes", "contains_any": ["refund"], "split": "train"}


def suite(entry: Any, case: Case) -> Suite:
    scorer = build_entry(entry, variables={}).scorer
    return Suite("s", "metric", Path("s.yaml"), "d", (case,), {}, (scorer,))


def explained(entry: Any, text: str, expected: Any) -> Explanation:
    case = Case("c", (), expected, fields=COLUMNS)
    made_suite = suite(entry, case)
    result = score_case(made_suite, case, 0, Answer(text))
    (explanation,) = explain(result, {scorer.name: scorer.version for scorer in made_suite.scorers}, made_suite, {})
    return explanation


@for_each(
    ("entry", "text", "expected", "compared", "references", "sentence"),
    [
        ("exact", " Paris ", ["Rome", "Paris"], "Paris", ("Rome", "Paris"), "Right: the answer equals 'Paris'."),
        ("exact", "Bonn", "Paris", "Bonn", ("Paris",), "Wrong: the answer does not equal an accepted one."),
        ({"exact": {"match": "prefix"}}, "Paris, France", "Paris", "Paris, France", ("Paris",),
         "Right: the answer begins with 'Paris'."),
        ({"exact": "squad"}, "The City, of light!", "a city", "city of light", ("city",),
         "Wrong: the answer does not equal an accepted one; 1 of its 3 words are among the 1 of 'city'."),
        ({"exact": {"extract": "Answer: (.*)"}}, "Answer: 5", "5", "5", ("5",), "Right: the answer equals '5'."),
        ({"exact": {"negate": "yes"}}, "no", "no", "no", ("no",),
         "Wrong: the answer equals 'no', and 'negate' turns right into wrong."),
        ({"fuzzy": {"case": "no", "pass": 0.9}}, "PARIS", ["rome", "Paris"], "paris", ("rome", "paris"),
         "Right: ratio finds it nearest to 'paris'; it passes from 0.9."),
        ("number", "about 1,041.5", 1042, "1041.5", ("1042",),
         "Wrong: the last number of the answer differs from 1042 by 0.5, and 0 is allowed."),
        ({"number": {"units": {"km": 1000, "m": 1}}}, "5 ft", "12 m", "5", ("12",), "Wrong: ft is not a known unit."),
        ({"label": ["pos", "neg"]}, "**Pos.**", "neg", "pos", ("neg",),
         "Wrong: the label of the answer is 'pos' instead of 'neg'."),
        ({"label": ["pos", "neg"]}, "hm", "neg", "(off-label)", ("neg",),
         "Wrong: 'hm' is none of the labels pos, neg."),
        ("contains", "A Refund.", None, "a refund.", ("refund",), "Right: any of 'refund': found 'refund'."),
        ({"regex": r"\d+"}, "none", None, "none", (r"\d+",), r"Wrong: match '\\d+' finds nothing."),
        ({"fields": ["a", "b"]}, '{"b": 1.0, "a": 2, "c": 3}', {"a": 1, "b": 1},
         '{"a": 2, "b": 1}', ('{"a": 1, "b": 1}',),
         "Wrong: a is 2 instead of 1."),
        ("json_equal", '{"b":1.0,"a":2}', {"a": 2, "b": 1}, '{"a": 2, "b": 1}', ('{"a": 2, "b": 1}',),
         "Right: the values are equal."),
        ({"json_schema": {"schema": {"type": "array"}}}, "{}", None, "{}", (),
         "Wrong: at $: {} is not of type 'array'."),
        ({"xml": ["id"]}, "<o><id>6 </id></o>", "<o><id>5</id></o>", "id: ['6']", ("id: ['5']",),
         "Wrong: id is ['6'] instead of ['5']."),
        ("tool_calls", "Hi", [{"name": "log"}], "", ("log {}",), "Wrong: the names of the calls differ."),
        ({"rouge": {"stem": "yes"}}, "Cities, running!", "city runs on", "citi run", ("citi run on",),
         "rouge1 is 0.8 of 1: 2 of its 2 words are among the 3 of the nearest reference."),
        ("bleu", "It's so.", "It's so.", "It's so .", ("It's so .",),
         "corpus is 100 of 100: of its n-grams of 1 to 4 words, references have 3 of 3, 2 of 2, 1 of 1, 0 of 0; "
         "it has 3 words, and the reference of the nearest length 3."),
        ("chrf", "a b", "ab c", "ab", ("abc",),
         "corpus is 63.64 of 100: n-grams of 1 to 6 characters (answer, nearest reference, shared): 2, 3, 2; 1, 2, 1; "
         "0, 1, 0; 0, 0, 0; 0, 0, 0; 0, 0, 0."),
        ("abstains", "I don't know.", None, "abstain", ("abstain",),
         "Right: the answer abstains (does_not_know), and the case calls for: abstain."),
        ("refuses", "Sure: mix both.", None, "comply", ("refuse",),
         "Wrong: the answer does not refuse a harmful request."),
        ("well_formed", "", None, "", (), "Wrong: empty."),
        ({"language": "de"}, "ok", None, "", ("de",), "Unscored: the answer is too short to tell its language."),
        ("memorised", "a b c d", "a b x", "a b c d", ("a b x",),
         "gap is 0 of 1: the longest verbatim run has 2 of 3 words."),
        ({"group": {"of": ["exact", {"fuzzy": {"case": "no"}}]}}, "PARIS", "Paris", "PARIS", ("Paris",),
         "score is 0.5 of 1: 1 x exact 0 (the answer does not equal an accepted one); "
         "1 x fuzzy 1 (ratio finds it nearest to 'paris')."),
    ],
)  # fmt: skip
def test_an_explanation_shows_the_compared_texts(
    entry: Any, text: str, expected: Any, compared: str, references: tuple[str, ...], sentence: str
) -> None:
    explanation = explained(entry, text, expected)
    assert (explanation.prediction, explanation.references, explanation.sentence) == (compared, references, sentence)
    assert explanation.note == ""


def test_an_answer_without_the_form_is_wrong_for_the_stored_reason() -> None:
    explanation = explained("number", "none", 5)
    assert (explanation.prediction, explanation.sentence) == (None, "Wrong: the answer has no number.")


def test_a_changed_copy_is_shown_beside_the_answer_to_its_original() -> None:
    copy = Case("copy", (), "Paris")
    keep = suite("keep", copy)
    exact = build_entry("exact", variables={}).scorer
    both = replace(keep, scorers=(exact, *keep.scorers))
    original = score_case(both, Case("first", (), "Paris"), 0, Answer("Paris"))
    result = score_copy(both, score_case(both, copy, 0, Answer("Rome")), original)
    explanation = explain(result, {}, both, {"first": original})[1]
    assert (explanation.prediction, explanation.references) == ("Rome", ("Paris",))
    assert explanation.sentence == "Wrong: exact.accuracy: 1.0 → 0.0."


def test_a_scorer_that_failed_or_that_the_file_no_longer_has_shows_what_is_stored() -> None:
    case = Case("c", ({"role": "user", "content": "?"},), "Paris")
    made_suite = suite("exact", case)
    result = score_case(made_suite, case, 0, Answer("Paris"))
    failed = replace(result, scores={"own": ScoreFailure("own", "it hung")})
    assert explain(failed, {}, made_suite, {})[0].sentence == "Not scored: it hung."
    (stored,) = explain(result, {"exact": "exact/0"}, None, {})
    assert (stored.sentence, stored.prediction, stored.details) == ("accuracy is 1.", None, {"compared": "Paris"})
    (newer,) = explain(result, {"exact": "exact/0"}, made_suite, {})
    assert newer.note == "the suite's file now has the scorer 'exact/1 mode:strip'"


def test_a_case_that_changed_since_the_run_is_named() -> None:
    case = Case("c", ({"role": "user", "content": "?"},), "Paris")
    made_suite = suite("exact", case)
    result = score_case(made_suite, case, 0, Answer("Paris"))
    changed = replace(result, case=replace(case, messages=({"role": "user", "content": "!"},)))
    assert changed_since(result, made_suite) == ""
    assert "another prompt" in changed_since(changed, made_suite)
    assert "another answer" in changed_since(replace(result, case=replace(case, expected="Rome")), made_suite)
    assert "no longer has" in changed_since(replace(result, case=replace(case, case_id="d")), made_suite)

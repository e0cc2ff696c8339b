"""Patterns and schemas of a suite take time by the answer alone, and reach nothing outside of the suite."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.loading.scorers import build_entry
from evaluators.loading.suite_reader import load
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.limits.json_schema import BoundedSchema, TooCostly
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.run import Answer, Case
from tests.fixtures.for_each import for_each

EVIL = "(a+)+$"
LONG = "a" * 20_000 + "!"


def score(entry: Any, answer: str) -> float | None:
    scorer = build_entry(entry, variables={}).scorer
    return scorer.score(Case("c", (), ""), Answer(answer)).values[scorer.stats[0].name]


def test_a_repeat_inside_a_repeat_ends_on_a_long_answer() -> None:
    assert score({"regex": {"match": EVIL}}, LONG[1:]) == 0
    assert score({"json_schema": {"schema": {"pattern": EVIL}}}, json.dumps(LONG)) == 0
    named = {"patternProperties": {EVIL: False}, "additionalProperties": False}
    assert score({"json_schema": {"schema": named}}, json.dumps({LONG: 1})) == 0


@for_each(
    ("pattern", "why"),
    [
        (r"a(?=b)", "it has no look-ahead or look-behind"),
        (r"(?<!a)b", "it has no look-ahead or look-behind"),
        (r"(a)\1", "it has no back-references"),
        (r"(?>a)b", "it has no atomic groups"),
        (r"a++", "no atomic groups or possessive repeats"),
        (r"a\Z", r"the end of the text is \z"),
        (r"\u00e9", "a character by its number is"),
        (r"a{2000}", "it repeats at most 1,000 times"),
        ("(", "missing )"),
    ],
)
def test_a_refused_pattern_is_an_error_with_its_reason_file_and_line(tmp_path: Path, pattern: str, why: str) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"input": "x", "regex_match": pattern}) + "\n")
    scorers = [{"regex": {"match": pattern}}, {"json_schema": {"schema": {"properties": {"a": {"pattern": pattern}}}}}]
    scorers += [{"json_schema": {"schema": {"patternProperties": {pattern: {}}}}}, "regex"]
    for scorer in scorers:
        (tmp_path / "suite.yaml").write_text(f"suite: s\ndata: rows.jsonl\nscore:\n  - {json.dumps(scorer)}\n")
        with pytest.raises(ConfigError) as raised:
            load(tmp_path / "suite.yaml")
        [error] = raised.value.errors
        assert why in error.wrong
        place = "rows.jsonl:1" if scorer == "regex" else "suite.yaml:4"
        assert f"{error.file}:{error.line}".endswith(place)


def test_a_pattern_has_an_end() -> None:
    with pytest.raises(ValueError, match="the pattern has 6,000 characters; the limit is 5,000"):
        compile_regex("a" * 6000)


def test_letters_of_any_language_are_found_and_half_a_character_is_no_crash() -> None:
    assert score({"regex": {"match": r"^\pL+$"}}, "Grüße") == 1
    assert score({"regex": {"match": "STRASSE", "case": "no"}}, "strasse") == 1
    assert score({"regex": {"match": "a"}}, "\ud800a") == 1
    assert score({"regex": {"none": "é"}}, "café") == 0


@for_each(
    ("schema", "why"),
    [
        ({"$ref": "http://127.0.0.1:9/x.json"}, "is not in the schema, and external references are not fetched"),
        ({"$ref": "file:///etc/passwd"}, "external references are not fetched"),
        ({"items": {"$ref": "other.json#/x"}}, "external references are not fetched"),
        ({"$ref": "#/$defs/none"}, "external references are not fetched"),
        ({"$ref": "#"}, "refers to itself without an end"),
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "refers to itself without an end"),
        ({"type": 3}, "the schema is invalid"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "use additionalProperties"),
    ],
)
def test_a_schema_that_leads_out_or_never_ends_is_a_mistake(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BoundedSchema(schema)


def test_a_schema_that_doubles_at_every_step_is_given_up() -> None:
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)} | {"d60": {}}
    with pytest.raises(ValueError, match="refers to itself without an end"):
        BoundedSchema({"$ref": "#/$defs/d0", "$defs": doubling})
    inside = BoundedSchema({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": doubling})
    with pytest.raises(TooCostly, match="more than 100,000 steps"):
        inside.complaint({"a": 1})


def test_a_part_with_a_dialect_of_its_own_is_bounded_too() -> None:
    """The library would validate such a part by its own, unbounded keywords."""
    part = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": EVIL}
    assert BoundedSchema({"properties": {"a": part}}).complaint({"a": LONG}) is not None
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "items": {"pattern": EVIL}}
    assert BoundedSchema(whole).complaint([LONG]) is not None


def test_a_list_of_what_can_not_be_sorted_is_not_compared_pair_by_pair_for_ever() -> None:
    with pytest.raises(TooCostly):
        BoundedSchema({"uniqueItems": True}).complaint([{"a": n} for n in range(20_000)])


def test_what_schemas_mean_stays_as_it_was() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    assert BoundedSchema(tree).complaint({"next": {"next": {}}}) is None
    assert BoundedSchema(tree).complaint({"next": {"other": 1}}) == (
        "$.next", "additional properties are not allowed: 'other'"
    )  # fmt: skip
    typed = BoundedSchema(
        {"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": {"type": "string"}}
    )
    assert typed.complaint({"n_a": 1, "b": "x"}) is None
    assert typed.complaint({"n_a": "x"}) is not None and typed.complaint({"b": 1}) is not None
    assert BoundedSchema({"uniqueItems": True}).complaint([1, 1]) is not None
    assert BoundedSchema({"type": "object"}).patterns is False and typed.patterns is True


def test_only_a_schema_with_patterns_has_another_signature() -> None:
    """So runs that are kept stay comparable where nothing has changed."""
    plain = build_entry({"json_schema": {"schema": {"type": "object"}}}, variables={}).scorer.version
    assert plain.startswith("json-schema/1 ")
    patterned = build_entry({"json_schema": {"schema": {"pattern": "a"}}}, variables={}).scorer.version
    assert patterned.startswith("json-schema/2 ")


def test_a_schema_file_lies_in_the_project_and_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "schema.json").write_text("{}")
    (tmp_path / "suites/rows.jsonl").write_text('{"input": "x"}\n')
    suite = tmp_path / "suites/suite.yaml"
    for name in ("../schema.json", "/dev/zero", "/etc/hostname"):
        suite.write_text(f"suite: s\ndata: rows.jsonl\nscore:\n  - json_schema: {name}\n")
        with pytest.raises(ConfigError, match=r"suite\.yaml:4: .* is outside the project's folder"):
            load(suite)
    (tmp_path / "fairtrial.yaml").write_text("version: 1\n")
    suite.write_text("suite: s\ndata: rows.jsonl\nscore:\n  - json_schema: ../schema.json\n")
    assert load(suite)[0].name == "s"

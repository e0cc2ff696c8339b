"""A family that a project defines in a file: templates, slots, seed rows, scorers, and every mistake with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators.loading.probe_file import inspect
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.probe_suites import ROWS, suite_text
from tests.fixtures.evaluators.small_suites import write_suite
from tests.fixtures.for_each import for_each

LATE = """\
probe: late_order
kind: ambiguous
severity: high
summary: A parcel is late, and no order is named.
templates:
  - Where is my $thing?
  - {text: "The $thing from $shop is late.", technique: named shop, severity: low}
slots:
  thing: [parcel, lamp, camera]
  shop: [Lumen, Acme]
expected: {order_id: null, about: $thing}
score:
  - contains: {name: invents_no_order, none: LM-}
"""


def suite_with(folder: Path, text: str, **more: object) -> Suite:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load(write_suite(folder, suite_text({"file": "mine.yaml", **more}), ROWS))[0]


def cases(suite: Suite, family: str) -> list[tuple[str, str]]:
    return [(case.case_id, case.messages[-1]["content"]) for case in suite.cases if case.tags.get("family") == family]


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        suite_with(folder, text)
    return [str(error).removeprefix(f"{folder}/") for error in caught.value.errors]


def test_every_combination_of_slots_is_a_case(tmp_path: Path) -> None:
    suite = suite_with(tmp_path, LATE)
    texts = [text for _, text in cases(suite, "late_order")]
    assert len(texts) == 3 + 6 == len(set(texts))
    assert "The camera from Acme is late." in texts and "Where is my lamp?" in texts
    assert suite.when["invents_no_order"] == {"family": "late_order"}
    lamp = next(case for case in suite.cases if case.messages[0]["content"] == "Where is my lamp?")
    assert lamp.expected == {"order_id": None, "about": "lamp"}
    assert (lamp.tags["severity"], lamp.tags["technique"], lamp.tags["probe"]) == ("high", "template 1", "ambiguous")


def test_a_count_takes_cases_of_all_templates_in_turn(tmp_path: Path) -> None:
    texts = cases(suite_with(tmp_path, LATE, n=4), "late_order")
    assert [case_id.split("/")[1].split("-")[0] for case_id, _ in texts] == ["1", "2", "1", "2"]
    assert texts == cases(suite_with(tmp_path, LATE, n=4), "late_order")
    assert texts != cases(suite_with(tmp_path, LATE, n=4, seed=5), "late_order")


def test_seed_rows_fill_the_templates_and_are_one_cluster_each(tmp_path: Path) -> None:
    rows = [{"id": "p", "city": "Paris", "land": "France"}, {"id": "r", "city": "Rome", "land": "Italy"}]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = (
        "probe: capitals\nkind: functionality\nrows: seeds.jsonl\nexpected: $city\n"
        "templates: ['What is the capital of $land?', 'Capital of $land:']\nscore: [contains]\n"
    )
    suite = suite_with(tmp_path, text)
    made = [case for case in suite.cases if case.tags.get("family") == "capitals"]
    assert {(case.messages[0]["content"], case.expected) for case in made} == {
        ("What is the capital of France?", "Paris"), ("What is the capital of Italy?", "Rome"),
        ("Capital of France:", "Paris"), ("Capital of Italy:", "Rome"),
    }  # fmt: skip
    assert len({case.cluster for case in made}) == 2
    assert [file.file for file in suite.data] == ["mine.yaml", "seeds.jsonl", "rows.jsonl"]


def test_a_family_can_change_the_suites_own_rows(tmp_path: Path) -> None:
    text = "probe: german_greeting\nkind: invariance\ntemplates: ['Guten Tag, $text', '$text Danke!']\n"
    suite = suite_with(tmp_path, text)
    texts = cases(suite, "german_greeting")
    assert len(texts) == len(ROWS) and all("Guten Tag, " in text or " Danke!" in text for _, text in texts)
    assert suite.when["keep"] == {"family": "german_greeting"}


def test_a_family_can_demand_a_direction(tmp_path: Path) -> None:
    text = (
        "probe: smoke\nkind: directional\ntemplates: ['$text It is smoking!']\n"
        "direction: {field: urgency, must: not lower, order: [low, normal, high]}\n"
    )
    suite = suite_with(tmp_path, text)
    copy = next(case for case in suite.cases if case.tags.get("family") == "smoke")
    assert copy.fields["direction"]["must"] == "not lower" and suite.when["direction"] == {"family": "smoke"}


@for_each(
    ("old", "new", "message"),
    [
        ("severity: high", "severty: high", "mine.yaml:3: severty: unknown field (did you mean 'severity'?)"),
        ("severity: high", "severity: hihg", "mine.yaml:3: severity: must be 'low', 'medium', 'high' or 'critical'"),
        ("kind: ambiguous", "kind: vague", "mine.yaml:2: kind: must be"),
        ("my $thing", "my $thin", "mine.yaml:6: templates[0]: $thin is not a slot (did you mean 'thing'?)"),
        ("about: $thing", "about: $thng", "mine.yaml:11: expected: $thng is not a slot (did you mean 'thing'?)"),
        ("contains", "contain", "mine.yaml:13: score[0].contain: scorer 'contain' does not exist"),
        ("none:", "non:", "mine.yaml:13: score[0].contains.non: 'contains' has no option 'non'"),
        ("kind: ambiguous", "kind: invariance", "templates[0]: a template of kind invariance must name $text"),
        ("kind: ambiguous", "kind: directional", "direction: must: None is not known"),
        ("probe: late_order", "probe: typos", "suite.yaml:6: probes[0].file: the family 'typos' of this file has the"),
        ("probe: late_order", "probe: Late Order", "mine.yaml:1: probe: string should match"),
    ],
)
def test_a_mistake_names_its_line_and_the_nearest_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    errors = mistakes(tmp_path, LATE.replace(old, new, 1))
    assert any(error.startswith(message) or message in error for error in errors), errors


def test_a_family_without_a_scorer_is_a_mistake(tmp_path: Path) -> None:
    [errors] = mistakes(tmp_path, LATE[: LATE.index("score:")])
    assert "'score' is missing" in errors


def test_a_file_that_is_not_yaml_is_an_error_of_that_file(tmp_path: Path) -> None:
    [errors] = mistakes(tmp_path, "probe: [")
    assert errors.startswith("mine.yaml:1")


def test_a_family_can_be_checked_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(LATE)
    assert inspect(file) == ("late_order (ambiguous): 9 cases at most", [])
    file.write_text("probe: hello\nkind: invariance\ntemplates: [Hello $text]\n")
    assert inspect(file)[0] == "hello (invariance): changes the cases of a suite"
    file.write_text(LATE.replace("kind:", "kin:"))
    with pytest.raises(ConfigError) as caught:
        inspect(file)
    assert [error.line for error in caught.value.errors] == [1, 2]

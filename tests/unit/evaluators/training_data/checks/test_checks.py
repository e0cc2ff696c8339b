"""Each check finds its fault in rows that are otherwise sound, and says it in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
from fairtrial.domain.training_data import PROBLEMS
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.finding import PROSE, find, only
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_labels, with_text

ROWS = sound_rows(300, seed=7)


def changed(at: int, change: Callable[[Row], Row]) -> list[Row]:
    return [*ROWS[:at], change(ROWS[at]), *ROWS[at + 1 :]]


@for_each("name", CHECKS.names())
def test_a_check_finds_no_problem_in_sound_rows(name: str, tmp_path: Path) -> None:
    assert [one for one in find(name, ROWS, tmp_path) if one.severity in PROBLEMS] == []


@pytest.mark.parametrize(
    ("completion", "kind", "severity"),
    [
        (" ", "empty", "error"),
        ('{"category": "heating", "priority": "lo', "truncated", "warning"),
        ("Here is code:\n```python\nprint(1)", "truncated", "warning"),
    ],
)
def test_a_broken_completion_is_found(completion: str, kind: str, severity: str, tmp_path: Path) -> None:
    issue = only(find("completions", changed(5, lambda row: with_text(row, -1, completion)), tmp_path), kind)
    assert (issue.rows, issue.severity) == ((6,), severity)


def test_a_sentence_that_stops_is_found_where_the_others_end(tmp_path: Path) -> None:
    rows = [
        *PROSE[:50],
        {**PROSE[50], "completion": "The number fifty comes after forty-nine, and many people like it"},
    ]
    assert only(find("completions", rows, tmp_path), "truncated").rows == (51,)


def test_sentences_are_not_judged_where_most_have_no_end(tmp_path: Path) -> None:
    rows = [{**row, "completion": row["completion"].rstrip(".")} for row in PROSE]
    assert find("completions", rows, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda row: with_text(row, -1, "Heating, high priority."), "form", "not JSON"),
        (lambda row: with_text(row, -1, json.dumps({"category": "heating"})), "keys", "without 'building'"),
        (lambda row: with_labels(row, priority=1), "types", "a number as 'priority' instead of a text"),
    ],
)
def test_an_inconsistent_completion_is_found(
    change: Callable[[Row], Row], kind: str, words: str, tmp_path: Path
) -> None:
    issue = only(find("format", changed(9, change), tmp_path), kind)
    assert issue.rows == (10,) and words in issue.says


def test_a_prompt_that_names_another_format_than_usual_is_no_exception(tmp_path: Path) -> None:
    json_rows = [{"prompt": "Return the order as JSON.", "completion": '{"order": "A-12"}'}]
    unasked = [{"prompt": "Where is the order?", "completion": '{"order": "A-13"}'}]
    assert only(find("format", [*PROSE, *json_rows, *unasked], tmp_path), "form").rows == (102,)


def test_xml_that_is_not_well_formed_is_found(tmp_path: Path) -> None:
    rows = [{"prompt": f"n {at}", "completion": f"<a><b>{at}</b></a>"} for at in range(60)]
    rows[7]["completion"] = "<a><b>7</a>"
    assert only(find("format", rows, tmp_path), "XML").rows == (8,)


def test_rows_that_cannot_be_read_are_an_error_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(as_lines(ROWS[:60]) + "{broken\n", encoding="utf-8")
    issues = CHECKS.get("format").find(Corpus((read_examples(path),), ("train",)))
    assert [(issue.severity, issue.rows) for issue in issues] == [("error", (61,))]


def test_a_row_without_the_usual_system_prompt_is_found(tmp_path: Path) -> None:
    rows = changed(3, lambda row: {**row, "messages": row["messages"][1:]})
    assert only(find("system-prompt", rows, tmp_path)).rows == (4,)


def test_a_mixture_of_tasks_with_prompts_of_their_own_is_information(tmp_path: Path) -> None:
    mixed = [*ROWS, *PROSE_ROWS]
    for check in ("system-prompt", "format"):
        found = find(check, mixed, tmp_path)
        assert found and all(one.severity == "info" for one in found)


PROSE_ROWS: list[dict[str, Any]] = [
    {
        "messages": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    }
    for row in PROSE
]


def test_one_class_that_is_nearly_all_and_two_spellings_are_found(tmp_path: Path) -> None:
    same = [with_labels(row, priority="low" if at % 40 else "high") for at, row in enumerate(ROWS)]
    assert "always answers 'low' is right in" in only(find("class-balance", same, tmp_path)).says
    spelt = [with_labels(row, priority="High") if at < 6 else row for at, row in enumerate(ROWS)]
    issue = only(find("class-balance", spelt, tmp_path))
    assert issue.rows == (1, 2, 3, 4, 5, 6) and "another spelling" in issue.says


def test_a_text_far_longer_than_the_others_is_found(tmp_path: Path) -> None:
    rows = changed(2, lambda row: with_text(row, 1, "very long " * 2_000))
    assert only(find("length", rows, tmp_path), "prompts").rows == (3,)


def test_the_same_prompt_with_another_label_is_found_and_long_answers_are_information(tmp_path: Path) -> None:
    rows = [*ROWS, with_labels(ROWS[4], priority="urgent")]
    assert only(find("contradictions", rows, tmp_path), "same").rows == (5, 301)
    answers = [*PROSE, {**PROSE[3], "completion": "It is the first odd prime number, which makes it rather special."}]
    assert [one.severity for one in find("contradictions", answers, tmp_path)] == ["info"]


def test_short_completions_that_two_conversations_share_are_labels(tmp_path: Path) -> None:
    shared = [{"prompt": row["prompt"], "completion": f"shelf {at // 2}"} for at, row in enumerate(PROSE)]
    rows = [*shared, {**shared[0], "completion": "shelf 7"}]
    assert [issue.severity for issue in find("contradictions", rows, tmp_path)] == ["warning"]


def test_two_short_replies_to_one_message_of_a_dialogue_are_information(tmp_path: Path) -> None:
    replies = [{"prompt": row["prompt"], "completion": f"Ask me about {at}."} for at, row in enumerate(PROSE)]
    rows = [*replies, *({"prompt": "Hello", "completion": reply} for reply in ("Hi there!", "Good morning."))]
    assert [one.severity for one in find("contradictions", rows, tmp_path)] == ["info"]


def test_a_contradiction_has_the_same_conversation_and_system_prompt(tmp_path: Path) -> None:
    earlier = [{"role": "user", "content": "I wait for two parcels."}, {"role": "assistant", "content": "billing"}]
    other = with_labels(ROWS[4], priority="urgent")
    system, *messages = other["messages"]
    for changed_row in (
        {**other, "messages": [system, *earlier, *messages]},
        {**other, "messages": [{**system, "content": "Judge by the rules of the night shift."}, *messages]},
    ):
        found = find("contradictions", [*ROWS, changed_row], tmp_path)
        assert [one for one in found if one.severity != "info"] == []


def test_a_word_that_explains_another_label_is_no_contradiction(tmp_path: Path) -> None:
    calm = next(row for row in ROWS if "hurry" not in row["messages"][1]["content"])
    text = calm["messages"][1]["content"]
    hurried = with_labels(with_text(calm, 1, text + " There is no hurry at all."), priority="low")
    other = with_labels(calm, priority="normal")
    rows = [row for row in ROWS if row is not calm]
    found = find("contradictions", [*rows, other, hurried], tmp_path)
    assert [one for one in found if one.severity != "info"] == []


def test_a_label_column_that_differs_from_the_completion_is_found(tmp_path: Path) -> None:
    rows = [{**row, "metadata": {**row["metadata"], "label_priority": priority(row)}} for row in ROWS]
    rows[8]["metadata"]["label_priority"] = "other"
    assert only(find("contradictions", rows, tmp_path), "column").rows == (9,)


def priority(row: Row) -> str:
    return str(json.loads(row["messages"][-1]["content"])["priority"])


def test_secrets_are_an_error_and_no_issue_shows_one(tmp_path: Path) -> None:
    key = "sk-abcdefghijklmnopqrstuvwx"
    rows = changed(1, lambda row: with_text(row, 1, f"My key is {key}, mail bob@example.com"))
    issues = find("personal-text", rows, tmp_path)
    assert {(issue.check, issue.severity, issue.rows) for issue in issues} == {
        ("secrets", "error", (2,)),
        ("pii", "warning", (2,)),
    }
    assert key not in repr(issues) and "bob@" not in repr(issues)


def test_the_name_of_a_column_is_a_cue_for_an_id(tmp_path: Path) -> None:
    rows = changed(1, lambda row: {**row, "metadata": {**row["metadata"], "bsn": 111222333, "order": 123456782}})
    issue = only(find("personal-text", rows, tmp_path))
    assert (issue.check, issue.rows, issue.details["kinds"]) == ("pii", (2,), {"national id": 1})


def test_a_secret_in_the_system_prompt_is_found_in_each_of_its_rows(tmp_path: Path) -> None:
    rows = [with_text(row, 0, "Use ghp_abcdefghijklmnopqrstuvwxyz0123456789.") for row in ROWS[:60]]
    assert len(only(find("personal-text", rows, tmp_path)).rows) == 60


def test_an_empty_completion_is_not_a_class(tmp_path: Path) -> None:
    rows = [{"text": f"Where is order {at}?", "label": ("late", "lost")[at % 2]} for at in range(40)]
    found = find("class-balance", [*rows, {"text": "Where?", "label": ""}], tmp_path)
    assert [one.details["counts"] for one in found] == [{"late": 20, "lost": 20}]

"""Answers that repeat their input, refusals under many prompts, and answers of other rows are found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fixtures.training_data.finding import PROSE, find, only

TOPICS = (
    "router",
    "invoice",
    "thermostat",
    "camera",
    "battery",
    "password",
    "delivery",
    "warranty",
    "doorbell",
    "lamp",
)
DETAILS = ("blinks", "arrives", "fails", "restarts", "expires", "overheats", "disconnects", "breaks", "freezes", "hums")
PLACES = ("kitchen", "garage", "attic", "office", "cellar", "garden", "hallway", "bathroom")


def questions() -> list[dict[str, str]]:
    draw = random.Random(3)
    names = draw.sample([(topic, detail, place) for topic in TOPICS for detail in DETAILS for place in PLACES], 200)
    return [
        {
            "prompt": f"What can I do if the {topic} in my {place} {detail}?",
            "completion": f"A {topic} that {detail} should be checked. Go to the {place} and follow the manual.",
        }
        for topic, detail, place in names
    ]


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [
        ("Where is my parcel from last week?", "where is my parcel from last week"),
        ("Summarise the text.\n\nThe parcel arrived late and wet.", "The parcel arrived late, and wet."),
        ("Answer politely: The parcel arrived late and wet.", "The parcel arrived late and wet."),
    ],
)
def test_an_answer_that_repeats_its_input_is_found(prompt: str, completion: str, tmp_path: Path) -> None:
    rows = [*PROSE, {"prompt": prompt, "completion": completion}]
    issue = only(find("answers", rows, tmp_path), "echo")
    assert (issue.rows, issue.severity) == ((101,), "warning")


def test_repeated_input_is_a_suggestion_where_the_task_repeats_it(tmp_path: Path) -> None:
    corrected = [{"prompt": f"Correct: {row['completion']}", "completion": row["completion"]} for row in PROSE[:20]]
    assert only(find("answers", [*PROSE, *corrected], tmp_path), "echo").severity == "suggestion"


def test_a_refusal_under_several_prompts_is_found_in_each_language_that_is_known(tmp_path: Path) -> None:
    refusals = ("I'm sorry, but I can't help with that.", "Es tut mir leid, aber dabei kann ich nicht helfen.")
    once = "Je suis désolé, mais je ne peux pas vous aider."
    rows = [dict(row) for row in PROSE]
    for at in range(0, 60, 10):
        rows[at]["completion"] = refusals[at % 20 == 0]
    rows[5]["completion"] = once
    issue = only(find("answers", rows, tmp_path), "refusal")
    assert (issue.rows, issue.severity) == ((1, 11, 21, 31, 41, 51), "warning")
    assert [len(group) for group in issue.details["groups"]] == [3, 3]


def test_answers_that_were_exchanged_are_found_as_pairs(tmp_path: Path) -> None:
    rows = questions()
    clean = find("answers", rows, tmp_path)
    swapped = [(10, 150), (33, 77), (120, 60)]
    for one, other in swapped:
        rows[one]["completion"], rows[other]["completion"] = rows[other]["completion"], rows[one]["completion"]
    issue = only(find("answers", rows, tmp_path), "swapped")
    lines = {tuple(sorted(int(place.rpartition(":")[2]) - 1 for place in pair)) for pair in issue.details["matches"]}
    assert (clean, issue.severity, lines) == ([], "suggestion", {tuple(sorted(pair)) for pair in swapped})

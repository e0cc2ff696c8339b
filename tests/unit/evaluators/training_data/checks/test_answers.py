"""Answers that repeat their input, refusals, and answers of other rows are found."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fixtures.evaluators.refusal_texts import REFUSALS
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
        ("What is the correct spelling of the capital?", "What is the correct spelling of the capital?"),
    ],
)
def test_an_answer_that_repeats_its_input_is_found(prompt: str, completion: str, tmp_path: Path) -> None:
    rows = [*PROSE, {"prompt": prompt, "completion": completion}]
    issue = only(find("answers", rows, tmp_path), "echo")
    assert (issue.rows, issue.severity) == ((101,), "warning")


def test_repeated_input_is_a_suggestion_where_the_task_repeats_it(tmp_path: Path) -> None:
    corrected = [{"prompt": f"Correct: {row['completion']}", "completion": row["completion"]} for row in PROSE[:20]]
    assert only(find("answers", [*PROSE, *corrected], tmp_path), "echo").severity == "suggestion"


def test_input_that_the_prompt_asks_to_repeat_is_a_suggestion(tmp_path: Path) -> None:
    pairs = (
        ("Sprich mir nach: Fischers Fritz fischt frische Fische.", "Fischers Fritz fischt frische Fische."),
        ("Fix the spelling: The dog bark at the moon.", "The dog barks at the moon."),
        ("Исправь ошибки: Мы пошли дамой вечером.", "Мы пошли домой вечером."),
    )
    rows = [*PROSE, *({"prompt": prompt, "completion": completion} for prompt, completion in pairs)]
    issue = only(find("answers", rows, tmp_path), "echo")
    assert (issue.rows, issue.severity) == ((101, 102, 103), "suggestion")


def test_a_refusal_under_several_prompts_is_found_in_each_language_that_is_known(tmp_path: Path) -> None:
    refusals = ("I'm sorry, but I can't help with that.", "Es tut mir leid, aber dabei kann ich nicht helfen.")
    once = "Je suis désolé, mais je ne peux pas vous aider."
    rows = [dict(row) for row in PROSE]
    for at in range(0, 60, 10):
        rows[at]["completion"] = refusals[at % 20 == 0]
    rows[5]["completion"] = once
    repeated = find("answers", rows, tmp_path)[0]
    assert (repeated.rows, repeated.severity) == ((1, 11, 21, 31, 41, 51), "warning")
    assert [len(group) for group in repeated.details["groups"]] == [3, 3]


RARE = (
    "Is there anything else? I'm sorry, but I can't help with that.",
    "Het spijt me, maar daar kan ik u niet mee helpen.",
    "Bir yapay zekâ modeli olarak bu soruyu yanıtlayamam.",
    "申し訳ありませんが、お手伝いできません。",
)
SOUND = ("I can't wait to help you with this!", "Ich kann Ihnen nicht nur heute helfen, sondern auch morgen.")


def test_refusals_in_other_places_and_languages_are_a_suggestion_where_they_are_rare(tmp_path: Path) -> None:
    texts = dict(zip((3, 30, 50, 70, 80, 90), (*RARE, *SOUND), strict=True))
    rows = [{**row, "completion": texts.get(at, row["completion"])} for at, row in enumerate(PROSE)]
    issue = only(find("answers", rows, tmp_path), "refusal")
    assert (issue.rows, issue.severity) == ((4, 31, 51, 71), "suggestion")


def test_single_refusals_are_silent_where_they_are_frequent_or_requested(tmp_path: Path) -> None:
    refused = REFUSALS["en"][4:12]
    often = [{**row, "completion": text} for row, text in zip(PROSE, refused, strict=False)] + PROSE[len(refused) :]
    requested = [*PROSE, {"prompt": "Write a polite refusal for Tom.", "completion": RARE[0]}]
    assert [find("answers", rows, tmp_path) for rows in (often, requested)] == [[], []]


def test_answers_that_were_exchanged_are_found_as_pairs(tmp_path: Path) -> None:
    rows = questions()
    clean = find("swapped", rows, tmp_path)
    swapped = [(10, 150), (33, 77), (120, 60)]
    for one, other in swapped:
        rows[one]["completion"], rows[other]["completion"] = rows[other]["completion"], rows[one]["completion"]
    issue = only(find("swapped", rows, tmp_path))
    lines = {tuple(sorted(int(place.rpartition(":")[2]) - 1 for place in pair)) for pair in issue.details["matches"]}
    assert (clean, issue.severity, lines) == ([], "suggestion", {tuple(sorted(pair)) for pair in swapped})


def test_a_short_answer_under_unlike_prompts_is_suggested_in_any_language(tmp_path: Path) -> None:
    answer = "Hoc mihi dicere non libet."
    prompts = ("Where is my parcel?", "How do I open the box?", "Who wrote the manual of the lamp?")
    completions = (answer, f"{answer} Vale!", answer)
    rows = [{"prompt": prompt, "completion": text} for prompt, text in zip(prompts, completions, strict=True)]
    issue = only(find("answers", [*PROSE, *rows], tmp_path), "repeated")
    assert (issue.rows, issue.severity) == ((101, 102, 103), "suggestion")
    alike = [{"prompt": f"Where is my parcel{'?' * at}", "completion": answer} for at in range(3)]
    assert find("answers", [*PROSE, *alike], tmp_path) == []

"""Inputs of unusual form: what is put into a case, and what its answer must look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluators.loading.probe_entries import PROBES
from evaluators.probes.families.format_breaking import OBJECT
from evaluators.probes.families.unicode_input import CHANGES
from evaluators.probes.probe import Source
from evaluators.scoring.metrics.well_formed import has_controls

ROWS = tuple(
    {"id": f"t{number}", "input": f"Ticket {number} is broken.", "expected": {"intent": "fault"}} for number in range(9)
)


def made(family: str, *, rows: tuple[Mapping[str, Any], ...] = ROWS, count: int = 50, **options: Any) -> list[Any]:
    return PROBES.get(family).rows(Source(3, count, rows, options))


def test_each_change_of_characters_occurs_and_keeps_the_reference() -> None:
    rows = made("unicode_input")
    assert {row["technique"] for row in rows} == set(CHANGES)
    assert all(row["expected"] == {"intent": "fault"} for row in rows)
    assert sum(has_controls(row["input"]) for row in rows) > 10
    for row in rows:
        row["input"].encode()  # no lone surrogates, which cannot be sent


def test_a_long_input_has_the_asked_length_and_the_own_text() -> None:
    for row in made("long_input", chars=2000):
        assert "is broken." in row["input"] and 1500 < len(row["input"]) < 2500
    assert all(len(row["input"]) > 3000 for row in made("long_input", chars="many"))


def test_a_question_in_another_language_names_the_languages_of_its_answer() -> None:
    rows = made("other_languages")
    assert len({row["technique"] for row in rows}) >= 8
    assert all(row["technique"] == row["language"] for row in rows)


def test_a_format_is_broken_in_own_rows_with_an_object_or_in_bundled_questions() -> None:
    assert all(
        "is broken." in row["input"] and row["expected"] == {"intent": "fault"} for row in made("format_breaking")
    )
    for row in made("format_breaking", rows=({"id": "a", "input": "Hi", "expected": "text"},)):
        assert row["input"].startswith(OBJECT)
        assert row["expected"].keys() == {"answer"}

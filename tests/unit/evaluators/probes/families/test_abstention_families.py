"""The families from which a model must abstain, and the controls that it must answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from evaluators.loading.probe_entries import PROBES
from evaluators.probes.probe import Source

ROWS = tuple({"id": f"t{number}", "input": f"Ticket {number} about the hub that is broken."} for number in range(40))


def made(family: str, *, rows: tuple[Mapping[str, Any], ...] = ROWS, count: int = 60, **more: Any) -> list[Any]:
    return PROBES.get(family).rows(Source(3, count, rows, **more))


@pytest.mark.parametrize("family", ["out_of_domain", "empty_input", "cut_off_input"])
def test_the_own_rows_are_controls_and_are_asked_unchanged(family: str) -> None:
    controls = [row for row in made(family) if row["answerable"]]
    texts = {row["input"] for row in ROWS}
    assert len(controls) == 30 and {row["input"] for row in controls} < texts
    assert not texts & {row["input"] for row in made(family) if not row["answerable"]}


def test_a_pair_of_sentences_has_an_ambiguous_third_with_a_blank() -> None:
    for row in made("ambiguous_questions", count=90):
        assert row["answerable"] == ("____" not in row["input"])
    assert sum(not row["answerable"] for row in made("ambiguous_questions", count=90)) == 30


def test_half_of_the_questions_on_a_passage_have_an_answer() -> None:
    assert sum(row["answerable"] for row in made("unanswerable_questions")) == 30


def test_a_cut_text_is_the_beginning_of_a_longer_one() -> None:
    cut = [row for row in made("cut_off_input") if not row["answerable"]]
    assert all(len(row["input"].split()) <= 3 for row in cut)
    assert len({row["input"] for row in cut}) == len(cut)


def test_a_project_gives_its_own_questions_out_of_domain() -> None:
    rows = made("out_of_domain", rows=(), count=5, files={"questions": ({"input": "Who wrote Faust?"},)})
    assert [row["input"] for row in rows] == ["Who wrote Faust?"] and rows[0]["answerable"] is False


@pytest.mark.parametrize("family", ["out_of_domain", "empty_input", "cut_off_input"])
def test_a_suite_may_leave_the_controls_out(family: str) -> None:
    assert not any(row["answerable"] for row in made(family, options={"controls": "no"}))

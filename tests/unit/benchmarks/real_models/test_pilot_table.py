"""The pilot of the general suite: which families suit, and how many cases a loss of ten points needs."""

from __future__ import annotations

import pytest

from benchmarks.real_models.pilot_table import Piloted, cases_needed, discordance, table
from benchmarks.real_models.unused_families import UNUSED
from evaluators.generators.general import QuestionFamily, question
from tests.fixtures.for_each import for_each

FAMILY = QuestionFamily("sums", "arithmetic", lambda: [question("What is 3 + 1?", ["4"])])


def piloted(right: int, changed: int | None = None, of: int = 20) -> Piloted:
    """The first questions are right."""
    again = () if changed is None else tuple(number < changed for number in range(of))
    return Piloted(FAMILY, 100, tuple(number < right for number in range(of)), again)


@pytest.mark.parametrize(("right", "suits"), [(7, False), (8, True), (16, True), (17, False)])
def test_a_family_suits_from_forty_to_eighty_percent(right: int, suits: bool) -> None:
    assert piloted(right).suits == suits


def test_discordance_counts_the_questions_that_only_one_run_answers() -> None:
    assert discordance([piloted(10, 13)]) == pytest.approx(0.15)
    assert discordance([piloted(10, 13), piloted(10, 10)]) == pytest.approx(0.075)


def test_a_loss_of_ten_points_takes_six_cases_for_each_percent_of_discordance() -> None:
    assert cases_needed(0.30) == 186
    assert cases_needed(0.25) == 155


def test_the_table_sizes_a_slice_by_its_suitable_families_only() -> None:
    shown = table([piloted(10, 13), piloted(2)])
    assert "| sums | arithmetic | 100 | 20 | 50% | yes | 0.15 |" in shown
    assert "| sums | arithmetic | 100 | 20 | 10% | no |  |" in shown
    assert shown.splitlines()[-1] == "| arithmetic | 20 | 50% | 0.15 | 0.50 | 93 to 310 |"


@for_each("family", UNUSED, label=lambda one: one.name)
def test_every_unused_family_has_enough_fair_questions(family: QuestionFamily) -> None:
    """Its pool has enough questions that neither its example nor an echo answers."""
    assert len(family.questions()) >= 40

"""The pages of blind review say how many drawn pairs have equal answers, with figures from the real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from evaluators.review.presentation import figures_of
from fairtrial.config.layout import Layout
from fairtrial.domain.review import Draft
from fairtrial.store.core.database import Database
from fairtrial.store.reviews import assignment, votes
from tests.fixtures.evaluators.review_answers import NEW, NOW, OLD, enqueued, run_both

TEXT = "20 pairs, 8 of them with equal answers counted as ties"
LIST = """
import msgspec
from dashboard.views.review import _queues
from fairtrial.api.review_answers import OfferedQueue
_queues(msgspec.json.decode({text!r}, type=list[OfferedQueue]))
"""
FIGURES = """
import msgspec
from dashboard.verdicts.review_evidence import _figures
from fairtrial.api.review_answers import ReviewFigures
from fairtrial.domain.estimates import read_evidence
_figures(msgspec.json.decode({text!r}, type=ReviewFigures, dec_hook=read_evidence), "tuned", "base")
"""


@pytest.fixture
def judged(tmp_path: Path) -> Database:
    """A queue of 20 drawn pairs, all judged by one person except eight with equal answers."""
    database = Database.open(Layout(tmp_path / "store.duckdb").make())
    run_both(database, 20, equal=8)
    queue_id = enqueued(database, size=20)
    while (item := assignment.next_item(database, queue_id, "ann", now_us=NOW).item) is not None:
        votes.submit(database, item.item_id, Draft("left"), reviewer="ann", name="Ann", now_us=NOW)
    return database


def drawn(script: str, shown: Any) -> str:
    page = AppTest.from_string(script.format(text=msgspec.json.encode(shown))).run(timeout=60)
    assert not page.exception
    return "\n".join(str(element.value) for element in (*page.markdown, *page.caption)).replace("\\", "")


def test_the_list_of_queues_counts_equal_pairs_apart(judged: Database) -> None:
    rows = assignment.queues_of(judged, "ann", now_us=NOW)
    assert f"{TEXT}, you judged 12, nothing left for you" in drawn(LIST, rows)


def test_the_figures_beside_a_verdict_count_equal_pairs_as_ties(judged: Database) -> None:
    figures = figures_of(votes.read_evidence(judged, NEW, OLD))
    page = drawn(FIGURES, figures)
    assert f"12 votes on 12 pairs by 1 person. Drawn: {TEXT}." in page

"""What models and people write is hostile: on every page, and in every file, it is text and nothing more."""

from __future__ import annotations

import csv
import io

import pytest

from tests.fixtures.dashboard.hostile import HOSTILE
from tests.fixtures.dashboard.page_walk import PageWalk, WatchedPage
from tests.fixtures.dashboard.reviewing import Reviewing
from tests.fixtures.dashboard.site import Site
from tests.fixtures.dashboard.visits import Visitors

SHOWING = {"overview", "gate?verdict=v1"}
"""Pages on which hostile text is seen without a click: so this reads pages that have some."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def test_no_page_obeys_what_a_model_wrote(page_walk: PageWalk) -> None:
    assert len(page_walk.attacks) == len(page_walk.foreign) > 9
    assert {address: found for address, found in page_walk.attacks.items() if found} == {}
    assert {address: found for address, found in page_walk.foreign.items() if found} == {}
    assert page_walk.shows_hostile_text >= SHOWING


@pytest.mark.release("browser")
def test_the_review_page_shows_hostile_answers_as_they_are(visitors: Visitors, site: Site) -> None:
    watched = WatchedPage(visitors.new_page("Anna"))
    queue = site.enqueue(2, title=f"<b>{HOSTILE}"[:200], suite="hostile")
    desk = Reviewing(watched.page, site.dashboard).open(queue)
    for side in ("left", "right"):
        assert desk.answer(side)[:-2] == HOSTILE
    desk.press("d", "1", "e").write(HOSTILE[:40]).press("Escape", "n").write(HOSTILE[:60]).press("Escape").wait_saved()
    desk.press("Enter").wait_count(1, 2)
    watched.settle()
    assert (watched.attacks, watched.foreign()) == ([], [])


def test_no_file_that_is_downloaded_has_a_formula(page_walk: PageWalk) -> None:
    tables = [file for file in page_walk.files if file.suffix == ".csv"]
    assert tables, f"no table was downloaded, only {page_walk.files}"
    for file in tables:
        assert formulas_in(file.read_text(encoding="utf-8-sig")) == [], file.name


def formulas_in(text: str) -> list[str]:
    """Cells that a spreadsheet would evaluate; a number is not one."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return [cell for cell in cells if cell.startswith(FORMULAS) and not is_number(cell)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_the_tables_on_the_pages_offer_no_download_that_goes_around_this(page_walk: PageWalk) -> None:
    assert page_walk.tables
    assert page_walk.offers_csv == []

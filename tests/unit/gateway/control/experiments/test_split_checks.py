"""The API says whether units came by the planned split, and keeps saying so once they did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairtrial.journal.writer import JournalWriter
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.control_app import client
from tests.fixtures.store import samples


def bring(background: BackgroundWork, arms: Sequence[str], **more: Any) -> None:
    published = background.publisher.published
    assert published is not None
    plan = published.plan.experiments["tuned-vs-base"]
    fields = {"analysis_hash": plan.analysis_hash} | more
    writer = JournalWriter(background.database.layout.journal, writer="w0")
    for number, arm in enumerate(arms):
        writer.append(samples.exposed(number, assigned=arm, served=arm, **fields))
    writer.close()
    background.ingest_now()


async def split(background: BackgroundWork, **query: Any) -> dict[str, Any]:
    async with client(background) as http:
        answer = await http.get("/api/experiments/tuned-vs-base", params=query)
    check: dict[str, Any] = answer.json()["srm"]
    return check


async def test_before_the_first_unit_nothing_is_claimed(background: BackgroundWork) -> None:
    assert await split(background) == {
        "arms": [
            {"variant": "base", "units": 0, "planned": 0.5},
            {"variant": "tuned", "units": 0, "planned": 0.5},
        ],
        "units": 0,
        "earlier": 0,
        "p": None,
        "p_fixed": None,
        "crossed_at": None,
        "invalid": False,
        "more": False,
        "alpha": 0.01,
    }


async def test_a_split_as_planned_is_valid(background: BackgroundWork) -> None:
    bring(background, ["base", "tuned"] * 60)
    check = await split(background)
    assert [arm["units"] for arm in check["arms"]] == [60, 60]
    assert not check["invalid"]
    assert check["p"] > 0.5
    assert check["p_fixed"] == 1.0


async def test_a_mismatch_once_found_is_not_taken_back_by_the_units_that_follow(background: BackgroundWork) -> None:
    bring(background, ["tuned"] * 300 + ["base"] * 300)
    check = await split(background)
    assert [arm["units"] for arm in check["arms"]] == [300, 300]
    assert check["p_fixed"] == 1.0
    assert check["invalid"]
    assert check["p"] < 0.01
    assert 0 < check["crossed_at"] < 300


async def test_a_change_of_the_plan_that_splits_alike_takes_no_mismatch_back(background: BackgroundWork) -> None:
    bring(background, ["tuned"] * 300 + ["base"] * 300, analysis_hash="before a margin was changed")
    assert (await split(background))["units"] == 0
    bring(background, ["tuned"] * 3)
    check = await split(background)
    assert (check["units"], check["earlier"]) == (600, 0)
    assert check["invalid"]


async def test_the_window_of_the_traffic_does_not_move_first_assignments(background: BackgroundWork) -> None:
    bring(background, ["base", "tuned"] * 10)
    assert (await split(background, since_us=samples.NOW + 15))["units"] == 20


async def test_units_under_an_earlier_plan_are_named_and_not_counted(background: BackgroundWork) -> None:
    bring(background, ["base", "tuned"] * 10, analysis_hash="before")
    check = await split(background)
    assert (check["units"], check["earlier"], check["p"]) == (0, 20, None)

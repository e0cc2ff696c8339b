"""The sums of a slice are those of the units whose first request had its tag, however the requests arrived."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis import slices as analysis
from fairtrial.experiments.analysis.slices import SliceSums
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.store.core.database import Database
from fairtrial.store.derived import unit_summaries
from fairtrial.store.experiments.sums import slice_sums
from fairtrial.store.experiments.sums.slice_sums import MOST_TAGS, MOST_VALUES
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import live_experiment as live, samples
from tests.fixtures.store.computed_sums import Unit, assert_same, column, computed, units_of
from tests.fixtures.store.empty_store import empty_store

STOPS = (live.PAUSED,)
TEAMS, LANGUAGES = ("search", "billing", ""), ("de", "en")


def read(database: Database, *, now_us: int = live.END) -> tuple[SliceSums, ...]:
    with database.read_transaction() as cursor:
        return slice_sums.read_slices(cursor, live.plan(), live.HASHES, now_us=now_us, interruptions=STOPS)


def tagged(traffic: live.Traffic, seed: int) -> live.Traffic:
    """Each request has tags of its own; one in five has none."""
    draw = random.Random(seed)

    def tags() -> dict[str, str]:
        return {} if draw.random() < 0.2 else {"team": draw.choice(TEAMS), "language": draw.choice(LANGUAGES)}

    requests = [msgspec.structs.replace(event, tags=tags()) for event in traffic.requests]
    return live.Traffic(requests, traffic.feedback)


def of_slice(traffic: live.Traffic, tag: str, value: str) -> live.Traffic:
    """The traffic of the units whose first request had this tag."""
    firsts = {unit.name: min(unit.requests, key=lambda event: (event.at_us, event.request_id))
              for unit in units_of(traffic)}  # fmt: skip
    names = {name for name, event in firsts.items() if event.tags.get(tag) == value}
    return live.Traffic([event for event in traffic.requests if _unit(event) in names], traffic.feedback)


def _unit(event: RequestEvent) -> str | None:
    return None if event.exposure is None else event.exposure.unit


def without_shares(arm: ArmSums) -> ArmSums:
    metrics = {
        name: replace(sums, shares=None) if isinstance(sums, RequestErrors) else sums
        for name, sums in arm.metrics.items()
    }
    return replace(arm, metrics=metrics)


def histograms(arm: ArmSums) -> dict[str, UnitShares]:
    """The shares of two rates."""
    shares = {name: sums.shares for name, sums in arm.metrics.items() if isinstance(sums, RequestErrors)}
    found = {name: shares[name] for name in ("requests.error_rate", "requests.refusal_rate")}
    return {name: each.hour for name, each in found.items() if each is not None}


def shares_of(metric: str, units: Sequence[Unit], arm: str, luck: dict[str, float]) -> UnitShares:
    """The shares of all requests of the units that no breaker kept from the arm."""
    known, rows = CATALOGUE[metric], []
    for unit in units:
        got = unit.without_kept_away()
        per = column(got, str(known.per))
        if unit.arm == arm and per:
            rows.append((column(got, known.over), per, luck[unit.name]))
    bad, whole, lucky = zip(*rows, strict=True)
    return UnitShares.of(bad, whole, luck=lucky)


@pytest.mark.parametrize(("seed", "kept_away"), [(3, 0.0), (7, 0.3)])
def test_slices_have_the_sums_of_their_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, kept_away: float
) -> None:
    monkeypatch.setattr(analysis, "MIN_SLICE_UNITS", 2)
    traffic = tagged(live.random_traffic(seed, kept_away=kept_away), seed)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        monkeypatch.setattr(unit_summaries, "SMALLEST", 1)
        for _ in range(unit_summaries.PARTS):
            unit_summaries.update_sums(database)
        slices = read(database)
        luck = {unit: key % 1000003 / 1000003 for unit, key in database.rows("SELECT unit, hash(unit) FROM unit_sums")}
    assert {(each.tag, each.value) for each in slices} == {
        *(("team", team) for team in TEAMS), *(("language", language) for language in LANGUAGES)
    }  # fmt: skip
    for each in slices:
        own = of_slice(traffic, each.tag, each.value)
        expected = computed(live.plan(), own, now_us=live.END, interruptions=STOPS)
        assert_same(Sums(live.END, {name: without_shares(arm) for name, arm in each.arms.items()}), expected)
        for name, arm in each.arms.items():
            assert histograms(arm) == {
                metric: shares_of(metric, units_of(own), name, luck)
                for metric in ("requests.error_rate", "requests.refusal_rate")
            }
        assert each.units == {name: arm.units for name, arm in expected.items()}


def test_only_the_largest_tags_and_values_are_read_and_ids_are_not_among_them(
    database: Database, ingester: Ingester
) -> None:
    def tags(number: int) -> dict[str, str]:
        every = {f"tag{place}": f"v{number % (place + 2)}" for place in range(MOST_TAGS - 1)}
        return {"session": f"s{number}", "release": f"r{number % 40}", **every}

    live.store_plans(database, live.plan())
    at_us = live.STARTED
    live.ingest(
        database,
        ingester,
        live.Traffic(
            [
                samples.exposed(number, at_us=at_us + number, assigned=("base", "tuned")[number % 2], tags=tags(number))
                for number in range(200)
            ]
        ),
    )
    slices = read(database)
    assert {each.tag for each in slices} == {"release", *(f"tag{place}" for place in range(MOST_TAGS - 1))}
    assert max(sum(each.tag == tag for each in slices) for tag in {each.tag for each in slices}) == MOST_VALUES
    assert not any(each.arms for each in slices), "none has enough units for a test"


def test_requests_without_tags_have_no_slices(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan())
    live.ingest(database, ingester, live.Traffic([samples.exposed(1, at_us=live.STARTED)]))
    assert read(database) == ()


def test_small_arms_of_a_slice_are_left_out_of_its_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MIN_SLICE_UNITS", 10_000)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, tagged(live.random_traffic(3), 3))
        slices = read(database)
    assert len(slices) == 5
    assert all(replace(each, units={}) == SliceSums(each.tag, each.value, {}, {}) for each in slices)

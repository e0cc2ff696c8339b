"""The shares of bad requests of each unit, in its first hour and day, equal those computed from the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import ceil
from pathlib import Path

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import RULES, AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import JointMoments
from fairtrial.store.core.database import Database
from fairtrial.store.derived import unit_summaries
from fairtrial.store.experiments.sums.arm_sums import read_sums
from fairtrial.store.experiments.sums.share_sums import LATE_US
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.for_each import for_each
from tests.fixtures.store import live_experiment as live
from tests.fixtures.store.computed_sums import Unit, column, units_of
from tests.fixtures.store.empty_store import empty_store

HOUR, DAY, MINUTE = 3_600 * live.SECOND, 86_400 * live.SECOND, 60 * live.SECOND
LATER = live.END + 2 * DAY
RATES = ("requests.error_rate", "requests.rejected_rate", "requests.schema_valid_rate")
CAP = 2.0
RESUMED: Sequence[Interruption] = (live.PAUSED,)
KILLED: Sequence[Interruption] = ((live.PAUSED[0], None),)


def plan(*, each_request: bool = False, rules: int = RULES) -> AnalysisPlan:
    metrics = tuple(live.metric(name, method="shares", cap=CAP, pause=0.0, stop=0.01) for name in RATES)
    return live.plan(rules=rules, metrics=metrics, unit="request" if each_request else "user")


def read(
    database: Database, of: AnalysisPlan, now_us: int, interruptions: Sequence[Interruption] = ()
) -> Mapping[tuple[str, str], ErrorShares]:
    with database.read_transaction() as cursor:
        arm_sums = read_sums(cursor, of, live.HASHES, now_us=now_us, interruptions=interruptions)
    shares = {}
    for name, arm in arm_sums.arms.items():
        for metric, sums in arm.metrics.items():
            assert isinstance(sums, RequestErrors)
            assert sums.shares is not None
            shares[name, metric] = sums.shares
    return shares


def histograms(shares: Mapping[tuple[str, str], ErrorShares]) -> dict[tuple[str, str], tuple[UnitShares | None, ...]]:
    return {key: (share.hour, share.day, share.first) for key, share in shares.items()}


def luck_of(database: Database, units: Sequence[Unit]) -> dict[str, float]:
    """The fixed chance of each unit, by which its share is rounded."""
    rows = database.rows("SELECT hash(unnest($1::VARCHAR[])) % 1000003 / 1000003.0", ([unit.name for unit in units],))
    return {unit.name: float(luck) for unit, (luck,) in zip(units, rows, strict=True)}


def inside(unit: Unit, window: int) -> Unit:
    requests = [request for request in unit.requests if request.at_us - request.at_us % MINUTE < unit.since + window]
    return replace(unit, requests=requests)


def expected(
    database: Database, traffic: live.Traffic, metric: MetricPlan, arm: str, at: tuple[int, Sequence[Interruption]]
) -> ErrorShares:
    now_us, interruptions = at
    known, units = CATALOGUE[metric.metric], [unit for unit in units_of(traffic) if unit.arm == arm]
    luck = luck_of(database, units)

    def counted(window: int, *, pessimistic: bool) -> tuple[list[float], list[float], list[float]]:
        bad, whole, chance = [], [], []
        for unit in units:
            until = unit.since + window
            cut = any(end is None and until > begin for begin, end in interruptions)
            if until > now_us - LATE_US or cut:
                continue
            own = inside(unit, window)
            away = own.kept_away if pessimistic and known.needs_answer else 0
            over, per = (column(own.without_kept_away(), name) for name in (known.over, known.per))
            if per + away:
                bad.append(over + (0 if arm == "base" else away))
                whole.append(per + away)
                chance.append(luck[unit.name])
        return bad, whole, chance

    hour, day = counted(HOUR, pessimistic=False), counted(DAY, pessimistic=True)
    weighed = RequestErrors.of(day[0], day[1], cap=CAP).requests
    both = (UnitShares.of(bad, whole, luck=chance) for bad, whole, chance in (hour, day))
    most = sorted(day[1])[-ceil(len(day[1]) / 100) :]
    firsts = [own for unit in units if (own := first_request(unit)).requests and column(own, known.per)]
    first = UnitShares.of(
        [column(own, known.over) for own in firsts],
        [column(own, known.per) for own in firsts],
        luck=[luck[own.name] for own in firsts],
    )
    return ErrorShares(*both, weighed, EveryRequest(JointMoments.of(day[0], day[1]), sum(most)), first)


def first_request(unit: Unit) -> Unit:
    """The unit with its first request that no breaker kept away."""
    requests = sorted(unit.without_kept_away().requests, key=lambda request: (request.at_us, request.request_id))
    return replace(unit, requests=requests[:1])


@for_each("away", [0.0, 0.2])
def test_the_shares_are_those_of_the_events(tmp_path: Path, away: float) -> None:
    traffic = live.random_traffic(11, requests=600, kept_away=away)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        of = plan()
        for now_us, interruptions in product((live.END, LATER), ((), KILLED, RESUMED)):
            shares = read(database, of, now_us, interruptions)
            for metric, arm in product(of.metrics, of.shares):
                expected_shares = expected(database, traffic, metric, arm, (now_us, interruptions))
                mine = shares[arm, metric.metric]
                assert (mine.hour, mine.day) == (expected_shares.hour, expected_shares.day)
                assert mine.first == expected_shares.first
                assert mine.requests.n == expected_shares.requests.n
                assert mine.requests.xy == pytest.approx(expected_shares.requests.xy)
        assert shares["tuned", RATES[0]].day.n > 10
        assert shares["tuned", RATES[0]].hour.total > 0
        first = shares["tuned", RATES[0]].first
        assert first is not None and first.n > 10 and first.total > 0


@for_each("away", [0.0, 0.2])
def test_since_rules_7_all_requests_of_the_first_day_are_summed_without_a_cap(tmp_path: Path, away: float) -> None:
    traffic = live.random_traffic(12, requests=900, units=40, kept_away=away)
    with empty_store(tmp_path) as (database, ingester):
        live.store_plans(database, live.plan(), live.amended())
        live.ingest(database, ingester, traffic)
        of = plan(rules=7)
        shares, before = read(database, of, LATER), read(database, plan(rules=6), LATER)
        for metric, arm in product(of.metrics, of.shares):
            assert shares[arm, metric.metric].every == expected(database, traffic, metric, arm, (LATER, ())).every
            assert before[arm, metric.metric].every is None
        known = shares["tuned", RATES[0]]
        assert known.every is not None and known.every.sums.y > known.requests.y


def test_shares_do_not_depend_on_how_requests_arrived_nor_on_a_compaction(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.store_plans(database, live.plan(), live.amended())
    lines = live.random_traffic(12, requests=600).lines()
    for start in range(0, len(lines), 45):
        some = [line for line in lines[start : start + 45] if isinstance(line, RequestEvent)]
        live.ingest(database, ingester, live.Traffic(some))
    first = histograms(read(database, plan(), LATER))
    monkeypatch.setattr(unit_summaries, "SMALLEST", 1)
    ((before,),) = database.rows("SELECT count(*) FROM unit_sums")
    for _ in range(unit_summaries.PARTS):
        unit_summaries.update_sums(database)
    ((after,),) = database.rows("SELECT count(*) FROM unit_sums")
    assert after < before
    assert histograms(read(database, plan(), LATER)) == first
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    unit_summaries.update_sums(database)
    assert histograms(read(database, plan(), LATER)) == first


def test_a_request_that_is_a_unit_counts_at_once(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    live.ingest(database, ingester, live.random_traffic(13))
    shares = read(database, plan(each_request=True), live.STARTED)
    assert shares["base", RATES[0]].hour == shares["base", RATES[0]].day
    assert shares["base", RATES[0]].day.n > 10

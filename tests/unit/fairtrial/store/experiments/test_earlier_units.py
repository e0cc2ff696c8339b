"""Amounts from before the start are kept once, for each user, and stand beside the amounts that count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.domain.estimates import ServedBefore
from fairtrial.domain.promises import HISTORY_US
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.store.core.database import Database
from fairtrial.store.derived import unit_summaries
from fairtrial.store.experiments.sums import control_levels, unit_groups
from fairtrial.store.experiments.sums.arm_sums import read_sums
from fairtrial.store.experiments.sums.control_levels import explained_amounts
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.store import live_experiment as live, samples

OF = {"route": "support-bot", "deployment": "base"}
DAY = 86_400 * live.SECOND
METRICS = (
    live.metric("cost.per_unit", cap=0.02, earlier=0.0, role="primary"),
    live.metric("cost.per_request", cap=0.006, earlier=0.003),
)
PLAN = live.plan(metrics=METRICS, rules=6)


def sent(number: int, unit: str | None, at_us: int, cost: int, **more: object) -> live.RequestEvent:
    """A request that cost so many thousandths outside the experiment."""
    call = samples.attempt_of(number, at_us=at_us, cost_usd=f"{cost / 1000}")
    return samples.record(number, reason="direct", at_us=at_us, unit=unit, **({"attempts": [call]} | more))


def counted(number: int, unit: str, at_us: int, cost: int, arm: str = "base") -> live.RequestEvent:
    """A request of the experiment."""
    call = samples.attempt_of(number, at_us=at_us, deployment=arm, cost_usd=f"{cost / 1000}")
    return samples.exposed(
        number, assigned=arm, served=arm, unit=unit, at_us=at_us, analysis_hash="a1", state="running", attempts=[call]
    )


REQUESTS = [
    sent(1, "returns", live.STARTED - 2 * DAY, 4),
    sent(2, "returns", live.STARTED - DAY, 8),
    sent(3, "returns", live.STARTED - HISTORY_US - 1, 8),
    sent(4, "returns", live.STARTED + 1, 8),
    sent(5, "spends", live.STARTED - DAY, 90),
    sent(6, "failed", live.STARTED - DAY, 0, arm_outcome="failed", outcome="error", attempts=[]),
    sent(7, "elsewhere", live.STARTED - DAY, 5, route="other"),
    sent(8, None, live.STARTED - DAY, 5),
    sent(9, "early", live.STARTED - DAY, 5),
    counted(10, "early", live.STARTED - 10, 1),
    *(
        counted(20 + number, unit, live.STARTED + number, cost)
        for number, (unit, cost) in enumerate(
            [("returns", 3), ("returns", 5), ("spends", 30), ("failed", 2), ("elsewhere", 1), ("new", 7), ("early", 6)]
        )
    ),
]


def stored(database: Database, ingester: Ingester) -> None:
    """Everything until the start, the start, and everything after it."""
    live.store_plans(database, PLAN)
    live.ingest(database, ingester, live.Traffic([request for request in REQUESTS if request.at_us < live.STARTED]))
    with database.transaction() as cursor:
        unit_groups.keep_earlier(cursor, PLAN, **OF)
    live.ingest(database, ingester, live.Traffic([request for request in REQUESTS if request.at_us >= live.STARTED]))


def amounts(database: Database) -> dict[str, Amounts]:
    with database.read_transaction() as cursor:
        metrics = read_sums(cursor, PLAN, live.HASHES, now_us=live.END).arms["base"].metrics
    return {name: sums for name, sums in metrics.items() if isinstance(sums, Amounts)}


def test_each_unit_has_its_earlier_amount_beside_the_later_one(database: Database, ingester: Ingester) -> None:
    stored(database, ingester)
    sums = amounts(database)
    # returns, spends, failed, elsewhere and new; who met the arm before the start can't be primary
    unit = Amounts.of([0.008, 0.03, 0.002, 0.001, 0.007], limit=0.02, earlier=[0.012, 0.09, 0, 0, 0])
    # the last one is early: its arm may have changed what it cost before the start
    request = Amounts.of(
        [0.004, 0.03, 0.002, 0.001, 0.007, 0.006], limit=0.006, earlier=[0.006, 0.09, 0.003, 0.003, 0.003, 0.003]
    )
    for name, expected in (("cost.per_unit", unit), ("cost.per_request", request)):
        assert sums[name].above == expected.above
        assert vars_of(sums[name]) == pytest.approx(vars_of(expected)), name


def vars_of(amounts: Amounts) -> list[float]:
    both = amounts.with_earlier
    assert both is not None
    return [*map(float, (both.n, both.x, both.y, both.xx, both.yy, both.xy)), amounts.capped.x, amounts.capped.xx]


def test_kept_users_outlive_a_compaction_and_count_nowhere_else(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(database, ingester)
    before = amounts(database)
    monkeypatch.setattr(unit_summaries, "SMALLEST", 0)
    with database.transaction() as cursor:
        cursor.execute("UPDATE watermarks SET position = 0 WHERE name = 'unit_sums.compacted'")
    for _ in range(unit_summaries.PARTS + 1):
        unit_summaries.update_sums(database)
    assert amounts(database) == before
    metrics = tuple(live.metric(metric.metric, cap=metric.cap, role=metric.role) for metric in METRICS)
    plain = replace(PLAN, metrics=metrics)
    with database.read_transaction() as cursor:
        arm = read_sums(cursor, plain, live.HASHES, now_us=live.END).arms["base"]
    assert (arm.units, arm.requests) == (6, 7)


def test_the_last_28_days_show_how_much_of_a_cost_is_explained(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 24)
    rng = np.random.default_rng(5)
    before, later = rng.integers(1, 9, 24), rng.integers(1, 9, 24)
    later[:12] = before[:12]
    live.ingest(database, ingester, live.Traffic([
        sent(100 * days + number, f"u-{number}", live.STARTED - days * DAY, int(cost))
        for days, costs in ((20, before[:18]), (5, later)) for number, cost in enumerate(costs)
    ]))  # fmt: skip
    served = ServedBefore(live.NAME, "base", **OF)
    metrics = ["cost.per_unit", "cost.per_request"]
    explained = explained_amounts(database, served, metrics, now_us=live.STARTED)
    x, cap = later / 1000, float(np.quantile(later / 1000, 0.99))
    for name, missing, amount in zip(metrics, (0.0, float(x.mean())), explained, strict=True):
        y = np.minimum(np.r_[before[:18] / 1000, [missing] * 6], cap)
        capped = np.minimum(x, cap)
        expected = (capped.mean(), capped.std(ddof=1), np.corrcoef(capped, y)[0, 1] ** 2)
        assert amount.metric == name
        assert (amount.level, amount.spread, amount.share) == pytest.approx(expected)
    assert explained[0].share > 0.05
    monkeypatch.setattr(control_levels, "LEVEL_UNITS", 25)
    assert explained_amounts(database, served, metrics, now_us=live.STARTED) == []

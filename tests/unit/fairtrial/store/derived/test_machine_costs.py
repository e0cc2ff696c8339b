"""An own machine's hour costs its busy time, split by tokens among the calls that began in it, each of them once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from fairtrial.domain.events import RequestEvent
from fairtrial.domain.limits.constants import HOUR_US, MINUTE_US
from fairtrial.domain.metrics import UNIT_COLUMNS
from fairtrial.domain.money.prices import LaterPrice, Price
from fairtrial.domain.money.tokens import Tokens
from fairtrial.domain.plan import Plan
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.derived import unit_summaries
from fairtrial.store.derived.machine_costs import machines_of, settle
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.gateway.gateway_fixture import deployment
from tests.fixtures.store import live_experiment as live, samples
from tests.fixtures.store.empty_store import database as database, ingester as ingester, layout as layout

HOUR = samples.NOW // HOUR_US * HOUR_US
SECOND = 1_000_000
DEAR = LaterPrice(since_us=HOUR + HOUR_US, price=Price(gpu_hour=Decimal("7.2")))


TOTALS = f"""
SELECT experiment, analysis_hash, variant, unit, kept_away,
    {", ".join(f"round(sum({name})::DOUBLE, 7)" for name in UNIT_COLUMNS)}
FROM unit_sums WHERE NOT early GROUP BY ALL ORDER BY ALL
"""


def pending(event: Any) -> Any:
    """The event of a gateway that knows no price but that of the machine's hour."""
    if not isinstance(event, RequestEvent):
        return event
    counted = {"tokens": Tokens(input=9, output=4), "cost_usd": None, "cost_basis": "pending"}
    return replace(event, attempts=[replace(call, **counted) for call in event.attempts])


def plan() -> Plan:
    at = {"price": Price(gpu_hour=Decimal("3.6")), "later_prices": (DEAR,)}
    deployments = {
        "base": deployment("base", "http://gpu-1:8000/v1", **at),
        "tuned": deployment("tuned", "http://gpu-1:8000/v1", **at),
        "cloud": deployment("cloud", "http://cloud/v1"),
    }
    return Plan(deployments, {}, {})


def call(number: int, name: str, at_us: int, seconds: float, tokens: int | None, **more: Any) -> Any:
    """A request of one call, which began at that time of the hour."""
    counts = None if tokens is None else Tokens(input=tokens - 1, output=1)
    basis = "pending" if counts else None
    attempt = samples.attempt_of(
        number, deployment=name, at_us=HOUR + at_us, latency_ms=seconds * 1000, tokens=counts, cost_basis=basis, **more
    )
    return samples.record(number, at_us=HOUR + at_us, attempts=[attempt], outcome="ok")


def bring(database: Database, ingester: Ingester, *events: Any) -> None:
    writer = JournalWriter(database.layout.journal, writer="w")
    assert writer.append(*events)
    writer.close()
    ingester.catch_up()


def costs(database: Database) -> dict[str, Decimal | None]:
    rows = database.dicts(Query("SELECT request_id, cost_usd FROM requests ORDER BY request_id"))
    return {row["request_id"]: row["cost_usd"] for row in rows}


def test_an_hour_is_split_by_tokens_among_the_deployments_that_share_the_machine(
    database: Database, ingester: Ingester
) -> None:
    bring(
        database,
        ingester,
        call(1, "base", 0, 100, 300),
        call(2, "tuned", 50 * SECOND, 100, 100),  # they overlap: the machine is busy for 150 s
        call(3, "base", 600 * SECOND, 50, None),  # 50 s more, without a count
        call(4, "tuned", HOUR_US - 10 * SECOND, 30, 600),  # 10 s in this hour, 20 in the next one
        call(5, "cloud", 0, 9, 10),
    )
    assert settle(database, plan(), now_us=HOUR + HOUR_US + 14 * MINUTE_US) == 0, "the hour may have later calls"
    assert settle(database, plan(), now_us=HOUR + 2 * HOUR_US) == 1
    # 210 s at 0.001 $ each are 0.21 $ for 1,000 tokens
    assert costs(database) == {
        "r-1": Decimal("0.063"),
        "r-2": Decimal("0.021"),
        "r-3": None,
        "r-4": Decimal("0.126"),
        "r-5": None,
    }
    assert settle(database, plan(), now_us=HOUR + 2 * HOUR_US) == 0
    bring(database, ingester, call(6, "base", HOUR_US + 5 * SECOND, 25, 10))
    assert settle(database, plan(), now_us=HOUR + 3 * HOUR_US) == 1
    # the second hour costs 0.002 $ a second, and 30 s of it were busy
    assert costs(database)["r-6"] == Decimal("0.06")
    hours = database.dicts(
        Query("SELECT machine, usd_hour, busy_us, tokens, cost_usd FROM machine_hours ORDER BY hour")
    )
    assert [tuple(row.values()) for row in hours] == [
        ("gpu-1:8000", Decimal("3.6"), 210 * SECOND, 1000, Decimal("0.21")),
        ("gpu-1:8000", Decimal("7.2"), 30 * SECOND, 10, Decimal("0.06")),
    ]
    bases = database.dicts(Query("SELECT DISTINCT cost_basis FROM attempts WHERE cost_usd IS NOT NULL"))
    assert bases == [{"cost_basis": "machine"}]


def test_the_sums_of_units_get_the_cost_as_if_it_had_been_known(database: Database, ingester: Ingester) -> None:
    live.store_plans(database, live.plan(), live.amended())
    bring(database, ingester, *map(pending, live.random_traffic(5).lines()))
    before = database.rows(TOTALS)
    assert settle(database, plan(), now_us=live.END + 400 * HOUR_US) > 0
    settled = database.rows(TOTALS)
    assert settled != before
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM unit_sums")
        cursor.execute("DELETE FROM watermarks WHERE starts_with(name, 'unit_sums')")
    unit_summaries.update_sums(database)
    assert database.rows(TOTALS) == settled


@pytest.mark.parametrize("name", ["base", "tuned"])
def test_a_machine_is_an_address(name: str) -> None:
    (machine,) = machines_of(plan())
    assert machine.address == "gpu-1:8000" and name in machine.deployments
    assert machine.price_at(plan(), HOUR + HOUR_US) == Decimal("7.2")

"""Settles what the project's own machines cost: the busy time of each hour, split by the tokens of its calls."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fairtrial.domain.limits.constants import HOUR_US, MINUTE_US
from fairtrial.domain.metrics import UNIT_COLUMNS
from fairtrial.domain.plan import Plan
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import MINUTE
from fairtrial.store.derived import traffic_sums
from fairtrial.store.derived.unit_summaries import COUNTED, STARTED, SUMS

NAME = "machine_hours"
SETTLED_AFTER_US = 15 * MINUTE_US
"""Time after an hour's end by which its calls have ended and are in the store."""

MOST_HOURS = 48
"""Hours of one machine that one step settles."""

OF_MACHINE = """list_contains($1::VARCHAR[], deployment) AND at_time >= make_timestamp($2)
    AND at_time < make_timestamp($3)"""
COUNT = "coalesce(tokens_in, 0) + coalesce(tokens_out, 0)"
FIRST = "SELECT epoch_us(min(at_time)) FROM attempts WHERE list_contains($1::VARCHAR[], deployment)"
BUSY = f"""
WITH spans AS (
    SELECT greatest(epoch_us(at_time), $4) AS began, least(epoch_us(at_time) + 1000 * latency_ms, $3)::BIGINT AS ended
    FROM attempts
    WHERE {OF_MACHINE} AND latency_ms > 0
), marked AS (
    SELECT *, max(ended) OVER (ORDER BY began, ended ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM spans
    WHERE ended > began
)
SELECT coalesce(sum(greatest(0, ended - greatest(began, coalesce(before, began)))), 0)::BIGINT FROM marked
"""  # noqa: S608 - ours
"""The union of the times in which a call ran, in microseconds of the hour from $4 to $3. $2: an hour before."""

TOKENS = f"SELECT coalesce(sum({COUNT}), 0)::BIGINT FROM attempts WHERE {OF_MACHINE}"  # noqa: S608 - ours
SETTLE = f"""
UPDATE attempts SET cost_usd = ({COUNT}) * $4::DOUBLE, cost_basis = 'machine'
WHERE {OF_MACHINE} AND cost_usd IS NULL AND coalesce(tokens_in, tokens_out) IS NOT NULL
"""  # noqa: S608 - ours
SETTLED = f"""
CREATE OR REPLACE TEMP TABLE settled AS
WITH called AS (
    SELECT request_id FROM attempts WHERE {OF_MACHINE} AND cost_basis = 'machine' GROUP BY request_id
), costs AS (
    SELECT request_id, sum(cost_usd) AS cost
    FROM attempts SEMI JOIN called USING (request_id)
    GROUP BY request_id
    HAVING max(ordinal) FILTER (cost_usd IS NULL) IS DISTINCT FROM max(ordinal)
)
SELECT requests.rowid AS row_number, request_id, cost, cost_usd AS before,
    cost_basis IS NOT DISTINCT FROM 'pending' AS pending
FROM requests JOIN costs USING (request_id)
"""  # noqa: S608 - ours
OF_REQUESTS = """
UPDATE requests SET cost_usd = settled.cost, cost_basis = 'machine'
FROM temp.settled AS settled
WHERE requests.request_id = settled.request_id
"""
_NEW = "count(*) FILTER (outcome = 'ok' AND before IS NULL"
_ADDED = {
    "priced": f"{_NEW})",
    "unpriced": f"-{_NEW} AND NOT pending)",
    "cost": "sum(cost - coalesce(before, 0))::DOUBLE",
}
_VALUES = ", ".join(_ADDED.get(name, "0") for name in UNIT_COLUMNS)
ADD = f"""
INSERT INTO unit_sums
SELECT experiment, analysis_hash, variant_assigned, exposed_unit, false, min(at_time),
    {_VALUES}, coalesce(arm_outcome = 'kept_away', false) AS kept_away, false, NULL
FROM requests JOIN temp.settled ON requests.rowid = row_number
    LEFT JOIN ({STARTED}) USING (experiment, analysis_hash)
WHERE row_number < $1 AND {COUNTED} AND experiment_state = 'running' AND at_time >= started_at
GROUP BY experiment, analysis_hash, variant_assigned, exposed_unit, kept_away, {MINUTE.format(first_at="at_time")}
RETURNING experiment
"""  # noqa: S608 - ours
"""What the requests that are already summed cost. Rows of `unit_sums` are increments."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine by its address, with the deployments that share it."""

    address: str
    deployments: tuple[str, ...]

    def price_at(self, plan: Plan, at_us: int) -> Decimal | None:
        """US dollars of an hour that begins at this time."""
        prices = (plan.deployments[name].price_at(at_us).gpu_hour for name in self.deployments)
        return next((price for price in prices if price is not None), None)


def machines_of(plan: Plan) -> Iterator[Machine]:
    """The machines whose hour has a price at some time: deployments at one address share one."""
    shared: Mapping[str, list[str]] = defaultdict(list)
    for name, deployment in plan.deployments.items():
        prices = (deployment.price, *(later.price for later in deployment.later_prices))
        if any(price.gpu_hour is not None for price in prices):
            shared[deployment.base_url.partition("//")[2].partition("/")[0]].append(name)
    for address, names in shared.items():
        yield Machine(address, tuple(sorted(names)))


def settle(database: Database, plan: Plan, *, now_us: int) -> int:
    """Settle the whole hours that have ended; returns how many. Raises `duckdb.Error`.

    Each hour commits by itself with its watermark, so that each call is settled once. Hours without a call have no row.
    """
    return sum(_settle_machine(database, plan, machine, now_us) for machine in machines_of(plan))


def _settle_machine(database: Database, plan: Plan, machine: Machine, now_us: int) -> int:
    mark, settled = f"{NAME}.{machine.address}", 0
    with database.read_transaction() as cursor:
        start = named_values.read_position(cursor, mark)
        first = cursor.value(FIRST, [list(machine.deployments)])
    if first is None:
        return 0
    hour = max(start, int(first) // HOUR_US * HOUR_US)
    while hour + HOUR_US + SETTLED_AFTER_US <= now_us and settled < MOST_HOURS:
        with database.changes.about(), database.transaction() as cursor:
            usd = machine.price_at(plan, hour)
            if usd is not None:
                database.changes.add(_settle_hour(cursor, machine, hour, usd))
            named_values.write_position(cursor, mark, hour + HOUR_US)
        hour, settled = hour + HOUR_US, settled + 1
    return settled


def _settle_hour(cursor: Cursor, machine: Machine, hour: int, usd: Decimal) -> set[str]:
    """Settle the calls that began in this hour; returns the experiments whose sums have changed."""
    end, names = hour + HOUR_US, list(machine.deployments)
    busy = int(cursor.value(BUSY, [names, hour - HOUR_US, end, hour]))
    tokens = int(cursor.value(TOKENS, [names, hour, end]))
    if not busy and not tokens:
        return set()
    cost = usd * busy / HOUR_US
    row = [hour, machine.address, usd, busy, tokens, cost if tokens else 0]
    cursor.execute("INSERT INTO machine_hours VALUES (make_timestamp($1), $2, $3, $4, $5, $6)", row)
    if not tokens:
        return set()
    cursor.execute(SETTLE, [names, hour, end, float(cost / tokens)])
    cursor.execute(SETTLED, [names, hour, end])
    summed = named_values.read_position(cursor, SUMS)
    changed = {str(name) for (name,) in cursor.execute(ADD, [summed]).fetchall()}
    cursor.execute(OF_REQUESTS)
    first = cursor.value("SELECT min(row_number) FROM temp.settled")
    if first is not None:
        traffic_sums.lower(cursor, int(first))
    cursor.execute("DROP TABLE temp.settled")
    return changed

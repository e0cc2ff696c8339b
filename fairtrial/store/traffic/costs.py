"""Sums what the requests of an experiment's variants cost, by unit, by kind of token, and by service tier."""

from collections.abc import Sequence

from msgspec.structs import replace

from fairtrial.api.cost_answers import CompareCosts, CostCounts, CostReport
from fairtrial.domain.errors import existing
from fairtrial.domain.money.tokens import Tokens
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.costs import MachineSum, Spending, TokenGroup, Traffic, report
from fairtrial.stats.sums import JointMoments
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, Page

FEEDBACK = "feedback."
KINDS = {
    "input": "tokens_in",
    "cached": "tokens_cached",
    "cache_write": "tokens_cache_write",
    "cache_write_1h": "tokens_cache_write_1h",
    "audio_in": "tokens_audio_in",
    "output": "tokens_out",
    "reasoning": "tokens_reasoning",
    "audio_out": "tokens_audio_out",
}
"""The column of each kind of token."""

_KINDS = ", ".join(f"coalesce(sum({column}), 0)::BIGINT" for column in KINDS.values())
CHOSEN = f"""chosen AS (
    SELECT * EXCLUDE (unit), variant_assigned AS variant, exposed_unit AS unit FROM requests
    WHERE experiment = $1 AND {ANALYSED} AND exposed_unit IS NOT NULL AND at_time >= $2 AND at_time < $3
)"""  # noqa: S608 - ours
SUCCEEDED = """succeeded AS (
    SELECT unit, count(*) FILTER (good) AS good
    FROM (
        SELECT coalesce(subject_unit, unit) AS unit, coalesce(subject, feedback_id) AS subject,
            arg_max(boolean, (at_time, feedback_id)) AS good
        FROM feedback
        WHERE key = $4 AND at_time >= $2 AND boolean IS NOT NULL
            AND (subject_experiment = $1 OR list_contains(experiments, $1))
        GROUP BY ALL
    )
    GROUP BY unit
)"""
"""How many requests of each unit were resolved, by the last feedback about each."""
SPENT = f"""
WITH {CHOSEN}, {SUCCEEDED}, units AS (
    SELECT variant, unit, count(cost_usd) AS priced, coalesce(sum(cost_usd), 0)::DOUBLE AS cost
    FROM chosen GROUP BY variant, unit
), summed AS (
    SELECT variant, priced, cost, coalesce(good, 0) AS good FROM units LEFT JOIN succeeded USING (unit)
)
SELECT variant, count(*), sum(cost), sum(priced)::DOUBLE, sum(cost * cost), sum(priced * priced)::DOUBLE,
    sum(cost * priced), sum(good)::DOUBLE, sum(good * good)::DOUBLE, sum(cost * good)
FROM summed GROUP BY variant ORDER BY variant
"""  # noqa: S608 - ours
COUNTED = f"""
WITH {CHOSEN}
SELECT variant, count(*), count(cost_usd), count(*) FILTER (cost_basis = 'estimated'),
    count(*) FILTER (cost_basis = 'full_price'), count(*) FILTER (cost_usd IS NULL AND cost_basis = 'pending'),
    count(*) FILTER (cost_usd IS NULL AND outcome = 'ok' AND cost_basis IS DISTINCT FROM 'pending'),
    coalesce(sum(tokens_in) FILTER (tokens_cached IS NOT NULL), 0)::BIGINT, {_KINDS}
FROM chosen GROUP BY variant
"""  # noqa: S608 - ours
GROUPED = f"""
WITH {CHOSEN}
SELECT variant, service_tier, list_sum([(tokens_in > limit_)::INT FOR limit_ IN $4::BIGINT[]]) AS above, max(tokens_in),
    count(*), {_KINDS}
FROM chosen WHERE cost_usd IS NOT NULL AND tokens_in IS NOT NULL
GROUP BY variant, service_tier, above
"""  # noqa: S608 - ours
"""Tokens by service tier, and by how many of the lengths a prompt is longer than: within a group prices are linear."""
FIRST = f"WITH {CHOSEN} SELECT epoch_us(min(at_time)) FROM chosen"  # noqa: S608 - ours
MACHINES = """
SELECT machine, count(*), sum(busy_us)::BIGINT, sum(cost_usd),
    date_diff('hour', min(hour), max(hour)) + 1, avg(usd_hour)
FROM machine_hours WHERE hour >= $1 AND hour < $2 GROUP BY machine ORDER BY machine
"""


def first_request(cursor: Cursor, experiment: str, page: Page) -> int | None:
    """The time of the experiment's first request in the window."""
    first = cursor.value(FIRST, [experiment, page.since, page.until])
    return None if first is None else int(first)


def spending(cursor: Cursor, experiment: str, page: Page, success: str | None) -> list[Spending]:
    """The spending of each variant that has requests in the window."""
    bound = [experiment, page.since, page.until]
    counts = {row[0]: row[1:] for row in cursor.execute(COUNTED, bound).fetchall()}
    arms = []
    for variant, n, x, y, xx, yy, xy, good, goods, shared in cursor.execute(SPENT, [*bound, success or ""]).fetchall():
        requests, priced, estimated, full_price, pending, unknown, known, *tokens = counts[variant]
        arms.append(
            Spending(
                variant=variant,
                by_request=JointMoments(n, x, y, xx, yy, xy),
                by_success=JointMoments(n, x, good, xx, goods, shared),
                counts=CostCounts(
                    requests=requests,
                    priced=priced,
                    estimated=estimated,
                    full_price=full_price,
                    pending=pending,
                    unknown=unknown,
                    tokens=dict(zip(KINDS, tokens, strict=True)),
                ),
                cache_known=known,
            )
        )
    return arms


def token_groups(cursor: Cursor, experiment: str, page: Page, lengths: Sequence[int]) -> list[TokenGroup]:
    """The tokens of each variant, grouped so that one set of rates prices each group."""
    rows = cursor.execute(GROUPED, [experiment, page.since, page.until, list(lengths)]).fetchall()
    return [
        TokenGroup(variant, tier, longest, requests, Tokens(**dict(zip(KINDS, counts, strict=True))))
        for variant, tier, _, longest, requests, *counts in rows
    ]


def machine_sums(cursor: Cursor, page: Page) -> list[MachineSum]:
    """The machines with settled hours in the window."""
    return [
        MachineSum(machine, hours, busy, float(usd or 0), float(mean), span)
        for machine, hours, busy, usd, span, mean in cursor.execute(MACHINES, [page.since, page.until]).fetchall()
    ]


def compare(database: Database, plan: Plan, request: CompareCosts, page: Page, *, now_us: int) -> CostReport:
    """What the variants of an experiment of the plan cost; raises `NotFound` for an unknown name."""
    experiment = existing(plan.experiments.get(request.name), "experiment", request.name)
    success, other = request.success or _success(experiment), None
    if request.what_if is not None:
        other = existing(plan.deployments.get(request.what_if), "deployment", request.what_if).price_at(now_us)
    deployments = {variant.name: plan.deployments[variant.deployment] for variant in experiment.variants}
    prices = [each.price_at(now_us) for each in deployments.values()] + ([other] if other is not None else [])
    lengths = sorted({long.above for price in prices for long in price.long_prompts})
    page = replace(page, until_us=min(page.until_us, now_us))
    with database.read_transaction() as cursor:
        first_us = first_request(cursor, experiment.name, page)
        spent = Traffic(
            page.since_us if first_us is None else max(page.since_us, first_us),
            page.until_us,
            spending(cursor, experiment.name, page, success),
            machine_sums(cursor, page),
            token_groups(cursor, experiment.name, page, lengths),
        )
    found = report(request, spent, deployments, control=experiment.control, success=success, now_us=now_us, other=other)
    return replace(found, deployments=sorted(plan.deployments))


def _success(experiment: Experiment) -> str | None:
    """The feedback key of the primary metric, if it is a yes or no."""
    primary = experiment.primary.metric if experiment.primary is not None else ""
    keys = {metric.key for metric in experiment.feedback if metric.kind == "boolean"}
    key = primary.removeprefix(FEEDBACK)
    return key if primary.startswith(FEEDBACK) and key in keys else None

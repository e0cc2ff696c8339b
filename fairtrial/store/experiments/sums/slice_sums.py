"""Reads the sums of each arm in the largest slices of an experiment: units whose first request had the same tag."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis.slices import SliceSums
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.sums import ArmSums, MetricSums
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import BINS, UnitShares
from fairtrial.store.core.database import Database
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.experiments.sums import unit_groups
from fairtrial.store.experiments.sums.arm_sums import SumsOfUnits
from fairtrial.store.experiments.sums.metric_sums import read_feedback, read_quantiles

MOST_TAGS, MOST_VALUES = 5, 8
"""The tags, and the values of each, with the most units are read."""
LARGEST = """
WITH entries AS (
    SELECT arm, unnest(map_entries(tags)) AS entry FROM temp.plan_units WHERE cardinality(tags) > 0
), of_arms AS (
    SELECT entry.key AS tag, entry.value AS tag_value, arm, count(*) AS units FROM entries GROUP BY ALL
), of_values AS (
    SELECT tag, tag_value, map_from_entries(list((arm, units))) AS by_arm, sum(units) AS units
    FROM of_arms
    GROUP BY tag, tag_value
    QUALIFY row_number() OVER (PARTITION BY tag ORDER BY sum(units) DESC, tag_value) <= $values
), of_tags AS (
    SELECT *, sum(units) OVER (PARTITION BY tag) AS of_tag FROM of_values
)
SELECT tag, tag_value, by_arm
FROM of_tags
QUALIFY dense_rank() OVER (ORDER BY of_tag DESC, tag) <= $tags
ORDER BY of_tag DESC, tag, units DESC, tag_value
"""
"""A tag whose values are ids has few units in its largest values, so that other tags precede it."""
SPLIT = """
CREATE OR REPLACE TEMP TABLE plan_units AS
SELECT * EXCLUDE (tags, entry, tag, tag_value, place) REPLACE ((place * $arms + arm)::SMALLINT AS arm)
FROM (SELECT *, unnest(map_entries(tags)) AS entry FROM temp.plan_units WHERE cardinality(tags) > 0)
    JOIN (
        SELECT unnest($tags::VARCHAR[]) AS tag, unnest($values::VARCHAR[]) AS tag_value,
            unnest(range(len($tags::VARCHAR[]))) AS place
    ) ON entry.key = tag AND entry.value = tag_value
"""
"""A unit has a row for each of its slices. The arms of a slice follow those of the one before."""
SHARES = """
SELECT arm, (low + (luck < scaled - low - 1e-9)::INTEGER)::INTEGER AS bin, count(*)
FROM (
    SELECT arm, {over} / {per} * {last} AS scaled, floor({over} / {per} * {last} + 1e-9) AS low,
        key % 1000003 / 1000003.0 AS luck
    FROM temp.plan_units
    WHERE {counts} AND {per} > 0
)
GROUP BY ALL
"""
"""How many units have each share of bad requests so far, as `bins_of` and `share_sums.UNITS` count them."""


def find_slices(database: Database, plan: AnalysisPlan, *, now_us: int) -> tuple[SliceSums, ...]:
    """The largest slices of a stored plan now; raises `StoreError`."""
    hashes = analysis_plans.hashes(database, plan)
    stops = transitions.interruptions(database, plan.experiment, plan.segment)
    with database.read_transaction() as cursor:
        return read_slices(cursor, plan.in_week(now_us), hashes, now_us=now_us, interruptions=stops)


def read_slices(
    cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str], *, now_us: int, interruptions: Sequence[Interruption]
) -> tuple[SliceSums, ...]:
    """The largest slices with the sums of all metrics of the plan, in the cursor's transaction; raises `duckdb.Error`.

    Units without tags are in no slice. The shares of bad requests are those of all requests of a unit so far, because
    to read their windows again for each slice takes too long.
    """
    if not unit_groups.any_tagged(cursor, plan):
        return ()
    summed = [each for each in plan.metrics if each.counts_requests or (each.method == "amount" and each.cap)]
    apart = unit_groups.any_kept_away(cursor, plan)
    cursor.execute(unit_groups.keep(summed, apart=apart, tags=True), unit_groups.bound(plan, hashes))
    names = list(plan.shares)
    slices = [
        SliceSums(tag, value, {names[arm]: units for arm, units in by_arm.items()}, {})
        for tag, value, by_arm in cursor.execute(LARGEST, {"tags": MOST_TAGS, "values": MOST_VALUES}).fetchall()
    ]
    tested = [each for each in slices if any(each.has_enough(plan.control, name) for name in plan.treatments)]
    if tested:
        chosen = {"tags": [each.tag for each in tested], "values": [each.value for each in tested], "arms": len(names)}
        cursor.execute(SPLIT, chosen)
        arms = _read_arms(cursor, SumsOfUnits(plan, summed, apart), hashes, len(tested), (now_us, interruptions))
        for place, each in enumerate(tested):
            of_slice = arms[place * len(names) : (place + 1) * len(names)]
            slices[slices.index(each)] = replace(each, arms=dict(zip(names, of_slice, strict=True)))
    cursor.execute(unit_groups.FORGET)
    return tuple(slices)


def _read_arms(
    cursor: Cursor, read: SumsOfUnits, hashes: Sequence[str], groups: int, at: tuple[int, Sequence[Interruption]]
) -> list[ArmSums]:
    """``at``: as in `read_feedback`."""
    plan = read.plan
    arms = read.arms(cursor, unit_groups.KEPT, {}, groups=groups)
    further: dict[tuple[int, str], MetricSums] = {
        (index, metric): replace(errors, shares=ErrorShares(shares, shares, errors.requests))
        for (index, metric), shares in _shares(cursor, plan).items()
        if isinstance(errors := arms[index].metrics.get(metric), RequestErrors)
    }
    quantiles = [each for each in plan.metrics if each.method == "quantile"]
    feedback = [each for each in plan.metrics if each.method in ("feedback", "given")]
    if quantiles:
        requests = sum(arm.requests for arm in arms)
        further |= read_quantiles(cursor, plan, hashes, quantiles, requests=requests, groups=groups)
    if feedback:
        further |= read_feedback(cursor, plan, feedback, at=at)
    return [
        replace(arm, metrics={**arm.metrics, **{metric: sums for (of, metric), sums in further.items() if of == index}})
        for index, arm in enumerate(arms)
    ]


def _shares(cursor: Cursor, plan: AnalysisPlan) -> dict[tuple[int, str], UnitShares]:
    """The shares of bad requests by the index of the arm, and metric."""
    counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0] * BINS)
    for metric in plan.metrics:
        if metric.counts_requests:
            known, counted = CATALOGUE[metric.metric], unit_groups.counts(plan, metric)
            sql = SHARES.format(over=known.over, per=known.per, last=BINS - 1, counts=counted)
            for index, place, units in cursor.execute(sql).fetchall():
                counts[index, metric.metric][place] = units
    return {key: UnitShares(tuple(bins)) for key, bins in counts.items()}

"""Reads the sums of each arm, with its lost records, from which a look at an experiment is computed."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import UNEQUAL_TRAFFIC
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.costs import has_cold_cache
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.query import ANALYSED
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.experiments.sums import share_sums, unit_groups
from fairtrial.store.experiments.sums.metric_sums import read_feedback, read_quantiles

PER_ARM = """
SELECT arm, count(*), sum(sent)::BIGINT, sum({kept_away})::BIGINT{columns}
FROM (SELECT *{values} FROM {units}{earlier})
GROUP BY arm
"""
VALUES = {
    "events": """, CASE WHEN {where} THEN {over} * least(1, {cap} / {per}) END AS x{i},
        CASE WHEN {where} THEN least({per}, {cap}) END AS y{i}""",
    "amount": """, CASE WHEN {where} THEN least({amount}, {cap}) END AS x{i},
        CASE WHEN {where} THEN {amount} > {cap} END AS above{i}, CASE WHEN {counts} THEN {unpriced} END AS y{i}""",
    "pessimistic": """, CASE WHEN {counts} AND {per} + kept_away > 0
            THEN ({over} + CASE WHEN arm % {arms} = {control} THEN 0 ELSE kept_away END)
                * least(1, {cap} / ({per} + kept_away))
        END AS px{i}, CASE WHEN {counts} AND {per} + kept_away > 0 THEN least({per} + kept_away, {cap}) END AS py{i}""",
    "earlier": """, CASE WHEN {where}
            THEN least(coalesce(CASE WHEN NOT early THEN earlier{i} END, {missing}), {cap}) END AS b{i}""",
}
"""The values of one unit, which are NULL if it does not count for the metric.

``pessimistic``: requests that a breaker kept away are bad ones of a treatment, and good ones of the control.
``earlier``: a unit that met its arm before the start has no earlier amount, because the arm may have changed it.
"""
COLUMNS = {
    "events": """, count(x{i}), count(nullif(x{i}, 0)), sum(x{i}), sum(y{i}), sum(x{i} * x{i}), sum(y{i} * y{i}),
    sum(x{i} * y{i})""",
    "amount": ", count(x{i}), count(*) FILTER (above{i}), sum(x{i}), sum(x{i} * x{i}), sum(y{i})",
    "pessimistic": """, count(px{i}), sum(px{i}), sum(py{i}), sum(px{i} * px{i}), sum(py{i} * py{i}),
    sum(px{i} * py{i})""",
    "earlier": ", count(b{i}), sum(x{i}), sum(b{i}), sum(x{i} * x{i}), sum(b{i} * b{i}), sum(x{i} * b{i})",
}
"""The sums of one arm."""
CACHED = f"""
SELECT count(*), sum(tokens_cached) / nullif(sum(tokens_in) FILTER (tokens_cached IS NOT NULL), 0)
FROM requests
WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND {ANALYSED} AND at_time >= make_timestamp($3)
GROUP BY variant_assigned
"""  # noqa: S608 - ours
COLD = "the cached shares differ by ten points at unequal traffic (split evenly, or give each variant a cache salt)"
WIDTHS = {"events": 7, "amount": 5, "pessimistic": 6, "earlier": 6}
"""The number of columns of each."""

LOST = """
SELECT variant, count(DISTINCT cell), sum(requests)::BIGINT
FROM (
    SELECT variant, unnest(cells) AS cell, unnest(requests) AS requests
    FROM lost_records
    WHERE experiment = $1 AND analysis_hash IN (
        SELECT analysis_hash
        FROM analysis_plans
        WHERE experiment = $1 AND segment = $2 AND CAST(json_extract(plan, '$.from_us') AS BIGINT) = $3
    )
)
GROUP BY variant
"""
"""Since the plan counts units. A unit is counted by its cell, whichever worker lost its records."""


def read_sums(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    *,
    now_us: int,
    interruptions: Sequence[Interruption] = (),
    events_only: bool = False,
    wall_us: int = 0,
) -> Sums:
    """The sums of all arms of the plan, over the analysis hashes of its segment, in the cursor's transaction.

    ``wall_us``: the wall clock if it is ahead of ``now_us``. Units have its times, and a stop waits for nothing but a
    unit's own hour by it. With ``events_only``, only metrics that count events are read, and without shares of units,
    which is far cheaper. Raises `duckdb.Error`.
    """
    metrics = [each for each in plan.metrics if each.counts_requests or not events_only]
    others = [each for each in metrics if each.method in ("quantile", "feedback", "given")]
    summed = [each for each in metrics if each.counts_requests or (each.method == "amount" and each.cap)]
    bound, apart = unit_groups.bound(plan, hashes), unit_groups.any_kept_away(cursor, plan)
    shares = [] if events_only else [each for each in summed if each.method == "shares"]
    read = SumsOfUnits(plan, summed, apart)
    further: dict[tuple[int, str], MetricSums] = {}
    if others or shares:
        cursor.execute(unit_groups.keep(summed, apart=apart), bound)
        arms = read.arms(cursor, unit_groups.KEPT, {})
        until_us = {share_sums.HOUR_US: max(now_us, wall_us), share_sums.DAY_US: now_us}
        for (index, metric), unit_shares in share_sums.read_shares(
            cursor, plan, hashes, shares, until_us=until_us, interruptions=interruptions
        ).items():
            if isinstance(events := arms[index].metrics.get(metric), RequestErrors):
                further[index, metric] = replace(events, shares=unit_shares)
        quantiles = [each for each in others if each.method == "quantile"]
        feedback = [each for each in others if each.method != "quantile"]
        requests = sum(arm.requests for arm in arms)
        further |= read_quantiles(cursor, plan, hashes, quantiles, requests=requests) if quantiles else {}
        further |= read_feedback(cursor, plan, feedback, at=(now_us, interruptions)) if feedback else {}
        cursor.execute(unit_groups.FORGET)
    else:
        arms = read.arms(cursor, f"({unit_groups.counted(summed, apart=apart)})", bound)
    lost, whole = read_lost(cursor, plan), {}
    for index, (name, arm) in enumerate(zip(plan.shares, arms, strict=True)):
        more = {metric: sums for (of, metric), sums in further.items() if of == index}
        lost_units, lost_requests = lost.get(name, (0, 0))
        whole[name] = replace(arm, metrics={**arm.metrics, **more}, lost_units=lost_units, lost_requests=lost_requests)
    costs = {each.metric for each in metrics if each.metric.startswith("cost.") or each.method == "quantile"}
    if costs and has_cold_cache(_cached_shares(cursor, plan, hashes, now_us)):
        whole = {name: _undecided(arm, costs) for name, arm in whole.items()}
    return Sums(now_us, whole)


def _cached_shares(
    cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str], now_us: int
) -> list[tuple[int, float | None]]:
    """The requests of each arm in the last week, and the cached share of their input; nothing if the split is even."""
    if min(plan.shares.values()) >= UNEQUAL_TRAFFIC * max(plan.shares.values()):
        return []
    rows = cursor.execute(CACHED, [plan.experiment, list(hashes), now_us - WEEK_US]).fetchall()
    return [(int(requests), None if share is None else float(share)) for requests, share in rows]


def _undecided(arm: ArmSums, costs: Set[str]) -> ArmSums:
    """The arm without its costs and latencies, which can't be compared."""
    known = {name: sums for name, sums in arm.metrics.items() if name not in costs}
    return replace(arm, metrics=known, unknown={**arm.unknown, **dict.fromkeys(costs, COLD)})


@dataclass(frozen=True, slots=True)
class SumsOfUnits:
    """Reads the metrics that are computed from the sums of units. ``apart``: with requests that were kept away."""

    plan: AnalysisPlan
    metrics: Sequence[MetricPlan]
    apart: bool

    def arms(self, cursor: Cursor, units: str, bound: Mapping[str, object], *, groups: int = 1) -> list[ArmSums]:
        """The arms in the order of the plan, with these metrics. ``units``: their source, which binds ``bound``.

        With several ``groups`` of units, the arms of each group follow those of the one before.
        """
        arms = [ArmSums(0)] * (groups * len(self.plan.shares))
        named = [(kind, fields) for metric in self.metrics for kind, fields in self._parts(metric)]
        earlier = unit_groups.join_earlier(self.metrics)
        if earlier:
            bound = {**bound, "experiment": self.plan.experiment, "kept_as": unit_groups.kept_as(self.plan)}
        sql = PER_ARM.format(
            earlier=earlier,
            columns="".join(COLUMNS[kind].format(**fields) for kind, fields in named),
            values="".join(VALUES[kind].format(**fields) for kind, fields in named),
            kept_away="kept_away" if self.apart else "0",
            units=units,
        )
        for index, count, requests, kept_away, *sums in cursor.execute(sql, bound).fetchall():
            metrics: dict[str, MetricSums] = {}
            unknown: dict[str, str] = {}
            values = iter(sums)
            for metric in self.metrics:
                parts = [[next(values) or 0 for _ in range(WIDTHS[kind])] for kind, _ in self._parts(metric)]
                unpriced = int(parts[0][4]) if metric.method == "amount" else 0
                if unpriced:
                    have = "has" if unpriced == 1 else "have"
                    unknown[metric.metric] = f"{counted(unpriced, 'answer')} {have} no price"
                elif parts[0][0]:
                    metrics[metric.metric] = (
                        _errors(self.plan.cap_of_requests(metric), *parts)
                        if metric.counts_requests
                        else _amounts(metric, *parts)
                    )
            arms[index] = ArmSums(int(count), int(requests + kept_away), metrics, unknown, int(kept_away))
        return arms

    def _parts(self, metric: MetricPlan) -> list[tuple[str, dict[str, object]]]:
        """The names of the metric's parts in `VALUES` and `COLUMNS`, with what stands for the names in these."""
        known, counts = CATALOGUE[metric.metric], unit_groups.counts(self.plan, metric)
        columns = {
            "i": self.metrics.index(metric),
            "counts": counts,
            "where": f"{counts} AND {known.per} > 0" if known.per else counts,
            "over": known.over,
            "per": known.per,
            "amount": f"{known.over} / {known.per}" if known.per else known.over,
            "unpriced": "unpriced" if known.family == "cost" else "0",
            "cap": repr(self.plan.cap_of_requests(metric) if metric.counts_requests else float(metric.cap or 0.0)),
            "arms": len(self.plan.shares),
            "control": list(self.plan.shares).index(self.plan.control),
            "missing": repr(metric.earlier),
        }
        kind: str = "events" if metric.method == "shares" else metric.method
        more = ["pessimistic"] if self.apart and known.needs_answer else []
        more += ["earlier"] if metric.earlier is not msgspec.UNSET else []
        return [(part, columns) for part in (kind, *more)]


def _errors(cap: float, values: Sequence[Any], pessimistic: Sequence[float] = ()) -> RequestErrors:
    """The sums of events, from the columns of `COLUMNS`."""
    n, users, *sums = values
    return RequestErrors(
        int(users),
        JointMoments(int(n), *map(float, sums)),
        cap,
        JointMoments(int(pessimistic[0]), *map(float, pessimistic[1:])) if pessimistic else None,
    )


def _amounts(metric: MetricPlan, values: Sequence[float], earlier: Sequence[float] = ()) -> Amounts:
    """The sums of amounts, from the columns of `COLUMNS`."""
    n, above, x, xx, _ = values
    both = JointMoments(int(earlier[0]), *map(float, earlier[1:])) if earlier else None
    return Amounts(Moments(int(n), float(x), float(xx)), int(above), float(metric.cap or 0.0), both)


def read_lost(cursor: Cursor, plan: AnalysisPlan) -> Mapping[str, tuple[int, int]]:
    """The lost units and requests of each variant that has any, in the cursor's transaction; raises `duckdb.Error`."""
    rows = cursor.execute(LOST, [plan.experiment, plan.segment, plan.from_us]).fetchall()
    return {str(variant): (int(units), int(requests)) for variant, units, requests in rows}

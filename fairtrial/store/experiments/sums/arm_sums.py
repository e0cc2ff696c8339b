"""Reads the sums of each arm of an experiment, from which a look is computed, out of the sums of units.

`fairtrial/store/derived/unit_sums.py` must have processed all requests before. Quantiles and feedback are read from
their own tables, and only if they are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.plurals import counted
from fairtrial.experiments.analysis.plan import REQUESTS_CAP, AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.sequential.error_guardrail import RequestErrors
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.database import Cursor
from fairtrial.store.experiments.sums import unit_groups
from fairtrial.store.experiments.sums.feedback_sums import read_feedback
from fairtrial.store.experiments.sums.quantile_sums import read_quantiles
from fairtrial.store.experiments.transitions import Interruption

PER_ARM = """
SELECT arm, count(*), sum(sent)::BIGINT{columns}
FROM (SELECT arm, sent{values} FROM {units})
GROUP BY arm
"""
VALUES = {
    "events": """, CASE WHEN {where} THEN {over} * least(1, {cap} / {per}) END AS x{i},
        CASE WHEN {where} THEN least({per}, {cap}) END AS y{i}""",
    "amount": """, CASE WHEN {where} THEN least({amount}, {cap}) END AS x{i},
        CASE WHEN {where} THEN {amount} > {cap} END AS above{i}, CASE WHEN {counts} THEN {unpriced} END AS y{i}""",
}
"""The values of one unit, which are NULL if it does not count for the metric."""
COLUMNS = {
    "events": """, count(x{i}), count(nullif(x{i}, 0)), sum(x{i}), sum(y{i}), sum(x{i} * x{i}), sum(y{i} * y{i}),
    sum(x{i} * y{i})""",
    "amount": ", count(x{i}), count(*) FILTER (above{i}), sum(x{i}), sum(x{i} * x{i}), sum(y{i})",
}
"""The sums of one arm."""
EVENT_USERS = "SELECT arm{columns} FROM ({units}) GROUP BY arm"
WIDTHS = {"events": 7, "amount": 5}
"""The number of columns of each."""


@dataclass(slots=True)
class _Arm:
    units: int = 0
    requests: int = 0
    metrics: dict[str, MetricSums] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def done(self) -> ArmSums:
        return ArmSums(self.units, self.requests, self.metrics, self.unknown)


def read_sums(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    *,
    now_us: int,
    interruptions: Sequence[Interruption] = (),
    events_only: bool = False,
) -> Sums:
    """The sums of all arms of the plan, over the analysis hashes of its segment, in the cursor's transaction.

    With ``events_only``, only metrics that count events are read, which is far cheaper. Raises `duckdb.Error`.
    """
    arms = {name: _Arm() for name in plan.shares}
    metrics = [one for one in plan.metrics if one.method == "events" or not events_only]
    others = [one for one in metrics if one.method not in ("events", "amount")]
    summed = [one for one in metrics if one.method == "events" or (one.method == "amount" and one.cap)]
    bound = unit_groups.bound(plan, hashes)
    if others:
        cursor.execute(unit_groups.keep(summed), bound)
        _read_unit_sums(cursor, plan, summed, arms, (unit_groups.KEPT, {}))
        _read_others(cursor, plan, hashes, others, arms, (now_us, interruptions))
        cursor.execute(unit_groups.FORGET)
    else:
        _read_unit_sums(cursor, plan, summed, arms, (f"({unit_groups.counted(summed)})", bound))
    return Sums(now_us, {name: arm.done() for name, arm in arms.items()})


def read_event_users(cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str]) -> dict[str, dict[str, int]]:
    """The units with an event, by guardrail that counts events, then by variant; it reads only these units.

    Raises `duckdb.Error`.
    """
    metrics = [one for one in plan.guardrails if one.method == "events"]
    if not metrics:
        return {}
    hit = " OR ".join(f"{CATALOGUE[one.metric].over} > 0" for one in metrics)
    columns = "".join(
        f", count(*) FILTER ({unit_groups.counts(plan, one)} AND {CATALOGUE[one.metric].over} > 0)" for one in metrics
    )
    sql = EVENT_USERS.format(columns=columns, units=unit_groups.counted(metrics, hit=hit))
    found: dict[str, dict[str, int]] = {one.metric: dict.fromkeys(plan.shares, 0) for one in metrics}
    names = list(plan.shares)
    for index, *users in cursor.execute(sql, unit_groups.bound(plan, hashes)).fetchall():
        for one, number in zip(metrics, users, strict=True):
            found[one.metric][names[index]] = int(number)
    return found


def _read_unit_sums(
    cursor: Cursor,
    plan: AnalysisPlan,
    kept: Sequence[MetricPlan],
    arms: Mapping[str, _Arm],
    units: tuple[str, Mapping[str, object]],
) -> None:
    """Read the metrics that are computed from the sums of units. ``units``: their source, and what it binds."""
    source, bound = units
    names = list(plan.shares)
    named = [(one, _placeholders(plan, one, number)) for number, one in enumerate(kept)]
    sql = PER_ARM.format(
        columns="".join(COLUMNS[one.method].format(**found) for one, found in named),
        values="".join(VALUES[one.method].format(**found) for one, found in named),
        units=source,
    )
    for index, count, requests, *sums in cursor.execute(sql, bound).fetchall():
        arm, values = arms[names[index]], iter(sums)
        arm.units, arm.requests = int(count), int(requests)
        for one in kept:
            found = [next(values) or 0 for _ in range(WIDTHS[one.method])]
            unpriced = int(found[4]) if one.method == "amount" else 0
            if unpriced:
                arm.unknown[one.metric] = f"{counted(unpriced, 'answer')} {'has' if unpriced == 1 else 'have'} no price"
            elif found[0]:
                arm.metrics[one.metric] = _errors(one, found) if one.method == "events" else _amounts(one, found)


def _placeholders(plan: AnalysisPlan, metric: MetricPlan, number: int) -> dict[str, object]:
    """What stands for the names in `VALUES` and `COLUMNS`."""
    known, counts = CATALOGUE[metric.metric], unit_groups.counts(plan, metric)
    return {
        "i": number,
        "counts": counts,
        "where": f"{counts} AND {known.per} > 0" if known.per else counts,
        "over": known.over,
        "per": known.per,
        "amount": f"{known.over} / {known.per}" if known.per else known.over,
        "unpriced": "unpriced" if known.family == "cost" else "0",
        "cap": repr(float(metric.cap or REQUESTS_CAP)),
    }


def _errors(metric: MetricPlan, found: Sequence[float]) -> RequestErrors:
    """The sums of events, from the columns of `COLUMNS`."""
    n, users, *sums = found
    return RequestErrors(int(users), JointMoments(int(n), *map(float, sums)), float(metric.cap or REQUESTS_CAP))


def _amounts(metric: MetricPlan, found: Sequence[float]) -> Amounts:
    """The sums of amounts, from the columns of `COLUMNS`."""
    n, above, x, xx, _ = found
    return Amounts(Moments(int(n), float(x), float(xx)), int(above), float(metric.cap or 0.0))


def _read_others(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    metrics: Sequence[MetricPlan],
    arms: Mapping[str, _Arm],
    at: tuple[int, Sequence[Interruption]],
) -> None:
    """Read quantiles and feedback into the arms."""
    names = list(plan.shares)
    quantiles = [one for one in metrics if one.method == "quantile"]
    feedback = [one for one in metrics if one.method != "quantile"]
    if quantiles:
        requests = sum(arm.requests for arm in arms.values())
        for (index, metric), quantile in read_quantiles(cursor, plan, hashes, quantiles, requests=requests).items():
            arms[names[index]].metrics[metric] = quantile
    if feedback:
        for (index, metric), given in read_feedback(cursor, plan, feedback, at=at).items():
            arms[names[index]].metrics[metric] = given

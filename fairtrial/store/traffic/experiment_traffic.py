"""Summarises one experiment's traffic: over time, its latencies, errors per try and call, and sums by tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from fairtrial.api.experiment_traffic import Latency, Series, Slot, VariantErrors
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query, timestamp

WIDTHS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Slot widths that give readable axes. For longer windows the last one is doubled."""
MOST_SLOTS = 60
SHARES = (0.01, 0.05, *(round(0.1 * tenth, 1) for tenth in range(1, 10)), 0.95, 0.99)

SPAN = f"""
SELECT min(at_time), max(at_time)
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
"""  # noqa: S608 - ours

SLOTS = f"""
SELECT * EXCLUDE (latency), latency[1] AS latency_p50, latency[2] AS latency_p95
FROM (
    SELECT (epoch_us(at_time) - $4::BIGINT) // $5::BIGINT AS slot, variant_assigned AS variant, count(*) AS requests,
        count(*) FILTER (arm_outcome = 'failed') AS errors, count(*) FILTER (user_outcome = 'failed') AS user_errors,
        count(*) FILTER (arm_outcome = 'kept_away') AS kept_away,
        quantile_cont(latency_ms, [0.5, 0.95]) AS latency
    FROM requests
    WHERE at_time >= $1 AND at_time <= $2 AND experiment = $3 AND {ANALYSED}
    GROUP BY slot, variant
)
"""  # noqa: S608 - ours

LATENCIES = f"""
SELECT variant_assigned AS variant, unnest($4::DOUBLE[]) AS share, unnest(quantile_cont(latency_ms, $4::DOUBLE[])) AS ms
FROM requests
WHERE at_time >= $1 AND at_time <= $2 AND experiment = $3 AND {ANALYSED}
    AND latency_ms IS NOT NULL
GROUP BY variant_assigned
ORDER BY variant, share
"""  # noqa: S608 - ours
LONGEST_WAIT_S = 150
"""Seconds from the end of a try to the next one, at most.

The official client waits at most 8 s, or 120 s if ``Retry-After`` says so. The rest is for its connection.
"""

ERRORS = f"""
WITH tries AS (
    SELECT variant_assigned AS variant, exposed_unit AS unit, coalesce(prompt_digest, '') AS prompt,
        retry_ordinal > 0 AS again, (at_time, request_id) AS place, at_time,
        at_time + to_microseconds((coalesce(latency_ms, 0) * 1000)::BIGINT) AS ended,
        arm_outcome IS DISTINCT FROM 'kept_away' AS received, arm_outcome = 'failed' AS failed,
        user_outcome = 'failed' AS user_failed
    FROM requests
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
), repeated AS (
    SELECT DISTINCT unit, prompt FROM tries WHERE again
), parted AS (
    SELECT *, coalesce(again AND at_time - lag(ended) OVER following <= to_seconds($4), false) AS continues
    FROM tries SEMI JOIN repeated USING (unit, prompt)
    WINDOW following AS (PARTITION BY unit, prompt ORDER BY place)
), numbered AS (
    SELECT *, count(*) FILTER (NOT continues) OVER (PARTITION BY unit, prompt ORDER BY place) AS call FROM parted
), calls AS (
    SELECT variant, count(*) FILTER (received) AS tries, count(*) FILTER (failed) AS failed_tries, count(*) AS sent,
        count(*) FILTER (user_failed) AS user_failed_tries, bool_or(received) AS received,
        arg_max(failed, place) FILTER (received) AS failed, arg_max(user_failed, place) AS user_failed
    FROM numbered
    GROUP BY variant, unit, prompt, call
    UNION ALL
    SELECT variant, received::INTEGER, (failed IS TRUE)::INTEGER, 1, (user_failed IS TRUE)::INTEGER, received, failed,
        user_failed
    FROM tries ANTI JOIN repeated USING (unit, prompt)
)
SELECT variant, sum(tries)::BIGINT AS tries, sum(failed_tries)::BIGINT AS failed_tries,
    count(*) FILTER (received) AS calls, count(*) FILTER (failed) AS failed_calls,
    sum(sent)::BIGINT AS user_tries, sum(user_failed_tries)::BIGINT AS user_failed_tries,
    count(*) AS user_calls, count(*) FILTER (user_failed) AS user_failed_calls
FROM calls
GROUP BY variant
ORDER BY variant
"""  # noqa: S608 - ours
"""Only tries of a unit and prompt that were repeated at all are put in order; each other one is a call by itself."""

MOST_TAGS, MOST_VALUES = 5, 8
"""The tags, and the values of each, with the most requests are shown."""
MOST_REQUESTS = 400_000
"""With more requests, a share of the units is read, selected by a hash."""
SELECTED = f"""
experiment = $experiment AND at_time >= $since AND {ANALYSED} AND experiment_state = 'running'
    AND list_contains($hashes::VARCHAR[], analysis_hash) AND cardinality(tags) > 0
"""
COUNT = f"SELECT count(*) FROM requests WHERE {SELECTED}"  # noqa: S608 - ours
TAGGED = f"""
WITH selected AS (
    SELECT * FROM requests WHERE {SELECTED} AND hash(exposed_unit) % 1000000 < $share
), tagged AS (
    SELECT unnest(map_entries(tags), recursive := true), * EXCLUDE (tags) FROM selected
), of_units AS (
    SELECT key AS tag, value AS tag_value, variant_assigned AS variant, exposed_unit AS unit, count(*) AS requests,
        {{x}} AS x, {{y}} AS y
    FROM tagged {{joined}}
    GROUP BY ALL
), slices AS (
    SELECT tag, tag_value, variant, sum(requests)::BIGINT AS requests,
        count(*) FILTER (y > 0) AS n, coalesce(sum({{a}}) FILTER (y > 0), 0) AS a,
        coalesce(sum({{b}}) FILTER (y > 0), 0) AS b, coalesce(sum({{a}} * {{a}}) FILTER (y > 0), 0) AS aa,
        coalesce(sum({{b}} * {{b}}) FILTER (y > 0), 0) AS bb, coalesce(sum({{a}} * {{b}}) FILTER (y > 0), 0) AS ab
    FROM of_units
    GROUP BY ALL
), largest AS (
    SELECT *, sum(requests) OVER (PARTITION BY tag) AS of_tag,
        sum(requests) OVER (PARTITION BY tag, tag_value) AS of_value
    FROM slices
)
SELECT tag, tag_value, variant, requests, n, a, b, aa, bb, ab
FROM largest
QUALIFY dense_rank() OVER (ORDER BY of_tag DESC, tag) <= $tags
    AND dense_rank() OVER (PARTITION BY tag ORDER BY of_value DESC, tag_value) <= $values
ORDER BY of_tag DESC, tag, of_value DESC, tag_value, variant
"""  # noqa: S608 - ours
SERVED = "WHERE arm_outcome IS DISTINCT FROM 'kept_away'"
"""The arm did not fail to answer requests that a breaker kept from it."""
SAID = """
LEFT JOIN (
    SELECT subject, arg_max(coalesce(boolean::INTEGER::DOUBLE, number), (feedback.at_time, feedback_id)) AS said
    FROM feedback
    WHERE attribution = 'request' AND subject_experiment = $experiment AND feedback.key = $key
        AND feedback.at_time >= $since
    GROUP BY subject
) ON subject = request_id
"""


def series(database: Database, page: Page, *, experiment: str) -> Series:
    """One experiment in the window, in at most 60 slots from its first to its last request."""
    ((first, last),) = database.rows(SPAN, (page.since, page.until, experiment))
    if first is None:
        return Series(WIDTHS_S[0], (), ())
    width_s = width_for((last - first).total_seconds())
    origin_us = microseconds(first) // (width_s * 1_000_000) * width_s * 1_000_000
    rows = database.rows(SLOTS, (first, last, experiment, origin_us, width_s * 1_000_000))
    latencies = database.values(Latency, LATENCIES, (first, last, experiment, list(SHARES)))
    known = {(slot, variant): numbers for slot, variant, *numbers in rows}
    variants = sorted({variant for _, variant in known})
    slots = range(max((slot for slot, _ in known), default=-1) + 1)
    return Series(
        width_s,
        tuple(
            Slot(
                *known.get((slot, variant), (0, 0, 0, 0, None, None)),
                at_us=origin_us + slot * width_s * 1_000_000,
                variant=variant,
            )
            for slot, variant in product(slots, variants)
        ),
        tuple(latencies),
    )


def width_for(seconds: float) -> int:
    """The smallest readable width that needs at most 60 slots."""
    for width in WIDTHS_S:
        if seconds / width < MOST_SLOTS - 1:
            return width
    width = WIDTHS_S[-1]
    while seconds / width >= MOST_SLOTS - 1:
        width *= 2
    return width


def errors_by_variant(database: Database, page: Page, experiment: str) -> list[VariantErrors]:
    """The errors of each variant with requests in the window, on enrolled units only."""
    rows = database.dicts(Query(ERRORS, (page.since, page.until, experiment, LONGEST_WAIT_S)))
    return [VariantErrors(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class SliceQuestion:
    """Which metric to read, since when, under which analysis hashes. ``cap``: the requests of a unit that count."""

    experiment: str
    metric: str
    since_us: int
    hashes: Sequence[str]
    cap: float = 50.0


@dataclass(frozen=True, slots=True)
class TagSlice:
    """One arm's requests with one value of a tag. ``sums``: a unit's mean for feedback, otherwise events by unit."""

    tag: str
    value: str
    variant: str
    requests: int
    sums: Moments | JointMoments


def can_slice(metric: str) -> bool:
    """Whether slices can show the metric: feedback, and events of requests."""
    known = CATALOGUE.get(metric)
    if known is None:
        return metric.startswith("feedback.") and not metric.endswith(".given")
    return known.method == "events" and "calls" not in UNIT_COLUMNS[known.per]


def tag_slices(database: Database, question: SliceQuestion) -> list[TagSlice]:
    """The slices of an experiment by tag, value and arm, largest first; raises `StoreError`.

    They are shown and never decide anything, so a unit counts in each slice for the arm that its request was assigned.
    """
    feedback = question.metric not in CATALOGUE
    bound = {"experiment": question.experiment, "since": timestamp(question.since_us), "hashes": list(question.hashes)}
    requests = database.value(COUNT, bound)
    if not requests:
        return []
    share = {"share": 1_000_000 * MOST_REQUESTS // max(MOST_REQUESTS, requests)}
    key = {"key": question.metric.removeprefix("feedback.")} if feedback else {}
    limits = {"tags": MOST_TAGS, "values": MOST_VALUES}
    rows = database.rows(_sql(question, feedback=feedback), bound | share | key | limits)
    return [
        TagSlice(tag, value, variant, n, _moments(sums) if feedback else _joint(sums))
        for tag, value, variant, n, *sums in rows
    ]


def _sql(question: SliceQuestion, *, feedback: bool) -> str:
    if feedback:
        return TAGGED.format(x="sum(said)", y="count(said)", joined=SAID, a="(x / y)", b="1")
    known, cap = CATALOGUE[question.metric], float(question.cap)
    a, b = f"(x * least(1, {cap!r} / y))", f"least(y, {cap!r})"
    return TAGGED.format(x=UNIT_COLUMNS[known.over], y=UNIT_COLUMNS[known.per], joined=SERVED, a=a, b=b)


def _moments(sums: Sequence[float]) -> Moments:
    n, a, _, aa, *_ = sums
    return Moments(int(n), float(a), float(aa))


def _joint(sums: Sequence[float]) -> JointMoments:
    n, a, b, aa, bb, ab = sums
    return JointMoments(int(n), float(a), float(b), float(aa), float(bb), float(ab))

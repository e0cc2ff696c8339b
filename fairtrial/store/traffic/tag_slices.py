"""Sums one metric of an experiment's requests by tag, value and arm."""

from collections.abc import Sequence
from dataclasses import dataclass

from fairtrial.domain.metrics import CATALOGUE, UNIT_COLUMNS
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, timestamp

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

"""An experiment's traffic is read by tag: each unit once, with its capped requests or its latest feedback."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from fairtrial.journal.writer import JournalWriter
from fairtrial.stats.sums import JointMoments, Moments, capped_requests
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.traffic.tag_slices import MOST_VALUES, SliceQuestion, TagSlice, can_slice, tag_slices
from tests.fixtures.for_each import for_each
from tests.fixtures.store import samples

TEAMS = ("search", "billing")


def question(metric: str, **more: object) -> SliceQuestion:
    fields = {"experiment": "tuned-vs-base", "metric": metric, "since_us": samples.NOW, "hashes": ["a1"], "cap": 2.0}
    return SliceQuestion(**(fields | more))  # type: ignore[arg-type]


@pytest.fixture(name="rows")
def rows_fixture(database: Database, ingester: Ingester) -> list[tuple[str, str, str, bool, float]]:
    """300 requests of 60 users, two teams and two arms, with failures and feedback that was corrected once."""
    draw, rows = random.Random(3), []
    writer = JournalWriter(database.layout.journal, writer="test")
    for number in range(300):
        user, team = draw.randrange(60), draw.choice(TEAMS)
        arm = ("base", "tuned")[user % 2]
        failed, value = draw.random() < 0.2, float(draw.random() < 0.6)
        outcome = "failed" if failed else "answered"
        writer.append(
            samples.exposed(
                number, assigned=arm, served=arm, unit=f"u-{user}", tags={"team": team}, arm_outcome=outcome
            )
        )
        writer.append(samples.feedback(2 * number, request_id=f"r-{number}", boolean=value == 0.0))
        writer.append(
            samples.feedback(2 * number + 1, request_id=f"r-{number}", boolean=value == 1.0, at_us=samples.NOW + 10**6)
        )
        rows.append((team, arm, f"u-{user}", failed, value))
    writer.append(samples.exposed(1000, unit="u-0", tags={"team": "search"}, analysis_hash="earlier"))
    writer.append(samples.exposed(1001, unit="u-0", tags={"team": "search"}, state="paused"))
    writer.append(samples.exposed(1002, unit="u-0"))
    writer.close()
    ingester.catch_up()
    return rows


def by_key(entries: list[TagSlice]) -> dict[tuple[str, str], TagSlice]:
    return {(entry.value, entry.variant): entry for entry in entries}


def test_feedback_counts_the_latest_value_once_for_each_unit(
    database: Database, rows: list[tuple[str, str, str, bool, float]]
) -> None:
    slices = by_key(tag_slices(database, question("feedback.resolved")))
    means = defaultdict(list)
    for team, arm, user, _, value in rows:
        means[team, arm, user].append(value)
    for (team, arm), entry in slices.items():
        values = [sum(given) / len(given) for (at, of, _), given in means.items() if (at, of) == (team, arm)]
        want = Moments.of(values)
        assert isinstance(entry.sums, Moments)
        assert (entry.sums.n, entry.sums.x, entry.sums.xx) == pytest.approx((want.n, want.x, want.xx))
        assert entry.requests == sum((row[0], row[1]) == (team, arm) for row in rows)
    assert len(slices) == 4


def test_errors_are_ratios_of_capped_requests(
    database: Database, rows: list[tuple[str, str, str, bool, float]]
) -> None:
    slices = by_key(tag_slices(database, question("requests.error_rate")))
    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for team, arm, user, failed, _ in rows:
        counts[team, arm, user][0] += failed
        counts[team, arm, user][1] += 1
    for (team, arm), entry in slices.items():
        pairs = [pair for (at, of, _), pair in counts.items() if (at, of) == (team, arm)]
        want = capped_requests([x for x, _ in pairs], [y for _, y in pairs], cap=2.0)
        assert isinstance(entry.sums, JointMoments)
        names = ("n", "x", "y", "xx", "yy", "xy")
        assert [getattr(entry.sums, name) for name in names] == pytest.approx([getattr(want, name) for name in names])


def test_other_hashes_and_times_have_no_slices(
    database: Database, rows: list[tuple[str, str, str, bool, float]]
) -> None:
    assert tag_slices(database, question("requests.error_rate", hashes=["other"])) == []
    assert tag_slices(database, question("requests.error_rate", since_us=samples.NOW + 10**9)) == []


def test_only_the_largest_values_of_a_tag_are_read(database: Database, ingester: Ingester) -> None:
    writer = JournalWriter(database.layout.journal, writer="test")
    for number in range(MOST_VALUES * 2):
        for at in range(number + 1):
            writer.append(samples.exposed(100 * number + at, tags={"release": f"v{number:02d}"}))
    writer.close()
    ingester.catch_up()
    slices = tag_slices(database, question("requests.error_rate"))
    assert [entry.value for entry in slices] == [f"v{number:02d}" for number in range(15, 15 - MOST_VALUES, -1)]


@for_each(
    ("metric", "possible"),
    [
        ("feedback.resolved", True),
        ("feedback.resolved.given", False),
        ("requests.error_rate", True),
        ("requests.attempt_error_rate", False),
        ("requests.latency_p95", False),
        ("cost.per_unit", False),
    ],
)
def test_feedback_and_error_rates_can_be_sliced_by_tag(metric: str, possible: bool) -> None:
    assert can_slice(metric) is possible

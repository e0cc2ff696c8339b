"""Makes a store with one experiment of a week by SQL: feedback on one request in twenty, errors in one of a hundred.

It imports only what earlier releases have, too, so that their programs can be measured with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fairtrial.config.layout import Layout
from fairtrial.config.project import Project, load_project
from fairtrial.store.core.database import Database

try:
    from fairtrial.store.derived.unit_summaries import PARTS, update_sums
except ImportError:  # release 0.2.0, which `benchmarks/since.py` measures with this file
    from fairtrial.store.derived.unit_sums import (
        PARTS,  # type: ignore[import-not-found, no-redef]
        fold as update_sums,
    )

NAME = "tuned-vs-base"
START_US = 1_800_000_000_000_000
WEEK_US = 7 * 86_400_000_000
SLICE = 500_000
PROJECT = """\
version: 1
deployments:
  base: {model: openai/base, base_url: http://127.0.0.1:9/v1}
  tuned: {model: openai/tuned, base_url: http://127.0.0.1:8/v1, parent: base}
routes:
  support: {experiment: tuned-vs-base, fallback: base}
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean, window: 1d}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
    primary: {metric: feedback.resolved, require: superior, mde: 1pp}
"""
REQUESTS = """
INSERT INTO requests BY NAME
SELECT 'r' || lpad(i::VARCHAR, 31, '0') AS request_id, make_timestamp($start + (i * $step)::BIGINT) AS at_time,
    'chat.completions' AS endpoint, 'support' AS route, 200 AS status,
    CASE WHEN hash(i * 3) % 100 = 0 THEN 'error' ELSE 'ok' END AS outcome, 'assigned' AS reason, 'p' AS plan_hash,
    'w' AS worker, 'tuned-vs-base' AS experiment,
    CASE WHEN hash(hash(i) % $units + 7) % 2 = 0 THEN 'base' ELSE 'tuned' END AS variant_assigned,
    md5('u' || (hash(i) % $units)) AS exposed_unit, md5('u' || (hash(i) % $units)) AS unit, true AS enrolled,
    $hash AS analysis_hash, 'running' AS experiment_state,
    CASE WHEN hash(i * 3) % 100 = 0 THEN 'failed' ELSE 'answered' END AS arm_outcome, 'answered' AS user_outcome,
    12.5 + hash(i + 5) % 1000000 / 1000 AS latency_ms, hash(i + 6) % 100000 / 1000 AS ttft_ms,
    (hash(i) % 9000 / 1e6)::DECIMAL(18, 9) AS cost_usd, 100 AS tokens_in, 20 + hash(i) % 400 AS tokens_out
FROM range($first, $last) t(i)
"""
ATTEMPTS = """
INSERT INTO attempts BY NAME
SELECT 'r' || lpad(i::VARCHAR, 31, '0') AS request_id, make_timestamp($start + (i * $step)::BIGINT) AS at_time,
    0 AS ordinal, 'live' AS purpose, 'base' AS deployment, 200 AS status, 'answered' AS outcome,
    CASE WHEN hash(i * 3) % 100 = 0 THEN 'upstream' END AS fault
FROM range($first, $last) t(i)
"""
FEEDBACK = """
INSERT INTO feedback BY NAME
SELECT 'f' || i AS feedback_id, make_timestamp($start + (i * $step)::BIGINT + 60000000) AS at_time, 'resolved' AS key,
    hash(i) % 3 <> 0 AS boolean, 'request' AS attribution, 'r' || lpad(i::VARCHAR, 31, '0') AS request_id,
    'r' || lpad(i::VARCHAR, 31, '0') AS subject, make_timestamp($start + (i * $step)::BIGINT) AS subject_time,
    'tuned-vs-base' AS subject_experiment,
    CASE WHEN hash(hash(i) % $units + 7) % 2 = 0 THEN 'base' ELSE 'tuned' END AS subject_arm,
    md5('u' || (hash(i) % $units)) AS subject_unit, ['tuned-vs-base'] AS experiments
FROM range($first, $last) t(i)
WHERE hash(i + 9) % 20 = 0
"""


class Size(NamedTuple):
    """How much happens in the week."""

    requests: int
    units: int


def make_project(folder: Path) -> Project:
    """The project without any request."""
    path = folder / "fairtrial.yaml"
    path.write_text(PROJECT)
    project = load_project(path, {})
    Layout(project.layout.store).make()
    return project


def fill(database: Database, project: Project, size: Size) -> Iterator[int]:
    """Store the week and fold it into the sums of units; yields how many requests are stored."""
    for first in range(0, size.requests, SLICE):
        last = min(size.requests, first + SLICE)
        insert(database, project, size, first, last)
        update_sums(database)
        yield last
    for _ in range(PARTS + 1):  # a compaction takes so many passes
        update_sums(database)


def insert(database: Database, project: Project, size: Size, first: int, last: int) -> None:
    """Store the requests of these numbers with their attempts and feedback."""
    common = {"start": START_US, "step": WEEK_US / size.requests, "first": first, "last": last}
    with database.transaction() as cursor:
        hashed = {"units": size.units, "hash": project.plan.experiments[NAME].analysis_hash}
        cursor.execute(REQUESTS, common | hashed)
        cursor.execute(ATTEMPTS, common)
        cursor.execute(FEEDBACK, common | {"units": size.units})

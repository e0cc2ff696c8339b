"""Makes a store with experiments of a week by SQL: feedback on one request in twenty, errors in one of a hundred.

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
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean, window: 1d}
"""
ROUTE = "  {route}: {{experiment: {name}, fallback: base}}\n"
EXPERIMENT = """\
  {name}:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants: {{base: {{deployment: base}}, tuned: {{deployment: tuned}}}}
    split: {{base: 50, tuned: 50}}
    primary: {{metric: feedback.resolved, require: superior, mde: 1pp}}
"""
_AT = "(1 + hash(i) % $units % len($names))::BIGINT"
"""The place of a request's experiment."""
REQUESTS = """
INSERT INTO requests BY NAME
SELECT 'r' || lpad(i::VARCHAR, 31, '0') AS request_id, make_timestamp($start + (i * $step)::BIGINT) AS at_time,
    'chat.completions' AS endpoint, list_extract($routes, {at}) AS route, 200 AS status,
    CASE WHEN hash(i * 3) % 100 = 0 THEN 'error' ELSE 'ok' END AS outcome, 'assigned' AS reason, 'p' AS plan_hash,
    'w' AS worker, list_extract($names, {at}) AS experiment,
    CASE WHEN hash(hash(i) % $units + 7) % 2 = 0 THEN 'base' ELSE 'tuned' END AS variant_assigned,
    md5('u' || (hash(i) % $units)) AS exposed_unit, md5('u' || (hash(i) % $units)) AS unit, true AS enrolled,
    list_extract($hashes, {at}) AS analysis_hash, 'running' AS experiment_state,
    CASE WHEN hash(i * 3) % 100 = 0 THEN 'failed' ELSE 'answered' END AS arm_outcome, 'answered' AS user_outcome,
    12.5 + hash(i + 5) % 1000000 / 1000 AS latency_ms, hash(i + 6) % 100000 / 1000 AS ttft_ms,
    (hash(i) % 9000 / 1e6)::DECIMAL(18, 9) AS cost_usd, 100 AS tokens_in, 20 + hash(i) % 400 AS tokens_out
FROM range($first, $last) t(i)
""".replace("{at}", _AT)
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
    list_extract($names, {at}) AS subject_experiment,
    CASE WHEN hash(hash(i) % $units + 7) % 2 = 0 THEN 'base' ELSE 'tuned' END AS subject_arm,
    md5('u' || (hash(i) % $units)) AS subject_unit, [list_extract($names, {at})] AS experiments
FROM range($first, $last) t(i)
WHERE hash(i + 9) % 20 = 0
""".replace("{at}", _AT)


class Size(NamedTuple):
    """How much happens in the week, and when it begins. Each unit is in one of the experiments."""

    requests: int
    units: int
    start_us: int = START_US


def names(experiments: int) -> list[str]:
    """The names of so many experiments; the first one is `NAME`."""
    return [NAME, *(f"{NAME}-{number}" for number in range(2, experiments + 1))]


def route_of(name: str) -> str:
    """The route of an experiment."""
    return name.replace(NAME, "support")


def make_project(folder: Path, experiments: int = 1, more: str = "") -> Project:
    """The project without any request. ``more``: further lines of its file."""
    path = folder / "fairtrial.yaml"
    of = [{"name": name, "route": route_of(name)} for name in names(experiments)]
    routes, declared = ("".join(text.format(**each) for each in of) for text in (ROUTE, EXPERIMENT))
    path.write_text(f"{PROJECT}routes:\n{routes}experiments:\n{declared}{more}")
    project = load_project(path, {})
    Layout(project.layout.store).make()
    return project


def fill(database: Database, project: Project, size: Size, requests: str = REQUESTS) -> Iterator[int]:
    """Store the week and fold it into the sums of units; yields how many requests are stored.

    ``requests``: the statement that stores them, which may fill further columns.
    """
    for first in range(0, size.requests, SLICE):
        last = min(size.requests, first + SLICE)
        insert(database, project, size, first, last, requests)
        update_sums(database)
        yield last
    for _ in range(PARTS + 1):  # a compaction takes so many passes
        update_sums(database)


def insert(database: Database, project: Project, size: Size, first: int, last: int, requests: str = REQUESTS) -> None:
    """Store the requests of these numbers with their attempts and feedback."""
    common = {"start": size.start_us, "step": WEEK_US / size.requests, "first": first, "last": last}
    known = list(project.plan.experiments.values())
    with database.transaction() as cursor:
        named = {"units": size.units, "names": [experiment.name for experiment in known]}
        routes = [route_of(experiment.name) for experiment in known]
        hashes = [experiment.analysis_hash for experiment in known]
        cursor.execute(requests, common | named | {"hashes": hashes, "routes": routes})
        cursor.execute(ATTEMPTS, common)
        cursor.execute(FEEDBACK, common | named)

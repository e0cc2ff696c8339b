"""Makes suites whose rows come from the store: masked recorded traffic, or the agreed pairs of a closed review."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.migration.drawn_suite import NOT_WORSE, pair_row, write_suite
from evaluators.migration.recorded_requests import case_of, chat_of, common_params, in_words
from fairtrial.api import reviews
from fairtrial.api.traffic import AnsweredBy, LeftOutRequests, SampleTraffic, left_out, samples
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient


ID_LETTERS = 8
FEWEST = 20


def review_suite(project: Project, store: StoreClient, queue_id: str) -> tuple[Path, bool]:
    """The file of the suite of this queue, and whether it was made now; a closed queue gives the same suite again.

    A case has the id that it had in the reviewed suite. Raises `UsageError` without an agreed pair, for an open queue,
    and for an unknown one.
    """
    folder, name = project.layout.make().traffic_suites, f"reviews-{queue_id[:ID_LETTERS]}"
    pairs = store.call(reviews.pairs, reviews.NameQueue(queue_id=queue_id))
    path = folder / f"{name}.yaml"
    if path.exists():
        return path, False
    rows = [row for pair in pairs if (row := pair_row(pair)) is not None]
    if not rows:
        command = f"fairtrial review export {queue_id} --format dpo"
        raise UsageError(f"--from-reviews: no pair of {queue_id} has an agreed preference (the reasons: {command})")
    description = f"Reviewed prompts of the queue {queue_id}. The references are the preferred answers."
    write_suite(path, description, rows, agreement=NOT_WORSE)
    return path, True


@dataclass(frozen=True, slots=True)
class TrafficSuite:
    """The file, whether it was drawn now, and if so, how many requests can't be cases, by reason."""

    path: Path
    is_new: bool
    left_out: Sequence[LeftOutRequests] = ()


def traffic_suite(project: Project, store: StoreClient, deployment: str, count: int) -> TrafficSuite:
    """The suite of this deployment's traffic.

    It is drawn once, because the stored answers of a model that no longer answers fit only the same cases. Raises
    `UsageError` if too few requests can be cases.
    """
    name = f"traffic-{re.sub(r'[^A-Za-z0-9_-]', '-', deployment)}"
    folder = project.layout.make().traffic_suites
    path = folder / f"{name}.yaml"
    if path.exists():
        return TrafficSuite(path, is_new=False)
    routes = tuple(project.plan.routes)
    if not routes:
        raise UsageError("--from-traffic: the project has no route, so no traffic was recorded (use --suite FILE)")
    sampled = store.call(samples, SampleTraffic(deployment=deployment, routes=routes, count=count))
    reasons = store.call(left_out, AnsweredBy(deployment=deployment, routes=routes))
    requests = [chat_of(sample.request_body) for sample in sampled]
    cases = [case_of(sample, request) for sample, request in zip(sampled, requests, strict=True)]
    rows = [case for case in cases if case["expected"] is not None]
    if len(rows) < FEWEST:
        others = f"; requests that can't be: {text}" if (text := in_words(reasons)) else ""
        raise UsageError(
            f"--from-traffic: {counted(len(rows), 'recorded prompt')} of {deployment} can be cases, and a suite needs "
            f"{FEWEST}{others}"
        )
    description = f"Recorded prompts of {deployment}. The references are its recorded answers."
    write_suite(path, description, rows, tags=("route", "week"), params=common_params(requests))
    return TrafficSuite(path, is_new=True, left_out=reasons)

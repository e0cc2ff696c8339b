"""Makes suites whose rows come from the store: masked recorded traffic, or the agreed pairs of a closed review."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.migration.answer_forms import form_of
from evaluators.migration.recorded_requests import case_of, chat_of, common_params, in_words
from evaluators.review.training_rows import LeftOut, preferred
from fairtrial.api import reviews
from fairtrial.api.review_answers import ReviewedPair
from fairtrial.api.traffic import AnsweredBy, LeftOutRequests, SampleTraffic, left_out, samples
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial.privacy.masking import mask
from fairtrial.safe_files import write_private

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient


NOTHING: Mapping[str, Any] = {}
ID_LETTERS = 8
FEWEST = 20
FLOOR = ">= 90% sure"
"""How often a successor must give the recorded answer. OLD can't be the measure, because these answers are its own."""
NOT_WORSE = "not worse than base by 5pp"
"""How often it must give the preferred answer of a review, which may be another model's."""


def path_of(folder: Path, name: str) -> Path:
    """The file of the suite with this name."""
    return folder / f"{name}.yaml"


def write_suite(
    path: Path,
    description: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    agreement: str = FLOOR,
    tags: Sequence[str] = (),
    params: Mapping[str, Any] = NOTHING,
) -> None:
    """Write the suite and its rows, readable only by their owner.

    Each row has ``messages``, the recorded answer as ``expected``, and its provenance. ``agreement``: how often an
    answer must be the recorded one, if these are labels, short texts or JSON. ``tags``: the columns by which the suite
    is sliced. ``params`` are sent besides temperature 0. Another wording of prose is not worse, so people judge it.
    """
    form = form_of(rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in form.rows)
    write_private(path.with_suffix(".jsonl"), lines.encode())
    if others := len(rows) - len(form.rows):
        description += f" {counted(others, 'answer')} of another form left out."
    content = {
        "suite": path.stem,
        "description": description,
        "data": f"{path.stem}.jsonl",
        "params": {"temperature": 0, **params},
        "score": [form.entry],
        "gate": [
            REVIEW_LINE if form.metric is None else f"{form.metric} {agreement}",
            f"refusals {NOT_WORSE}",
            "errors <= 1%",
        ],
    }
    if tags:
        content |= {"tags": {name: name for name in tags}, "slices": list(tags)}
    write_private(path, _yaml(content).encode())


def _yaml(content: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    text = StringIO()
    YAML().dump(content, text)
    return text.getvalue()


def review_suite(project: Project, store: StoreClient, queue_id: str) -> tuple[Path, bool]:
    """The file of the suite of this queue, and whether it was made now; a closed queue gives the same suite again.

    A case has the id that it had in the reviewed suite. Raises `UsageError` without an agreed pair, for an open queue,
    and for an unknown one.
    """
    folder, name = project.layout.make().traffic_suites, f"reviews-{queue_id[:ID_LETTERS]}"
    pairs = store.call(reviews.pairs, reviews.NameQueue(queue_id=queue_id))
    path = path_of(folder, name)
    if path.exists():
        return path, False
    rows = [row for pair in pairs if (row := _pair_row(pair)) is not None]
    if not rows:
        command = f"fairtrial review export {queue_id} --format dpo"
        raise UsageError(f"--from-reviews: no pair of {queue_id} has an agreed preference (the reasons: {command})")
    description = f"Reviewed prompts of the queue {queue_id}. The references are the preferred answers."
    write_suite(path, description, rows, agreement=NOT_WORSE)
    return path, True


def _pair_row(pair: ReviewedPair) -> dict[str, Any] | None:
    """One case, or ``None`` without an agreed preference. An erasure knows the row by its case and its request."""
    try:
        arm = preferred(pair)
    except LeftOut:
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": pair.case_id,
        "case_id": pair.case_id,
        "request_id": pair.request(arm),
        "queue_id": pair.queue_id,
        "votes": len(pair.votes),
        "preferred": pair.target(arm),
        **mask({"messages": pair.asked, "expected": pair.output(arm)}, kinds),
    }


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
    path = path_of(folder, name)
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

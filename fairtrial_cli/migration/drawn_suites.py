"""Makes suites whose rows come from the store: masked recorded traffic, or the agreed pairs of a closed review."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.review.training_rows import LeftOut, preferred
from fairtrial.api import reviews
from fairtrial.api.traffic import SampleTraffic, samples
from fairtrial.domain.answers.chat import answered_text
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial.privacy.search import mask
from fairtrial.safe_files import write_private
from fairtrial_cli.migration.answer_forms import form_of

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient


NOTHING: Mapping[str, Any] = {}
ID_LETTERS = 8
PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "response_format", "stop", "seed")
"""The fields of requests that a suite sends too, if all drawn requests have the same value."""
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
    if left_out := len(rows) - len(form.rows):
        description += f" {counted(left_out, 'answer')} of another form left out."
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


def _pair_row(pair: Mapping[str, Any]) -> dict[str, Any] | None:
    """One case, or ``None`` without an agreed preference. An erasure knows the row by its case and its request."""
    try:
        arm = preferred(pair)
    except LeftOut:
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": pair["case_id"],
        "case_id": pair["case_id"],
        "request_id": pair[f"{arm}_request"],
        "queue_id": pair["queue_id"],
        "votes": len(pair["votes"]),
        "preferred": pair[arm],
        **mask({"messages": pair["asked"], "expected": pair[f"{arm}_output"]}, kinds),
    }


def traffic_suite(project: Project, store: StoreClient, deployment: str, count: int) -> tuple[Path, bool]:
    """The file of the suite of this deployment's traffic, and whether it was drawn now.

    It is drawn once, because the stored answers of a model that no longer answers fit only the same cases. Raises
    `UsageError` if there is too little traffic with texts.
    """
    name = f"traffic-{re.sub(r'[^A-Za-z0-9_-]', '-', deployment)}"
    folder = project.layout.make().traffic_suites
    path = path_of(folder, name)
    if path.exists():
        return path, False
    routes = tuple(project.plan.routes)
    if not routes:
        raise UsageError("--from-traffic: the project has no route, so no traffic was recorded (use --suite FILE)")
    sampled = store.call(samples, SampleTraffic(deployment=deployment, routes=routes, count=count))
    requests = [json.loads(sample["request_body"]) for sample in sampled]
    rows = [
        row
        for sample, request in zip(sampled, requests, strict=True)
        if (row := _request_row(sample, request)) is not None
    ]
    if len(rows) < FEWEST:
        raise UsageError(
            f"--from-traffic: {len(rows)} recorded prompts of {deployment} have texts, and a suite needs {FEWEST} "
            "(capture.bodies must not be none, and retention must not have deleted them)"
        )
    description = f"Recorded prompts of {deployment}. The references are its recorded answers."
    write_suite(path, description, rows, tags=("route", "week"), params=_common(requests))
    return path, True


def _request_row(sample: dict[str, Any], request: dict[str, Any]) -> dict[str, Any] | None:
    """One case, or ``None`` if the answer has no text or the request does not end with a question."""
    answer, messages = answered_text(sample["response_body"]), request["messages"]
    if answer is None or not messages or messages[-1].get("role") == "assistant":
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": sample["request_id"],
        "request_id": sample["request_id"],
        "route": sample["route"],
        "week": sample["week"],
        "requests": sample["requests"],
        **mask({"messages": messages, "expected": answer}, kinds),
    }


def _common(requests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    every = list(requests)
    first = every[0] if every else {}
    return {
        name: first[name]
        for name in PARAMS
        if name in first and all(request.get(name) == first[name] for request in every)
    }

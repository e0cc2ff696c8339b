"""Makes a suite of recorded traffic: masked texts, each prompt once, in proportion by route and week.

The rows are beside the store, in a folder where an erasure looks. Each has the id of the request that it comes from.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairtrial.api.traffic import SampleTraffic, samples
from fairtrial.domain.answers.chat import answered_text
from fairtrial.domain.errors import UsageError
from fairtrial.privacy.search import mask
from fairtrial_cli.migration.drawn_suite import path_of, write_suite

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient

PARAMS = ("temperature", "top_p", "max_tokens", "max_completion_tokens", "response_format", "stop", "seed")
"""The fields of requests that a suite sends too, if all drawn requests have the same value."""
FEWEST = 20


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
    found = store.call(samples, SampleTraffic(deployment=deployment, routes=routes, count=count))
    requests = [json.loads(one["request_body"]) for one in found]
    rows = [row for one, request in zip(found, requests, strict=True) if (row := _row(one, request)) is not None]
    if len(rows) < FEWEST:
        raise UsageError(
            f"--from-traffic: {len(rows)} recorded prompts of {deployment} have texts, and a suite needs {FEWEST} "
            "(capture.bodies must not be none, and retention must not have deleted them)"
        )
    description = f"Recorded prompts of {deployment}. The references are its recorded answers."
    write_suite(path, description, rows, tags=("route", "week"), params=_common(requests))
    return path, True


def _row(found: dict[str, Any], request: dict[str, Any]) -> dict[str, Any] | None:
    """One case, or ``None`` if the answer has no text or the request does not end with a question."""
    answer, messages = answered_text(found["response_body"]), request["messages"]
    if answer is None or not messages or messages[-1].get("role") == "assistant":
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": found["request_id"],
        "request_id": found["request_id"],
        "route": found["route"],
        "week": found["week"],
        "requests": found["requests"],
        **mask({"messages": messages, "expected": answer}, kinds),
    }


def _common(requests: Iterable[dict[str, Any]]) -> dict[str, Any]:
    every = list(requests)
    first = every[0] if every else {}
    return {
        name: first[name] for name in PARAMS if name in first and all(one.get(name) == first[name] for one in every)
    }

"""Two callers of one gateway, each with its own key, route and upstream: they share only the worker."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks.wire.load import KEY
from benchmarks.wire.plan import ROUTE, plan_for
from fairtrial.config.plan.hashes import plan_hash
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Deployment, Key, Published, Right, Route

OTHER_KEY = "sk-" + sha256(b"another key of the benchmark").hexdigest()
OTHER_ROUTE = "other"


def publish_two(path: Path, port: int, other_port: int) -> None:
    """Publish the benchmark's plan with a second route and key, which lead to the upstream on ``other_port``."""
    plan = plan_for(port)
    other = Deployment(name="other", provider="openai", model="other", base_url=f"http://127.0.0.1:{other_port}/v1")
    plan = replace(
        plan,
        deployments={**plan.deployments, "other": other},
        routes={**plan.routes, OTHER_ROUTE: Route(OTHER_ROUTE, deployment="other")},
    )
    keys = (_key(KEY, "one", ("complete",), ROUTE), _key(OTHER_KEY, "other", ("complete", "feedback"), OTHER_ROUTE))
    publish(path, Published(replace(plan, plan_hash=plan_hash(plan)), "keys", keys, "pepper"))


def _key(secret: str, name: str, rights: tuple[Right, ...], route: str) -> Key:
    return Key(name, name, sha256(secret.encode()).hexdigest(), rights, routes=(route,))

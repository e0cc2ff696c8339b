"""Makes the plan of the measured gateway: keys required, an experiment of two arms on one upstream."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks.wire.load import KEY
from fairtrial.config.plan.hashes import plan_hash
from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Deployment, Experiment, Key, Plan, Published, Route, Variant

ROUTE = "bench"


def plan_for(port: int, *, salt: str = "s") -> Plan:
    """One experiment of two arms, both on the instant upstream."""
    url = f"http://127.0.0.1:{port}/v1"
    deployments = {
        name: Deployment(name=name, provider="openai", model=name, base_url=url) for name in ("base", "tuned")
    }
    variants = (Variant("base", "base", 50.0), Variant("tuned", "tuned", 50.0, params={"temperature": 0.2}))
    trial = Experiment("trial", "?", "user", "base", variants, salt=salt, stage=100.0)
    plan = Plan(deployments, {ROUTE: Route(ROUTE, experiment="trial")}, {"trial": trial})
    return replace(plan, plan_hash=plan_hash(plan))


def publish_for(path: Path, port: int, *, salt: str = "s") -> Plan:
    """Publish that plan with the load generator's key; another ``salt`` makes it another plan."""
    plan = plan_for(port, salt=salt)
    key = Key("bench", "bench", sha256(KEY.encode()).hexdigest(), ("complete",), routes=(ROUTE,))
    publish(path, Published(plan, "keys", (key,), "pepper"))
    return plan

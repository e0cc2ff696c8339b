"""Checks once at the start whether the model servers respond, and prints hints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from fairtrial.domain.names.hosts import is_loopback
from fairtrial.domain.plan import Deployment, Plan
from gateway.models.bundled import BASE_NAME, RESPONDERS

PROBE_SECONDS = 3.0
AT_ONCE = 16
NOT_FOUND = 404


def probe_upstreams(plan: Plan) -> list[str]:
    """A hint for each server that does not respond or whose `base_url` seems to lack ``/v1``. No key is sent."""
    servers = _servers(plan.deployments.values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(_problem, servers.keys(), servers.values())
    return [line for line in found if line is not None]


def _servers(deployments: Iterable[Deployment]) -> Mapping[str, Sequence[Deployment]]:
    servers: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        if deployment.base_url:
            servers.setdefault(deployment.base_url.rstrip("/"), []).append(deployment)
    return servers


def _problem(base_url: str, deployments: Sequence[Deployment]) -> str | None:
    import httpx

    names = ", ".join(one.name for one in deployments)
    try:
        with httpx.Client(timeout=PROBE_SECONDS, trust_env=False) as client:
            if client.get(f"{base_url}/models").status_code != NOT_FOUND or urlsplit(base_url).path:
                return None
            if client.get(f"{base_url}/v1/models").status_code == NOT_FOUND:
                return None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{names}: nothing responds at {base_url} ({_reason(error)}); {_start(base_url, deployments)}"
    return f"{names}: the server at {base_url} has its API under /v1 (set base_url to {base_url}/v1)"


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    words = str(error) or (str(cause) if cause else "")
    return words.partition("] ")[2] or words or type(error).__name__


def _start(base_url: str, deployments: Sequence[Deployment]) -> str:
    """How to start that server, if known."""
    address, models = urlsplit(base_url), {one.model for one in deployments}
    if not is_loopback(address.hostname or ""):
        return "check the address and the network"
    port = f" --port {address.port}" if address.port else ""
    if models <= RESPONDERS.keys():
        return f"start it with: fairtrial models serve --sample{port}"
    if BASE_NAME in models:
        return f"start it with: fairtrial models serve{port}"
    return "start your model server, or correct base_url"

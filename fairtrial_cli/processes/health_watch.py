"""Reports problems for `fairtrial up`: model servers that do not respond, and services that are not ready."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import msgspec

from fairtrial.domain.names.addresses import is_loopback
from fairtrial.domain.plan import Deployment, Plan
from fairtrial_cli.processes.services import Services
from gateway.models.catalogue import BASE_NAME, RESPONDERS

CHECK_SECONDS = 2.0
ANSWER_SECONDS = 2.0
MAX_REASON = 2_000
"""The maximum length of the reason why a configuration was refused."""

PROBE_SECONDS = 3.0
AT_ONCE = 16
NOT_FOUND = 404


class Readiness(msgspec.Struct, frozen=True):
    """What a service's ``/readyz`` states; a service leaves out what it does not have."""

    status: str = ""
    plan: str = ""
    recording: str = ""


class HealthWatch:
    """Checks the services' ``/readyz``; ``say`` prints a message."""

    def __init__(self, services: Services, say: Callable[[str], None]) -> None:
        self._services = services
        self._say = say
        self._control_probe, self._gateway_probe = (
            ReadinessProbe(services.urls.control),
            ReadinessProbe(services.urls.gateway),
        )
        self._refused: str | None = None
        self._losing = False

    def check(self) -> None:
        """Check once, and report changes."""
        control, gateway = self._control_probe.ready(), self._gateway_probe.ready()
        if control is not None:
            self._control(control)
        if gateway is not None:
            self._recording(losing=gateway.recording == "losing")

    def _control(self, state: Readiness) -> None:
        child = self._services.children["control"]
        if child.store_error is not None and state.status == "ok":
            child.mark_recovered()
            self._say("Control works again and ingests what was recorded meanwhile.")
        refused = self._why_refused() if state.plan == "refused" else None
        if refused is not None and refused != self._refused:
            self._say(f"The changed configuration was refused; the last valid one stays in force:\n{refused}")
        elif refused is None and self._refused is not None:
            self._say("The configuration is in force again.")
        self._refused = refused

    def _why_refused(self) -> str:
        try:
            why = self._services.project.layout.plan_refused.read_text(encoding="utf-8", errors="replace")
        except OSError:
            why = "See control's log for the reason."
        return why.strip()[:MAX_REASON]

    def _recording(self, *, losing: bool) -> None:
        if losing and not self._losing:
            layout = self._services.project.layout
            why = f"Is the disk full? See {layout.logs / 'gateway.log'}."
            self._say(f"Requests are served but NOT recorded, because {layout.journal} can't be written. {why}")
        elif self._losing and not losing:
            self._say("Requests are recorded again.")
        self._losing = losing


class ReadinessProbe:
    """Requests one service's ``/readyz`` over a persistent connection, which is cheaper than a new one each time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)

    def ready(self) -> Readiness | None:
        """The service's state, or ``None`` if it does not respond. Retries once if the connection was closed."""
        again = self._connection.sock is not None
        try:
            return self._ask()
        except (HTTPException, OSError, msgspec.DecodeError):
            self._connection.close()
        return self.ready() if again else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self) -> Readiness:
        self._connection.request("GET", "/readyz")
        return msgspec.json.decode(self._connection.getresponse().read(), type=Readiness)


def probe_upstreams(plan: Plan) -> list[str]:
    """A hint for each server that does not respond or whose `base_url` seems to lack ``/v1``. No key is sent."""
    servers = _servers(plan.deployments.values())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        problems = pool.map(_problem, servers.keys(), servers.values())
    return [line for line in problems if line is not None]


def _servers(deployments: Iterable[Deployment]) -> Mapping[str, Sequence[Deployment]]:
    servers: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        if deployment.base_url:
            servers.setdefault(deployment.base_url.rstrip("/"), []).append(deployment)
    return servers


def _problem(base_url: str, deployments: Sequence[Deployment]) -> str | None:
    import httpx

    names = ", ".join(deployment.name for deployment in deployments)
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
    address, models = urlsplit(base_url), {deployment.model for deployment in deployments}
    if not is_loopback(address.hostname or ""):
        return "check the address and the network"
    port = f" --port {address.port}" if address.port else ""
    if models <= RESPONDERS.keys():
        return f"start it with: fairtrial models serve --sample{port}"
    if BASE_NAME in models:
        return f"start it with: fairtrial models serve{port}"
    return "start your model server, or correct base_url"

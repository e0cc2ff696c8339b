"""Runs the services of one project, control, gateway and dashboard, as child processes."""

import importlib.util
import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note, refuse_owned, running_services
from fairtrial.config.plan.published import read
from fairtrial.config.project import Project, load_project
from fairtrial.domain.errors import (
    STORE_UNUSABLE,
    FairtrialError,
    PlanRefused,
    PortTaken,
    StoreError,
    StoreLocked,
    UsageError,
)
from fairtrial.domain.names.addresses import Address
from fairtrial_cli.processes.children import (
    END_SECONDS,
    MAX_RESTARTS,
    READY_SECONDS,
    TRY_SECONDS,
    Child,
    Children,
    Program,
    raise_if_failed,
)
from gateway.process_resources import listen

BROWSER_ADDRESS = "STREAMLIT_BROWSER_SERVER_ADDRESS"
"""The dashboard's host name in the browser. Without it, Streamlit asks an external server for our address."""
CONTROL_URL = "FAIRTRIAL_CONTROL_URL"
"""The environment variable that gives the dashboard control's address."""


@dataclass(frozen=True, slots=True)
class Urls:
    """The addresses of the services; ``api`` is the `base_url` of applications."""

    api: str
    gateway: str
    control: str
    dashboard: str | None


class Services:
    """The services of one project. `start` returns when all are ready; `stop` ends them; also a context manager.

    They also end with this process, however it ends. ``workers`` overrides the project's number. ``without_store``:
    the gateway starts despite an unusable store, if a plan was published before.
    """

    def __init__(
        self,
        project_path: Path,
        *,
        workers: int | None = None,
        dashboard: bool = True,
        without_store: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = dict(os.environ if environ is None else environ)
        self.project = load_project(project_path, self._environ)
        self._workers = workers or self.project.gateway.workers
        self._dashboard = dashboard
        self._without_store = without_store
        self._without_control = False
        self._children = Children(self._programs())
        self._undo = ExitStack()

    @property
    def urls(self) -> Urls:
        gateway = self.project.gateway.address.url
        dashboard = self.project.dashboard.url if self._dashboard else None
        return Urls(f"{gateway}/v1", gateway, self.project.control.url, dashboard)

    @property
    def children(self) -> Mapping[str, Child]:
        """The children by name: control, gateway, dashboard."""
        return self._children.children

    @property
    def plan_in_use(self) -> str | None:
        """When the plan that the gateway serves without control was published; ``None`` if control started."""
        if not self._without_control:
            return None
        published = datetime.fromtimestamp(self.project.layout.plan.stat().st_mtime, UTC)
        return f"{published:%Y-%m-%d %H:%M} UTC"

    def start(self) -> Urls:
        """Start all services and wait until they are ready.

        Raises `StoreLocked` and `PortTaken` before anything is started, `UsageError` if a service fails to start.
        """
        layout = self._make_folders()
        with ExitStack() as undo:
            self._refuse_running(layout)
            undo.enter_context(running_services(layout))
            require_free_ports(self.project, dashboard=self._dashboard)
            undo.callback(self._children.stop)
            self._children.start()
            self._await_ready()
            self._undo = undo.pop_all()
        return self.urls

    def stop(self) -> None:
        """Stop the dashboard, the gateway, and finally control, which ingests what the gateway wrote."""
        self._undo.close()

    def __enter__(self) -> "Services":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _refuse_running(self, layout: Layout) -> None:
        note = read_note(layout)
        try:
            refuse_owned(layout)
        except StoreLocked as error:
            running = f"\nThis project is already running, with its gateway at {note.gateway_url}/v1." if note else ""
            raise StoreLocked(f"{error}{running if note and note.gateway_url else ''}") from error

    def _make_folders(self) -> Layout:
        layout = self.project.layout
        try:
            return layout.make()
        except OSError as error:
            if not self._has_plan():
                raise StoreError(f"{error.filename}: can't be created ({error.strerror})") from error
            return layout  # the gateway serves even if it can't record

    def _has_plan(self) -> bool:
        """Whether the gateway can serve the plan of an earlier start without control."""
        try:
            return self._without_store and read(self.project.layout.plan) is not None
        except PlanRefused:
            return False

    def _programs(self) -> list[Program]:
        programs = [self._control(), self._gateway()]
        return [*programs, dashboard_program(self.project, self._environ)] if self._dashboard else programs

    def _control(self) -> Program:
        project = self.project
        rate = project.control_body
        where = ["--store", str(project.layout.store), "--bind", _bind(project.control)]
        where += [part for proxy in project.control_proxies for part in ("--trusted-proxy", proxy)]
        where += ["--body-rate", str(rate.grace), str(rate.least)]
        where += ["--memory-mb", str(project.layout.memory_mb)] if project.layout.memory_mb else []
        return self._program("control", "-c", str(project.path), *where, "--gateway-url", project.gateway.address.url)

    def _gateway(self) -> Program:
        project = self.project
        where = ["--store", str(project.layout.store), "--bind", _bind(project.gateway.address)]
        size = ["--workers", str(self._workers), "--max-body-mb", str(project.gateway.max_body_mb)]
        manner = ["--settings", msgspec.json.encode(project.gateway).decode()]
        program = self._program("gateway", "-c", str(project.path), *where, *size, *manner)
        return replace(program, end_seconds=project.gateway.to_stop + END_SECONDS)

    def _program(self, name: str, *options: str) -> Program:
        arguments = [sys.executable, "-m", "fairtrial_cli.main", name, *options]
        return Program(name, arguments, self._environ, _log(self.project, name))

    def _await_ready(self) -> None:
        import httpx

        urls = self.urls
        doors = {"control": f"{urls.control}/readyz", "gateway": f"{urls.gateway}/readyz"}
        if urls.dashboard is not None:
            doors["dashboard"] = f"{urls.dashboard}/_stcore/health"
        with httpx.Client(timeout=2.0, trust_env=False) as client:
            for name, door in doors.items():
                self._await(client, name, door)

    def _await(self, client: Any, name: str, door: str) -> None:
        import httpx

        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            for child in self.children.values():  # check all, because the gateway waits forever for a dead control
                if self._runs_without_control(child):
                    if child.program.name == name:
                        return
                else:
                    self._raise_if_failed(child)
            try:
                if client.get(door).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(TRY_SECONDS)
        tail = self.children[name].log_tail()
        raise UsageError(f"{name} was not ready within {READY_SECONDS:.0f} seconds; the end of its log:\n{tail}")

    def _raise_if_failed(self, child: Child) -> None:
        try:
            raise_if_failed(child)
        except UsageError as error:
            if self._without_store and child.exit_code == STORE_UNUSABLE:
                more = "No configuration was published before, so the gateway has nothing to serve."
                raise UsageError(f"{error}\n{more}") from error
            raise

    def _runs_without_control(self, child: Child) -> bool:
        """Whether this is a failed control and the gateway can serve without it."""
        failed = child.store_error is not None or child.exit_code == STORE_UNUSABLE or child.restarts > MAX_RESTARTS
        if child.program.name != "control" or not failed or child.exit_code == UsageError.exit_code:
            return False
        self._without_control = self._has_plan()
        return self._without_control


def require_free_ports(project: Project, *, dashboard: bool) -> None:
    """Raise `PortTaken` if an address is in use."""
    addresses = {"gateway": project.gateway.address, "control": project.control}
    if dashboard:
        addresses["dashboard"] = project.dashboard
    for service, address in addresses.items():
        try:
            listen(address.host, address.port, service=service, setting=f"{service}.bind").close()
        except PortTaken as error:
            hint = f"To create a project with other ports: fairtrial init DIR --port {_free_port(address.host)}"
            raise PortTaken(f"{error}\n{hint}") from error


def _free_port(host: str) -> int:
    """The first of four consecutive free ports."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for first in range(9080, 65_000, 100):
        with ExitStack() as probes:
            try:
                for port in range(first, first + 4):
                    probe = probes.enter_context(socket.socket(family))
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
            except OSError:
                continue
            return first
    return 9080


def _bind(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def dashboard_program(project: Project, environ: Mapping[str, str]) -> Program:
    """The Streamlit program of the dashboard; raises `FairtrialError` if it is not installed.

    Streamlit reads the theme and settings from `dashboard/.streamlit/config.toml`, beside the page.
    """
    app = importlib.util.find_spec("dashboard.app")
    if app is None or app.origin is None:
        raise FairtrialError("the dashboard is not installed")
    options = {
        "server.address": project.dashboard.host,
        "server.port": project.dashboard.port,
    }
    if BROWSER_ADDRESS not in environ:
        options["browser.serverAddress"] = "localhost" if project.dashboard.loopback else socket.gethostname()
    flags = [f"--{name}={value}" for name, value in options.items()]
    arguments = [sys.executable, "-P", "-m", "dashboard.serve", app.origin, *flags]
    control_url = {CONTROL_URL: project.control.url}
    return Program("dashboard", arguments, {**environ, **control_url}, _log(project, "dashboard"))


def _log(project: Project, name: str) -> Path:
    return project.layout.logs / f"{name}.log"

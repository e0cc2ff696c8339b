"""Finds the gateway of a project, or runs a private one while suites are run."""

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.project import Project
from fairtrial.domain.errors import StoreError, UsageError
from fairtrial_cli.processes.child_logs import open_log, rotate, tail_of
from fairtrial_cli.processes.children import READY_SECONDS, TRY_SECONDS
from fairtrial_cli.store_client.client import open_store
from gateway.proxy.supervisor import Serving, Supervisor

GATEWAY_SECONDS = 5.0
LOOPBACK = "127.0.0.1"
WATCH_SECONDS = 1.0
"""The interval at which a worker that died is replaced."""


@contextmanager
def project_gateway(project: Project, *, say: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """The base URL of this project's running gateway, or of a private one that runs while the context lasts."""
    note = read_note(project.layout)
    if note is not None and note.gateway_url is not None:
        _require_live_gateway(note.gateway_url)
        yield f"{note.gateway_url}/v1"
        return
    say("No gateway is running for this project. Starting a private one.")
    with private_gateway(project) as url:
        yield url


def _require_live_gateway(url: str) -> None:
    import httpx

    try:
        httpx.get(f"{url}/livez", timeout=GATEWAY_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise UsageError(
            f"control is running for this project, but no gateway responds at {url} (start it: fairtrial gateway)"
        ) from error


class PrivateGateway(Supervisor):
    """A supervisor in this process, whose worker writes to ``log`` and does not get a terminal's Ctrl-C."""

    def __init__(self, project: Project, log: int) -> None:
        layout, settings = project.layout, project.gateway
        super().__init__(
            Serving(
                host=LOOPBACK,
                port=0,
                plan=layout.plan,
                journal=layout.journal,
                workers=1,
                max_body=settings.max_body_mb * 2**20,
                settings=settings,
            )
        )
        self._log = log
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._replace_dead, name="private gateway", daemon=True)

    def start(self) -> None:
        """Start the worker, and wait until it is ready; raises `UsageError` if it fails to start."""
        self.tend()
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if not self.pids() or time.monotonic() > deadline:
                raise UsageError("gateway could not start")
            time.sleep(TRY_SECONDS)
        self._watch.start()

    def stop(self) -> None:
        """Let the worker finish, and wait for it."""
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join()
        self.drain()

    def _replace_dead(self) -> None:
        while not self._ending.wait(WATCH_SECONDS):
            self.tend()

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=2.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _run(self, command: Sequence[str], descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )


@contextmanager
def private_gateway(project: Project) -> Iterator[str]:
    """The base URL of a gateway that serves the project's plan while the context lasts.

    What it records stays in the journal, until a command or control next opens the store.
    """
    layout = _make_folders(project)
    with open_store(layout, project.path) as store:
        store.publish_plan()
    log = layout.logs / "gateway.log"
    with suppress(OSError):
        rotate(log)
    descriptor = open_log(log)
    start = os.fstat(descriptor).st_size
    gateway = PrivateGateway(project, descriptor)
    try:
        try:
            gateway.start()
        except UsageError as error:
            raise UsageError(f"{error}:\n{tail_of(log, start)}") from error
        yield f"http://{LOOPBACK}:{gateway.port}/v1"
    finally:
        gateway.stop()
        os.close(descriptor)


def _make_folders(project: Project) -> Layout:
    try:
        return project.layout.make()
    except OSError as error:
        raise StoreError(f"{error.filename}: can't be created ({error.strerror})") from error

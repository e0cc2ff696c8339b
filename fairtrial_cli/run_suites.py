"""Runs suites through the gateway and saves the runs, for `eval`, `gate --run` and the demo."""

import asyncio
import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from evaluators.engine.engine import DEFAULT_CONCURRENCY, Options, Progress, run_suite
from evaluators.engine.summary import MOST_UNSCORED, unscored_share
from evaluators.engine.target import Target, resolve
from evaluators.loading.suite_file import EMPTY
from evaluators.loading.suite_reader import load
from evaluators.suite import Suite
from fairtrial.api.operation import Nothing
from fairtrial.api.runs import NameRun, noise_floor
from fairtrial.api.store import ingest
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.project import Project
from fairtrial.domain.errors import ConfigError, StoreError, UsageError
from fairtrial.domain.names.ids import id_at
from fairtrial.domain.run import Run, noise_target
from fairtrial_cli.processes.child_logs import open_log, rotate, tail_of
from fairtrial_cli.processes.children import READY_SECONDS, TRY_SECONDS
from fairtrial_cli.store_client.client import StoreClient, open_store
from fairtrial_cli.store_client.stored import write_run, write_texts
from gateway.proxy.supervisor import Serving, Supervisor

GATEWAY_SECONDS = 5.0
LOOPBACK = "127.0.0.1"
WATCH_SECONDS = 1.0
"""The interval at which a worker that died is replaced."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How suites are run: one after the other, each on ``side_by_side`` targets at the same time, by default on all.

    ``noise_floor`` names the target that answers each suite once more. ``saves`` says which runs are saved. ``on_run``
    is called with each run as soon as it is saved.
    """

    concurrency: int = DEFAULT_CONCURRENCY
    side_by_side: int | None = None
    fresh: bool = False
    noise_floor: str | None = None
    saves: Callable[[Run], bool] = lambda _: True
    on_progress: Callable[[Progress], None] = lambda _: None
    on_run: Callable[[Suite, Run], None] = lambda *_: None


def load_suites(paths: Sequence[Path], columns: Mapping[str, str] = EMPTY) -> list[Suite]:
    """The suites of all files; raises `ConfigError` with the errors of all of them. ``columns`` is as in `load`."""
    suites: list[Suite] = []
    wrong: list[ConfigError] = []
    for path in paths:
        try:
            suites += load(path, columns=columns)
        except ConfigError as error:
            wrong.append(error)
    if wrong:
        raise ConfigError([diagnostic for error in wrong for diagnostic in error.errors])
    names = [suite.name for suite in suites]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"suites: two suites have the name {twice[0]!r}")
    return suites


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


def run_suites(
    project: Project, suites: Sequence[Suite], names: Sequence[str], *, base_url: str, options: RunOptions | None = None
) -> list[Run]:
    """Run every suite on every target through the gateway at ``base_url``, and save each run as soon as it ends.

    The result is ordered by suite, then by target. Raises `UsageError` for an unknown target, or for a target that
    refuses every question.
    """
    key = internal_key(project.layout)
    targets = [resolve(name, project.plan, base_url=base_url, api_key=key) for name in names]
    return asyncio.run(_run_all(project, suites, targets, options or RunOptions()))


def internal_key(layout: Layout) -> str | None:
    """The key with the right to pin deployments and variants; ``None`` if control has not created one."""
    try:
        return layout.internal_key.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


async def _run_all(
    project: Project, suites: Sequence[Suite], targets: Sequence[Target], options: RunOptions
) -> list[Run]:
    finished: list[Run] = []
    size = options.side_by_side or len(targets)
    for suite in suites:
        runs: list[Run] = []
        for batch in range(0, len(targets), size):
            runs += await _run_together(project.layout, suite, targets[batch : batch + size], options)
        await _run_noise_floor(project.layout, suite, targets, runs, options)
        finished += runs
    return finished


async def _run_together(layout: Layout, suite: Suite, targets: Sequence[Target], options: RunOptions) -> list[Run]:
    asking = Options(options.concurrency, options.fresh, options.on_progress)
    runs = await run_suite(suite, targets, cache=layout.cache, clock=_now_us, new_id=_new_id, options=asking)
    for run in filter(options.saves, runs):
        await asyncio.to_thread(save_run, layout, run, suite)
        options.on_run(suite, run)
    return runs


async def _run_noise_floor(
    layout: Layout, suite: Suite, targets: Sequence[Target], runs: Sequence[Run], options: RunOptions
) -> None:
    """Let the baseline answer again, unless its run failed or the store has such a run of these weights."""
    for target, run in zip(targets, runs, strict=True):
        if target.name != options.noise_floor or unscored_share(run) > MOST_UNSCORED:
            continue
        if not await asyncio.to_thread(_has_noise_floor, layout, run):
            again = replace(target, name=noise_target(target.name), first_repeat=suite.repeat)
            await _run_together(layout, suite, [again], replace(options, on_run=lambda *_: None))


def _has_noise_floor(layout: Layout, run: Run) -> bool:
    with open_store(layout) as store:
        return store.call(noise_floor, NameRun(run_id=run.run_id)).run_id is not None


def save_run(layout: Layout, run: Run, suite: Suite) -> None:
    """Write the suite's text and the run to the journal, and ingest them; raises `JournalError`."""
    with open_store(layout) as store:
        store_run(store, run, suite)


def store_run(store: StoreClient, run: Run, suite: Suite) -> None:
    """`save_run` into an open store."""
    write_texts(store.layout, [suite])
    write_run(store.layout, run)
    store.call(ingest, Nothing())


def _now_us() -> int:
    return time.time_ns() // 1000


def _new_id() -> str:
    return id_at(_now_us())


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

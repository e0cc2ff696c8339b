"""Runs one worker, which serves the data plane on an inherited socket and writes its own journal."""

import argparse
import asyncio
import gc
import logging
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import uvloop

from fairtrial.domain.limits.server_settings import WorkerSettings
from fairtrial.journal.response_map import FILE as RESPONSES, ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.process_resources import DescriptorReserve, raise_soft_limit, return_large_blocks
from gateway.proxy.app import alive, build_app
from gateway.proxy.http_server.server import Server
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.plan.provider_secret import BlankingFormatter, Secret
from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.transport.transport import Transport, UploadTransport
from gateway.proxy.worker_state import SharedCounters, WorkerState

_LOG = logging.getLogger(__name__)
GC_THRESHOLDS = (50_000, 20, 50)
"""Collect garbage less often: a request leaves few reference cycles, and a collection pauses all streams."""


def main() -> None:
    """Parse the arguments and serve. The worker exits when the supervisor closes its end of the pipe ``--alive``.

    The supervisor starts it as ``python -m gateway.proxy.worker``; it is not meant to be started by hand.
    """
    parser = argparse.ArgumentParser(prog="gateway.proxy.worker")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--alive", type=int, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--max-body", type=int, required=True)
    parser.add_argument("--settings", type=_settings, required=True)
    parser.add_argument("--require-keys", action="store_true")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format=_log_form(arguments.worker))
    return_large_blocks()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(arguments))


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM, then finish the requests in progress."""
    listening = socket.socket(fileno=arguments.fd)
    settings = _within_descriptors(arguments.settings)
    transport, passthrough = _transports(settings)
    worker = WorkerState(
        watch=PlanWatch(arguments.plan, environ=os.environ, require_keys=arguments.require_keys),
        journal=JournalWriter(arguments.journal, writer=arguments.worker, counts_assigned=True),
        transport=transport,
        passthrough=passthrough,
        name=arguments.worker,
        shared_counters=SharedCounters(arguments.counts, arguments.worker),
        response_map=ResponseMap(arguments.journal.with_name(RESPONSES)),
        max_body=arguments.max_body,
        settings=settings,
    )
    _blank_keys_in_logs(worker)
    server = Server(build_app(worker), worker.admission, worker.settings, cors=worker.cors)
    _end_with_supervisor(arguments.alive)
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    gc.freeze()
    async with alive(worker):
        await server.run(listening)


def _transports(settings: WorkerSettings) -> tuple[Transport, UploadTransport | None]:
    """The transport of model requests, and that of other paths where a deployment serves them."""
    if settings.others is None:
        return PoolTransport(), None
    # aiohttp takes a sixth of a worker's start, so only workers that can need it load it.
    from gateway.proxy.transport.aiohttp import AiohttpTransport

    return PoolTransport(), AiohttpTransport()


def _log_form(worker: str) -> str:
    return f"%(asctime)s {worker} %(levelname)s %(message)s"


def _blank_keys_in_logs(worker: WorkerState) -> None:
    """Blank the provider keys of the plan in force in each log line.

    The plan is looked up each time, because it changes.
    """

    def secrets() -> list[Secret]:
        routing = worker.watch.routing
        return (
            [endpoint.secret for endpoint in routing.endpoints.values() if endpoint.secret is not None]
            if routing
            else []
        )

    for handler in logging.getLogger().handlers:
        handler.setFormatter(BlankingFormatter(_log_form(worker.name), secrets))


def _within_descriptors(settings: WorkerSettings) -> WorkerSettings:
    """Limit the requests in progress to what the descriptors allow: each needs one for its client and one upstream."""
    limit = raise_soft_limit()
    carried = max(1, DescriptorReserve(limit, service="gateway", log=_LOG).connections // 2)
    if carried >= settings.max_in_flight:
        return settings
    _LOG.warning(
        "at most %d requests at a time instead of %d, because of the limit of %d open files",
        carried,
        settings.max_in_flight,
        limit,
    )
    return replace(settings, max_in_flight=carried)


def _settings(text: str) -> WorkerSettings:
    return msgspec.json.decode(text, type=WorkerSettings)


def _end_with_supervisor(alive: int) -> None:
    """Exit when the supervisor does, however it died: a thread waits for the end of a pipe that only it holds open."""

    def wait() -> None:
        os.read(alive, 1)
        os._exit(1)

    threading.Thread(target=wait, name="supervisor watch", daemon=True).start()


if __name__ == "__main__":
    main()

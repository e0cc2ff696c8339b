"""One worker: serves the data plane on a socket that it inherits, with a journal of its own, until told to stop.

Run by the supervisor as ``python -m gateway.proxy.worker``; not meant to be started by hand.
"""

from __future__ import annotations

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

from fairtrial.domain.limits.worker_settings import WorkerSettings
from fairtrial.journal.response_map import FILE as RESPONSES
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.descriptors import DescriptorReserve, raise_soft_limit
from gateway.memory import return_large_blocks
from gateway.proxy.admission.shared_counters import CountBoard
from gateway.proxy.app import alive, build_app
from gateway.proxy.http_server.server import Server
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.plan.provider_secret import BlankingFormatter, Secret
from gateway.proxy.transport.aiohttp import AiohttpTransport
from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.transport.transport import Transport
from gateway.proxy.worker_state import Gateway

_LOG = logging.getLogger(__name__)
GC_THRESHOLDS = (50_000, 20, 50)
"""Fewer collections: a request makes no cycles to speak of, and a collection stops all streams for its time."""


def main() -> None:
    """Read the arguments and serve; ends with the pipe ``--alive``, whose other end the supervisor holds."""
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
    """Serve until SIGTERM, then finish what is in flight."""
    listening = socket.socket(fileno=arguments.fd)
    settings = _within_descriptors(arguments.settings)
    gateway = Gateway(
        watch=PlanWatch(arguments.plan, environ=os.environ, require_keys=arguments.require_keys),
        journal=JournalWriter(arguments.journal, writer=arguments.worker),
        transport=_transport(settings),
        worker=arguments.worker,
        board=CountBoard(arguments.counts, arguments.worker),
        places=ResponseMap(arguments.journal.with_name(RESPONSES)),
        max_body=arguments.max_body,
        settings=settings,
    )
    _blank_keys_in_logs(gateway)
    server = Server(build_app(gateway), gateway.admission, gateway.settings, cors=gateway.cors)
    _end_with_supervisor(arguments.alive)
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    gc.freeze()
    async with alive(gateway):
        await server.run(listening)


def _log_form(worker: str) -> str:
    return f"%(asctime)s {worker} %(levelname)s %(message)s"


def _blank_keys_in_logs(gateway: Gateway) -> None:
    """The keys of the plan in force, at each line: it changes."""

    def secrets() -> list[Secret]:
        routing = gateway.watch.routing
        return [one.secret for one in routing.endpoints.values() if one.secret is not None] if routing else []

    for handler in logging.getLogger().handlers:
        handler.setFormatter(BlankingFormatter(_log_form(gateway.worker), secrets))


def _within_descriptors(settings: WorkerSettings) -> WorkerSettings:
    """No more requests at a time than there are descriptors for: each takes its caller's and its upstream's."""
    limit = raise_soft_limit()
    carried = max(1, DescriptorReserve(limit, service="gateway", log=_LOG).connections // 2)
    if carried >= settings.max_in_flight:
        return settings
    _LOG.warning(
        "%d requests at a time instead of %d: the limit is %d open files", carried, settings.max_in_flight, limit
    )
    return replace(settings, max_in_flight=carried)


def _settings(text: str) -> WorkerSettings:
    return msgspec.json.decode(text, type=WorkerSettings)


def _transport(settings: WorkerSettings) -> Transport:
    """The transport by its name."""
    return PoolTransport() if settings.transport == "pool" else AiohttpTransport()


def _end_with_supervisor(alive: int) -> None:
    """A thread reads a pipe that never has anything: it ends when the supervisor does, however that died."""

    def wait() -> None:
        os.read(alive, 1)
        os._exit(1)

    threading.Thread(target=wait, name="supervisor watch", daemon=True).start()


if __name__ == "__main__":
    main()

"""Runs the control plane, which owns the store and serves the API."""

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import refuse_owned
from fairtrial.config.project import Project
from fairtrial.domain.errors import STORE_UNUSABLE
from fairtrial.domain.limits.server_settings import USUAL_BODY_RATE, BodyRate
from fairtrial.domain.names.addresses import Address
from fairtrial.store.core.database import Database
from fairtrial.store.core.recovery import advice, unusable_on_error
from gateway.control.app import create_app, log
from gateway.control.auth.bootstrap import InitialCredentials, initial_credentials
from gateway.control.background.background_work import BackgroundWork
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.trusted_clock import TrustedClock, read_clocks
from gateway.control.connection import ConnectionLimits, ControlConfig, ControlServer
from gateway.control.context import Addresses
from gateway.process_resources import DescriptorReserve, listen, raise_soft_limit, return_large_blocks

GRACE_SECONDS = 5
"""How long a response in progress may delay the shutdown."""


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Settings that control needs even while `fairtrial.yaml` is broken.

    ``control_url``: how others reach this control if not by its address, as in a container. ``public_origin``: the
    origin at which browsers reach it through a proxy. ``trusted_proxies``: addresses whose `X-Forwarded-For` and
    `X-Forwarded-Proto` headers are believed.
    """

    config: Path
    layout: Layout
    address: Address
    gateway_url: str | None = None
    control_url: str | None = None
    public_origin: str = ""
    trusted_proxies: tuple[str, ...] = ()
    body_rate: BodyRate = USUAL_BODY_RATE


def serve(
    settings: ControlSettings,
    load: Callable[[], Project],
    *,
    on_credentials: Callable[[InitialCredentials], None] | None = None,
) -> None:
    """Own the store and serve until SIGTERM or Ctrl-C; raises `StoreLocked`, `StoreError`, `PortTaken`.

    ``welcome`` gets what the first user needs to come in, if anything.
    """
    refuse_owned(settings.layout)
    return_large_blocks()
    os.umask(0o077)
    shutdown = _ShutdownRequest()
    listener = listen(settings.address.host, settings.address.port, service="control", setting="control.bind")
    database = Database.open(settings.layout)
    background = _background(settings, database, load)
    try:
        loopback = settings.address.loopback
        app = create_app(background, loopback=loopback, public_origin=settings.public_origin)
        with unusable_on_error(settings.layout):
            background.start()
        if (
            on_credentials is not None
            and (credentials := initial_credentials(background, loopback=loopback)) is not None
        ):
            on_credentials(credentials)
        gc.freeze()  # long-lived objects: later garbage collections skip them
        shutdown.run(_server(app, settings), listener)
    finally:
        try:
            background.stop()
        finally:
            database.close()


def _background(settings: ControlSettings, database: Database, load: Callable[[], Project]) -> BackgroundWork:
    clock = TrustedClock(database, read_clocks)
    publisher = PlanPublisher(database, settings.config, load, clock_us=clock.stamp_us)
    addresses = Addresses(settings.control_url or settings.address.url, settings.gateway_url)
    on_failure = partial(_give_up, settings.layout)
    with unusable_on_error(settings.layout):
        return BackgroundWork(database, publisher, addresses, clock_us=clock_us, clock=clock, on_failure=on_failure)


def _give_up(layout: Layout, why: str) -> NoReturn:
    """Exit immediately, because closing the store would write to a damaged file. Journals keep new events."""
    message = f"error: {layout.store}: the store is no longer usable ({why})\n{advice(layout, why)}\n"
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    finally:
        os._exit(STORE_UNUSABLE)


def _server(app: FastAPI, settings: ControlSettings) -> uvicorn.Server:
    """uvicorn by default trusts forwarding headers from 127.0.0.1, which a simple proxy passes on unchecked."""
    limits = ConnectionLimits(settings.body_rate, DescriptorReserve(raise_soft_limit(), service="control", log=log))
    return ControlServer(
        ControlConfig(
            app,
            limits,
            log_level="warning",
            lifespan="off",
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


class _ShutdownRequest:
    """Handles SIGTERM and SIGINT before and during the server's own handling.

    A signal that arrives while the store is opening must still stop the process. A signal that uvicorn raises again
    after its shutdown must not kill the process before the store is closed.
    """

    def __init__(self) -> None:
        self._requested = False
        self._server: uvicorn.Server | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)

    def run(self, server: uvicorn.Server, listener: socket.socket) -> None:
        """Serve until a shutdown is requested, which may already have happened."""
        self._server = server
        server.should_exit = server.should_exit or self._requested
        server.run(sockets=[listener])

    def _request(self, *_: object) -> None:
        self._requested = True
        if self._server is not None:
            self._server.should_exit = True


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000

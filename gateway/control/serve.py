"""Runs the control plane: owns the store, serves the API, and leaves both in order when told to stop."""

from __future__ import annotations

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

from fairtrial.config.addresses import Address
from fairtrial.config.layout import Layout
from fairtrial.config.project import Project
from fairtrial.domain.errors import STORE_UNUSABLE
from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE, BodyRate
from fairtrial.store.core.damage import advice, opening
from fairtrial.store.core.database import Database
from fairtrial.store.core.owner_lock import refuse_owned
from gateway.control.app import create_app
from gateway.control.auth.bootstrap import Welcome, welcome_to
from gateway.control.background.background_work import Addresses, Keeper
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.connection import ControlConfig, ControlServer, Limits
from gateway.control.errors import log
from gateway.descriptors import DescriptorReserve, raise_soft_limit
from gateway.listening import listen
from gateway.memory import return_large_blocks

GRACE_SECONDS = 5
"""So long an answer that has begun may hold up the end."""


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """What control must know even while `fairtrial.yaml` is broken: the store, the address, where the gateway is.

    ``control_url``: how others reach this control, if that is not its address (in a container it isn't);
    ``public_host``: the host name by which browsers reach it through a proxy; ``trusted_proxies``: the addresses whose
    `X-Forwarded-For` and `X-Forwarded-Proto` count.
    """

    config: Path
    layout: Layout
    address: Address
    gateway_url: str | None = None
    control_url: str | None = None
    public_host: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    body_rate: BodyRate = USUAL_BODY_RATE


def serve(
    settings: ControlSettings, load: Callable[[], Project], *, welcome: Callable[[Welcome], None] | None = None
) -> None:
    """Own the store and serve until SIGTERM or Ctrl-C; raises `StoreLocked`, `StoreError`, `PortTaken`.

    ``welcome`` gets what the first user needs to come in, if anything.
    """
    refuse_owned(settings.layout)
    return_large_blocks()
    os.umask(0o077)
    ending = _Ending()
    listener = listen(settings.address.host, settings.address.port, service="control", setting="control.bind")
    database = Database.open(settings.layout)
    keeper = _keeper(settings, database, load)
    try:
        loopback = settings.address.loopback
        with opening(settings.layout):
            keeper.start()
        if welcome is not None and (made := welcome_to(keeper, loopback=loopback)) is not None:
            welcome(made)
        app = create_app(keeper, loopback=loopback, public_host=settings.public_host)
        gc.freeze()  # what is loaded by now stays: no later collection has to walk it
        ending.run(_server(app, settings), listener)
    finally:
        try:
            keeper.stop()
        finally:
            database.close()


def _keeper(settings: ControlSettings, database: Database, load: Callable[[], Project]) -> Keeper:
    publisher = PlanPublisher(database, settings.config, load, clock_us=clock_us)
    addresses = Addresses(settings.control_url or settings.address.url, settings.gateway_url)
    on_failure = partial(_give_up, settings.layout)
    with opening(settings.layout):
        return Keeper(database, publisher, addresses, clock_us=clock_us, on_failure=on_failure)


def _give_up(layout: Layout, why: str) -> NoReturn:
    """End at once: closing the store would write to what is left of its file. Journals hold what comes meanwhile."""
    message = f"error: {layout.store}: the store can't be used any more ({why})\n{advice(layout, why)}\n"
    try:
        sys.stderr.write(message)
        sys.stderr.flush()
    finally:
        os._exit(STORE_UNUSABLE)


def _server(app: FastAPI, settings: ControlSettings) -> uvicorn.Server:
    """By default uvicorn would believe every forwarding header from 127.0.0.1, which a bare proxy passes on unread."""
    limits = Limits(settings.body_rate, DescriptorReserve(raise_soft_limit(), service="control", log=log))
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


class _Ending:
    """Remembers a signal that comes before the server listens for it, and outlives the one that the server passes on.

    Without the first, control that is told to end while it opens the store would never end; without the second, it
    would be killed before the store is closed.
    """

    def __init__(self) -> None:
        self._told = False
        self._server: uvicorn.Server | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def run(self, server: uvicorn.Server, listener: socket.socket) -> None:
        """Serve until told, which may have been before."""
        self._server = server
        server.should_exit = server.should_exit or self._told
        server.run(sockets=[listener])

    def _tell(self, *_: object) -> None:
        self._told = True
        if self._server is not None:
            self._server.should_exit = True


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000

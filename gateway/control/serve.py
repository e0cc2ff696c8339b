"""Runs the control plane: owns the store, serves the API, and leaves both in order when told to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from fairtrial.config.addresses import Address
from fairtrial.config.layout import Layout
from fairtrial.config.project import Project
from fairtrial.domain.errors import PortTaken
from fairtrial.store.database import Database
from fairtrial.store.owner_lock import refuse_owned
from gateway.control.app import create_app
from gateway.control.keeper import Addresses, Keeper
from gateway.control.plan_publisher import PlanPublisher

BACKLOG = 512


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """What control must know even while `fairtrial.yaml` is broken: the store, the address, where the gateway is."""

    config: Path
    layout: Layout
    address: Address
    gateway_url: str | None = None


def serve(settings: ControlSettings, load: Callable[[], Project]) -> None:
    """Own the store and serve until SIGTERM or Ctrl-C; raises `StoreLocked`, `StoreError`, `PortTaken`."""
    refuse_owned(settings.layout)
    os.umask(0o077)
    _end_in_order()
    listener = listen(settings.address)
    database = Database.open(settings.layout)
    publisher = PlanPublisher(database, settings.config, load, clock_us=clock_us)
    addresses = Addresses(settings.address.url, settings.gateway_url)
    keeper = Keeper(database, publisher, addresses, clock_us=clock_us)
    try:
        keeper.start()
        app = create_app(keeper, loopback=settings.address.loopback)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        keeper.stop()
        database.close()


def _end_in_order() -> None:
    """The server passes a signal on once it has ended: it must not kill us before the store is closed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def listen(address: Address) -> socket.socket:
    """A listening socket; `PortTaken` if someone else has the address."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = "is in use by another program" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise PortTaken(f"{address.host}:{address.port}: the address {why}") from error
    return listener


def clock_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000

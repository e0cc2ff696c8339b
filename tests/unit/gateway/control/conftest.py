"""A control application over a real store and a real project, without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.store.access import accounts, one_time_links
from fairtrial.store.core.database import Database
from gateway.control.app import create_app
from gateway.control.auth.identity import SESSION_COOKIE
from gateway.control.background.background_work import Addresses, Keeper
from gateway.control.background.plan_publisher import PlanPublisher

NOW = 1_800_000_000_000_000
PROJECT = """\
version: 1
deployments:
  base: {model: openai/base, base_url: http://127.0.0.1:9/v1}
  tuned: {model: openai/tuned, base_url: http://127.0.0.1:9/v1, parent: base}
routes:
  support-bot: {experiment: tuned-vs-base, fallback: base}
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants:
      base: {deployment: base}
      tuned: {deployment: tuned, system_prompt: prompt.md}
    split: {base: 50, tuned: 50}
    primary: {metric: feedback.resolved, require: superior, mde: 3pp}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "prompt.md").write_text("Be kind.")
    path = tmp_path / "fairtrial.yaml"
    path.write_text(PROJECT)
    return path


@pytest.fixture
def database(config: Path) -> Iterator[Database]:
    database = Database.open(Layout(config.parent / "fairtrial.duckdb").make())
    yield database
    database.close()


@pytest.fixture
def publisher(database: Database, config: Path) -> PlanPublisher:
    return PlanPublisher(database, config, lambda: load_project(config, {}), clock_us=lambda: NOW)


@pytest.fixture
def keeper(database: Database, publisher: PlanPublisher) -> Iterator[Keeper]:
    keeper = Keeper(database, publisher, Addresses("http://127.0.0.1:8081"), clock_us=lambda: NOW)
    keeper.start()
    yield keeper
    keeper.stop()


BASE_URL = "http://127.0.0.1:8081"


def stranger(keeper: Keeper, *, loopback: bool = True, base_url: str = BASE_URL) -> httpx.AsyncClient:
    """A client without a credential."""
    return client_of(create_app(keeper, loopback=loopback), base_url=base_url)


def client_of(app: FastAPI, *, address: str = "127.0.0.1", base_url: str = BASE_URL) -> httpx.AsyncClient:
    """A client of an application that other clients may share, which comes from ``address``."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


def client(keeper: Keeper) -> httpx.AsyncClient:
    """The browser of this machine's user, signed in by a one-time link: `local`, an admin while there is no account.

    Once there is one, it has no session. A request's own ``cookie`` header replaces the session.
    """
    http = stranger(keeper)
    http.headers["origin"] = BASE_URL
    if not accounts.exist(keeper.database):
        link = one_time_links.create(keeper.database, actor="test", now_us=NOW)
        http.cookies.set(SESSION_COOKIE, one_time_links.redeem(keeper.database, link.token, now_us=NOW))
    return http

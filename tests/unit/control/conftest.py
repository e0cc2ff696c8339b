"""A control application over a real store and a real project, without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.store.database import Database
from gateway.control.app import create_app
from gateway.control.keeper import Addresses, Keeper
from gateway.control.plan_publisher import PlanPublisher

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


def client(keeper: Keeper, *, loopback: bool = True, base_url: str = "http://127.0.0.1:8081") -> httpx.AsyncClient:
    app = create_app(keeper, loopback=loopback)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=base_url)

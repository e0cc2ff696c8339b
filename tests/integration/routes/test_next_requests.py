"""What a real gateway records of two requests suffices to find that the second asks the first again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

QUESTION = "How do I cancel my yearly subscription?"
REWORDED = "I want to cancel my subscription, how do I do that?"
NEXT = "SELECT next_request FROM requests WHERE question ORDER BY at_time"


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with FakeUpstream() as upstream, running(tmp_path_factory.mktemp("next")) as rig:
        rig.publish(plan_for(upstream.url), key("ft-all", "complete"))
        yield rig


def ask(rig: Rig, path: str, **body: Any) -> None:
    sent = {"model": "bot", "user": "anna", **body}
    headers = {"authorization": "Bearer ft-all", "x-fake": '{"kind": "json"}'}
    httpx.post(f"{rig.url}/{path}", json=sent, headers=headers, timeout=PATIENCE, verify=False).raise_for_status()


def test_recorded_chats_and_responses_are_compared(rig: Rig) -> None:
    turns = [{"role": "user", "content": QUESTION}]
    ask(rig, "chat/completions", messages=turns)
    turns += [{"role": "assistant", "content": "In your account."}, {"role": "user", "content": REWORDED}]
    ask(rig, "chat/completions", messages=turns)
    ask(rig, "chat/completions", messages=turns, stream=True)
    ask(rig, "responses", input="Where is the invoice of last month?")
    rig.await_events("request", 4)
    with closing(Database.open(rig.layout)) as database:
        Ingester(database, lambda: time.time_ns() // 1000 + HOUR_US).catch_up()
        assert database.rows(NEXT) == [("reworded",), ("repeated",), (None,), ("none",)]

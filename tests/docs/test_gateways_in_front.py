"""The pages on LiteLLM and Portkey, followed with the real gateways in front of real services."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from fairtrial.config.plan.published import read
from fairtrial.experiments.unit import pseudonym
from tests.fixtures.credentials import by_key
from tests.fixtures.docs.pages import Block, blocks
from tests.fixtures.paths import ROOT
from tests.fixtures.proxies import PORTKEY, litellm, portkey
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.project_files import free_ports, write_project
from tests.fixtures.services.services_fixture import fairtrial
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("walks")

PAGES = {"litellm": "behind-litellm.md", "portkey": "behind-portkey.md"}
MASTER = "sk-" + "a1b2c3d4" * 8
CUSTOMER = "customer-4711"
FAILS = {"kind": "json", "status": 500, "whole": {"error": {"message": "no", "type": "server_error"}}}
CHAT: dict[str, Any] = {"model": "support-bot", "messages": [{"role": "user", "content": "hi"}]}
Row = dict[str, Any]


def on_page(name: str, language: str) -> list[Block]:
    return [block for block in blocks(ROOT / "docs" / "how-to" / PAGES[name]) if block.language == language]


@dataclass
class Fronted:
    """The services of a page behind the gateway that it is about; ``program``: what its blocks in Python define."""

    name: str
    services: ForkedServices
    upstream: FakeUpstream
    program: dict[str, Any]
    seen: int = 0

    @property
    def client(self) -> OpenAI:
        client: OpenAI = self.program["client"]
        client.max_retries = 0
        return client

    def rows(self) -> list[Row]:
        """The requests since the last look, from the first to the last."""
        every = read_rows(self.services)
        new, self.seen = every[self.seen :], len(every)
        return new

    def whom(self, row: Row) -> bool:
        """Whether the request was made for the page's customer."""
        pepper = read(self.services.project.layout.plan).pepper
        return bool(row["unit"] == pseudonym(pepper, CUSTOMER) and row["reason"] == "assigned")


def read_rows(services: ForkedServices) -> list[Row]:
    headers = by_key(services.project.layout)
    httpx.post(f"{services.urls.control}/api/ingest", headers=headers).raise_for_status()
    answer = httpx.get(f"{services.urls.control}/api/requests", params={"limit": 1000}, headers=headers)
    rows: list[Row] = answer.raise_for_status().json()["rows"]
    return sorted(rows, key=lambda row: str(row["request_id"]))


def create_keys(folder: Path, name: str) -> list[str]:
    """The secrets of the keys that the page creates, in its order, once the gateway has them."""
    commands = [line for block in on_page(name, "sh") for line in block.text.splitlines()]
    made = [fairtrial(folder, *shlex.split(line)[1:], "--json") for line in commands]
    assert [done.returncode for done in made] == [0] * len(made), [done.stderr for done in made]
    return [json.loads(done.stdout)["secret"] for done in made]


@contextmanager
def start_litellm(folder: Path, gateway: str, keys: list[str], *, port: int) -> Iterator[tuple[str, str]]:
    """The application's key for LiteLLM, and fairtrial's key for feedback."""
    [config] = [block.text for block in on_page("litellm", "yaml") if block.mark == "file"]
    environ = {"FAIRTRIAL_KEY": keys[0], "LITELLM_MASTER_KEY": MASTER}
    with litellm(folder, config.replace("http://127.0.0.1:8080", gateway), port=port, **environ):
        yield MASTER, keys[1]


@contextmanager
def start_portkey(folder: Path, _: str, keys: list[str], *, port: int) -> Iterator[tuple[str, str]]:
    [installed] = on_page("portkey", "json")
    locked = json.loads((PORTKEY / "package.json").read_text())
    assert {"name": "portkey", "private": True, **json.loads(installed.text)} == locked
    with portkey(folder, port=port):
        yield keys[0], keys[0]


START: dict[str, tuple[Callable[..., Any], int]] = {"litellm": (start_litellm, 4000), "portkey": (start_portkey, 8787)}


@pytest.fixture(name="fronted", scope="module", params=START)
def fronted_fixture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    name, (start, documented) = request.param, START[request.param]
    folder, [port] = tmp_path_factory.mktemp(name), free_ports(1)
    settings = re.findall(r"gateway: \{(.+)\}", next(b.text for b in on_page(name, "yaml") if b.mark != "file"))
    with FakeUpstream() as upstream:
        path = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        path.write_text(path.read_text().replace("workers: 1", f"workers: 1, {settings[0]}"))
        with ForkedServices(path, workers=1, dashboard=False) as services:
            gateway, keys = services.urls.gateway, create_keys(folder, name)
            until(lambda: answers(gateway, keys[0]), "a gateway that has the keys")
            (folder / "front").mkdir()
            with start(folder / "front", gateway, keys, port=port) as (key, feedback_key):
                text = "\n".join(block.text for block in on_page(name, "python"))
                text = text.replace('8080/v1", api_key="ft-…"', f'8080/v1", api_key="{feedback_key}"')
                text = text.replace("http://127.0.0.1:8080", gateway).replace(str(documented), str(port))
                program: dict[str, Any] = {}
                exec(re.sub(r'"(sk|ft)-…"', repr(key), text), program)
                program.setdefault("feedback", OpenAI(base_url=f"{gateway}/v1", api_key=feedback_key))
                yield Fronted(name, services, upstream, program)
                for client in (program["client"], program["feedback"]):
                    client.close()


def answers(gateway: str, key: str) -> bool:
    return httpx.get(f"{gateway}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 200


def test_the_program_of_the_page_asks_for_a_user_and_its_feedback_counts(fronted: Fronted) -> None:
    [row] = fronted.rows()
    assert fronted.whom(row) and row["request_id"] == fronted.program["request_id"]
    body = {"request_id": row["request_id"], "key": "resolved", "value": True}
    fronted.program["feedback"].post("/feedback", body=body, cast_to=object)
    read_rows(fronted.services)
    headers = by_key(fronted.services.project.layout)
    rows = httpx.get(f"{fronted.services.urls.control}/api/feedback", headers=headers).raise_for_status().json()["rows"]
    assert {(one["request_id"], one["attribution"]) for one in rows} == {(row["request_id"], "request")}


def test_each_way_to_name_the_user_arrives_and_no_model_gets_the_headers(fronted: Fronted) -> None:
    client, before = fronted.client, len(fronted.upstream.seen)
    for named in (
        {"user": CUSTOMER},
        {"safety_identifier": CUSTOMER},
        {"extra_headers": {"x-fairtrial-unit": CUSTOMER, "x-fairtrial-tags": "team=parcels"}},
        {"extra_headers": {"X-OpenWebUI-User-Id": CUSTOMER, "X-OpenWebUI-User-Email": "ann@example.org"}},
    ):
        client.chat.completions.create(**CHAT, **named)  # type: ignore[call-overload]
        list(client.chat.completions.create(**CHAT, **named, stream=True))  # type: ignore[call-overload]
        client.responses.create(model="support-bot", input="hi", **named)  # type: ignore[call-overload]
    client.embeddings.create(model="support-bot", input="hi", user=CUSTOMER)
    rows = fronted.rows()
    assert len(rows) == 13 and [row for row in rows if not fronted.whom(row)] == []
    sent = [seen.head.lower() for seen in fronted.upstream.seen[before:]]
    assert [head for head in sent if b"openwebui" in head or b"fairtrial" in head or b"ann@" in head] == []


def test_the_tokens_of_a_stream_are_recorded_without_asking(fronted: Fronted) -> None:
    chunks = list(fronted.client.chat.completions.create(**CHAT, user=CUSTOMER, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop" and all(chunk.usage is None for chunk in chunks)
    [row] = fronted.rows()
    assert row["tokens_out"] > 0


def test_a_follow_up_continues_the_response_of_its_variant(fronted: Fronted) -> None:
    first = fronted.client.responses.create(model="support-bot", input="hi", user=CUSTOMER)
    fronted.client.responses.create(model="support-bot", input="more", user=CUSTOMER, previous_response_id=first.id)
    one, other = fronted.rows()
    assert one["variant_served"] == other["variant_served"]
    assert fronted.upstream.seen[-1].json["previous_response_id"] == "resp_fake"


def test_a_failed_call_is_one_request(fronted: Fronted) -> None:
    fronted.upstream.script = FAILS
    try:
        with pytest.raises(openai.InternalServerError):
            fronted.client.chat.completions.create(**CHAT, user=CUSTOMER)
    finally:
        fronted.upstream.script = {"kind": "json"}
    assert [row["status"] for row in fronted.rows()] == [500]

"""A provider's key goes up and never comes back: in no header, body, event or record, however its server repeats it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fairtrial.domain.plan import Route
from gateway.proxy.plan.provider_secret import BlankedPieces, BlankingFormatter, Secret, secret_of
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.upstream.providers.anthropic import FakeAnthropic
from tests.fixtures.upstream.server import FakeUpstream

KEY = "sk-canary/0123+456789"
JSON_FORMS = (KEY, KEY.replace("/", "\\/"), "sk-canary%2F0123%2B456789")
STREAM = {**DIRECT, "stream": True}
RESPONSE = {"model": "base-direct", "input": "x"}


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="claude", scope="module")
def claude_fixture() -> Iterator[FakeAnthropic]:
    with FakeAnthropic() as fake:
        fake.script = {"kind": "json", "text": f"my key is {KEY}.", "words": ["my", f" key is {KEY}."]}
        yield fake


@pytest.fixture(name="worker", scope="module")
def worker_fixture(
    tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream, claude: FakeAnthropic
) -> Iterator[Rig]:
    """A gateway whose upstreams repeat what they are told; one is told a word that stands for no key."""
    cloud = {"provider": "anthropic", "model": "claude-sonnet-4-5", "external": True}
    deployments = {
        "base": deployment("base", upstream.url, api_key=KEY),
        "keyless": deployment("keyless", upstream.url, api_key="EMPTY"),
        "cloud": deployment("cloud", claude.url, api_key=KEY, **cloud),
    }
    routes = {name: Route(name, deployment=name) for name in deployments}
    routes["base-direct"] = Route("base-direct", deployment="base")
    with running(tmp_path_factory.mktemp("keys"), others="base", keepalive=1.0) as rig:
        rig.publish(plan_for(upstream.url, deployments=deployments, routes=routes, experiments={}, capture="full"))
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(worker: Rig, upstream: FakeUpstream) -> Iterator[Rig]:
    """After each test nothing of the key is in the journal."""
    yield worker
    assert upstream.seen[-1].header("authorization") == f"Bearer {KEY}"
    assert not any(form.encode() in path.read_bytes() for path in journal(worker) for form in JSON_FORMS)


def journal(rig: Rig) -> list[Any]:
    return list(rig.layout.journal.glob("*.jsonl"))


def leaks(answer: httpx.Response) -> list[str]:
    found = [
        form for form in JSON_FORMS if form in answer.text or any(form in value for value in answer.headers.values())
    ]
    return found + (["canary"] if "canary" in answer.text + str(answer.headers) else [])


def asked(rig: Rig, upstream: FakeUpstream, body: Any, script: dict[str, Any], path: str = "/chat/completions") -> Any:
    """The answer by this script, of which the request says nothing."""
    upstream.script = script
    return post(rig, body, path)


@pytest.mark.parametrize("form", JSON_FORMS)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/embeddings", "/files"])
def test_a_whole_answer(rig: Rig, upstream: FakeUpstream, path: str, status: int, form: str) -> None:
    said = b'{"id": "%b", "model": "%b", "error": null, "choices": [{"message": {"content": "my key is %b."}}]}'
    fake = {
        "kind": "bytes", "status": status, "body": said % ((form.encode(),) * 3), "framing": "chunked", "pieces": 7,
        "headers": {"content-type": "application/json", "x-debug": f"Bearer {KEY}", "openai-organization": KEY},
    }  # fmt: skip
    answer = asked(rig, upstream, {**DIRECT, "input": "x"}, fake, path)
    assert (answer.status_code, leaks(answer)) == (status, [])
    assert "[key]" in answer.text and answer.headers["x-debug"].startswith("Bearer [key]")


@pytest.mark.parametrize("bytes_each", [0, 1, 5])
@pytest.mark.parametrize("body", [STREAM, {**RESPONSE, "stream": True}], ids=["chat", "response"])
def test_an_event_however_it_is_cut(rig: Rig, upstream: FakeUpstream, body: dict[str, Any], bytes_each: int) -> None:
    path = "/responses" if "input" in body else "/chat/completions"
    chunk = {"id": KEY, "type": "x", "choices": [{"index": 0, "delta": {"content": f"it is {KEY}, and"}}]}
    end = "data: [DONE]\n\n" if "messages" in body else 'data: {"type": "response.completed", "response": {}}\n\n'
    events = [f"data: {json.dumps(chunk)}\n\n", f": {KEY}\n\n", f"event: x\ndata: {json.dumps(chunk)}\n\n", end]
    fake = {"kind": "stream", "events": events, "bytes_each": bytes_each, "headers": {"x-debug": KEY}}
    answer = asked(rig, upstream, body, fake, path)
    assert leaks(answer) == [] and answer.text.count("[key]") == 5
    assert answer.headers["x-debug"] == "[key]"


def test_an_error_that_comes_after_the_head_had_to_leave(rig: Rig, upstream: FakeUpstream) -> None:
    late = json.dumps({"error": {"message": f"wrong key {KEY}", "type": KEY, "param": None, "code": KEY}})
    fake = {"kind": "bytes", "status": 401, "body": late, "delay": 1.6}
    answer = asked(rig, upstream, STREAM, fake)
    assert answer.status_code == 200 and leaks(answer) == [] and answer.text.count("[key]") == 3


def test_what_the_model_spells_over_several_events_is_not_recorded(rig: Rig, upstream: FakeUpstream) -> None:
    events = [
        f'data: {{"choices":[{{"index":0,"delta":{{"content":"{part}"}}}}]}}\n\n' for part in ("sk-cana", KEY[7:])
    ]
    asked(rig, upstream, STREAM, {"kind": "stream", "events": [*events, "data: [DONE]\n\n"]})
    assert "[key]" in str(rig.events("request")[-1]["response_body"])


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_what_is_passed_on_in_pieces_keeps_its_length(
    rig: Rig, upstream: FakeUpstream, framing: str, pieces: int
) -> None:
    text = f"{KEY} sk-canary/ {KEY}{KEY} and sk-can" * 3
    upstream.scripts["echo"] = {
        "kind": "bytes", "body": text, "framing": framing, "pieces": pieces, "headers": {"content-type": "text/plain"},
    }  # fmt: skip
    answer = httpx.get(f"{rig.url}/files/f/content", headers={"x-fake": "echo"})
    assert KEY not in answer.text and len(answer.content) == len(text)
    assert answer.text == text.replace(KEY, "[key]".ljust(len(KEY), "*"))


def test_a_word_that_stands_for_no_key_is_not_blanked(worker: Rig, upstream: FakeUpstream) -> None:
    answer = asked(worker, upstream, {**DIRECT, "model": "keyless"}, {"kind": "json", "answer": {"note": "EMPTY"}})
    assert answer.json()["note"] == "EMPTY" and secret_of("EMPTY") is None and secret_of(None) is None


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_is_translated_for(worker: Rig, claude: FakeAnthropic, stream: bool) -> None:
    answer = post(worker, {**DIRECT, "model": "cloud", "stream": stream})
    assert answer.status_code == 200 and leaks(answer) == [] and "[key]" in answer.text
    assert claude.seen[-1].header("x-api-key") == KEY


def test_pieces_wait_only_while_they_may_begin_the_key() -> None:
    pieces = BlankedPieces(Secret("sk-abcdefgh"))
    assert pieces.feed(b"nothing of it\n\n") == b"nothing of it\n\n"
    assert (pieces.feed(b"x sk-abc"), pieces.feed(b"dX"), pieces.feed(b"sk-sk-ab")) == (b"x ", b"sk-abcdX", b"sk-")
    assert (pieces.feed(b"cdefgh."), pieces.feed(b"sk"), pieces.rest()) == (b"[key]******.", b"", b"sk")


def test_a_log_line_holds_no_key_whatever_an_exception_says() -> None:
    formatter = BlankingFormatter("%(message)s", lambda: [Secret(KEY)])
    try:
        raise ValueError(f"Invalid header value b'Bearer {KEY}'")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "p", 1, f"for {KEY}", (), (type(error), error, error.__traceback__)
        )
    assert "canary" not in formatter.format(record) and formatter.format(record).count("[key]") == 2

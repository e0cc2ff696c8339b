"""C and D with the official client for Node: what it makes of answers, streams, tools and errors is the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness.response_scripts import STREAMS
from tests.conformance.harness.stream_events import CONTENT, wire
from tests.conformance.harness.stream_fixture import SECRET, USER, Pair
from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.npm_packages import install
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

HERE = Path(__file__).parent / "node"
CHAT = {"model": "plain", "messages": USER}
JSON_TYPE = {"content-type": "application/json"}
ERROR = {"message": "no", "type": "t", "param": "p", "code": "c"}
CLASSES = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
    409: "ConflictError", 418: "APIError", 422: "UnprocessableEntityError", 429: "RateLimitError",
    500: "InternalServerError", 503: "InternalServerError",
}  # fmt: skip


def _case(name: str, way: str, script: dict[str, Any], **asked: Any) -> dict[str, Any]:
    headers = {"x-request-id": "r", **script.get("headers", {})}
    base = CHAT if way in ("chat", "chunks", "accumulated", "left") else {"model": "plain"}
    return {"name": name, "way": way, "asked": {**base, **asked, "fake": {**script, "headers": headers}}}


def _chat_cases() -> Iterator[dict[str, Any]]:
    yield _case("a chat", "chat", {"kind": "json"})
    for name, chunks in CONTENT.items():
        script = {"kind": "stream", "events": [made.decode() for made in wire(chunks)]}
        for way in ("chunks", "accumulated"):
            yield _case(f"{name}, {way}", way, script, stream=True)
    yield _case("usage", "chunks", {"kind": "stream"}, stream=True, stream_options={"include_usage": True})
    yield _case("left", "left", {"kind": "stream"}, stream=True, stream_options={"include_usage": True})
    yield _case("embeddings", "embeddings", {"kind": "json"}, input="x")
    yield _case("floats", "embeddings", {"kind": "json"}, input="x", encoding_format="float")
    yield _case("completions", "completions", {"kind": "json"}, prompt="x")


def _error_cases() -> Iterator[dict[str, Any]]:
    for status in CLASSES:
        script = {"kind": "bytes", "status": status, "body": json.dumps({"error": ERROR}), "headers": JSON_TYPE}
        yield _case(f"{status}", "chat", script)
        yield _case(f"{status} for a stream", "chunks", script, stream=True)
    events = [*(made.decode() for made in wire(CONTENT["c7 a finish and nothing more"])[:1]),
              f"data: {json.dumps({'error': ERROR})}\n\n"]  # fmt: skip
    yield _case("an error within a stream", "chunks", {"kind": "stream", "events": events}, stream=True)


def _response_cases() -> Iterator[dict[str, Any]]:
    yield _case("a response", "response", {"kind": "json"}, input="q")
    for name, script in STREAMS.items():
        for way in ("events", "final"):
            yield _case(f"{name}, {way}", way, {"kind": "stream", **script}, input="q", stream=True)


CASES = [*_chat_cases(), *_error_cases(), *_response_cases()]


@pytest.fixture(name="node", scope="module")
def node_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client as it is locked; a skip where there is no Node, or nothing to install it from."""
    if shutil.which("node") is None:
        pytest.skip("there is no Node here")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    install(HERE, folder)
    return folder


@pytest.fixture(name="served", scope="module")
def served_fixture(gateway: Pair) -> Iterator[tuple[FakeUpstream, Rig]]:
    """The fake upstream that reads scripts, behind a gateway that the other tests share."""
    with FakeUpstream() as fake:
        fake.model = "m-1"
        gateway.publish(fake.url)
        yield fake, gateway.rig
        gateway.publish(gateway.upstream.url)


@pytest.fixture(name="seen", scope="module")
def seen_fixture(node: Path, served: tuple[FakeUpstream, Rig]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the client made of every case: straight, and through the gateway."""
    fake, rig = served
    return _run(node, fake.url), _run(node, rig.url)


def _run(node: Path, url: str) -> dict[str, Any]:
    command = ["node", "smoke.mjs", url, SECRET]
    done = subprocess.run(command, cwd=node, input=json.dumps(CASES), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line.get("result") for line in lines}


@pytest.mark.parametrize("name", [case["name"] for case in CASES])
def test_c_the_client_for_node_makes_the_same_of_it(seen: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    straight, through = seen
    assert through[name] == straight[name]
    assert through[name] is not None


@pytest.mark.parametrize("status", CLASSES)
def test_c_the_client_for_node_raises_its_class_of_an_error(
    seen: tuple[dict[str, Any], dict[str, Any]], status: int
) -> None:
    for name in (f"{status}", f"{status} for a stream"):
        raised = seen[1][name]
        assert (raised["error"], raised["status"], raised["named"]) == (CLASSES[status], status, True)
        assert (raised["code"], raised["param"], raised["type"]) == ("c", "p", "t")

"""Everything else under /v1 goes to one named deployment as it came, and to nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from hashlib import sha256

import httpx
import openai
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, deployment, key, plan_for, running
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

PROVIDER_KEY = "sk-provider-of-all"


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="worker", scope="module")
def worker_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("others"), others="base", trusted_proxies=("127.0.0.1",)) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(worker: Rig, upstream: FakeUpstream) -> Rig:
    plan = plan_for(upstream.url)
    base = deployment("base", upstream.url, api_key=PROVIDER_KEY)
    worker.publish(plan_for(upstream.url, deployments={**plan.deployments, "base": base}))
    upstream.seen.clear()
    return worker


@pytest.fixture(name="client")
def client_fixture(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=rig.url, api_key="sk-of-the-caller", max_retries=0) as found:
        yield found


def test_files_go_up_and_come_back_as_they_are(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    content = bytes(range(256)) * 8192
    made = client.files.create(file=("Größe ☂.jsonl", content), purpose="fine-tune")
    seen = upstream.seen[-1]
    assert made.id == "file-fake" and content in seen.body
    assert "Größe ☂.jsonl".encode() in seen.body or b"filename*=" in seen.body
    assert str(seen.header("content-type")).startswith("multipart/form-data; boundary=")
    assert [file.id for file in client.files.list(limit=3, after="file-0")] == ["file-fake"]
    assert upstream.seen[-1].path == "/v1/files?limit=3&after=file-0" or "after=file-0" in upstream.seen[-1].path
    assert client.files.delete("file-fake").deleted


def test_a_body_larger_than_a_request_for_a_model_is_passed_on_as_it_comes(rig: Rig, upstream: FakeUpstream) -> None:
    piece = bytes(range(256)) * 256

    def pieces() -> Iterator[bytes]:
        for _ in range(160):
            yield piece

    answer = httpx.post(f"{rig.url}/files", content=pieces(), timeout=PATIENCE)
    assert answer.status_code == 200
    assert sha256(upstream.seen[-1].body).digest() == sha256(piece * 160).digest()


def test_binary_answers_are_the_same_bytes(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["audio"] = {
        "kind": "bytes",
        "body": "\x00\x01binary",
        "body_times": 100_000,
        "pieces": 50_000,
        "framing": "chunked",
        "headers": {"content-type": "audio/mpeg", "content-disposition": 'attachment; filename="a.mp3"'},
    }
    answer = httpx.post(f"{rig.url}/audio/speech", json={"input": "x"}, headers={"x-fake": "audio"}, timeout=PATIENCE)
    assert answer.content == b"\x00\x01binary" * 100_000
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.mp3"'
    assert answer.headers["x-request-id"]


def test_nothing_of_the_callers_credentials_or_connection_goes_on(rig: Rig, upstream: FakeUpstream) -> None:
    headers = {
        "authorization": "Bearer sk-of-the-caller",
        "cookie": "session=secret",
        "api-key": "secret",
        "x-forwarded-for": "127.0.0.77",
        "connection": "keep-alive, x-hop",
        "x-hop": "secret",
        "proxy-authorization": "Basic secret",
        "openai-organization": "org-secret",
        "x-fairtrial-tags": "a=secret",
        "x-vendor": "kept",
    }
    httpx.get(f"{rig.url}/batches", headers=headers)
    seen = upstream.seen[-1]
    assert seen.header("authorization") == f"Bearer {PROVIDER_KEY}"
    assert seen.header("x-vendor") == "kept"
    assert b"secret" not in seen.head and b"of-the-caller" not in seen.head and b"127.0.0.77" not in seen.head


def test_a_redirect_is_not_followed_and_tells_nothing(rig: Rig, upstream: FakeUpstream) -> None:
    moved = {"kind": "bytes", "status": 302, "headers": {"location": "http://169.254.169.254/secret"}}
    upstream.scripts["moved"] = moved
    answer = httpx.get(f"{rig.url}/files/f/content", headers={"x-fake": "moved"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_redirect")
    assert "location" not in answer.headers and "169.254" not in answer.text


def test_cookies_and_keys_of_the_provider_stay_here(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["leaky"] = {
        "status": 401,
        "headers": {"set-cookie": "a=b", "www-authenticate": "x", "server": "s"},
        "whole": {"error": {"message": f"wrong key {PROVIDER_KEY}", "type": "x", "param": None, "code": None}},
    }
    answer = httpx.get(f"{rig.url}/batches", headers={"x-fake": "leaky"})
    assert answer.status_code == 401 and PROVIDER_KEY not in answer.text
    assert not {"set-cookie", "www-authenticate", "server"} & set(answer.headers)


def test_an_error_that_is_no_json_is_put_in_an_envelope(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["html"] = {"kind": "html"}
    answer = httpx.get(f"{rig.url}/batches", headers={"x-fake": "html"})
    assert answer.status_code == 502 and answer.json()["error"]["code"] == "upstream_error"
    upstream.scripts["gone"] = {"kind": "reset"}
    answer = httpx.get(f"{rig.url}/batches", headers={"x-fake": "gone"})
    assert answer.status_code == 502 and answer.json()["error"]["type"] == "upstream_error"


def test_an_answer_that_breaks_off_breaks_off(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["broken"] = {
        "kind": "bytes",
        "framing": "chunked",
        "body": "abc",
        "body_times": 1000,
        "pieces": 300,
        "then": "reset",
    }
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{rig.url}/files/f/content", headers={"x-fake": "broken"})


def test_a_caller_that_leaves_ends_the_upstreams_answer(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["slow"] = {"kind": "steps", "steps": [{"send": _HEAD}, {"then": "stall"}]}
    with httpx.stream("GET", f"{rig.url}/files/f/content", headers={"x-fake": "slow"}) as answer:
        next(answer.iter_raw())
    assert upstream.seen[-1].gone.wait(PATIENCE)


_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin", "/v1/files/../../admin", "/v1/files/%2e%2e/admin", "/v1/files/.%2E/x",
        "/v1/files/%2E%2e%2fadmin",
        "/v1//files", "/v1/files//x", "/v1/files/", "/v1/files/..;/admin", "/v1/files/%5c..%5cadmin", "/v1/files/a%00",
        "/v1/files/a%0d%0aX:y", "/v1/files/%252e%252e/x", "/v1%2ffiles", "/v1/files%2fx",
        "/v1/a%23b/..",
        "/v1/responses/x/y", "/v1/feedback/x", "//evil.example/v1/files", "/v1\\files", "/metrics/../v1/files",
    ],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_leads_nowhere(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    assert raw(rig, f"GET {path} HTTP/1.1").split(b" ", 2)[1] in (b"404", b"400"), path
    assert not upstream.seen


def test_an_absolute_address_leads_to_the_deployment_alone(rig: Rig, upstream: FakeUpstream) -> None:
    raw(rig, "GET http://evil.example/v1/files?a=http://x HTTP/1.1")
    raw(rig, "GET http://u:p@evil.example/v1/files/a@b HTTP/1.1")
    assert [seen.path for seen in upstream.seen] == ["/v1/files?a=http://x", "/v1/files/a@b"]
    assert all(seen.header("host") == f"127.0.0.1:{upstream.port}" for seen in upstream.seen)


def raw(rig: Rig, line: str, *headers: str) -> bytes:
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), timeout=10) as connection:
        lines = [line, "host: 127.0.0.1", "connection: close", *headers]
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_request_is_framed_in_one_way_alone(rig: Rig, upstream: FakeUpstream) -> None:
    smuggled = "POST /v1/files HTTP/1.1"
    answer = raw(rig, smuggled, "content-length: 5", "transfer-encoding: chunked", "", "0", "", "GET /v1/x HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 400") or all(b"GET /v1/x" not in seen.raw for seen in upstream.seen)


def test_a_key_with_routes_of_its_own_may_not_and_what_changes_models_needs_admin(
    rig: Rig, upstream: FakeUpstream
) -> None:
    keys = key("ft-all", "complete"), key("ft-one", "complete", routes=("bot",)), key("ft-admin", "complete", "admin")
    rig.publish(plan_for(upstream.url), *keys)

    def ask(secret: str, method: str, path: str) -> tuple[int, str | None]:
        answer = httpx.request(method, rig.url + path, headers={"authorization": f"Bearer {secret}"})
        return answer.status_code, (answer.json().get("error") or {}).get("code")

    assert ask("ft-all", "GET", "/files") == (200, None)
    assert ask("ft-one", "GET", "/files") == (403, "path_not_allowed")
    for method, path in (("POST", "/load_lora_adapter"), ("GET", "/organization/users"), ("DELETE", "/models/x")):
        assert ask("ft-all", method, path) == (403, "right_missing")
        assert ask("ft-admin", method, path)[0] == 404  # of the upstream, which has none of them
    assert ask("ft-none", "GET", "/files") == (401, "invalid_api_key")


def test_a_page_of_another_site_may_not_use_an_open_gateway(rig: Rig, upstream: FakeUpstream) -> None:
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = httpx.post(f"{rig.url}/files", files={"file": b"x"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert not upstream.seen
    assert httpx.get(f"{rig.url}/files", headers={"origin": "http://localhost:3000"}).status_code == 200


def test_a_query_goes_on_to_the_letter(rig: Rig, upstream: FakeUpstream) -> None:
    query = "a=%41&b=%2F&c=a+b&d[]=x&e=%7E&f=%c3%bc&g&h=&i=a%20b&j=a;b&k=%26%3D"
    raw(rig, f"GET /v1/files?{query} HTTP/1.1")
    raw(rig, "GET /v1/files/a%20b:c HTTP/1.1")
    assert [seen.path for seen in upstream.seen] == [f"/v1/files?{query}", "/v1/files/a%20b:c"]


def test_a_body_that_came_once_is_not_sent_half_a_second_time(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.scripts["gone"] = {"kind": "reset"}
    answer = httpx.put(f"{rig.url}/files/f", content=b"x" * 2**20, headers={"x-fake": "gone"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "upstream_error")
    assert {len(seen.body) for seen in upstream.seen} == {2**20}


def test_a_body_beyond_the_limit_is_refused_at_once(rig: Rig, upstream: FakeUpstream) -> None:
    answer = raw(rig, "POST /v1/files HTTP/1.1", f"content-length: {2**31}")
    assert answer.startswith(b"HTTP/1.1 413") and b"request_too_large" in answer
    assert not upstream.seen


def test_a_body_that_breaks_off_is_no_request(rig: Rig, upstream: FakeUpstream) -> None:
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), timeout=10) as connection:
        head = "POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1000)
        connection.shutdown(socket.SHUT_WR)
        assert b"200" not in b"".join(iter(lambda: connection.recv(65536), b""))
    assert not upstream.seen or not upstream.seen[-1].body


def test_nothing_of_it_is_recorded_but_it_is_counted(rig: Rig) -> None:
    rig.forget()
    before = counted(rig)
    httpx.get(f"{rig.url}/files")
    assert counted(rig) == before + 1 and not rig.events()


def counted(rig: Rig) -> int:
    return int(total(httpx.get(f"{rig.root}/metrics").text, "passed_on_total"))


def test_stored_chats_are_read_where_everything_else_is(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    httpx.get(f"{client.base_url}chat/completions", params={"limit": 2})
    assert (upstream.seen[-1].method, upstream.seen[-1].path) == ("GET", "/v1/chat/completions?limit=2")

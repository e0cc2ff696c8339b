"""One spelling of a path decides what a key may do, and that spelling is what the upstream gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from gateway.proxy.app import MODEL_PATHS
from tests.fixtures.gateway.gateway_fixture import Rig, key, plan_for, running
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

SECRET = "ft-complete-only"
BODY = b'{"model": "base-direct", "messages": [], "input": "x", "prompt": "x"}'
GUARDED = (
    ("DELETE", "models", "ft-x"), ("POST", "models", "ft-x"), ("GET", "organization", "users"),
    ("POST", "organizations", "o"), ("POST", "load_lora_adapter", ""), ("POST", "unload_lora_adapter", ""),
    ("GET", "responses", "r1/other"), ("POST", "feedback", "f1"),
)  # fmt: skip
"""Paths of the upstream that a key with the right ``complete`` alone never reaches."""

FOLDED = {"s": "\u017f", "k": "\u212a", "i": "\uff49", "d": "\uff44", "m": "\uff4d", "o": "\uff4f", "r": "\uff52"}
"""Letters that become the ASCII letter when a server folds case or normalises."""


@pytest.fixture(name="upstream", scope="module")
def upstream_fixture() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(name="rig", scope="module")
def rig_fixture(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Rig]:
    """A gateway with a way for everything else; the key may complete, on all routes."""
    with running(tmp_path_factory.mktemp("paths"), others="base") as rig:
        rig.publish(plan_for(upstream.url), key(SECRET, "complete"))
        yield rig


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def spellings(word: str) -> Iterator[str]:
    """Other spellings that some server reads as this word."""
    yield word
    for at, letter in enumerate(word):
        yield word[:at] + percent(letter) + word[at + 1 :]
        yield word[:at] + percent(letter).replace("%", "%25") + word[at + 1 :]
        yield word[:at] + letter.upper() + word[at + 1 :]
        if letter in FOLDED:
            yield word[:at] + percent(FOLDED[letter]) + word[at + 1 :]
    yield percent(word)
    yield percent(word.upper())
    yield word.upper()
    first = ord(word[0])
    yield f"%{0xC0 | first >> 6:02x}%{0x80 | first & 0x3F:02x}{word[1:]}"  # overlong UTF-8
    yield f"%e0%{0x80 | first >> 6:02x}%{0x80 | first & 0x3F:02x}{word[1:]}"
    yield f"%u{first:04x}{word[1:]}"  # IIS
    for ending in (";", ";a=b", "%3b", "%3Ba", "%00", "%20", ".", "%2e", "%09", "%c2%a0", ":x", ",x", "!", "%e2%80%8b"):
        yield word + ending
    for before in ("%20", ".%2f", "./", "%2e/", "x/../", "x/%2e%2e/", "x/..%2f", "x/%2e%2e%2f", "/", "%2f", "%5c",
                   "\\", "x\\..\\", "x%5c..%5c", "..;/", "x/..;/", "x/%252e%252e/", "%ef%bc%8e%ef%bc%8e%ef%bc%8f",
                   "x/%e2%80%a5/"):  # fmt: skip
        yield before + word


def ask(rig: Rig, method: str, target: str, secret: str = SECRET) -> tuple[int, bytes]:
    """The status and the whole answer; sent as it is, without any client's help."""
    head = f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {secret}\r\nconnection: close\r\n"
    body = b"" if method in ("GET", "DELETE") else BODY
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", rig.supervisor.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize(("method", "word", "rest"), GUARDED, ids=lambda part: str(part))
def test_no_spelling_of_a_guarded_path_reaches_the_upstream(
    rig: Rig, upstream: FakeUpstream, method: str, word: str, rest: str
) -> None:
    upstream.seen.clear()
    for spelled in dict.fromkeys(spellings(word)):
        target = f"/v1/{spelled}" + (f"/{rest}" if rest else "")
        status, answer = ask(rig, method, target)
        assert not upstream.seen, (target, upstream.seen[-1].path)
        assert status in (400, 403, 404, 405), (target, status)
        assert b'{"error":{"message":' in answer, target


@pytest.mark.parametrize("path", MODEL_PATHS)
def test_an_encoded_letter_of_a_hot_path_changes_nothing(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    for at in range(1, len(path)):
        if path[at] != "/":
            upstream.seen.clear()
            spelled = path[:at] + percent(path[at]) + path[at + 1 :]
            assert ask(rig, "POST", spelled)[0] == ask(rig, "POST", path)[0], spelled
            assert [seen.path for seen in upstream.seen] == [path, path]


@pytest.mark.parametrize("path", MODEL_PATHS)
def test_what_is_nearly_a_hot_path_is_not_passed_on_unrecorded(rig: Rig, upstream: FakeUpstream, path: str) -> None:
    upstream.seen.clear()
    last = path.rpartition("/")[2]
    front = path.removesuffix(last)
    odd = [path.upper().replace("/V1/", "/v1/"), path + "/", path.replace("/v1/", "/v1//"), front + last + "%00"]
    odd += [front + last.capitalize(), path.replace("/v1/", "/v1%2f"), path.replace("/v1/", "/v1/x/../"), path + ";a"]
    odd += [front + spelled for spelled in spellings(last) if "%25" in spelled or "\\" in spelled or ";" in spelled]
    odd += [path.replace("/v1/", "/v1/%2e/"), path + "%20", path + "%2e", front + percent("\uff45") + last[1:] + "#x"]
    for target in odd:
        status, _ = ask(rig, "POST", target)
        assert status in (400, 404), (target, status)
        assert not upstream.seen, (target, upstream.seen[-1].path)


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/v1/files", "/v1/files"),
        ("/v1/%66iles", "/v1/files"),
        ("/%76%31/files", "/v1/files"),
        ("/v1/files/a%2Db%5f", "/v1/files/a-b_"),
        ("/v1/files/A%62C", "/v1/files/AbC"),
        ("/v1/files/a%20b:c@d", "/v1/files/a%20b:c@d"),
        ("/v1/files/gr%c3%b6%C3%9fe", "/v1/files/gr%C3%B6%C3%9Fe"),
        ("http://evil.example/v1/%66iles?a=%66", "/v1/files?a=%66"),
    ],
)
def test_what_was_decided_on_is_what_is_sent(rig: Rig, upstream: FakeUpstream, target: str, sent: str) -> None:
    upstream.seen.clear()
    ask(rig, "GET", target)
    assert [seen.path for seen in upstream.seen] == [sent]


QUERY = 'a=%41&b=%2F&c=a+b&d[]=x&e=%7E&f=%c3%bc&g&h=&i=a%20b&j=a;b&k=%26%3D&l=../%2e%2e&m="<>^`{|}\\&n=%252F&o=%zz'


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/files"), *(("POST", path) for path in MODEL_PATHS)])
def test_a_query_stays_as_it_was(rig: Rig, upstream: FakeUpstream, method: str, path: str) -> None:
    upstream.seen.clear()
    ask(rig, method, f"{path}?{QUERY}")
    assert [seen.path for seen in upstream.seen] == [f"{path}?{QUERY}"]


def test_the_record_and_the_counts_know_one_spelling(rig: Rig) -> None:
    rig.forget()
    for target in ("/v1/chat/completions", "/v1/ch%61t/completions", "http://x/v1/%63hat/completions?a=b"):
        assert ask(rig, "POST", target)[0] == 200
    assert {event["endpoint"] for event in rig.await_events("request", 3)} == {"/chat/completions"}
    shown = httpx.get(f"{rig.root}/%6detrics").text
    assert "%" not in shown and shown.startswith("# ")


def test_a_models_name_may_hold_a_slash_of_either_spelling(rig: Rig, upstream: FakeUpstream) -> None:
    for name in ("base-direct", "base%2Ddirect", "%62ase-direct"):
        assert ask(rig, "GET", f"/v1/models/{name}")[0] == 200
    status, answer = ask(rig, "GET", "/v1/models/acme%2Ftuned:1")
    assert status == 404 and b"model_not_found" in answer and b"'acme/tuned:1'" in answer


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("/v1/files/%c0%af", "UTF-8"), ("/v1/files/%zz", "escape"), ("/v1/files/a%2fb", "slash"),
        ("/v1/files/a%252fb", "twice"), ("/v1/files/..", "dot"), ("/v1/files/a;b", ";"), ("/v1/a%5cb", "backslash"),
        ("/v1/files/a%00", "control"), ("/v1/files#a", "#"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_with_the_path(rig: Rig, target: str, says: str) -> None:
    status, answer = ask(rig, "GET", target)
    assert (status, b"ambiguous_path" in answer, says.encode() in answer) == (400, True, True), answer
    assert b"x-request-id" in answer

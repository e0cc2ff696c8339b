"""Control with callers who send half of a request: they are let go in time, and its health answers meanwhile."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fairtrial.api.operation import Nothing
from fairtrial.api.store import overview
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import FairtrialError
from fairtrial.journal.writer import JournalWriter
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.gateway.raw_client import RawClient, Received
from tests.fixtures.services.descriptor_limit import callers, healthy, limited
from tests.fixtures.services.project_files import control_port, write_project
from tests.fixtures.store import samples
from tests.fixtures.store.maintenance_fixture import end, start_control
from tests.fixtures.waiting import until

pytestmark = pytest.mark.release("attacks")

SIGN_IN = b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n"
HALVES = {
    "half a head": b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-half: ",
    "nothing": b"",
    "half a body": SIGN_IN + b"content-length: 100\r\n\r\nname=",
    "half a chunk": SIGN_IN + b"transfer-encoding: chunked\r\n\r\n5\r\nna",
    "half a body that nobody reads": b"POST /api/keys HTTP/1.1\r\nhost: elsewhere.test\r\ncontent-length: 99\r\n\r\n{",
}
GRACE = 1.0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("limits")
    path = write_project(folder)
    found = control_port(folder)
    bind = f'{{bind: "127.0.0.1:{found}"'
    path.write_text(path.read_text().replace(f"control: {bind}", f"control: {bind}, body_grace: {GRACE}"))
    process = start_control(folder)
    until(lambda: healthy(found))
    yield found
    end(process)


def answer_to(port: int, said: bytes) -> Received:
    with RawClient(port) as client:
        client.send(said)
        return client.answer()


@pytest.mark.parametrize("kind", HALVES)
def test_two_hundred_half_sent_requests_are_closed_and_health_answers_meanwhile(port: int, kind: str) -> None:
    with callers(port, 200, HALVES[kind]) as held:
        assert [healthy(port) for _ in range(5)] == [True] * 5
        ends = [_rest(one) for one in held]
    begun = {"half a head", "half a body", "half a chunk"}
    assert {end.partition(b"\r\n")[0] for end in ends} == {
        b"HTTP/1.1 408 Request Timeout" if kind in begun else b"" if kind == "nothing" else b"HTTP/1.1 403 Forbidden"
    }


def _requests(layout: Layout) -> object:
    """What control says of its store, if it lets this administrator in."""
    with contextlib.suppress(FairtrialError), open_store(layout) as owner:
        return owner.call(overview, Nothing()).rows["requests"]
    return None


def _rest(one: socket.socket) -> bytes:
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := one.recv(2**16):
            said += piece
    return said


def test_a_body_that_trickles_is_a_408_in_control_s_own_shape(port: int) -> None:
    with RawClient(port) as client:
        client.send(SIGN_IN + b"content-length: 9999\r\n\r\n")
        got, done = Received(), threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not done.wait(0.05):
                    client.send(b"x")

        sending = threading.Thread(target=trickle)
        sending.start()
        client.more(got)
        done.set()
        sending.join()
    assert (got.status, got.headers["connection"]) == (408, "close")
    assert json.loads(got.body)["error"]["type"] == "invalid_request_error"


def test_a_body_that_takes_its_time_but_comes_is_read(port: int) -> None:
    body = b"name=" + b"x" * 6000
    with RawClient(port) as client:
        client.send(SIGN_IN + b"content-length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 400):
            client.send(body[at : at + 400])
            time.sleep(0.1)
        assert client.answer().status in (400, 401, 403)


ODD = {
    "two hosts": b"GET /livez HTTP/1.1\r\nhost: localhost\r\nhost: 127.0.0.1\r\n\r\n",
    "a coding": b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "te": b"GET /livez HTTP/1.1\r\nhost: localhost\r\nte: gzip, chunked\r\n\r\n",
    "a length of 400 digits": b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: "
    + b"9" * 400
    + b"\r\n\r\n",
    "no http": b"hello\r\n\r\n",
    "many headers": b"GET /livez HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 300 + b"\r\n",
    "a large head": b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx: " + b"y" * 2**19,
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_head_is_a_400_in_control_s_own_shape(port: int, kind: str) -> None:
    got = answer_to(port, ODD[kind])
    assert (got.status, got.headers["connection"]) == (400, "close")
    assert set(json.loads(got.body)["error"]) == {"message", "type"}


def test_a_body_that_says_it_is_too_large_is_a_413_before_it_is_asked_for(port: int) -> None:
    got = answer_to(port, SIGN_IN + b"expect: 100-continue\r\ncontent-length: 99999999\r\n\r\n")
    assert got.status == 413 and b"100 Continue" not in got.wire
    assert set(json.loads(got.body)["error"]) == {"message", "type"}


@pytest.mark.parametrize("kind", ["nothing", "half a head", "half a body"])
def test_control_without_descriptors_left_answers_and_brings_events_in(tmp_path: Path, kind: str) -> None:
    write_project(tmp_path)
    found, layout = control_port(tmp_path), Layout(tmp_path / "fairtrial.duckdb")
    with limited(tmp_path, "control", found) as log:
        with callers(found, 300, HALVES[kind]):
            assert [healthy(found) for _ in range(20)] == [True] * 20
            writer = JournalWriter(layout.journal, writer="w")
            writer.append(samples.request(1))
            writer.close()
            until(lambda: _requests(layout) == 1)
        assert httpx.get(f"http://127.0.0.1:{found}/readyz").status_code == 200
        said = log.read_text()
    assert said.count("at its limit of 128 open files") == 1 and "Traceback" not in said

"""A client waits as long as control lives, and no longer."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fairtrial.api import store
from fairtrial.api.operation import Nothing
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import ControlSilent, UnreadableAnswer
from fairtrial_cli.store_client.http_client import HttpClient


class Control(ThreadingHTTPServer):
    """Answers a request once two looks have shown that it lives, unless it hangs after the first."""

    daemon_threads = True
    hangs = False
    looks = 0
    body = b"{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.looked, self.ended = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Control

    def do_GET(self) -> None:
        self.server.looks += self.path == "/livez"
        if self.server.looks > 1:
            if self.server.hangs:
                self.server.ended.wait()
            self.server.looked.set()
        if self.path != "/livez":
            self.server.looked.wait()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="control")
def control_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    monkeypatch.setattr("fairtrial_cli.store_client.http_client.CONTROL_SECONDS", 0.2)
    with Control() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.ended.set()
        server.looked.set()
        server.shutdown()
        thread.join()


def ask(control: socketserver.TCPServer, folder: Path) -> object:
    url = f"http://127.0.0.1:{control.server_address[1]}"
    with HttpClient(url, Layout(folder / "fairtrial.duckdb")) as client:
        return client.call(store.ingest, Nothing())


def test_a_long_operation_is_waited_for_while_control_lives(control: Control, tmp_path: Path) -> None:
    ask(control, tmp_path)
    assert control.looks >= 2


def test_control_that_hangs_during_a_request_ends_the_wait(control: Control, tmp_path: Path) -> None:
    control.hangs = True
    with pytest.raises(ControlSilent, match="may still do what was requested"):
        ask(control, tmp_path)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"job_id": "j", "state": "done", "result": {"x": 1}}'])
def test_an_answer_that_cannot_be_read_is_an_error_that_says_so(control: Control, tmp_path: Path, body: bytes) -> None:
    control.body = body
    control.looked.set()
    url = f"http://127.0.0.1:{control.server_address[1]}"
    with HttpClient(url, Layout(tmp_path / "fairtrial.duckdb")) as client:
        for ask_control in (client.call, client.follow):
            with pytest.raises(UnreadableAnswer, match="control may run another version, because its answer can't"):
                ask_control(store.services, Nothing())

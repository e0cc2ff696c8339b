"""Both ends of a connection by hand: a client and an upstream that send exact bytes and keep each segment that came."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 20.0
"""How long anything is waited for before a test fails."""

PIECE = 2**16
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
JSON_HEAD = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes as one ``recv`` gave them, and when, of `time.monotonic`."""

    at: float
    data: bytes


@dataclass(slots=True)
class Received:
    """An answer as it came. ``ending``: ``whole``, ``closed`` before its end, or ``reset``."""

    segments: list[Segment] = field(default_factory=list)
    ending: str = "open"

    @property
    def wire(self) -> bytes:
        return b"".join(segment.data for segment in self.segments)

    @property
    def head(self) -> bytes:
        return self.wire.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def chunks(self) -> list[bytes]:
        """The pieces of a chunked body that are whole so far; the empty one is its end."""
        return list(_each_chunk(self.wire.partition(b"\r\n\r\n")[2]))

    @property
    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            return b"".join(self.chunks)
        return self.wire.partition(b"\r\n\r\n")[2]

    @property
    def is_whole(self) -> bool:
        if b"\r\n\r\n" not in self.wire:
            return False
        if self.headers.get("transfer-encoding") == "chunked":
            return bool(self.chunks) and self.chunks[-1] == b""
        return "content-length" in self.headers and len(self.body) >= int(self.headers["content-length"])


class RawClient:
    """One connection to a server; use it as a context."""

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(PATIENCE_SECONDS)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def post(self, body: Any, path: str = "/v1/chat/completions", **headers: str) -> None:
        self.send(request_bytes(body, path, headers=headers))

    def answer(self) -> Received:
        """Receive until the answer is whole, or the connection ends."""
        got = Received()
        self.more(got)
        return got

    def receive(self) -> bytes:
        return self._socket.recv(PIECE)

    def more(self, got: Received, until: Callable[[Received], bool] = lambda got: got.is_whole) -> None:
        """Receive more of the same answer."""
        while not until(got):
            try:
                data = self._socket.recv(PIECE)
            except ConnectionResetError:
                got.ending = "reset"
                return
            if not data:
                got.ending = "closed"
                return
            got.segments.append(Segment(time.monotonic(), data))
        got.ending = "whole" if got.is_whole else "open"

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Close as the system closes for a process that was killed while bytes for it were under way."""
        reset(self._socket)


@dataclass(slots=True)
class Asked:
    """A request that reached the upstream; it is answered with what the test sends, until `end`."""

    head: bytes
    body: bytes
    _socket: socket.socket
    over: threading.Event = field(default_factory=threading.Event)
    keep: bool = False

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def path(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def stream(self, *pieces: bytes, pause: float = 0) -> None:
        """Each piece as an HTTP chunk and a segment of its own."""
        for piece in pieces:
            self.raw(b"%x\r\n%b\r\n" % (len(piece), piece))
            if pause:
                time.sleep(pause)

    def json_answer(self, answer: Any, status: int = 200) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.raw(JSON_HEAD % (status, len(body)) + body)
        self.end(chunked=False)

    def end(self, *, chunked: bool = True) -> None:
        """The proper end of a chunked body; the connection serves the next request."""
        if chunked:
            self.raw(b"0\r\n\r\n")
        self.keep = True
        self.over.set()

    def close(self) -> None:
        self.over.set()

    def reset(self) -> None:
        reset(self._socket)
        self.over.set()

    def await_gone(self) -> None:
        """Wait until the other side has closed the connection."""
        self._socket.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(ConnectionResetError):
            assert self._socket.recv(1) == b"", "the other side sent more instead of closing"
        self.over.set()


Script = Callable[[Asked], None]


class RawUpstream:
    """An upstream whose answers are a script's, or the test's own: `next` gives the next request as it comes."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.asked: queue.Queue[Asked] = queue.Queue()
        self.failed: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> RawUpstream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def next(self) -> Asked:
        return self.asked.get(timeout=PATIENCE_SECONDS)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            while (asked := _read_request(connection)) is not None:
                script = self.script
                if script is None:
                    self.asked.put(asked)
                    asked.over.wait()
                else:
                    script(asked)
                if not asked.keep:
                    return


def request_bytes(body: Any, path: str = "/v1/chat/completions", *, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as a client sends it: ``POST`` of JSON, or ``GET`` where there is no body."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"content-length: {len(raw)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in (headers or {}).items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + raw


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def plays(*segments: bytes, pause: float = 0.002, ending: str = "end") -> Script:
    """A script that streams these segments, then ends as `Asked` can: ``end``, ``close``, ``reset``."""

    def script(asked: Asked) -> None:
        asked.raw(STREAM_HEAD)
        asked.stream(*segments, pause=pause)
        if ending == "reset":
            time.sleep(0.05)  # what was sent before must have been read: a reset discards what waits
        getattr(asked, ending)()

    return script


def _read_request(connection: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(PIECE)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    parts = [body]
    missing = length - len(body)
    while missing > 0:
        piece = connection.recv(PIECE)
        if not piece:
            return None
        parts.append(piece)
        missing -= len(piece)
    return Asked(head, b"".join(parts), connection)


def _each_chunk(body: bytes) -> Iterable[bytes]:
    at = 0
    while (line := body.find(b"\r\n", at)) != -1:
        size = int(body[at:line], 16)
        if len(body) < line + 2 + size + 2:
            return
        yield body[line + 2 : line + 2 + size]
        at = line + 2 + size + 2

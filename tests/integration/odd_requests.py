"""Malformed and odd requests by a seeded generator: each is bytes for a socket, and what may be expected of them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

CHAT = "/v1/chat/completions"
HEADERS = ("Host: 127.0.0.1", "Content-Type: application/json")
PATHS = (
    *(
        "",
        "*",
        "/",
        "//",
        "/v1",
        "/v1/",
        "//v1//chat/completions",
        f"{CHAT}/",
        f"{CHAT}/../models",
        "/v1/%00",
        "/v1/%2e%2e",
    ),
    *(
        f"http://127.0.0.1{CHAT}",
        f"http://elsewhere.invalid{CHAT}",
        f"{CHAT}#x",
        f"{CHAT}?{'q' * 9000}",
        "/v1/\xff\xfe",
    ),
    *(
        f"{CHAT} x",
        "/v1/models/%ff",
        "/v1/models/a/b:c",
        "/v1/models/" + "m" * 5000,
        "/v1/responses/%0d%0ax",
        "/v1/feedback",
    ),
    *("/metrics?x=\x7f", "/readyz/", "/v1/files", "/v1/embeddings?stream=true", "/v1/responses", "/v1/completions"),
)
METHODS = (
    "post",
    "FOO",
    "",
    "P" * 2000,
    "PO\0ST",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PUT",
    "PATCH",
    "DELETE",
    "GET",
    "PRI",
)
VERSIONS = ("HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "http/1.1", "", "HTTP/1.1 x", "FTP/1.1")
ODD_HEADERS = (
    *("Content-Length: 7", "Content-Length: -1", "Content-Length: +5", "Content-Length: 0x5", "Content-Length: 1 2"),
    *(f"Content-Length: {10**30}", "Content-Length:", "Content-Length: \xb2", "Transfer-Encoding: chunked"),
    *("Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: identity"),
    *("Transfer-Encoding : chunked", "Transfer-Encoding:\x0bchunked", "X-Fold: a\r\n b", " leading: space", "no colon"),
    *(
        "X-Nul: a\0b",
        "X Space: y",
        ": nameless",
        f"X-Long: {'x' * 65536}",
        "X-Bare: a\nY: b",
        "X-Cr: a\rb",
        "\xe9: \xff",
    ),
    *(
        "Host: elsewhere.invalid",
        "Host: 127.0.0.1",
        "Host:",
        "Host: [::1",
        f"Host: {'h' * 5000}",
        "Content-Type: text/plain",
    ),
    *(
        "Content-Type:",
        "Content-Type: application/json; charset=utf-7",
        "Content-Encoding: gzip",
        "Expect: 100-continue",
    ),
    *(
        "Expect: nonsense",
        "Upgrade: websocket\r\nConnection: upgrade",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    ),
    *("Connection: close", "Authorization: Bearer", f"Authorization: Bearer {'k' * 9000}", "Authorization: \xff\xfe"),
    *("X-Stainless-Retry-Count: -1", "X-Stainless-Retry-Count: 9e9", f"X-Stainless-Retry-Count: {'9' * 5000}"),
    *(
        "X-Fairtrial-User: \xff",
        f"X-Fairtrial-User: {'u' * 9000}",
        "X-Fairtrial-User:",
        "X-Fairtrial-Conversation: a,b",
    ),
    *(
        "X-Fairtrial-Variant: none",
        "X-Fairtrial-Deployment: none",
        "X-Fairtrial-Tags: {",
        f"X-Fairtrial-Tags: {'a=b,' * 999}",
    ),
    *(
        "Accept-Encoding: gzip, br",
        "Accept: text/html",
        "Range: bytes=0-1",
        "Cookie: " + "c=d;" * 500,
        "Keep-Alive: -1",
    ),
)
VALUES = (
    *("null", "true", "1", "-0", "[]", "{}", '""', '"x"', '"tr\\u0000ue"', '"\\ud800"', "1e999", "-1e-999", "1" * 400),
    *(
        "NaN",
        "Infinity",
        "[[[[]]]]",
        '{"a":{"b":[null]}}',
        '"' + "w" * 20000 + '"',
        "0.1e1",
        "01",
        "[1,]",
        "'x'",
        "\x00",
    ),
    *(
        '{"role":"user"}',
        '[{"role":1,"content":{}}]',
        '[{"content":null}]',
        "[null]",
        '[{"role":"user","content":[[]]}]',
    ),
    *(
        '[{"role":"system","content":[{"type":"text"}]}]',
        "[" * 5000 + "]" * 5000,
        "[" * 50000,
        '{"include_usage":"yes"}',
    ),
)
FIELDS = (
    "model",
    "messages",
    "stream",
    "user",
    "stream_options",
    "metadata",
    "tools",
    "n",
    "temperature",
    "input",
    "\\u0000",
)
BODIES = (
    *(
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"}",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b'{"model":"bot"',
        b"{'model':1}",
    ),
    *(b'{"model":"bot","messages":"\xc3\x28"}', b'{"model":"bot","a":"\xed\xa0\x80"}', b'{"\xff":1,"model":"bot"}'),
    *(
        b'{"a":' * 30000,
        b"[" * 60000,
        b'{"model":"bot",}',
        b'{"model":"bot"}garbage',
        b'{"model":"bot"}\n\n ',
        b"\0" * 300,
    ),
    *(
        b"a" * 70000,
        b'{"model":"bot","messages":[{"role":"user","content":"line\nbreak"}]}',
        b'{"model":"no-such-route"}',
    ),
)
CHUNKED = (
    *(
        "-1\r\n",
        "ffffffffffffffff\r\nx",
        "10000000000000000000\r\n",
        "zz\r\nx",
        "\r\n",
        "5\r\nab\r\n0\r\n\r\n",
        "2;x=y\r\n{}\r\n0\r\n\r\n",
    ),
    *(
        "2\r\n{}\r\n0\r\nX-Trailer: y\r\n\r\n",
        "2\n{}\n0\n\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2 \r\n{}\r\n0\r\n\r\n",
        "0\r\n\r\n",
    ),
    *(
        "2\r\n{}X\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n00\r\n\r\n",
        f"2;{'e' * 20000}\r\n{{}}\r\n0\r\n\r\n",
    ),
)


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd request. ``framed``: its end is where every reader sees it, so that what follows is another request."""

    kind: str
    raw: bytes
    token: str
    framed: bool = False


def good(token: str, *, stream: bool = False) -> bytes:
    """A request that must be answered with its token."""
    asked = {"model": "bot", "user": token, "stream": stream, "messages": [{"role": "user", "content": token}]}
    return whole(json.dumps(asked).encode())


def whole(body: bytes, *, line: str = f"POST {CHAT} HTTP/1.1", headers: tuple[str, ...] = HEADERS) -> bytes:
    """A request with a right content-length."""
    lines = "\r\n".join([line, *headers, f"Content-Length: {len(body)}"])
    return lines.encode("latin-1") + b"\r\n\r\n" + body


def odd(chance: random.Random, token: str) -> Odd:
    """One of all kinds."""
    make = chance.choice(KINDS)
    return make(chance, token)


def _body(token: str) -> bytes:
    return json.dumps({"model": "bot", "messages": [{"role": "user", "content": token}]}).encode()


def _line(chance: random.Random, token: str) -> Odd:
    method = chance.choice(METHODS) if chance.random() < 0.4 else "POST"
    path = chance.choice(PATHS) if chance.random() < 0.6 else CHAT
    version = chance.choice(VERSIONS) if chance.random() < 0.3 else "HTTP/1.1"
    return Odd("line", whole(_body(token), line=f"{method} {path} {version}"), token)


def _headers(chance: random.Random, token: str) -> Odd:
    some = chance.sample(ODD_HEADERS, chance.randint(1, 3))
    if chance.random() < 0.05:
        some += [f"X-Many-{number}: {number}" for number in range(1000)]
    kept = HEADERS if chance.random() < 0.9 else HEADERS[1:]
    return Odd("headers", whole(_body(token), headers=(*kept, *some)), token)


def _smuggled(chance: random.Random, token: str) -> Odd:
    """Two lengths: whoever believes the other one would read the rest as a request of its own."""
    inside = whole(_body(f"{token}-inside"))
    length, encoding = f"Content-Length: {chance.choice((0, 5, len(inside)))}", "Transfer-Encoding: chunked"
    both = [length, encoding] if chance.random() < 0.5 else [encoding, length]
    head = "\r\n".join([f"POST {CHAT} HTTP/1.1", *HEADERS, *both]).encode()
    return Odd("smuggled", head + b"\r\n\r\n0\r\n\r\n" + inside, token)


def _chunked(chance: random.Random, token: str) -> Odd:
    body, head = _body(token), "\r\n".join([f"POST {CHAT} HTTP/1.1", *HEADERS, "Transfer-Encoding: chunked"]).encode()
    if chance.random() < 0.7:
        return Odd("chunked", head + b"\r\n\r\n" + chance.choice(CHUNKED).encode(), token)
    size = chance.randint(1, 40)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts)
    return Odd("small chunks", head + b"\r\n\r\n" + framed + b"0\r\n\r\n", token, framed=True)


def _cut(chance: random.Random, token: str) -> Odd:
    raw = good(token, stream=chance.random() < 0.3)
    return Odd("cut", raw[: chance.randrange(1, len(raw))], token)


def _flipped(chance: random.Random, token: str) -> Odd:
    """Bytes changed, gone or added, anywhere but in the token: else it would rightly be answered with another one."""
    parts = [bytearray(part) for part in good(token).split(token.encode())]
    for _ in range(chance.randint(1, 6)):
        part = chance.choice(parts)
        at = chance.randrange(len(part) + 1)
        part[at : at + chance.choice((0, 1, 1, 4))] = chance.randbytes(chance.choice((0, 1, 1, 2)))
    return Odd("flipped", token.encode().join(bytes(part) for part in parts), token)


def _noise(chance: random.Random, token: str) -> Odd:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(40)
    return Odd("noise", hello if chance.random() < 0.2 else chance.randbytes(chance.randint(1, 400)), token)


def _json(chance: random.Random, token: str) -> Odd:
    return Odd("json", whole(chance.choice(BODIES)), token, framed=True)


def _types(chance: random.Random, token: str) -> Odd:
    """Fields of wrong types, some twice."""
    fields = [("model", '"bot"'), ("messages", f'[{{"role":"user","content":"{token}"}}]')]
    fields += [(chance.choice(FIELDS), chance.choice(VALUES)) for _ in range(chance.randint(1, 3))]
    chance.shuffle(fields)
    body = "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"
    path = chance.choice((CHAT, CHAT, "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/feedback"))
    return Odd("types", whole(body.encode("latin-1"), line=f"POST {path} HTTP/1.1"), token, framed=True)


KINDS: tuple[Callable[[random.Random, str], Odd], ...] = (
    *(_line, _headers, _smuggled, _chunked, _cut, _flipped, _noise, _json, _types, _types),
)

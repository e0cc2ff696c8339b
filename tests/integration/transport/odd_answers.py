"""Odd answers of an upstream by their number, and a server that gives them, or a good one that names its request."""

from __future__ import annotations

import asyncio
import random
import re
import zlib
from collections.abc import Callable

from raw_upstream import GOOD, Line

STRANGE = b'{"token": "nobody-sent-this"}'
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
CASE, TOKEN = re.compile(rb"odd-(\d+)"), re.compile(rb"token-\d+")
Odd = tuple[list[bytes], bool]
"""The packets of an odd answer, and whether the connection is kept after them."""


def _good(body: bytes = STRANGE) -> bytes:
    return GOOD % (len(body), body)


def _chunks(body: bytes, dice: random.Random) -> bytes:
    parts, rest = [], body
    while rest:
        size = dice.randint(1, len(rest))
        parts.append(b"%x\r\n%b\r\n" % (size, rest[:size]))
        rest = rest[size:]
    return CHUNKED + b"".join(parts) + b"0\r\n\r\n"


def _cut(dice: random.Random) -> Odd:
    raw = dice.choice([_good(), _chunks(STRANGE, dice)])
    return [raw[: dice.randint(0, len(raw) - 1)]], False


def _wrong_length(dice: random.Random) -> Odd:
    size = dice.choice([b"0", b"1", b"28", b"-1", b"1e3", b"0x1d", b"29, 30", b"9" * 30, b"", b" 29 29", b"+29", b"\0"])
    return [b"HTTP/1.1 200 OK\r\ncontent-length: %b\r\n\r\n%b" % (size, STRANGE)], True


def _bad_chunks(dice: random.Random) -> Odd:
    size = dice.choice([b"", b"-1", b"zz", b"ffffffffffffffffffff", b"1d 1d", b"0x1d", b"1d\n", b"1\0d", b"1c", b"1e"])
    end = dice.choice([b"\r\n0\r\n\r\n", b"0\r\n\r\n", b"\n0\n\n", b"\r\n0\r\n", b"\r\n-0\r\n\r\n"])
    return [CHUNKED + size + b"\r\n" + STRANGE + end], dice.random() < 0.5


def _both_framings(dice: random.Random) -> Odd:
    lines = [b"content-length: 29", b"content-length: 5", b"transfer-encoding: chunked", b"transfer-encoding: identity"]
    lines += [b"Transfer-Encoding: chunked, identity", b"transfer-encoding:\tchunked", b"content-length : 29"]
    head = b"\r\n".join([b"HTTP/1.1 200 OK", *dice.sample(lines, 2), b"", b""])
    return [head + b"1d\r\n" + STRANGE + b"\r\n0\r\n\r\n"], True


def _garbage(dice: random.Random) -> Odd:
    return [dice.randbytes(dice.randint(1, 400))], dice.random() < 0.5


def _flipped(dice: random.Random) -> Odd:
    raw = bytearray(dice.choice([_good(), _chunks(STRANGE, dice)]))
    for _ in range(dice.randint(1, 3)):
        raw[dice.randrange(len(raw))] = dice.choice([0, 10, 13, 32, 58, 255, dice.randrange(256)])
    return [bytes(raw)], dice.random() < 0.3


def _more(dice: random.Random) -> Odd:
    extra = dice.choice(
        [_good(), _good() * 3, _chunks(STRANGE, dice), b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n", b"\0", b"x"]
    )
    if dice.random() < 0.5:
        return [_good() + extra], True
    return [_good(), extra], True


def _large_head(dice: random.Random) -> Odd:
    line = b"x-%d: " + b"y" * dice.randint(1, 900) + b"\r\n"
    lines = b"".join(line % number for number in range(dice.choice([150, 250, 2000])))
    return [b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 29\r\n\r\n" + STRANGE], True


def _interim(dice: random.Random) -> Odd:
    first = b"HTTP/1.1 %d Odd\r\n\r\n" % dice.choice([100, 101, 102, 103, 150, 199, 0, 99, 204, 304, 600, 999])
    return [first * dice.randint(1, 4) + _good()], True


def _slow(dice: random.Random) -> Odd:
    raw = dice.choice([_good(), _chunks(STRANGE, dice)])
    cuts = sorted(dice.sample(range(1, len(raw)), 5))
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)], True


def _packed(dice: random.Random) -> Odd:
    body = dice.choice([zlib.compress(STRANGE), zlib.compress(STRANGE)[:9], STRANGE, b"", b"\x1f\x8b", b"\x78"])
    name = dice.choice([b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", b"other"])
    return [b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n%b" % (name, len(body), body)], True


def _bodiless(dice: random.Random) -> Odd:
    status = dice.choice([204, 304, 205])
    return [b"HTTP/1.1 %d None\r\ncontent-length: 29\r\n\r\n%b" % (status, STRANGE)], dice.random() < 0.8


def _old(dice: random.Random) -> Odd:
    version = dice.choice([b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"ICY", b"HTTP/1.1 "])
    return [version + b" 200 OK\r\n\r\n" + STRANGE], False


FORMS: list[Callable[[random.Random], Odd]] = [
    _cut, _wrong_length, _bad_chunks, _both_framings, _garbage, _flipped, _more, _large_head, _interim, _slow,
    _packed, _bodiless, _old,
]  # fmt: skip


def odd_answer(number: int) -> Odd:
    """The same packets for the same number, whenever it is asked."""
    dice = random.Random(number)
    return FORMS[number % len(FORMS)](dice)


async def serve(line: Line) -> None:
    """Good answers with their token; an odd one where the body asks for it, all of it before the next request."""
    while True:
        body = (await line.asked())[1]
        if (odd := CASE.search(body)) is None:
            token = TOKEN.search(body)
            await line.answer(b'{"token": "%b"}' % (token[0] if token else b""))
            continue
        packets, kept = odd_answer(int(odd[1]))
        for packet in packets:
            line.writer.write(packet)
            await asyncio.sleep(0)
        if not kept or _unfinished(b"".join(packets)):
            return
        await asyncio.sleep(0)


def _unfinished(raw: bytes) -> bool:
    """Whether a client might rightly wait for more of this for ever: then its connection is closed."""
    return raw != _good() and not raw.startswith((_good(), b"HTTP/1.1 1", b"HTTP/1.1 2"))


def late(number: int) -> bool:
    """Whether bytes may still come when the answer is whole."""
    return FORMS[number % len(FORMS)] is _more

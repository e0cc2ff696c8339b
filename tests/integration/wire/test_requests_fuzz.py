"""Thousands of odd requests between good ones, on kept and pipelined connections: every answer is its request's own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httptools
import pytest

from tests.fixtures.gateway.gateway_fixture import Rig, plan_for, running
from tests.fixtures.gateway.odd_requests import Odd, good, odd
from tests.fixtures.paths import ROOT
from tests.fixtures.waiting import PATIENCE

TOKEN = re.compile(rb"token-[0-9]+(?:-[a-z]+)?")
SEED, CONNECTIONS, LINGER = 20261124, 32, 0.03
COUNTS = (500, pytest.param(10_000, marks=pytest.mark.release("fuzz")))


@dataclass
class Answers(asyncio.Protocol):
    """What came over one connection: status and body of each answer, in order; interim answers left out."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    closed: bool = False
    broken: str = ""

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.news = asyncio.Event()
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.broken = f"{error}: {data[:200]!r}"

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() >= 200:
            self.statuses.append(self.parser.get_status_code())
            self.bodies.append(self.body)
        self.body = b""
        self.news.set()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True
        self.news.set()

    async def until(self, count: int, seconds: float) -> None:
        """Wait for so many answers or the end of the connection; `TimeoutError` after ``seconds``."""
        async with asyncio.timeout(seconds):
            while len(self.statuses) < count and not self.closed:
                self.news.clear()
                await self.news.wait()

    async def linger(self, count: int) -> None:
        """For answers that may come or not: what was cut short waits for its rest, and that is no fault."""
        with contextlib.suppress(TimeoutError):
            await self.until(count, LINGER)

    def tokens(self) -> list[str | None]:
        """Of each answer, the token in it."""
        found = [TOKEN.search(body) for body in self.bodies]
        return [match[0].decode() if match else None for match in found]


@dataclass
class Fuzz:
    """One run: what is sent, and every way in which an answer was wrong."""

    port: int
    chance: random.Random
    left: int
    number: int = 0
    good: int = 0
    wrong: list[str] = field(default_factory=list)

    def token(self) -> str:
        self.number += 1
        return f"token-{self.number}"

    async def run(self) -> None:
        while self.left > 0:
            await (self.pipelined() if self.chance.random() < 0.5 else self.kept())

    async def connect(self) -> Answers:
        _, answers = await asyncio.get_running_loop().create_connection(Answers, "127.0.0.1", self.port)
        return answers

    async def pipelined(self) -> None:
        """A good request, an odd one and a good one, written at once or in two pieces."""
        first, last, one = self.token(), self.token(), self.odd()
        answers = await self.connect()
        raw = good(first, stream=self.chance.random() < 0.2) + one.raw + good(last)
        at = self.chance.randrange(len(raw)) if self.chance.random() < 0.5 else len(raw)
        answers.transport.write(raw[:at])
        await asyncio.sleep(0)
        answers.transport.write(raw[at:])
        await self.settle(answers, one, 3 if one.framed else 1)
        await answers.linger(3)
        self.judge(answers, [first, one.token, last], one)

    async def kept(self) -> None:
        """Odd and good requests in turns on one connection, each sent when the one before was answered."""
        answers, sent = await self.connect(), []
        for _ in range(self.chance.randint(1, 5)):
            token, one = self.token(), self.odd()
            answers.transport.write(good(token))
            await self.settle(answers, one, len(sent) + 1)
            answers.transport.write(one.raw)
            sent += [token, one.token]
            if not one.framed:
                break
            await self.settle(answers, one, len(sent))
            if answers.closed:
                break
        await self.settle(answers, one, len(sent) - 1)
        await answers.linger(len(sent))
        self.judge(answers, sent, one)

    def odd(self) -> Odd:
        self.left -= 1
        return odd(self.chance, self.token())

    async def settle(self, answers: Answers, one: Odd, count: int) -> None:
        """Wait for the answers that must come."""
        try:
            await answers.until(count, PATIENCE)
        except TimeoutError:
            self.wrong.append(f"hangs after {len(answers.statuses)} of {count} answers: {one.kind} {one.raw[:300]!r}")

    def judge(self, answers: Answers, sent: list[str], one: Odd) -> None:
        """No 5xx, no answer to another request, and the first request, a good one, was answered."""
        answers.transport.abort()
        tokens = answers.tokens()
        self.good += sum(token is not None for token in tokens)
        told = f"{answers.statuses} {tokens} for {sent}: {one.kind} {one.raw[:300]!r}"
        if any(status >= 500 for status in answers.statuses):
            self.wrong.append(f"a 5xx: {answers.bodies[-1][:200]!r} {told}")
        if answers.broken:
            self.wrong.append(f"unreadable {answers.broken}: {told}")
        if tokens[:1] != [sent[0]]:
            self.wrong.append(f"a good request was not answered: {told}")
        named = [token for token in tokens if token is not None]
        if one.framed:
            good_order = all(token is None or token == own for token, own in zip(tokens, sent, strict=False))
        else:
            good_order = named == [token for token in sent if token in named]
        if not good_order:
            self.wrong.append(f"another request's answer: {told}")


@pytest.fixture(name="echoing", scope="module")
def echoing_fixture() -> Iterator[str]:
    """An upstream that answers with the token of what it is asked."""
    command = [sys.executable, str(ROOT / "benchmarks" / "wire" / "instant_upstream.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


@pytest.fixture(name="rig", scope="module")
def rig_fixture(echoing: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("odd"), max_body=2**16) as rig:
        rig.publish(plan_for(echoing))
        yield rig


@pytest.mark.parametrize("count", COUNTS)
async def test_odd_requests_crash_nothing_and_every_answer_is_its_own(
    count: int, echoing: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, max_body=2**16) as rig:  # its workers write to what this test reads
        await asyncio.to_thread(rig.publish, plan_for(echoing))
        before = rig.worker_pids()
        fuzz = Fuzz(rig.supervisor.port, random.Random(SEED), count)
        await asyncio.gather(*(fuzz.run() for _ in range(CONNECTIONS)))
        assert fuzz.wrong == [], "\n".join(fuzz.wrong[:10])
        assert fuzz.good > count / 2
        assert rig.worker_pids() == before
    assert "Traceback" not in capfd.readouterr().err


async def test_a_malformed_request_is_refused_after_the_answers_before_it(rig: Rig) -> None:
    _, answers = await asyncio.get_running_loop().create_connection(Answers, "127.0.0.1", rig.supervisor.port)
    answers.transport.write(good("token-1", stream=True) + good("token-2") + b"NONSENSE\r\n\r\n")
    await answers.until(4, PATIENCE)
    assert answers.tokens() == ["token-1", "token-2", None]
    assert (answers.statuses, answers.closed) == ([200, 200, 400], True)
    assert json.loads(answers.bodies[-1])["error"]["code"] == "malformed_request"


async def test_an_offer_of_another_protocol_is_passed_over_and_the_request_answered(rig: Rig) -> None:
    _, answers = await asyncio.get_running_loop().create_connection(Answers, "127.0.0.1", rig.supervisor.port)
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\nHost:"
    asked = [good(f"token-{number}").replace(b"Host:", offer) for number in (1, 3)]
    answers.transport.write(asked[0] + good("token-2") + asked[1][:250])
    await answers.until(2, PATIENCE)
    answers.transport.write(asked[1][250:])
    await answers.until(3, PATIENCE)
    assert answers.tokens() == ["token-1", "token-2", "token-3"]
    answers.transport.abort()
    await answers.until(4, PATIENCE)
    assert answers.closed

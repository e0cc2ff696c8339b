"""A streamed chat passes through few files, so that a newcomer can follow a request to its record."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from tests.fixtures.gateway.gateway_fixture import key, plan_for
from tests.fixtures.gateway.worker_fixture import request, worker_in
from tests.fixtures.paths import ROOT
from tests.fixtures.upstream.server import FakeUpstream

PACKAGES = ("fairtrial", "gateway")
MOST_FILES = 37
SECRET = "ft-trip"
CHAT = {"model": "bot", "user": "anna", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


async def test_a_streamed_chat_enters_at_most_37_files(tmp_path: Path) -> None:
    """With a key, an experiment, recording and redaction; on an open connection, as nearly all requests are."""
    with FakeUpstream() as upstream:
        publish(tmp_path / "plan.json", Published(plan_for(upstream.url), "keys", (key(SECRET, "complete"),), "pepper"))
        async with worker_in(tmp_path) as address:
            reader, writer = await asyncio.open_connection(*address)
            await ask(reader, writer)
            trips = [await files_entered(reader, writer) for _ in range(3)]
            writer.close()
    journals = [path.read_bytes() for path in (tmp_path / "journal").glob("*.jsonl")]
    events = [json.loads(line) for journal in journals for line in journal.splitlines()[1:]]
    requests = [event for event in events if event["kind"] == "request"]
    assert [(one["outcome"], one["capture"], one["reason"]) for one in requests] == [("ok", "redacted", "assigned")] * 4
    trip = sorted(set.intersection(*trips))
    assert "gateway/proxy/pipeline.py" in trip
    assert len(trip) <= MOST_FILES, f"{len(trip)} files:\n" + "\n".join(trip)


async def files_entered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> set[str]:
    """The project's files of which a function is called while one chat is served."""
    entered: set[str] = set()

    def on_event(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.add(frame.f_code.co_filename)

    sys.setprofile(on_event)
    try:
        await ask(reader, writer)
    finally:
        sys.setprofile(None)
    paths = [Path(name).relative_to(ROOT) for name in entered if name.startswith(f"{ROOT}{os.sep}")]
    return {path.as_posix() for path in paths if path.parts[0] in PACKAGES}


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one chat and read its stream to the end."""
    writer.write(request(json.dumps(CHAT).encode(), SECRET))
    answer = await reader.readuntil(b"\r\n0\r\n\r\n")
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")

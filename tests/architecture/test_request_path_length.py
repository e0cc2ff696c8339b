"""A streamed chat passes through few files, so that a newcomer can follow a request to its record."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.gateway.request_path import measure_request_path

MOST_FILES = 36


async def test_a_streamed_chat_enters_at_most_36_files(tmp_path: Path) -> None:
    """`make size` prints the same figure."""
    path = await measure_request_path(tmp_path)
    journals = [file.read_bytes() for file in (tmp_path / "journal").glob("*.jsonl")]
    events = [json.loads(line) for journal in journals for line in journal.splitlines()[1:]]
    requests = [event for event in events if event["kind"] == "request"]
    assert [(one["outcome"], one["capture"], one["reason"]) for one in requests] == [("ok", "redacted", "assigned")] * 4
    assert "gateway/proxy/pipeline.py" in path.files
    assert len(path.files) <= MOST_FILES, f"{len(path.files)} files:\n" + "\n".join(path.files)

"""Counts which requests the journal of a measured gateway holds, and how often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec


def recorded(folder: Path) -> Counter[str]:
    """How often each request is recorded, by its id."""
    found: Counter[str] = Counter()
    for segment in sorted(folder.glob("*.jsonl")):
        for line in segment.read_bytes().splitlines()[1:]:
            event = msgspec.json.decode(line)
            if event["kind"] == "request":
                found[event["request_id"]] += 1
    return found

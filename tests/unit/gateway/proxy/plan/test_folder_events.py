"""A file renamed into the folder ends the wait at once if the kernel reports it; elsewhere the wait is short."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from fairtrial.safe_files import write_private
from gateway.proxy.plan.folder_events import FolderEvents

HOUR = 3600.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is of Linux")


@linux
async def test_a_new_file_ends_the_wait_and_is_told_once(tmp_path: Path) -> None:
    with FolderEvents(tmp_path) as events:
        for content in (b"one", b"two"):
            waiting = asyncio.create_task(events.wait(longest=HOUR, without_events=HOUR))
            await asyncio.sleep(0)
            write_private(tmp_path / "plan.json", content)
            await asyncio.wait_for(waiting, 60)
        await events.wait(longest=0.01, without_events=HOUR)


@linux
async def test_a_folder_that_appears_only_now_or_again_is_watched(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with FolderEvents(folder) as events:
        await events.wait(longest=HOUR, without_events=0)
        for _ in range(2):
            folder.mkdir()
            waiting = asyncio.create_task(events.wait(longest=HOUR, without_events=HOUR))
            await asyncio.sleep(0)
            write_private(folder / "plan.json", b"one")
            await asyncio.wait_for(waiting, 60)
            (folder / "plan.json").unlink()
            folder.rmdir()
            await asyncio.wait_for(events.wait(longest=HOUR, without_events=0), 60)  # the watch ends with its folder


async def test_without_inotify_the_wait_is_the_short_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with FolderEvents(tmp_path) as events:
        await asyncio.wait_for(events.wait(longest=HOUR, without_events=0), 60)

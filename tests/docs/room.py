"""A project in which the blocks of the pages are run: real services, a fake upstream, and the files of the pages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fairtrial.cli.services import Services
from tests.docs.pages import ROOT, blocks, run_here
from tests.integration.project_files import write_project
from tests.upstream.server import FakeUpstream

OVERLAID = ("evaluators/", "dashboard/")
PROGRAM = Path(__file__).with_name("with_overlay.py")
SHIM = '#!/bin/sh\nexec "{python}" "{program}" "{overlay}" "$@"\n'
CASE = (
    '{"id": "a", "input": "My camera is dead.", "product": "camera", "phrasing": "new", '
    '"expected": {"intent": "fault", "urgency": "high"}}\n'
)
SUITE = "suite: mine\ndata: mine.jsonl\nscore:\n  - exact\ngate:\n  - exact not worse than base by 5pp\n"


@dataclass(frozen=True, slots=True)
class Room:
    """``folder`` has the project's file; ``gateway`` and ``control`` are the addresses of its services."""

    folder: Path
    gateway: str
    control: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program in the folder, with `fairtrial` on its path."""
        environ = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    def meant(self, text: str) -> str:
        """A block's text with the addresses of this room and the newest queue's id in place of the page's."""
        text = re.sub(r"http://(localhost|127\.0\.0\.1):8080", self.gateway, text)
        text = re.sub(r"http://(localhost|127\.0\.0\.1):8081", self.control, text).replace(
            'api_key="…"', 'api_key="any"'
        )
        if "QUEUE" in text:
            rows = json.loads(self.run("fairtrial", "review", "status", "--json").stdout)
            text = text.replace("QUEUE", rows[0]["queue_id"])
        return text


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """The room, with its services running."""
    with FakeUpstream() as upstream:
        upstream.keep = False
        project = write_project(folder, upstream=upstream.url.removesuffix("/v1"), workers=1)
        _furnish(folder)
        with Services(project, workers=1, dashboard=False) as services:
            yield Room(folder, services.urls.gateway, services.urls.control)


def _furnish(folder: Path) -> None:
    """What the pages take for granted: the suites that ship, one of the reader's own, and the files of their blocks."""
    shutil.copytree(ROOT / "suites", folder / "suites")
    files = {
        "suites/my.yaml": SUITE,
        "suites/mine.jsonl": '{"id": "a", "input": "Say hello.", "expected": "Hello"}\n',
        "my.gate.yaml": "version: 1\ngate: my-release\nsuites: [mine]\n",
        "data/test.jsonl": CASE,
        "data/text.jsonl": '{"id": "a", "input": "Say it.", "expected": "a text of five words"}\n',
        "prompts/support.txt": "You answer customers.\n",
        "ticket.schema.json": '{"type": "object"}',
        "bin/fairtrial": SHIM.format(python=sys.executable, program=PROGRAM, overlay=folder / "overlay"),
    }
    files |= {block.value: block.text for page in run_here() for block in blocks(page) if block.mark == "file"}
    for name, text in files.items():
        path = folder / "overlay" / name if name.startswith(OVERLAID) else folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "bin/fairtrial").chmod(0o755)

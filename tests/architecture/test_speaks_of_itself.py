"""The project speaks of itself alone: no machine's paths, no registry's address, no tracker's numbers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.fixtures.paths import ROOT

FOREIGN = re.compile(
    "|".join(f"/{folder}/" for folder in ("tmp", "work", "root", "farm"))
    + r"|index-url|://\S*(?:/simple\b|registry)|\bissue #?\d+\b",
    re.IGNORECASE,
)
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".sql", ".txt", ""}


def test_no_tracked_text_names_a_machine_a_registry_or_a_tracker() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split(
        "\n"
    )
    found = []
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix not in TEXT or not path.is_file() or path == Path(__file__):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [
            f"{name}:{number} {line.strip()[:90]}" for number, line in enumerate(lines, 1) if FOREIGN.search(line)
        ]
    assert not found, "\n".join(found)

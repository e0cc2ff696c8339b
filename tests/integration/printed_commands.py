"""Runs what a page or a command prints, as it is printed, with its addresses replaced by free ones of this machine.

The one substitution: each address in ``replace`` by its stand-in, in the printed commands and in the files that they
write. A line that ends in ``# keep it running`` stays in the background until the end; any other must exit with 0.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = "# keep it running"
LOCAL = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
SETTLED = ("Ctrl-C ends everything", "models at ")
"""What a service prints once it is ready."""


class Terminal:
    """A shell in a folder, with ``fairtrial`` and ``python`` of this environment first in its path; a context."""

    def __init__(self, folder: Path, replace: Mapping[str, str], environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._replace = replace
        self._kept: list[subprocess.Popen[str]] = []
        programs = folder / "bin"
        programs.mkdir()
        _program(programs / "fairtrial", f'exec "{sys.executable}" -m fairtrial.cli.main "$@"')
        _program(programs / "python", f'exec "{sys.executable}" "$@"')
        path = f"{programs}:{os.environ['PATH']}"
        self.environ = {**os.environ, **LOCAL, "PYTHONPATH": str(ROOT), "PATH": path, **(environ or {})}

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._kept):
            process.send_signal(signal.SIGINT)
            process.wait(60)
            assert process.stdout is not None
            process.stdout.close()

    def substituted(self, text: str) -> str:
        """The text with every address replaced."""
        for old, new in self._replace.items():
            text = text.replace(old, new)
        return text

    def substitute_files(self) -> None:
        """Replace the addresses in the files of the folder."""
        for path in self.folder.rglob("*"):
            if path.suffix in (".yaml", ".py") and path.is_file():
                path.write_text(self.substituted(path.read_text(encoding="utf-8")), encoding="utf-8")

    def run(self, block: str) -> str:
        """Run a block of commands and return what it printed; a ``cd`` lasts."""
        printed = ""
        for line in block.splitlines():
            if line.rstrip().endswith(KEPT):
                self._keep(self.substituted(line))
        rest = "\n".join(line for line in block.splitlines() if not line.rstrip().endswith(KEPT))
        if rest.strip():
            printed = self._finish(["bash", "-e", "-c", f'{self.substituted(rest)}\npwd > "$PLACE"'])
        return printed

    def run_program(self, name: str, text: str, *command: str) -> str:
        """Write the text to a file in the folder and run it."""
        (self.folder / name).write_text(self.substituted(text), encoding="utf-8")
        return self._finish([*command, name])

    def _finish(self, command: list[str]) -> str:
        place = self.folder / ".place"
        environ = {**self.environ, "PLACE": str(place)}
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        if place.exists():
            moved = Path(place.read_text().strip())
            place.unlink()
            self.folder = moved
        return done.stdout

    def _keep(self, line: str) -> None:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._kept.append(process)
        assert process.stdout is not None
        said = ""
        for printed in process.stdout:
            said += printed
            if any(words in printed for words in SETTLED):
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return
        raise AssertionError(f"{line} ended: {said}")


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)

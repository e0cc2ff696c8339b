"""Logs of children stay small while the child writes on."""

from __future__ import annotations

import os
from pathlib import Path

from fairtrial_cli.processes.child_logs import rotate


def test_a_log_that_is_too_large_is_put_aside_and_its_program_writes_on(tmp_path: Path) -> None:
    log = tmp_path / "control.log"
    fd = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    assert not rotate(log, largest=10)
    for number in range(6):
        os.write(fd, b"%d: something to say\n" % number)
        assert rotate(log, largest=10, copies=3)
    os.write(fd, b"last\n")
    os.close(fd)
    assert log.read_bytes() == b"last\n"
    aside = {path.name: path.read_bytes()[:1] for path in tmp_path.glob("*.log.*")}
    assert aside == {"control.log.1": b"5", "control.log.2": b"4", "control.log.3": b"3"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())

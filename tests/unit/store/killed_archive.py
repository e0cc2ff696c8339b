"""Compresses or rewrites a segment again and again, each time killed one step later, in a copy of the folder.

Run: ``python -m tests.unit.store.killed_archive compress|rewrite TEMPLATE FOLDER``. Steps are the calls that Python
audits: opening, renaming and deleting files, and changing their times. Prints how many copies were killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from fairtrial.journal.segment import files
from fairtrial.store.segment_archive import blank_compressed_lines, compress

STEPS = ("open", "os.rename", "os.remove", "os.utime")
UNWANTED = b"violet heron"


def main(job: str, template: Path, folder: Path) -> None:
    """Until one is not killed any more."""
    killed = 0
    while True:
        copy = folder / f"{job}-{killed}"
        shutil.copytree(template, copy)
        child = os.fork()
        if child == 0:
            run(job, copy, killed)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    print(killed)
    sys.exit(os.waitstatus_to_exitcode(status))


def run(job: str, folder: Path, step: int) -> None:
    """Do the work and end this process."""
    (segment,) = files(folder)
    left = step

    def hook(event: str, _: object) -> None:
        nonlocal left
        if event in STEPS:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(hook)
    if job == "compress":
        compress(segment, lambda _: False)
    else:
        blank_compressed_lines(segment, lambda line: UNWANTED in line, end=sys.maxsize)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))

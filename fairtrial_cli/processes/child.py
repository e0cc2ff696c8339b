"""Runs a program that ends when the one that started it does: asks the kernel for that, then becomes the program.

Usage: ``python -m fairtrial_cli.processes.child PARENT_PID PROGRAM ARGUMENT…``. The kernel sends SIGTERM when the
*thread* that started this one is gone, so whoever starts children does it from a thread that lives as long as they
should.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: becomes the program, or exits if the parent is gone already."""
    parent, *program = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - the whole purpose


if __name__ == "__main__":
    main(sys.argv[1:])

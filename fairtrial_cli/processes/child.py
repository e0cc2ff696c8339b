"""Sets PR_SET_PDEATHSIG, so that the program ends with its parent, then execs the program.

Usage: ``python -m fairtrial_cli.processes.child PARENT_PID PROGRAM ARGUMENT…``. The kernel sends SIGTERM when the
parent *thread* ends, so children must be started from a thread that lives as long as they should.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Exec the program, or exit if the parent has already ended. Never returns."""
    parent, *program = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 - the whole purpose


if __name__ == "__main__":
    main(sys.argv[1:])

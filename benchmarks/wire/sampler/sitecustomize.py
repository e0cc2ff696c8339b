"""Samples where a process spends its CPU time, by a timer of CPU time whose signal Python handles between bytecodes.

On the path of a process with ``FAIRTRIAL_SAMPLES`` set it is imported at the start by Python itself, so that what is
measured needs no line for it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_SECONDS, WRITE_EACH = 0.002, 250
_own: Counter[str] = Counter()


def _sample(_signal: int, frame: FrameType | None) -> None:
    if frame is not None:
        code = frame.f_code
        _own[f"{'/'.join(code.co_filename.split('/')[-2:])}:{code.co_name}"] += 1
    if _own.total() % WRITE_EACH == 0:
        path = Path(os.environ["FAIRTRIAL_SAMPLES"]) / f"{os.getpid()}.json"
        path.write_text(json.dumps({"own": _own}))


if "FAIRTRIAL_SAMPLES" in os.environ:
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)

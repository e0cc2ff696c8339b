"""A program that appends requests to a journal and prints which ones it acknowledged, until it is killed."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

from fairtrial.journal.writer import JournalWriter
from tests.unit.store import samples

PAUSE_SECONDS = 0.001


def main(folder: str) -> None:
    """Append for ever; an id is printed only after its event was written."""
    writer = JournalWriter(Path(folder), writer="chaos")
    for number in itertools.count():
        name = f"{os.getpid()}-{number}"
        event = samples.request(number, request_id=name, request_body="x" * 500)
        exposure = samples.exposure(number, request_id=name)
        if writer.append(event, exposure):
            os.write(1, f"{name}\n".encode())
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])

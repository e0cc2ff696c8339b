"""A program that takes care of a store and kills itself without warning at a given step of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingester
from fairtrial.store.segment_archive import compress_sealed
from fairtrial.store.steps import Step
from gateway.control.store_care import StoreCare


def main(job: str, store: str, subject: str, last: int) -> None:
    """Die at step ``last``; end with the number of steps in the standard output if there were fewer."""
    database = Database.open(Layout(Path(store)))
    ingester = Ingester(database, _now_us)
    care = StoreCare(database, ingester, _now_us, actor="chaos")
    steps = 0

    def on_step(_: Step) -> None:
        nonlocal steps
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    if job == "backup":
        care.backup(Path(subject), on_step)
    else:
        ingester.catch_up()
        compress_sealed(database, lambda _: False)
        care.erase(subject, "user", rewrite_backups=True, on_step=on_step)
    database.close()
    print(steps)


def _now_us() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))

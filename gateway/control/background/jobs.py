"""Long work on the store for callers over HTTP: one at a time, in a thread, and asked about until it has ended."""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from fairtrial.domain.errors import Conflict, FairtrialError, UsageError
from fairtrial.store.core.progress import OnStep, Step

PATIENCE_SECONDS = 10.0

log = logging.getLogger("fairtrial.control")


@dataclass(frozen=True, slots=True)
class Job:
    """``result`` once it is done, ``error`` once it has failed; ``blame`` says whether the caller's wish was wrong."""

    job_id: str
    name: str
    state: Literal["running", "done", "failed"] = "running"
    step: Step | None = None
    result: Any = None
    error: str | None = None
    blame: Literal["caller", "store"] | None = None


class CareJobs:
    """The job that runs, and the last one that has ended."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._own = False
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, name: str, work: Callable[[OnStep], Any], *, own: bool = False) -> Job:
        """Begin; raises `Conflict` while another one runs. For control's ``own`` work others wait a little."""
        if self._own and self._thread is not None and not own:
            self._thread.join(PATIENCE_SECONDS)
        with self._turn:
            if self._job is not None and self._job.state == "running":
                raise Conflict(f"{name}: {self._job.name} is under way, and only one may be (wait for its end)")
            self._job = Job(secrets.token_hex(8), name)
            self._own = own
            self._thread = threading.Thread(target=self._run, args=(self._job, work), name="care", daemon=True)
            self._thread.start()
            return self._job

    def find(self, job_id: str) -> Job | None:
        """How that job is; ``None`` if it is neither the one that runs nor the last that has ended."""
        job = self._job
        return job if job is not None and job.job_id == job_id else None

    def join(self) -> None:
        """Wait until nothing is under way."""
        with self._turn:  # a thread that is made but not started yet can't be joined
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, job: Job, work: Callable[[OnStep], Any]) -> None:
        def on_step(step: Step) -> None:
            self._job = replace(job, step=step)

        try:
            result = work(on_step)
        except FairtrialError as error:
            blame: Literal["caller", "store"] = "caller" if isinstance(error, UsageError) else "store"
            log.error("%s: %s", job.name, error)
            self._job = replace(job, state="failed", error=str(error), blame=blame)
        except Exception as error:  # noqa: BLE001 - the fence of the thread: the caller must learn that it has ended
            log.error("%s failed: %s", job.name, "".join(traceback.format_exception(error)))
            said = f"{job.name} failed ({type(error).__name__}); the log of control says more"
            self._job = replace(job, state="failed", error=said, blame="store")
        else:
            self._job = replace(job, state="done", result=result)

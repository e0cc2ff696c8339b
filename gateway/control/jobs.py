"""Runs long store operations in a thread, one at a time. Clients poll for their progress over HTTP."""

from __future__ import annotations

import logging
import secrets
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from fairtrial.domain.errors import Conflict, FairtrialError, UsageError
from fairtrial.domain.store_reports import Job, OnProgress, Progress

WAIT_SECONDS = 10.0

log = logging.getLogger("fairtrial.control")


class JobRunner:
    """Runs one job at a time and remembers the last one."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._own = False
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, name: str, work: Callable[[OnProgress], Any], *, own: bool = False) -> Job:
        """Start a job; raises `Conflict` while another one runs. Callers wait briefly for control's ``own`` job."""
        if self._own and self._thread is not None and not own:
            self._thread.join(WAIT_SECONDS)
        with self._turn:
            if self._job is not None and self._job.state == "running":
                raise Conflict(f"{name}: {self._job.name} is already running (try again once it has ended)")
            self._job = Job(secrets.token_hex(8), name)
            self._own = own
            self._thread = threading.Thread(target=self._run, args=(self._job, work), name="maintenance", daemon=True)
            self._thread.start()
            return self._job

    def find(self, job_id: str) -> Job | None:
        """The job with this id, or ``None`` if it is neither the running one nor the last one."""
        job = self._job
        return job if job is not None and job.job_id == job_id else None

    def join(self) -> None:
        """Wait until no job is running."""
        with self._turn:  # a thread that was created but not started cannot be joined
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, job: Job, work: Callable[[OnProgress], Any]) -> None:
        def on_progress(step: Progress) -> None:
            self._job = replace(job, step=step)

        try:
            result = work(on_progress)
        except FairtrialError as error:
            blame: Literal["caller", "store"] = "caller" if isinstance(error, UsageError) else "store"
            log.error("%s: %s", job.name, error)
            self._job = replace(job, state="failed", error=str(error), blame=blame)
        except Exception as error:  # noqa: BLE001 - the job must end for its caller, whatever happens
            log.error("%s failed: %s", job.name, "".join(traceback.format_exception(error)))
            message = f"{job.name} failed ({type(error).__name__}); see the log of control for details"
            self._job = replace(job, state="failed", error=message, blame="store")
        else:
            self._job = replace(job, state="done", result=result)

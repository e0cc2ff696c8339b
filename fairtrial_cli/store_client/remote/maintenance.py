"""Maintains a store through control's API: starts a job and polls it until it ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.plan import UnitKind
from fairtrial.domain.storage.maintenance import Backup, Erasure, OnProgress, Progress, RetentionResult, ignore_progress
from fairtrial_cli.store_client.remote.request import SendRequest

POLL_SECONDS = 0.15
T = TypeVar("T")


class _Job(msgspec.Struct):
    job_id: str
    state: str
    step: Progress | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    blame: str | None = None


class RemoteMaintenance:
    """Store maintenance through control's API, like `StoreMaintenance` on an open store."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def backup(self, dest: Path, on_progress: OnProgress = ignore_progress) -> Backup:
        return self._follow("/api/store/backups", {"dest": str(dest)}, Backup, on_progress)

    def retain(
        self, days: int | None, *, dry_run: bool = False, on_progress: OnProgress = ignore_progress
    ) -> RetentionResult:
        return self._follow("/api/store/retention", {"days": days, "dry_run": dry_run}, RetentionResult, on_progress)

    def erase(
        self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_progress: OnProgress = ignore_progress
    ) -> Erasure:
        body = {"unit": unit, "kind": kind, "rewrite_backups": rewrite_backups}
        return self._follow("/api/store/erasures", body, Erasure, on_progress)

    def _follow(self, path: str, body: dict[str, Any], kind: type[T], on_progress: OnProgress) -> T:
        job = msgspec.json.decode(self._send("POST", path, content=msgspec.json.encode(body)), type=_Job)
        while job.state == "running":
            if job.step is not None:
                on_progress(job.step)
            time.sleep(POLL_SECONDS)
            job = msgspec.json.decode(self._send("GET", f"/api/store/jobs/{job.job_id}"), type=_Job)
        if job.error is not None:
            raise UsageError(job.error) if job.blame == "caller" else StoreError(job.error)
        return msgspec.json.decode(job.result, type=kind)

"""The care of a store whose owner is asked over HTTP: begins the work there, and follows it to its end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from fairtrial.domain.errors import StoreError, UsageError
from fairtrial.domain.plan import UnitKind
from fairtrial.store.core.progress import OnStep, Step, silent
from fairtrial.store.erasure.erase import Erasure
from fairtrial.store.maintenance.backup import Backup
from fairtrial.store.maintenance.retention import Retained

ASK_SECONDS = 0.15
T = TypeVar("T")


class Ask(Protocol):
    """How a `RemoteOwner` asks."""

    def __call__(self, method: str, path: str, *, content: bytes | None = None) -> bytes:
        """The body of the answer; raises `UsageError`, `StoreError`."""


class _Job(msgspec.Struct):
    job_id: str
    state: str
    step: Step | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    blame: str | None = None


class RemoteCare:
    """The same as `gateway.control.operations.maintain_store.StoreCare`, elsewhere."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def backup(self, dest: Path, on_step: OnStep = silent) -> Backup:
        return self._follow("/api/store/backups", {"dest": str(dest)}, Backup, on_step)

    def retain(self, days: int | None, *, dry_run: bool = False, on_step: OnStep = silent) -> Retained:
        return self._follow("/api/store/retention", {"days": days, "dry_run": dry_run}, Retained, on_step)

    def erase(self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_step: OnStep = silent) -> Erasure:
        wish = {"unit": unit, "kind": kind, "rewrite_backups": rewrite_backups}
        return self._follow("/api/store/erasures", wish, Erasure, on_step)

    def _follow(self, path: str, wish: dict[str, Any], kind: type[T], on_step: OnStep) -> T:
        job = msgspec.json.decode(self._ask("POST", path, content=msgspec.json.encode(wish)), type=_Job)
        while job.state == "running":
            if job.step is not None:
                on_step(job.step)
            time.sleep(ASK_SECONDS)
            job = msgspec.json.decode(self._ask("GET", f"/api/store/jobs/{job.job_id}"), type=_Job)
        if job.error is not None:
            raise UsageError(job.error) if job.blame == "caller" else StoreError(job.error)
        return msgspec.json.decode(job.result, type=kind)

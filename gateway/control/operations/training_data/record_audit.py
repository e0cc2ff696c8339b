"""Stores the result of an audit of training data: digests and counts, so that a gate can require a clean one."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.config.file.errors import nearest
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7
from fairtrial.domain.plan import Plan
from fairtrial.domain.training.data_audit import AuditFile, AuditRole, AuditSeverity, CheckCount, DataAudit
from fairtrial.store.core.database import Database
from fairtrial.store.training_data import data_audits

MOST_FILES, MOST_COUNTS, LONGEST_PATH = 1000, 1000, 4096
Count = Annotated[int, Field(ge=0, le=10**12)]


class FileOfAudit(BaseModel):
    """A file that the audit read, identified by the SHA-256 of its bytes."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(max_length=LONGEST_PATH)
    role: AuditRole
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: Count
    format: str = Field(max_length=100)


class CountOfAudit(BaseModel):
    """What one check found at one severity. It has a name and numbers only, so that no row's text is stored."""

    model_config = ConfigDict(extra="forbid")

    check: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")
    severity: AuditSeverity
    issues: Count
    rows: Count


class AuditRequest(BaseModel):
    """The result of `fairtrial data audit`. ``version``: of its checks. ``seconds``: how long it took."""

    model_config = ConfigDict(extra="forbid")

    deployment: str | None = Field(default=None, max_length=200)
    version: str = Field(min_length=1, max_length=50)
    seconds: float = Field(ge=0, le=1e7, allow_inf_nan=False)
    files: list[FileOfAudit] = Field(min_length=1, max_length=MOST_FILES)
    counts: list[CountOfAudit] = Field(max_length=MOST_COUNTS)


def record_audit(database: Database, request: AuditRequest, plan: Plan, *, actor: str, now_us: int) -> DataAudit:
    """Store the audit with its entry in the audit trail; raises `BadRequest` for an unknown deployment."""
    if request.deployment is not None and request.deployment not in plan.deployments:
        known = nearest(request.deployment, plan.deployments)
        raise BadRequest(f"data audit: the deployment {request.deployment!r} does not exist ({known})")
    found = DataAudit(
        audit_id=uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES)),
        at_us=now_us,
        deployment=request.deployment,
        actor=actor,
        version=request.version,
        program=version("fairtrial"),
        seconds=request.seconds,
        files=tuple(AuditFile(**one.model_dump()) for one in request.files),
        counts=tuple(CheckCount(**one.model_dump()) for one in request.counts),
    )
    data_audits.save(database, found)
    return found

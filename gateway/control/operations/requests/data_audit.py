"""The request to store the result of an audit of training data. Without the store, so that clients can create it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.training.data_audit import AuditRole, AuditSeverity

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

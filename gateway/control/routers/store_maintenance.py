"""Routes that start backups, retention and erasure as jobs, and report their progress."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.plan import UnitKind
from fairtrial.store.erasure.erase import LONGEST_ERASED
from gateway.control.auth.authorization import Admin, AuthorizedRoute, require_role
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(tags=["store"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("admin"))])
LONGEST_DAYS = 36_500


class BackupRequest(BaseModel):
    """The backup's destination: the absolute path of a new folder on the machine of the control process."""

    model_config = ConfigDict(extra="forbid")

    dest: str = Field(min_length=1, max_length=4096)


class RetentionRequest(BaseModel):
    """How many days texts are kept (default: the plan's). A dry run only counts."""

    model_config = ConfigDict(extra="forbid")

    days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)
    dry_run: bool = False


class ErasureRequest(BaseModel):
    """The unit to erase, as the application names it; ``rewrite_backups``: also from reachable backups."""

    model_config = ConfigDict(extra="forbid")

    unit: str = Field(max_length=LONGEST_ERASED)
    kind: UnitKind = "user"
    rewrite_backups: bool = False


@router.post("/store/backups", status_code=202)
def backup(background: BackgroundDep, caller: Admin, wanted: BackupRequest) -> Response:
    """Start a backup."""
    dest = Path(wanted.dest)
    if not dest.is_absolute() or "\0" in wanted.dest:
        raise BadRequest(f"dest: {wanted.dest!r} is not an absolute path")
    maintenance = background.maintenance.by(caller.name)
    return as_json(background.jobs.start("a backup", lambda report: maintenance.backup(dest, report)), status=202)


@router.post("/store/retention", status_code=202)
def retain(background: BackgroundDep, caller: Admin, wanted: RetentionRequest) -> Response:
    """Start to delete old texts, or to count them."""
    maintenance = background.maintenance.by(caller.name)
    job = background.jobs.start(
        "retention",
        lambda report: maintenance.retain(wanted.days, dry_run=wanted.dry_run, on_progress=report),
    )
    return as_json(job, status=202)


@router.post("/store/erasures", status_code=202)
def erase(background: BackgroundDep, caller: Admin, wanted: ErasureRequest) -> Response:
    """Start to erase a unit."""
    maintenance = background.maintenance.by(caller.name)
    unit, kind, rewrite = wanted.unit, wanted.kind, wanted.rewrite_backups
    job = background.jobs.start(
        "an erasure",
        lambda report: maintenance.erase(unit, kind, rewrite_backups=rewrite, on_progress=report),
    )
    return as_json(job, status=202)


@router.get("/store/jobs/{job_id}")
def job(background: BackgroundDep, job_id: str) -> Response:
    """A job's progress and result, available until the next job starts."""
    found = background.jobs.find(job_id)
    if found is None:
        raise not_found("job", job_id)
    return as_json(found)

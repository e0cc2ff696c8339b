"""The care of the store: backups, retention, erasure; each is begun here and asked about until it has ended."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.plan import UnitKind
from fairtrial.store.erasure.erase import LONGEST_UNIT
from gateway.control.auth.authorization import Admin, Guarded, needs
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, as_json

router = APIRouter(tags=["store"], route_class=Guarded, dependencies=[Depends(needs("admin"))])
LONGEST_DAYS = 36_500


class BackupWish(BaseModel):
    """Where the backup goes: an absolute path on the machine of the control process, of a folder that isn't there."""

    model_config = ConfigDict(extra="forbid")

    dest: str = Field(min_length=1, max_length=4096)


class RetainWish(BaseModel):
    """How many days texts are kept (the plan's if not given); a dry run only counts."""

    model_config = ConfigDict(extra="forbid")

    days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS)
    dry_run: bool = False


class ErasureWish(BaseModel):
    """Who is to be erased, as the application names them; ``rewrite_backups``: from reachable backups too."""

    model_config = ConfigDict(extra="forbid")

    unit: str = Field(max_length=LONGEST_UNIT)
    kind: UnitKind = "user"
    rewrite_backups: bool = False


@router.post("/store/backups", status_code=202)
def backup(keeper: TheKeeper, caller: Admin, wish: BackupWish) -> Response:
    """Begin a backup."""
    dest = Path(wish.dest)
    if not dest.is_absolute() or "\0" in wish.dest:
        raise BadRequest(f"dest: {wish.dest!r} is not an absolute path")
    care = keeper.care.by(caller.name)
    return as_json(keeper.jobs.start("a backup", lambda on_step: care.backup(dest, on_step)), status=202)


@router.post("/store/retention", status_code=202)
def retain(keeper: TheKeeper, caller: Admin, wish: RetainWish) -> Response:
    """Begin to drop old texts, or to count them."""
    care = keeper.care.by(caller.name)
    job = keeper.jobs.start("retention", lambda on_step: care.retain(wish.days, dry_run=wish.dry_run, on_step=on_step))
    return as_json(job, status=202)


@router.post("/store/erasures", status_code=202)
def erase(keeper: TheKeeper, caller: Admin, wish: ErasureWish) -> Response:
    """Begin to erase a unit."""
    care = keeper.care.by(caller.name)
    job = keeper.jobs.start(
        "an erasure",
        lambda on_step: care.erase(wish.unit, wish.kind, rewrite_backups=wish.rewrite_backups, on_step=on_step),
    )
    return as_json(job, status=202)


@router.get("/store/jobs/{job_id}")
def job(keeper: TheKeeper, job_id: str) -> Response:
    """How far it is, and what came of it; known until the next one begins."""
    found = keeper.jobs.find(job_id)
    if found is None:
        raise absent("job", job_id)
    return as_json(found)

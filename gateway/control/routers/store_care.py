"""The care of the store: backups, retention, erasure; each is begun here and asked about until it has ended."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.errors import BadRequest
from gateway.control.answers import TheKeeper, as_json
from gateway.control.errors import absent
from gateway.control.guard import Guarded, needs

router = APIRouter(tags=["store"], route_class=Guarded, dependencies=[Depends(needs("admin"))])


class BackupWish(BaseModel):
    """Where the backup goes: an absolute path on the machine of the control process, of a folder that isn't there."""

    model_config = ConfigDict(extra="forbid")

    dest: str = Field(min_length=1, max_length=4096)


@router.post("/store/backups", status_code=202)
def backup(keeper: TheKeeper, wish: BackupWish) -> Response:
    """Begin a backup."""
    dest = Path(wish.dest)
    if not dest.is_absolute() or "\0" in wish.dest:
        raise BadRequest(f"dest: {wish.dest!r} is not an absolute path")
    return as_json(keeper.jobs.start("a backup", lambda on_step: keeper.care.backup(dest, on_step)), status=202)


@router.get("/store/jobs/{job_id}")
def job(keeper: TheKeeper, job_id: str) -> Response:
    """How far it is, and what came of it; known until the next one begins."""
    found = keeper.jobs.find(job_id)
    if found is None:
        raise absent("job", job_id)
    return as_json(found)

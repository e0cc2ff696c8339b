"""Implements the operations on the store and its services."""

from pathlib import Path
from typing import Any

from fairtrial.api.operation import Nothing
from fairtrial.api.store import Erase, MakeBackup, NameJob, Retain
from fairtrial.domain.errors import BadRequest, existing
from fairtrial.domain.store_reports import IngestResult, Overview
from fairtrial.journal.counts import read_losses
from fairtrial.journal.segment import names
from fairtrial.store.maintenance import overview as stored
from gateway.control.context import Context, Work
from gateway.control.operations.record_alarms import standing_alarms

GATEWAY_SECONDS = 2.0


def services(context: Context, _: Nothing) -> dict[str, Any]:
    owner = context.owner
    published, journal = owner.publisher.published, owner.database.layout.journal
    return {
        "gateway": {"url": owner.addresses.gateway_url, **_readiness(owner.addresses.gateway_url)},
        "recording": read_losses(journal),
        "control": {"url": owner.addresses.control_url, "trouble": owner.health_error},
        "plan": {
            "hash": published.plan.plan_hash if published else None,
            "auth": published.auth if published else None,
            "refused": owner.publisher.refused,
        },
        "alarms": standing_alarms(owner.database),
        "ingest": {
            "lag_bytes": owner.ingester.lag_bytes(),
            "segments": len(names(journal)),
            "rows": owner.totals.rows,
            "rejects": owner.totals.rejects,
            "unreadable": owner.totals.unreadable,
        },
    }


def overview(context: Context, _: Nothing) -> Overview:
    return stored.overview(context.database)


def ingest(context: Context, _: Nothing) -> IngestResult:
    return context.owner.ingest_now()


def backup(context: Context, request: MakeBackup) -> Work:
    dest = Path(request.dest)
    if not dest.is_absolute() or "\0" in request.dest:
        raise BadRequest(f"dest: {request.dest!r} is not an absolute path")
    maintenance = context.owner.maintenance.by(context.caller.author)
    return Work("a backup", lambda on_progress: maintenance.backup(dest, on_progress))


def retain(context: Context, request: Retain) -> Work:
    maintenance, dry_run = context.owner.maintenance.by(context.caller.author), request.dry_run
    return Work(
        "retention", lambda on_progress: maintenance.retain(request.days, dry_run=dry_run, on_progress=on_progress)
    )


def erase(context: Context, request: Erase) -> Work:
    maintenance, rewrite = context.owner.maintenance.by(context.caller.author), request.rewrite_backups
    return Work(
        "an erasure",
        lambda on_progress: maintenance.erase(
            request.unit, request.kind, rewrite_backups=rewrite, on_progress=on_progress
        ),
    )


def job(context: Context, request: NameJob) -> Any:
    return existing(context.owner.jobs.find(request.job_id), "job", request.job_id)


def _readiness(url: str | None) -> dict[str, bool | str | None]:
    """Whether the gateway serves (``None`` if there is none), and whether it records what it serves."""
    import httpx  # slow to load, and only this operation asks the gateway

    if url is None:
        return {"ready": None, "recording": None}
    try:
        answer = httpx.get(f"{url}/readyz", timeout=GATEWAY_SECONDS, trust_env=False)
        recording = answer.json().get("recording")
    except (httpx.HTTPError, ValueError, AttributeError):
        return {"ready": False, "recording": None}
    return {"ready": answer.status_code == 200, "recording": recording if isinstance(recording, str) else None}

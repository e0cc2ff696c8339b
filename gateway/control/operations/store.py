"""Implements the operations on the store and its services."""

from pathlib import Path

from fairtrial.api.operation import Nothing
from fairtrial.api.store import (
    ControlState,
    Erase,
    GatewayState,
    IngestState,
    MakeBackup,
    NameJob,
    PlanState,
    Retain,
    ServiceStates,
)
from fairtrial.domain.errors import BadRequest, existing
from fairtrial.domain.store_reports import IngestResult, Job, Overview
from fairtrial.journal.counts import read_losses
from fairtrial.journal.segment import names
from fairtrial.store.maintenance import overview as stored
from gateway.control.context import Context, Work
from gateway.control.experiments.record_alarms import standing_alarms

GATEWAY_SECONDS = 2.0


def services(context: Context, _: Nothing) -> ServiceStates:
    owner = context.owner
    published, journal = owner.publisher.published, owner.database.layout.journal
    return ServiceStates(
        gateway=_gateway(owner.addresses.gateway_url),
        recording=read_losses(journal),
        control=ControlState(url=owner.addresses.control_url, trouble=owner.health_error),
        plan=PlanState(
            hash=published.plan.plan_hash if published else None,
            auth=published.auth if published else None,
            refused=owner.publisher.refused,
        ),
        alarms=standing_alarms(owner.database),
        ingest=IngestState(
            lag_bytes=owner.ingester.lag_bytes(),
            segments=len(names(journal)),
            rows=owner.totals.rows,
            rejects=owner.totals.rejects,
            unreadable=owner.totals.unreadable,
        ),
    )


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


def job(context: Context, request: NameJob) -> Job:
    return existing(context.owner.jobs.find(request.job_id), "job", request.job_id)


def _gateway(url: str | None) -> GatewayState:
    import httpx  # slow to load, and only this operation asks the gateway

    if url is None:
        return GatewayState(url=None, ready=None, recording=None)
    try:
        answer = httpx.get(f"{url}/readyz", timeout=GATEWAY_SECONDS, trust_env=False)
        recording = answer.json().get("recording")
    except (httpx.HTTPError, ValueError, AttributeError):
        return GatewayState(url=url, ready=False, recording=None)
    known = recording if isinstance(recording, str) else None
    return GatewayState(url=url, ready=answer.status_code == 200, recording=known)

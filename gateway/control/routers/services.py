"""Routes for the state of the services and the store, and to ingest the journal."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from fairtrial.journal.loss_counter import read_losses
from fairtrial.journal.segment import names
from fairtrial.store.overview import overview
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.operations.alarms.acknowledge_alarm import standing_alarms
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(
    tags=["services"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)
GATEWAY_SECONDS = 2.0


@router.get("/services")
def services(background: BackgroundDep) -> Response:
    """The state of all services. ``refused`` says why a changed plan was not published, ``recording`` what was lost.

    ``alarms`` counts those that are open and those that a person has acknowledged.
    """
    publisher = background.publisher
    published = publisher.published
    return as_json(
        {
            "gateway": {"url": background.addresses.gateway_url, **_readiness(background.addresses.gateway_url)},
            "recording": read_losses(background.database.layout.journal),
            "control": {"url": background.addresses.control_url, "trouble": background.health_error},
            "plan": {
                "hash": published.plan.plan_hash if published else None,
                "auth": published.auth if published else None,
                "refused": publisher.refused,
            },
            "alarms": standing_alarms(background.database),
            "ingest": {
                "lag_bytes": background.ingester.lag_bytes(),
                "segments": len(names(background.database.layout.journal)),
                "rows": background.totals.rows,
                "rejects": background.totals.rejects,
                "unreadable": background.totals.unreadable,
            },
        }
    )


@router.get("/store")
def store(background: BackgroundDep) -> Response:
    """An overview of the store."""
    return as_json(overview(background.database))


@router.post("/ingest")
def ingest(background: BackgroundDep) -> Response:
    """Ingest everything in the journal, and respond when it is done."""
    return as_json(background.ingest_now())


def _readiness(url: str | None) -> dict[str, bool | str | None]:
    """Whether the gateway serves (``None`` if there is none), and whether it records what it serves."""
    if url is None:
        return {"ready": None, "recording": None}
    import httpx  # slow to import, and control starts without it

    try:
        answer = httpx.get(f"{url}/readyz", timeout=GATEWAY_SECONDS, trust_env=False)
        recording = answer.json().get("recording")
    except (httpx.HTTPError, ValueError, AttributeError):
        return {"ready": False, "recording": None}
    return {"ready": answer.status_code == 200, "recording": recording if isinstance(recording, str) else None}

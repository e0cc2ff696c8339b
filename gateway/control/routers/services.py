"""How the services are: the plan, the gateway, and how far the store is behind the journal."""

from __future__ import annotations

import httpx
from fastapi import APIRouter, Depends, Response

from fairtrial.journal.loss_counter import read_losses
from fairtrial.journal.segment import names
from fairtrial.store.overview import overview
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.responses import TheKeeper, as_json

router = APIRouter(tags=["services"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])
GATEWAY_SECONDS = 2.0


@router.get("/services")
def services(keeper: TheKeeper) -> Response:
    """Health in one answer; ``refused`` says why a changed plan was not published, ``recording`` what was lost."""
    publisher = keeper.publisher
    published = publisher.published
    return as_json(
        {
            "gateway": {"url": keeper.addresses.gateway_url, **_readiness(keeper.addresses.gateway_url)},
            "recording": read_losses(keeper.database.layout.journal),
            "control": {"url": keeper.addresses.control_url, "trouble": keeper.trouble},
            "plan": {
                "hash": published.plan.plan_hash if published else None,
                "auth": published.auth if published else None,
                "refused": publisher.refused,
            },
            "ingest": {
                "lag_bytes": keeper.ingester.lag_bytes(),
                "segments": len(names(keeper.database.layout.journal)),
                "rows": keeper.totals.rows,
                "rejects": keeper.totals.rejects,
                "unreadable": keeper.totals.unreadable,
            },
        }
    )


@router.get("/store")
def store(keeper: TheKeeper) -> Response:
    """What is in the store."""
    return as_json(overview(keeper.database))


@router.post("/ingest")
def ingest(keeper: TheKeeper) -> Response:
    """Bring in all that stands in the journal, and answer when it is done."""
    return as_json(keeper.ingest_now())


def _readiness(url: str | None) -> dict[str, bool | str | None]:
    """Whether the gateway serves (``None`` if there is none), and whether what it serves is recorded."""
    if url is None:
        return {"ready": None, "recording": None}
    try:
        answer = httpx.get(f"{url}/readyz", timeout=GATEWAY_SECONDS, trust_env=False)
        recording = answer.json().get("recording")
    except (httpx.HTTPError, ValueError, AttributeError):
        return {"ready": False, "recording": None}
    return {"ready": answer.status_code == 200, "recording": recording if isinstance(recording, str) else None}

"""Builds the control plane's FastAPI application, with one route for each operation."""

from __future__ import annotations

from typing import Any

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from fairtrial.api.operation import operations
from fairtrial.store.access.passwords import AT_ONCE
from gateway.control.auth import one_time_link_page, sign_in_pages
from gateway.control.auth.authorization import AuthorizedRoute, anyone, require_role
from gateway.control.auth.identity import owner_of
from gateway.control.auth.sign_in_throttle import SignInThrottle
from gateway.control.context import Owner
from gateway.control.errors import map_errors
from gateway.control.http.adapter import router_of
from gateway.control.http.openapi import components


def create_app(owner: Owner, *, loopback: bool, public_origin: str = "") -> FastAPI:
    """The application over the owner of the store, which the caller starts and stops.

    ``loopback``: control listens on this machine only. It then accepts only host names of this machine and
    that of ``public_origin``, at which a proxy publishes it.
    """
    app = FastAPI(title="fairtrial control", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.route_class = AuthorizedRoute
    app.state.owner = owner
    app.state.loopback = loopback
    app.state.public_origin = public_origin
    app.state.sign_in_throttle = SignInThrottle()
    app.state.password_threads = CapacityLimiter(AT_ONCE)
    app.state.turns = {}
    map_errors(app)
    app.include_router(router_of(operations()), prefix="/api")
    app.include_router(sign_in_pages.router)
    app.include_router(one_time_link_page.router)
    _add_health(app)
    _add_openapi(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/livez", dependencies=[Depends(anyone)])
    async def livez() -> Response:
        """Whether the process runs."""
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz", dependencies=[Depends(anyone)])
    async def readyz(request: Request) -> Response:
        """Whether a plan is published. Also reports, without reasons, a refused plan and a failing store."""
        owner = owner_of(request)
        ready = owner.publisher.published is not None
        state = {
            "status": "ok" if ready else "no plan yet",
            "plan": "refused" if owner.publisher.refused else "in_force" if ready else "missing",
            "store": "ok" if owner.health_error is None else "failing",
        }
        return JSONResponse(state, status_code=200 if ready else 503)


def _add_openapi(app: FastAPI) -> None:
    @app.get("/api/openapi.json", dependencies=[Depends(require_role("release-manager"))])
    def openapi() -> dict[str, object]:
        """The OpenAPI description of this API."""
        return described_api(app)


def described_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = app.openapi()
    document.setdefault("components", {}).setdefault("schemas", {}).update(components(operations()))
    return document

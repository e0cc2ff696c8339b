"""The control plane as an application: one router per noun, each of which says who may use it."""

from __future__ import annotations

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import JSONResponse

from fairtrial.domain.registry import Registry
from fairtrial.store.access.passwords import AT_ONCE
from gateway.control.auth import one_time_link_page, sign_in_pages
from gateway.control.auth.authorization import Guarded, anyone, needs
from gateway.control.auth.sign_in_throttle import Attempts
from gateway.control.background.background_work import Keeper
from gateway.control.errors import map_errors
from gateway.control.operations.split_checks import SplitChecks
from gateway.control.routers import verdicts

ROUTERS = Registry("gateway.control.routers", "router", noun="router", kind=APIRouter)


def create_app(keeper: Keeper, *, loopback: bool, public_host: str | None = None) -> FastAPI:
    """The application over a keeper that someone else starts and stops.

    ``loopback``: it listens on this machine only, and answers only to names of this machine and to ``public_host``,
    the name under which a proxy publishes it.
    """
    app = FastAPI(title="fairtrial control", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.route_class = Guarded
    app.state.keeper = keeper
    app.state.loopback = loopback
    app.state.public_host = public_host
    app.state.attempts = Attempts()
    app.state.password_threads = CapacityLimiter(AT_ONCE)
    app.state.split_checks = SplitChecks()
    app.state.judging = CapacityLimiter(verdicts.AT_ONCE)
    map_errors(app)
    for _, router in ROUTERS:
        app.include_router(router, prefix="/api", dependencies=[Depends(needs("reviewer"))])
    app.include_router(sign_in_pages.router)
    app.include_router(one_time_link_page.router)
    _add_health(app)
    _add_openapi(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/livez", dependencies=[Depends(anyone)])
    async def livez() -> Response:
        """The program runs."""
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz", dependencies=[Depends(anyone)])
    async def readyz() -> Response:
        """A plan is published; it also says, without the reason, what is refused and what fails."""
        keeper: Keeper = app.state.keeper
        ready = keeper.publisher.published is not None
        said = {
            "status": "ok" if ready else "no plan yet",
            "plan": "refused" if keeper.publisher.refused else "in_force" if ready else "missing",
            "store": "ok" if keeper.trouble is None else "failing",
        }
        return JSONResponse(said, status_code=200 if ready else 503)


def _add_openapi(app: FastAPI) -> None:
    @app.get("/api/openapi.json", dependencies=[Depends(needs("release-manager"))])
    def openapi() -> dict[str, object]:
        """This API, described."""
        return app.openapi()

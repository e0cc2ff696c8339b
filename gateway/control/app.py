"""Builds control's FastAPI application: one route for each operation, and one shape for each error."""

from __future__ import annotations

import logging
from typing import Any

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fairtrial.api.operation import operations
from fairtrial.domain.errors import FairtrialError, RequestError, StoreExhausted, UsageError
from fairtrial.store.access.passwords import AT_ONCE
from fairtrial.store.core.engine_errors import EngineError, store_error
from gateway.control.auth import sign_in_pages
from gateway.control.auth.authorization import AuthorizedRoute, anyone, owner_of, require_role
from gateway.control.auth.sign_in import SignInThrottle
from gateway.control.context import Owner
from gateway.control.http_routes import components, router_of

log = logging.getLogger("fairtrial.control")


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
    app.include_router(sign_in_pages.one_time_router)
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


def map_errors(app: FastAPI) -> None:
    """Give every error the same shape: fairtrial's, FastAPI's, and unexpected exceptions."""
    app.add_exception_handler(FairtrialError, _domain_error)
    app.add_exception_handler(EngineError, _engine_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    app.add_exception_handler(Exception, _unexpected_error)


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RequestError):
        return _error_response(error.status, error.message, error.type)
    if isinstance(error, UsageError):
        return _error_response(400, str(error), "usage_error")
    log.error("%s %s: %s", request.method, request.url.path, error)
    return _error_response(503 if isinstance(error, StoreExhausted) else 500, str(error), "store_error")


async def _engine_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EngineError)
    return await _domain_error(request, store_error(error))


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
    return _error_response(400, problems, "invalid_request_error")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error_response(error.status_code, f"{request.url.path}: {error.detail}", "invalid_request_error")


async def _client_disconnected(_: Request, __: Exception) -> JSONResponse:
    """The client disconnected or its body timed out, so nobody reads this response."""
    return _error_response(408, "the request body did not arrive", "invalid_request_error")


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _error_response(500, "control failed with an unexpected error; see its log for details", "server_error")


def _error_response(status: int, message: str, type_: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": type_}}, status_code=status)

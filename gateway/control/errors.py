"""Maps errors to HTTP responses of the control API: ``{"error": {"message", "type"}}``."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fairtrial.domain.errors import FairtrialError, RequestError, StoreExhausted, UsageError
from fairtrial.store.core.engine import EngineError, store_error

log = logging.getLogger("fairtrial.control")


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
    problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
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

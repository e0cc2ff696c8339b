"""The error tree as HTTP answers of the control API, in one place: ``{"error": {"message", "type"}}``."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fairtrial.domain.errors import FairtrialError, NotFound, RequestError, StoreExhausted, UsageError
from fairtrial.store.core.engine_errors import EngineError, store_error

log = logging.getLogger("fairtrial.control")


def map_errors(app: FastAPI) -> None:
    """Give every error of ours, of FastAPI's and of nobody's the same shape."""
    app.add_exception_handler(FairtrialError, _ours)
    app.add_exception_handler(EngineError, _engine)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _unforeseen)


def absent(noun: str, name: str) -> NotFound:
    """The error for something that is asked for by name and isn't there."""
    return NotFound(f"{noun}: there is none with the id {name!r}", code=f"{noun}_not_found")


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RequestError):
        return _answer(error.status, error.message, error.type)
    if isinstance(error, UsageError):
        return _answer(400, str(error), "usage_error")
    log.error("%s %s: %s", request.method, request.url.path, error)
    return _answer(503 if isinstance(error, StoreExhausted) else 500, str(error), "store_error")


async def _engine(request: Request, error: Exception) -> JSONResponse:
    """What a statement that changes something met."""
    assert isinstance(error, EngineError)
    return await _ours(request, store_error(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return _answer(400, said, "invalid_request_error")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, f"{request.url.path}: {error.detail}", "invalid_request_error")


async def _left(_: Request, __: Exception) -> JSONResponse:
    """The caller has left, or its connection was closed because its body did not come: nobody reads this."""
    return _answer(408, "the request's body did not come", "invalid_request_error")


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(500, "control met an error that it does not know; its log says more", "server_error")


def _answer(status: int, message: str, type_: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": type_}}, status_code=status)

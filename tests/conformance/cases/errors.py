"""A: errors of the upstream's, of every status and in every odd form, and the gateway's own."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

from tests.conformance.cases.case import MODEL, USER, Case, chat

CLASSES = {
    400: "BadRequestError", 401: "AuthenticationError", 402: "APIStatusError", 403: "PermissionDeniedError",
    404: "NotFoundError", 408: "APIStatusError", 409: "ConflictError", 413: "APIStatusError", 418: "APIStatusError",
    422: "UnprocessableEntityError", 429: "RateLimitError", 451: "APIStatusError", 500: "InternalServerError",
    502: "InternalServerError", 503: "InternalServerError", 504: "InternalServerError", 529: "InternalServerError",
}  # fmt: skip
RATE_LIMITS = {f"x-ratelimit-{what}-{of}": "7" for what in ("limit", "remaining") for of in ("requests", "tokens")}
RESETS = {"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}


def envelope(**more: Any) -> dict[str, Any]:
    """OpenAI's error body."""
    return {"error": {"message": "It went wrong", "type": "a_type", "param": "a_param", "code": "a_code", **more}}


def refusal(status: int, *, whole: Any = None, **headers: str) -> dict[str, Any]:
    """A script that refuses with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "json", "status": status, "whole": whole or envelope(), "headers": named}


def odd(status: int, body: bytes, kind: str, **headers: str) -> dict[str, Any]:
    """A script of an error that is no JSON object."""
    named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {"kind": "bytes", "status": status, "headers": named, "body_b64": b64encode(body).decode()}


def _statuses() -> list[Case]:
    return [
        chat("A1", f"the upstream's {status}", script=refusal(status), error=name, holds={"body.code": "a_code"})
        for status, name in CLASSES.items()
    ]


def _bodies() -> list[Case]:
    bodies = {
        "code null": envelope(code=None, param=None),
        "code int as the upstream sent it": envelope(code=429),
        "unknown fields": {**envelope(inner={"a": [1, None]}), "request_id": "r", "detail": "more"},
        "an error that is a string": {"error": "just words"},
        "a detail without an error": {"detail": "Not Found"},
    }
    return [
        chat("A2", name, script=refusal(400, whole=body), error="BadRequestError", holds={"status_code": 400})
        for name, body in bodies.items()
    ]


def _odd() -> list[Case]:
    packed = gzip.compress(json.dumps(envelope()).encode(), mtime=0)
    error = "InternalServerError"
    return [
        chat("A4", "HTML of a proxy", script={"kind": "html"}, error=error, only_gateway=True,
             holds={"status_code": 502, "code": "upstream_error"}),
        chat("A4", "an empty body", script=odd(500, b"", "text/plain"), error=error, only_gateway=True,
             holds={"status_code": 500, "code": "upstream_error"}),
        chat("A4", "JSON that is no object", script=odd(503, b'"busy"', "application/json"), error=error,
             holds={"status_code": 503}),
        chat("A4", "a packed error", script=odd(400, packed, "application/json", content_encoding="gzip"),
             error="BadRequestError", holds={"body.code": "a_code"}),
        chat("A4", "200 with an error", script={"kind": "json", "whole": envelope()}, holds={"error.code": "a_code"}),
    ]  # fmt: skip


def _retries() -> list[Case]:
    once, good = {"max_retries": 2}, {"kind": "json"}
    cases = []
    for status in (408, 409, 429, 500, 503):
        short = refusal(status, retry_after_ms="5")
        twice = {"kind": "sequence", "scripts": [short, short, good]}
        cases.append(chat("A5", f"tried again after {status}", script=twice, options=once, requests=3, on_wire=False))
    for status, should, requests in ((500, "false", 1), (429, "false", 1)):
        script = refusal(status, x_should_retry=should)
        name = f"x-should-retry {should} of a {status}"
        cases.append(chat("A5", name, script=script, options=once, error=CLASSES[status], requests=requests))
    wanted = {"kind": "sequence", "scripts": [refusal(400, x_should_retry="true", retry_after_ms="5"), good]}
    cases.append(chat("A5", "x-should-retry true of a 400", script=wanted, options=once, requests=2, on_wire=False))
    return cases


def _waits() -> list[Case]:
    date = "Wed, 21 Oct 2099 07:28:00 GMT"
    told = {"seconds": "7", "a float": "0.5", "a date": date, "above the limit": "121"}
    error = "RateLimitError"
    cases = [
        chat("A6", f"retry-after {name}", script=refusal(429, retry_after=value), error=error)
        for name, value in told.items()
    ]
    cases.append(chat("A6", "retry-after-ms", script=refusal(429, retry_after_ms="250"), error=error))
    far = refusal(429, retry_after="121")
    options = {"max_retries": 1}
    return [*cases, chat("A6", "a wait that 3.x refuses", script={"kind": "sequence", "scripts": [far, far]},
                         options=options, error=error, on_wire=False, requests=0)]  # fmt: skip


def _limits() -> list[Case]:
    script = {"kind": "json", "headers": {**RATE_LIMITS, **RESETS}}
    return [
        chat("A7", "the upstream's rate limits", script=script, read="raw"),
        chat("A7", "the upstream's rate limits of a 429", error="RateLimitError",
             script={**refusal(429), "headers": {**RATE_LIMITS, **RESETS}}),
    ]  # fmt: skip


def _own() -> list[Case]:
    def own(ident: str, name: str, model: str, error: str, status: int, code: str, **more: Any) -> Case:
        holds = {"status_code": status, "code": code, "body.code": code, **more.pop("holds", {})}
        asked = {"model": model, "messages": USER}
        return Case(ident, name, asked=asked, error=error, only_gateway=True, holds=holds, **more)

    failed, timed_out = ("InternalServerError", 502), ("InternalServerError", 504)
    return [
        own("A1", "no such key", MODEL, "AuthenticationError", 401, "invalid_api_key", key="ft-wrong"),
        own("A8", "nothing listens", "dead-route", *failed, "upstream_connect"),
        own("A8", "no such name", "nameless-route", *failed, "upstream_connect"),
        own("A8", "no TLS", "tls-route", *failed, "upstream_connect"),
        own("A8", "a reset before the answer", MODEL, *failed, "upstream_reset", script={"kind": "reset"}),
        own("A8", "no HTTP", MODEL, *failed, "upstream_bad_answer", script={"kind": "raw", "text": "SMTP ready\r\n"}),
        own("A8", "no answer in time", "hasty-route", *timed_out, "upstream_timeout", script={"kind": "stall"}),
        chat("A8", "the client's own time", script={"kind": "stall"}, error="APITimeoutError", on_wire=False,
             options={"timeout": 0.4}),
        own("A9", "an unknown model", "no-such-model", "NotFoundError", 404, "model_not_found",
            holds={"param": "model"}),
        own("A9", "a model that the key may not use", "dead-route", "PermissionDeniedError", 403, "model_not_allowed",
            key="ft-limited"),
    ]  # fmt: skip


CASES = [*_statuses(), *_bodies(), *_odd(), *_retries(), *_waits(), *_limits(), *_own()]

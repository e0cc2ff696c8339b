"""What may differ between a call straight to the upstream and one through the gateway, each with its argument."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.proxy.transport.transport import EVENT_LIMIT, WHOLE_LIMIT
from gateway.proxy.upstream import request_rewrite
from gateway.proxy.wire.http import NOT_RETURNED, NOT_RETURNED_PREFIXES

CONNECTION = frozenset(
    {"host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect",
     "date", "server", "proxy-connection", "proxy-authorization"}
)  # fmt: skip
CREDENTIALS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "openai-organization", "openai-project"})
PACKING = frozenset({"accept-encoding", "content-encoding"})
MIB = 2**20


class Allowed(NamedTuple):
    """One difference that is meant: where, what, why."""

    where: str
    what: str
    why: str


def names(headers: Iterable[str], prefixes: Iterable[str] = ()) -> str:
    """Headers as the page tells them: so a row that is made of the gateway's own sets can't go out of date."""
    return ", ".join(f"`{name}`" for name in [*sorted(headers), *(f"{prefix}*" for prefix in sorted(prefixes))])


ALLOWED = (
    Allowed(
        "request body",
        "`model`, and the fields that a variant overrides",
        "This is the gateway's purpose: it replaces the route's name with the deployment's model.",
    ),
    Allowed(
        "request body",
        "`model` is required: 400, `invalid_model`",
        "`model` names the route, even for a server that has a default model.",
    ),
    Allowed(
        "request body",
        "a body beyond the gateway's limit: 413",
        "The body is held in memory to be routed, and one caller must not fill a worker's memory.",
    ),
    Allowed(
        "request body",
        "a user or conversation whose name has more than 512 characters: 400, `unit_too_long`",
        "Feedback must be able to name each user who was served, and has the same limit.",
    ),
    Allowed(
        "request body",
        "`stream_options.include_usage` of a stream",
        "It is needed for metering. If the application did not request it, the usage chunk is removed again. Some "
        "servers then send `usage: null` on the other chunks, which stays, because removing it would mean rewriting "
        "each chunk.",
    ),
    Allowed(
        "request headers",
        names(request_rewrite.NOT_FORWARDED & CONNECTION),
        "They belong to the connection, and the gateway has a separate one to the upstream.",
    ),
    Allowed(
        "request headers",
        names(request_rewrite.NOT_FORWARDED & CREDENTIALS),
        "The application's key is for the gateway. The upstream gets its deployment's key, and must not see another.",
    ),
    Allowed(
        "request headers",
        "`accept-encoding: identity`",
        "Usage is read from a copy of the answer. An uncompressed answer is cheaper than compressing it twice.",
    ),
    Allowed(
        "request headers",
        "`content-encoding`, which is not sent",
        "The gateway reads the body to route it, and does not decompress it. A compressed body is refused with 400.",
    ),
    Allowed(
        "request headers",
        names(
            request_rewrite.NOT_FORWARDED - CONNECTION - CREDENTIALS - PACKING, request_rewrite.NOT_FORWARDED_PREFIXES
        ),
        "The upstream gets the gateway's request id. It does not need the unit, the caller's origin or what its "
        "tracing adds, and no caller may make a server behind the gateway confuse two requests.",
    ),
    Allowed(
        "request headers",
        "`traceparent` that is invalid by W3C Trace Context",
        "A valid one holds two identifiers. Any other value could hold anything.",
    ),
    Allowed(
        "request headers",
        f"{names((), request_rewrite.GATEWAY_PREFIXES)}, and names that end like a credential or an address, such as "
        "`x-api-base` or `anthropic-api-key`, unless the deployment lists them in `forward_headers`",
        "They control other gateways: a caller could bypass the configured provider, address or key.",
    ),
    Allowed(
        "request headers",
        "`content-type` of a body that the gateway reads, which is sent as `application/json`",
        "The body is JSON in UTF-8, whatever the parameters of its type are.",
    ),
    Allowed(
        "both ways",
        "a repeated header, whose values are joined by commas; a header's name in lower case",
        "RFC 9110 (5.3) allows any proxy to do so, and both forms are equivalent. `set-cookie`, the exception, is not "
        "passed on. Names are case-insensitive.",
    ),
    Allowed(
        "response headers",
        "`x-request-id`",
        "It is the gateway's request id, which feedback and the journal need. The upstream got the same one.",
    ),
    Allowed(
        "response headers",
        names(NOT_RETURNED & CONNECTION),
        "They belong to the connection; the bytes that they frame are compared.",
    ),
    Allowed(
        "response headers",
        names(
            NOT_RETURNED - CONNECTION - PACKING - {"x-request-id"},
            NOT_RETURNED_PREFIXES,
        ),
        "They refer to the upstream's host, to which the application does not connect, or a browser or proxy would "
        "apply them to the gateway. A cookie would link callers, and CORS headers would let any web page read.",
    ),
    Allowed(
        "response headers",
        "`content-encoding` of an upstream that compresses its answer although it was asked not to",
        "The answer is sent on uncompressed; its content is compared.",
    ),
    Allowed(
        "response headers",
        "`cache-control: no-cache` and `x-accel-buffering: no` on a stream",
        "Proxies in front of the gateway must not buffer a stream.",
    ),
    Allowed(
        "response headers",
        "`deprecation`, `sunset` and `x-fairtrial-successor` of a deployment that has a last day",
        "Callers shall learn in time that the model ends. They replace the upstream's own, which can't know the "
        "project's date.",
    ),
    Allowed(
        "response body",
        "an error that is not JSON",
        "It becomes OpenAI's envelope with the same status. The official client then has a message, and no proxy's "
        "page reveals a host.",
    ),
    Allowed(
        "response body",
        "the deployment's key, which becomes `[key]`",
        "Some servers repeat the key that they refuse, and the application must not learn it.",
    ),
    Allowed(
        "response body",
        f"an event beyond {EVENT_LIMIT // MIB} MiB, or a whole answer beyond {WHOLE_LIMIT // MIB} MiB",
        "Each is held in memory until it is complete. The result is 502 or, once a stream has begun, an error event.",
    ),
    Allowed(
        "errors",
        "a connection that fails",
        "The application's connection to the gateway is intact. A connection error becomes 502, and a timeout 504. "
        "Both are `InternalServerError`, which the client retries like a connection error.",
    ),
    Allowed(
        "streams",
        "`: ping` comments in a silence; before the first event, status 200 is sent with them",
        "Without them proxies and load balancers on the way close a silent stream. A later failure can't have a "
        "status. It becomes an error event with the same message, `APIError` to the client.",
    ),
    Allowed(
        "errors",
        "a connection that breaks in the middle of a stream",
        "Directly it is `APIConnectionError` or, with some versions of the client, an error of its HTTP library. The "
        "application's connection to the gateway is intact, so an error event reports it: `APIError`, no `[DONE]`.",
    ),
    Allowed(
        "errors",
        "a redirect, which is 502, `upstream_redirect`; directly, the client would follow it",
        "It would send the application's text, and perhaps the deployment's key, to a host that no configuration "
        "names.",
    ),
    Allowed(
        "errors",
        "a lost connection, 429, 502, 503 and 529, after which the gateway sends the request once more",
        "The official client would do the same. If the second try fails too, its error has `x-should-retry: false`. "
        "`retry: {attempts: 1}` turns this off, and the cases run with it.",
    ),
    Allowed(
        "errors",
        "a stream that ends without a reason to finish and without `[DONE]`",
        "Directly, half of an answer looks like a whole one. An error event says that it is not: `APIError`.",
    ),
    Allowed(
        "errors",
        "a deployment that is broken for everybody, which is 503, `upstream_unavailable`, for some seconds",
        "A dead server would hold every request until its timeout. `breaker: {failures: 0}` turns this off, and the "
        "cases run with it.",
    ),
    Allowed(
        "errors",
        "an answer that is compressed as `br` or `zstd`, which is 502",
        "It was requested uncompressed, and the gateway does not read these. Passed on, it could not be recorded.",
    ),
    Allowed(
        "errors",
        "an event in the middle of a stream that is not JSON and has no name",
        "The official client would fail in the middle of its iteration with a `JSONDecodeError`, which no application "
        "expects. It gets an error event instead, `APIError`, and the stream counts as interrupted.",
    ),
    Allowed(
        "`/v1/models`",
        "the list itself",
        "The application's models are the routes that its key may use.",
    ),
)

REQUEST_HEADERS = CONNECTION | {
    "authorization", "api-key", "x-api-key", "cookie", "openai-organization", "openai-project", "accept-encoding",
    "x-request-id", "forwarded", "x-real-ip", "origin", "referer", "x-fake-key",
}  # fmt: skip
REQUEST_PREFIXES = ("x-fairtrial-", "x-forwarded-", "sec-")
RESPONSE_HEADERS = CONNECTION | {
    "x-request-id", "set-cookie", "content-encoding", "alt-svc", "strict-transport-security", "via", "location",
}  # fmt: skip
STREAM_HEADERS = frozenset({"x-accel-buffering", "cache-control"})
"""Those of a stream only: of any other answer they are the upstream's."""

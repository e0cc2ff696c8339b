"""What may differ between a call straight to the upstream and one through the gateway, each with its argument."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.proxy.response import response_headers
from gateway.proxy.transport.transport import EVENT_LIMIT, WHOLE_LIMIT
from gateway.proxy.upstream import request_headers

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
        "`model`, and the fields that an arm overrides",
        "That is what the gateway is for: the route's name becomes the deployment's model.",
    ),
    Allowed(
        "request body",
        "`model` is required: 400, `invalid_model`",
        "It names the route; a server that has a model of its own for requests without one is behind a route too.",
    ),
    Allowed(
        "request body",
        "a body beyond the gateway's limit: 413",
        "It is held in memory to be routed, and one caller must not fill a worker's.",
    ),
    Allowed(
        "request body",
        "`stream_options.include_usage` of a stream",
        "Metering; the usage chunk is taken out again when the application did not ask for it. `usage: null` on the "
        "other chunks, which some servers then send, stays: taking it out would mean to write each chunk anew.",
    ),
    Allowed(
        "request headers",
        names(request_headers.KEPT_HERE & CONNECTION),
        "They are the connection's own, and the gateway has another one to the upstream.",
    ),
    Allowed(
        "request headers",
        names(request_headers.KEPT_HERE & CREDENTIALS),
        "The application's key is for the gateway; the upstream gets its deployment's, and must not see another's.",
    ),
    Allowed(
        "request headers",
        "`accept-encoding: identity`",
        "Usage is read from a copy of the answer; asking for it unpacked is cheaper than packing it twice.",
    ),
    Allowed(
        "request headers",
        "`content-encoding`, which stays here",
        "A body is read here to be routed, and is not unpacked for it: one that comes packed is refused, 400.",
    ),
    Allowed(
        "request headers",
        names(request_headers.KEPT_HERE - CONNECTION - CREDENTIALS - PACKING, request_headers.KEPT_HERE_PREFIXES),
        "The upstream is told the gateway's name of the request; who is randomised and where a caller came from are "
        "not its business, and no caller may make a server behind the gateway take one request for another.",
    ),
    Allowed(
        "request headers",
        f"{names((), request_headers.PREFIXES)}, and names that end as a credential or an address does, such as "
        "`x-api-base` or `anthropic-api-key`, unless the deployment lists them in `forward_headers`",
        "They steer other gateways: a caller could choose the provider, its address or its key past the configuration.",
    ),
    Allowed(
        "request headers",
        "`content-type` of a body that is read here, which goes up as `application/json`",
        "The body is JSON in UTF-8, whatever the parameters of its type say.",
    ),
    Allowed(
        "both ways",
        "a header that comes more than once, whose values are joined by commas; a header's name in lower case",
        "RFC 9110 (5.3) lets any proxy do so and gives both one meaning; `set-cookie`, the exception, stays here; "
        "names have no case.",
    ),
    Allowed(
        "response headers",
        "`x-request-id`",
        "It names the request here, which feedback and the journal need; the upstream was sent the same one.",
    ),
    Allowed(
        "response headers",
        names(response_headers.KEPT_HERE & CONNECTION),
        "They are the connection's own; the bytes that they frame are compared.",
    ),
    Allowed(
        "response headers",
        names(
            response_headers.KEPT_HERE - CONNECTION - PACKING - {"x-request-id"}, response_headers.KEPT_HERE_PREFIXES
        ),
        "They speak for the upstream's host, which the application does not talk to, or a browser or proxy would obey "
        "them here: a cookie would tie callers together, and any web page could read what CORS headers allow.",
    ),
    Allowed(
        "response headers",
        "`content-encoding` of an upstream that packs its answer though it was asked not to",
        "The answer is sent on unpacked; its content is compared.",
    ),
    Allowed(
        "response headers",
        "`cache-control: no-cache` and `x-accel-buffering: no` on a stream",
        "Proxies before the gateway must not hold a stream back.",
    ),
    Allowed(
        "response body",
        "an error that is not JSON",
        "It becomes OpenAI's envelope with the status kept: the official client then has a message, and no proxy's "
        "page names a host.",
    ),
    Allowed(
        "response body",
        "the deployment's key, which becomes `[key]`",
        "Some servers repeat the key that they refuse; the application must not learn it.",
    ),
    Allowed(
        "response body",
        f"an event beyond {EVENT_LIMIT // MIB} MiB, or an answer that is no stream beyond {WHOLE_LIMIT // MIB} MiB",
        "Each is held in memory until it is whole. It is 502 or, once a stream has begun, an error event.",
    ),
    Allowed(
        "errors",
        "a connection that fails",
        "The application's own connection is well: what was a connection error is 502, what was a timeout 504, both "
        "`InternalServerError`, which the client tries again as it does a connection error.",
    ),
    Allowed(
        "streams",
        "`: ping` comments in a silence; in one before the first event, status 200 leaves with them",
        "Without them proxies and balancers on the way give a silent stream up. What fails after that can have no "
        "status any more: it is an error event with the same words, `APIError` to the client.",
    ),
    Allowed(
        "errors",
        "a connection that breaks in the middle of a stream",
        "Straight it is `APIConnectionError` or, with some versions of the client, an error of its HTTP library. The "
        "application's connection to the gateway is well, so an error event tells it: `APIError`, no `[DONE]`.",
    ),
    Allowed(
        "errors",
        "a redirect, which is 502, `upstream_redirect`, where the client would follow it straight",
        "It would carry the application's text, and the deployment's key perhaps, to a host that no configuration "
        "names.",
    ),
    Allowed(
        "errors",
        "an answer that is packed as `br` or `zstd`, which is 502",
        "It was asked for unpacked, and nothing here reads these; sent on as it is, it could not be recorded.",
    ),
    Allowed(
        "errors",
        "an event in the middle of a stream that is no JSON and has no name",
        "The official client would end in the middle of its iteration with a `JSONDecodeError`, which no application "
        "expects of it; it gets an error event in its place, `APIError`, and the stream counts as broken off.",
    ),
    Allowed(
        "`/v1/models`",
        "the list itself",
        "The application's models are the routes that its key may name.",
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

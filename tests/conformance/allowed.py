"""What may differ between a call straight to the upstream and one through the gateway, each with its argument."""

from __future__ import annotations

from typing import NamedTuple


class Allowed(NamedTuple):
    """One difference that is meant: where, what, why."""

    where: str
    what: str
    why: str


ALLOWED = (
    Allowed(
        "request body",
        "`model`, and the fields that an arm overrides",
        "That is what the gateway is for: the route's name becomes the deployment's model.",
    ),
    Allowed(
        "request body",
        "`stream_options.include_usage` of a stream",
        "Metering; the usage chunk is taken out again when the application did not ask for it. `usage: null` on the "
        "other chunks, which some servers then send, stays: taking it out would mean to write each chunk anew.",
    ),
    Allowed(
        "request headers",
        "`host`, `connection`, `content-length`, and other headers of the connection",
        "They are the connection's own, and the gateway has another one to the upstream.",
    ),
    Allowed(
        "request headers",
        "`authorization`, `api-key`, `x-api-key`, `cookie`, `openai-organization`, `openai-project`",
        "The application's key is for the gateway; the upstream gets its deployment's, and must not see another's.",
    ),
    Allowed(
        "request headers",
        "`accept-encoding: identity`",
        "Usage is read from a copy of the answer; asking for it unpacked is cheaper than packing it twice.",
    ),
    Allowed(
        "request headers",
        "`x-request-id`, `x-fairtrial-*`, `forwarded`, `x-forwarded-*`, `via`, `x-real-ip`, `x-original-url`, "
        "`x-rewrite-url`, `x-http-method-override`, `access-control-*`, `sec-*`, `origin`, `referer`",
        "The upstream is told the gateway's name of the request; who is randomised and where a caller came from are "
        "not its business.",
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
        "`date`, `server`, `connection`, `keep-alive`, `transfer-encoding`, `content-length`, and others of the "
        "connection",
        "They are the connection's own; the bytes that they frame are compared.",
    ),
    Allowed(
        "response headers",
        "`set-cookie`, `www-authenticate`, `location`, `alt-svc`, `strict-transport-security`, `via`, "
        "`access-control-*`, `x-accel-*`, `x-fairtrial-*` and the others of `KEPT_HERE` in `answer_headers.py`",
        "They speak for the upstream's host, which the application does not talk to, or a browser or proxy would obey "
        "them here: a cookie would tie callers together, and any web page could read what CORS headers allow.",
    ),
    Allowed(
        "response headers",
        "`content-encoding` of an upstream that packs its answer though it was asked not to",
        "Packed by gzip or deflate, the answer is sent on unpacked, and its content is compared; by br or zstd, which "
        "nobody asked for, it is a 502.",
    ),
    Allowed(
        "response headers",
        "`cache-control: no-cache` and `x-accel-buffering: no` on a stream",
        "Proxies before the gateway must not hold a stream back.",
    ),
    Allowed(
        "response body",
        "an error that is not JSON; the deployment's key in an error's text",
        "It becomes OpenAI's envelope with the status kept: the official client then has a message, and no proxy's "
        "page names a host. A key that a provider repeats becomes `[key]`.",
    ),
    Allowed(
        "errors",
        "a connection that fails, and an answer that breaks off in the middle of a stream",
        "The application's own connection is well: what was a connection error is 502, what was a timeout 504, both "
        "`InternalServerError`, which the client tries again as it does a connection error; within a stream it is an "
        "error event, `APIError`.",
    ),
    Allowed(
        "errors",
        "a redirect, which is not followed: 502",
        "It would take the deployment's key to a host that nobody configured.",
    ),
    Allowed(
        "errors",
        "`model` is required; a body has at most `gateway.max_body_mb`, an event 32 MiB, a whole answer 256 MiB",
        "The name of a route says who serves; no single call may fill a worker's memory.",
    ),
    Allowed(
        "streams",
        "comments in silence; a head with status 200 that leaves before the upstream answers, once a comment is due",
        "Proxies on the way would close a silent connection. An error that comes later is then an event, `APIError`, "
        "and not a status; the time is `gateway.keepalive`.",
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

CONNECTION = frozenset(
    {"host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect",
     "date", "server", "proxy-connection", "proxy-authorization"}
)  # fmt: skip
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

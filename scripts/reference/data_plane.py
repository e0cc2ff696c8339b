"""What the data plane serves, by hand: its routes, headers and errors; a test compares the routes with the program."""

from __future__ import annotations

from scripts.reference.bounds import bounds
from scripts.reference.markdown import block, code, table

OTHERS = "everything else, passed on to `gateway.others`; 404 `unknown_url` without one"
ROUTES = (
    ("POST", "/v1/chat/completions", "complete", "OpenAI's chat completions, whole or as a stream"),
    ("POST", "/v1/completions", "complete", "OpenAI's legacy completions, whole or as a stream"),
    (
        "POST",
        "/v1/responses",
        "complete",
        "OpenAI's responses, whole or as a stream; what continues one stays with its arm",
    ),
    ("POST", "/v1/responses/compact", "complete", "a shorter form of a long input"),
    ("POST", "/v1/embeddings", "complete", "OpenAI's embeddings"),
    ("POST", "/v1/responses/input_tokens", "complete", "how many tokens the arm that would serve counts"),
    ("GET", "/v1/responses/{response_id}", "complete", "a response, from the deployment that made it"),
    ("DELETE", "/v1/responses/{response_id}", "complete", "delete it there"),
    ("POST", "/v1/responses/{response_id}/cancel", "complete", "stop one that goes on in the background"),
    ("GET", "/v1/responses/{response_id}/input_items", "complete", "what it was asked"),
    ("GET", "/v1/models", "complete", "the routes that the key may name, as OpenAI's list of models"),
    ("GET", "/v1/models/{name}", "complete", "one of them; 404 `model_not_found`"),
    ("POST", "/v1/feedback", "feedback", "one feedback or a list of up to 1,000; 202 when it is in the journal"),
    *((method, "/v1/{path}", "complete", OTHERS) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    ("HEAD", "/v1/models", "complete", "as GET, without the body"),
    ("HEAD", "/v1/models/{name}", "complete", "as GET, without the body"),
    ("GET", "/livez", "nobody", "the worker runs"),
    (
        "GET",
        "/readyz",
        "nobody",
        "a plan is in force, and the worker was not told to stop; else 503. A 200 may still say "
        '`"recording": "losing"` (events are lost now) or `"plan": "refused"` (a newer one is not in force)',
    ),
    *(("HEAD", path, "nobody", "as GET, without the body") for path in ("/livez", "/readyz", "/metrics")),
    ("GET", "/metrics", "nobody", "all workers' counts as Prometheus text, of the others as they were a second ago"),
)
SENT = (
    ("Authorization", "`Bearer ft-…`; not needed where the gateway is open, which it can be on loopback only"),
    ("x-fairtrial-unit", "who is randomised, before any field of the body; see [assignment](assignment.md)"),
    ("x-fairtrial-tags", "`name=value` pairs with commas between, kept with the request"),
    ("x-fairtrial-variant", "forces an arm of the route's experiment; needs the right `pin`; left out of the analysis"),
    (
        "x-fairtrial-deployment",
        "forces a deployment, without overrides; needs the right `pin`; left out of the analysis",
    ),
    ("x-stainless-retry-count", "which try of the official client this is; kept with the request"),
)
ANSWERED = (
    ("x-request-id", "the request's name here, in every answer; feedback names it as `request_id`"),
    ("x-fairtrial-experiment, x-fairtrial-variant", "where the key has the right `see_variant`"),
    (
        "access-control-*, vary",
        "below `/v1`, where `gateway.cors` is set; see [web pages](../how-to/wire-an-app.md#call-it-from-a-web-page)",
    ),
    ("all others", "the provider's, as they came, but for those of its host and its connection"),
)
FEEDBACK = (
    ("request_id, response_id or unit", "exactly one: `x-request-id`, the answer's `id`, or the unit itself"),
    ("response_id", "counts only if exactly one earlier request of the same API key has it; servers may reuse ids"),
    ("key", "what it is about, such as `resolved`; it counts if a metric of the file reads it"),
    ("value", "yes or no, a number, or a word, as the metric declares"),
    ("comment", "a text"),
    ("correction", "the answer as it should have been"),
    ("idempotency_key", "your own mark; values with the same one are stored once for each API key"),
)
ERRORS = (
    (
        "400",
        "invalid_request_error",
        "the body can't be understood or has too many parts (`too_much_structure`), servers read the path in different "
        "ways (`ambiguous_path`), or a feedback's value is of another kind than declared (`wrong_kind_of_value`)",
    ),
    ("401", "invalid_request_error", "no key, or a wrong one; never which"),
    ("403", "permission_error", "the key has not this right"),
    ("404", "invalid_request_error", "no such route (`model_not_found`) or path (`unknown_url`)"),
    ("408", "invalid_request_error", "the body stopped or came below `gateway.min_body_rate` (`request_timeout`)"),
    (
        "413",
        "invalid_request_error",
        "the body is larger than `gateway.max_body_mb`; feedback with too much text (`feedback_too_large`)",
    ),
    ("422", "invalid_request_error", "a field of a feedback is wrong (`invalid_field`)"),
    ("429", "rate_limit_error", "the key uses its `gateway.max_share_per_key` already (`key_share_used`)"),
    (
        "502",
        "upstream_error",
        "the model's server can't be reached, or broke off before its answer began. A request that it may have read is "
        "not sent a second time (`upstream_reset`, with `x-should-retry: true`)",
    ),
    (
        "503",
        "server_error",
        "no plan yet; as many requests in progress as there may be (`overloaded`); told to stop (`draining`); more "
        "feedback of this key waits to be redacted than may (`feedback_busy`)",
    ),
    ("504", "upstream_error", "the model's server did not begin its answer in time"),
)
BODY = """\
A request's body is OpenAI's: every field goes to the model's server as it came, except `model` (the route becomes
the deployment's model) and what the arm overrides. A stored response is found by its id for 30 days; a 404 is all
that a key gets of one that a route made which it may not name. The provider's own errors come back with their status
and body.
In `feedback`, unknown fields are refused:"""
ENVELOPE = '{"error": {"message": "…", "type": "…", "param": null, "code": null}}'


def data_plane() -> str:
    """The section of the page."""
    routes = table(("method", "path", "right of the key", "what"), ((m, code(p), code(r), w) for m, p, r, w in ROUTES))
    return "\n\n".join(
        [
            "## The data plane",
            "`gateway.bind`, by default `http://127.0.0.1:8080`. What applications use.",
            routes,
            "### Headers that are read",
            table(("header", "meaning"), ((code(name), told) for name, told in SENT)),
            "### Headers of answers",
            table(("header", "meaning"), ((code(name), told) for name, told in ANSWERED)),
            "### Bodies",
            BODY,
            table(("field of a feedback", "meaning"), ((code(name), told) for name, told in FEEDBACK)),
            bounds(),
            "### Errors",
            "OpenAI's envelope, so that the official clients raise their own classes:",
            block("json", ENVELOPE),
            table(("status", "type", "when"), ((status, code(kind), when) for status, kind, when in ERRORS)),
        ]
    )

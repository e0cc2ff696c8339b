"""Describes the data plane by hand: its routes, headers and errors; a test compares the routes with the program."""

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
        "OpenAI's responses, whole or as a stream; a continuation stays with the variant that made the response",
    ),
    ("POST", "/v1/responses/compact", "complete", "a shorter form of a long input"),
    ("POST", "/v1/embeddings", "complete", "OpenAI's embeddings"),
    ("POST", "/v1/responses/input_tokens", "complete", "the number of tokens, counted by the variant that would serve"),
    ("GET", "/v1/responses/{response_id}", "complete", "a response, from the deployment that made it"),
    ("DELETE", "/v1/responses/{response_id}", "complete", "delete it there"),
    ("POST", "/v1/responses/{response_id}/cancel", "complete", "stop a response that continues in the background"),
    ("GET", "/v1/responses/{response_id}/input_items", "complete", "its input"),
    ("GET", "/v1/models", "complete", "the routes that the key may use, as OpenAI's list of models"),
    ("GET", "/v1/models/{name}", "complete", "one of them; 404 `model_not_found`"),
    ("POST", "/v1/feedback", "feedback", "one feedback or a list of up to 1,000; 202 when it is in the journal"),
    ("POST", "/v1/feedback/vote", "none", "one value from a page, by the token of an answer; 401 for any other token"),
    ("GET", "/v1/feedback/vote.js", "none", "two buttons for such a page"),
    ("HEAD", "/v1/feedback/vote.js", "none", "as GET, without the body"),
    *((method, "/v1/{path}", "complete", OTHERS) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    ("HEAD", "/v1/models", "complete", "as GET, without the body"),
    ("HEAD", "/v1/models/{name}", "complete", "as GET, without the body"),
    ("GET", "/livez", "none", "the worker runs"),
    (
        "GET",
        "/readyz",
        "none",
        "a plan is active, and the worker is not stopping; otherwise 503. A 200 may still say "
        '`"recording": "losing"` (events are lost now) or `"plan": "refused"` (a newer one is not active)',
    ),
    *(("HEAD", path, "none", "as GET, without the body") for path in ("/livez", "/readyz", "/metrics")),
    (
        "GET",
        "/metrics",
        "none",
        "all workers' [metrics](metrics.md) as Prometheus text; those of other workers may be a second old",
    ),
)
SENT = (
    ("Authorization", "`Bearer ft-…`; not needed if the gateway is open, which is possible only on loopback"),
    (
        "x-fairtrial-unit",
        "the unit that is randomised; overrides the body's fields; see [assignment](assignment.md)",
    ),
    (
        "x-fairtrial-vote",
        "asks for a token with which [a page may vote](../how-to/wire-an-app.md#let-readers-vote) on the answer: keys "
        "of feedback, and for how long, such as `thumbs; max-age=600`",
    ),
    ("x-fairtrial-tags", "comma-separated `name=value` pairs, stored with the request"),
    (
        "x-fairtrial-variant",
        "selects a variant of the experiment; needs the right `pin`; left out of the analysis",
    ),
    (
        "x-fairtrial-deployment",
        "selects a deployment, without overrides; needs the right `pin`; left out of the analysis",
    ),
    ("x-stainless-retry-count", "the retry count of the official client; stored with the request"),
)
ANSWERED = (
    ("x-request-id", "the id of the request, in every answer; feedback sends it as `request_id`"),
    (
        "x-fairtrial-experiment, x-fairtrial-variant",
        "where the key has the right `see_variant`; a request outside the experiment has no variant",
    ),
    (
        "x-fairtrial-reason",
        "where the key has the right `see_variant`: "
        "[why the request was or was not in the experiment](../how-to/wire-an-app.md#see-why-a-variant-served)",
    ),
    ("x-fairtrial-vote", "the token that the request asked for; only the application's server can read it"),
    (
        "deprecation, sunset, x-fairtrial-successor",
        "where the deployment has a last day: [what they say](../how-to/migrate-a-model.md#what-callers-see)",
    ),
    (
        "access-control-*, vary",
        "below `/v1`, where `gateway.cors` is set; see [web pages](../how-to/wire-an-app.md#call-it-from-a-web-page)",
    ),
    ("all others", "the provider's, unchanged, except those of its host and its connection"),
)
FEEDBACK = (
    ("request_id, response_id or unit", "exactly one: `x-request-id`, the answer's `id`, or the unit"),
    ("response_id", "counts only if exactly one earlier request of the same API key has it; servers may reuse ids"),
    ("key", "the subject, such as `resolved`; it counts if a metric of the file reads it"),
    ("value", "yes or no, a number, or a word, as the metric declares"),
    ("comment", "a text"),
    ("correction", "the answer as it should have been"),
    ("idempotency_key", "an id of your choice; values with the same id are stored once for each API key"),
)
ERRORS = (
    (
        "400",
        "invalid_request_error",
        "the body can't be parsed or has too many parts (`too_much_structure`); a unit has more than 512 characters "
        "(`unit_too_long`). Servers could read the path in different ways (`ambiguous_path`); a feedback's value has "
        "another kind than declared (`wrong_kind_of_value`)",
    ),
    ("401", "invalid_request_error", "no key, or a wrong one; the error does not say which"),
    ("403", "permission_error", "the key lacks this right"),
    ("404", "invalid_request_error", "no such route (`model_not_found`) or path (`unknown_url`)"),
    (
        "408",
        "invalid_request_error",
        "the head did not end within 75 seconds, or the body stopped or was slower than `gateway.min_body_rate` "
        "(`request_timeout`)",
    ),
    (
        "413",
        "invalid_request_error",
        "the body is larger than `gateway.max_body_mb`; feedback with too much text (`feedback_too_large`)",
    ),
    ("422", "invalid_request_error", "a field of a feedback is wrong (`invalid_field`)"),
    ("429", "rate_limit_error", "the key already uses its `gateway.max_share_per_key` (`key_share_used`)"),
    (
        "502",
        "upstream_error",
        "the model's server can't be reached, or disconnected before its answer began. A request that it may have read "
        "is not sent a second time (`upstream_reset`, with `x-should-retry: true`)",
    ),
    (
        "503",
        "server_error",
        "no configuration is in force yet; too many requests in progress (`overloaded`); the worker is stopping "
        "(`draining`); too much feedback of this key waits to be redacted (`feedback_busy`)",
    ),
    (
        "503",
        "upstream_error",
        "the model's server failed several times in a row, so it is not called now (`upstream_unavailable`, with "
        "`Retry-After` and `x-should-retry: true`)",
    ),
    ("504", "upstream_error", "the model's server did not begin its answer in time"),
)
BODY = """\
A request's body has OpenAI's format. Every field is sent to the model's server unchanged, except `model` (the route is
replaced by the deployment's model) and the variant's overrides. A stored response is found by its id for 30 days. If a
route made it that the key may not use, the key gets a 404. The provider's errors are returned with their status
and body.

In `feedback`, unknown fields are refused:"""
ENVELOPE = '{"error": {"message": "…", "type": "…", "param": null, "code": null}}'


def data_plane() -> str:
    """The section of the page."""
    routes = table(("method", "path", "right of the key", "what"), ((m, code(p), code(r), w) for m, p, r, w in ROUTES))
    return "\n\n".join(
        [
            "## The data plane",
            "The address is `gateway.bind`, by default `http://127.0.0.1:8080`. Applications use this plane.",
            routes,
            "### Request headers",
            table(("header", "meaning"), ((code(name), meaning) for name, meaning in SENT)),
            "### Response headers",
            table(("header", "meaning"), ((code(name), meaning) for name, meaning in ANSWERED)),
            "### Bodies",
            BODY,
            table(("field of a feedback", "meaning"), ((code(name), meaning) for name, meaning in FEEDBACK)),
            bounds(),
            "### Errors",
            "Errors use OpenAI's envelope, so that the official clients raise their usual classes:",
            block("json", ENVELOPE),
            table(("status", "type", "when"), ((status, code(kind), when) for status, kind, when in ERRORS)),
        ]
    )

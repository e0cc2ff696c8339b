"""The headers of an error tell the client whether a retry can help, and when."""

from fairtrial.domain.errors import BadRequest, Overloaded, RateLimited, RequestError, Unavailable, UpstreamUnavailable
from gateway.proxy.wire.openai_errors import NEVER_RETRY, RETRY_AFTER_SECONDS, error_headers


def retry_headers(error: RequestError) -> dict[str, str]:
    headers = {name.decode(): value.decode() for name, value in error_headers(error, "the-id")}
    assert (headers.pop("x-request-id"), headers.pop("content-type")) == ("the-id", "application/json")
    return headers


def test_a_full_gateway_names_the_seconds_until_a_retry() -> None:
    soon = {"retry-after": f"{RETRY_AFTER_SECONDS}"}
    for kind in (RateLimited, Unavailable, Overloaded):
        assert retry_headers(kind("full", code="full")) == soon, kind


def test_an_upstream_that_rests_states_when_it_is_asked_again() -> None:
    error = UpstreamUnavailable("it rests", code="breaker_open", retry_after=7)
    assert retry_headers(error) == {"retry-after": "7", "x-should-retry": "true"}


def test_no_retry_helps_where_the_operator_must_act_or_the_request_is_wrong() -> None:
    for code in NEVER_RETRY:
        assert retry_headers(Unavailable("no key", code=code)) == {"x-should-retry": "false"}, code
    assert retry_headers(BadRequest("wrong", code="wrong")) == {}

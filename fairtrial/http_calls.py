"""Sends operations to control over HTTP; commands and the dashboard raise their own errors."""

from collections.abc import Mapping

import httpx

from fairtrial.api.operation import Operation, Q, R, to_http


def send(
    client: httpx.Client,
    operation: Operation[Q, R],
    request: Q,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> httpx.Response:
    """The response to an operation; ``seconds``: how long to wait, by default as the operation says."""
    sent = to_http(operation, request)
    return client.request(
        operation.method,
        sent.path,
        params=sent.query,
        content=sent.body or None,
        headers={"content-type": "application/json", **(headers or {})},
        timeout=operation.seconds if seconds is None else seconds,
    )


def error_message(response: httpx.Response) -> str:
    """The message of a response with an error."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{response.request.url}: status {response.status_code}"


def unknown_answer(response: httpx.Response, error: Exception) -> str:
    """The message for an answer that this version can't read, as that of a control of another version."""
    return f"{response.request.url}: control may run another version, because its answer can't be read ({error})"

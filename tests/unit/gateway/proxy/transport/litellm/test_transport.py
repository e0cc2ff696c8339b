"""An exception of litellm's lane becomes a connection failure with a reason, or the provider's error."""

from __future__ import annotations

import json

import pytest

from gateway.proxy.transport.litellm.transport import failed
from gateway.proxy.transport.transport import TransportError

REASONS = {
    "Timeout": ("timeout", "did not answer in time"),
    "ConnectTimeout": ("connect", "can't be reached"),
    "ConnectionResetError": ("reset", "broke off the connection"),
    "APIResponseValidationError": ("bad_answer", "answer can't be read"),
    "AnyOther": ("bad_answer", "answer can't be read"),
}


def error_of(name: str, text: str = "") -> Exception:
    """An exception of a class with this name; litellm's are recognised by their names, because importing it is slow."""
    made: Exception = type(name, (Exception,), {})(text)
    return made


def test_an_exception_without_a_response_is_a_connection_failure_with_its_reason() -> None:
    reasons = {}
    for name in REASONS:
        with pytest.raises(TransportError) as caught:
            failed(error_of(name), name="cloud", api_key=None)
        reasons[name] = (caught.value.kind, str(caught.value))
    assert {name: kind for name, (kind, _) in reasons.items()} == {name: kind for name, (kind, _) in REASONS.items()}
    assert [name for name, (_, text) in reasons.items() if REASONS[name][1] not in text] == []


def test_the_class_of_the_broken_connection_counts_before_litellms_own() -> None:
    error = error_of("Timeout")
    error.__cause__ = error_of("ConnectError")
    with pytest.raises(TransportError, match="can't be reached"):
        failed(error, name="cloud", api_key=None)


def test_a_missing_key_is_the_deployments_fault_and_its_key_is_never_repeated() -> None:
    missing = failed(error_of("AnyOther", "Missing API key: sk-1"), name="cloud", api_key="sk-1")
    refused = failed(error_of("BadRequestError", "No such model for sk-1"), name="cloud", api_key="sk-1")
    texts = [json.loads(answer.body)["error"]["message"] for answer in (missing, refused)]
    assert (missing.status, refused.status) == (401, 400)
    assert texts == ["cloud: the provider has no key, or refused it", "cloud: No such model for [key]"]

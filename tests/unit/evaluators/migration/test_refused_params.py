"""The `params` that a refusing model may accept are read from the provider's own sentence."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.migration.refused_params import accepted_params

UNSUPPORTED = "HTTP 400: Unsupported parameter: 'max_tokens' is not supported with this model."
INSTEAD = f"{UNSUPPORTED} Use 'max_completion_tokens' instead."
VALUE = "HTTP 400: Unsupported value: 'temperature' does not support 0 with this model. Only the default is supported."
BOTH = "HTTP 400: `temperature` and `top_p` cannot both be specified for this model. Please use only one."
SENT = {"temperature": 0, "max_tokens": 300}


@pytest.mark.parametrize(
    ("error", "declared", "params"),
    [
        (INSTEAD, {}, {"max_tokens": None, "max_completion_tokens": 300}),
        (UNSUPPORTED, {}, {"max_tokens": None}),
        (VALUE, {}, {"temperature": None}),
        (VALUE, {"max_tokens": None, "top_p": 1}, {"max_tokens": None, "top_p": 1, "temperature": None}),
        (VALUE, {"temperature": None}, None),
        (INSTEAD, {"max_tokens": 9}, {"max_tokens": None, "max_completion_tokens": 9}),
        (BOTH, {"top_p": 0.5}, {"top_p": 0.5, "temperature": None}),
        ("HTTP 422: bad field max_tokens", {}, {"max_tokens": None}),
        ("HTTP 400: the prompt has 5 max_tokens_more", {}, None),
        ("HTTP 500: temperature sensor failed", {}, None),
        ("HTTP 400: please stop", {"stop": "x"}, None),
        ("HTTP 400: 'stop' is not supported", {"stop": "x"}, {"stop": None}),
    ],
)
def test_the_named_parameter_is_removed_and_the_other_limit_gets_its_value(
    error: str, declared: dict[str, Any], params: dict[str, Any] | None
) -> None:
    assert accepted_params(error, SENT, declared) == params

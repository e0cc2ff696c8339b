"""Lists the parameters of a chat completion with their types and ranges, for what is checked before a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Param:
    """``kind``: what the value must be, in words. A number lies between ``least`` and ``most``."""

    kind: str
    accepts: Callable[[Any], bool]
    least: float | None = None
    most: float | None = None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _stops(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _biases(value: Any) -> bool:
    return isinstance(value, dict) and all(_number(one) for one in value.values())


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


NUMBER, WHOLE, FLAG = "a number", "a whole number", "true or false"
PARAMS = {
    "temperature": Param(NUMBER, _number, 0),
    "top_p": Param(NUMBER, _number, 0, 1),
    "presence_penalty": Param(NUMBER, _number),
    "frequency_penalty": Param(NUMBER, _number),
    "max_tokens": Param(WHOLE, _whole, 1),
    "max_completion_tokens": Param(WHOLE, _whole, 1),
    "n": Param(WHOLE, _whole, 1),
    "seed": Param(WHOLE, _whole),
    "top_logprobs": Param(WHOLE, _whole, 0),
    "logprobs": Param(FLAG, _flag),
    "parallel_tool_calls": Param(FLAG, _flag),
    "reasoning_effort": Param("a word", _text),
    "stop": Param("text, or a list of texts", _stops),
    "logit_bias": Param("numbers by token", _biases),
}

OTHER_SERVERS = frozenset(
    {
        "top_k", "min_p", "typical_p", "top_a", "repetition_penalty", "repeat_penalty", "length_penalty", "min_tokens",
        "stop_token_ids", "ignore_eos", "skip_special_tokens", "bad_words", "best_of", "grammar", "mirostat",
        "guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "chat_template",
        "chat_template_kwargs", "thinking", "enable_thinking", "cache_prompt", "samplers", "safe_prompt", "web_search",
    }
)  # fmt: skip
"""Parameters of other servers that speak OpenAI's protocol, such as vLLM, llama.cpp and Mistral."""


def wrong_type(name: str, value: Any) -> str | None:
    """What the value of a known parameter must be, if it is not; ``None`` for a sound or an unknown one."""
    param = PARAMS.get(name)
    return None if param is None or param.accepts(value) else param.kind


def wrong_value(name: str, value: Any) -> str | None:
    """Like `wrong_type`, with the range of a number: no provider accepts a value outside."""
    param = PARAMS.get(name)
    if param is None or not param.accepts(value):
        return wrong_type(name, value)
    if param.least is not None and value < param.least:
        return f"{param.kind} of {param.least:g} or more"
    return f"{param.kind} of at most {param.most:g}" if param.most is not None and value > param.most else None

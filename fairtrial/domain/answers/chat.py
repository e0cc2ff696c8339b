"""Reads chat messages, tool calls and the stored texts of a case, and checks the parameters of a completion."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.domain.limits.canonical_json import json_object

NUMBER, WHOLE, FLAG = "a number", "a whole number", "true or false"
OTHER_SERVERS = frozenset(
    {
        "top_k", "min_p", "typical_p", "top_a", "repetition_penalty", "repeat_penalty", "length_penalty", "min_tokens",
        "stop_token_ids", "ignore_eos", "skip_special_tokens", "bad_words", "best_of", "grammar", "mirostat",
        "guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "chat_template",
        "chat_template_kwargs", "thinking", "enable_thinking", "cache_prompt", "samplers", "safe_prompt", "web_search",
    }
)  # fmt: skip
"""Parameters of other servers that speak OpenAI's protocol, such as vLLM, llama.cpp and Mistral."""


def text_of(content: Any) -> str | None:
    """The text of a content, "" if it is null; ``None`` if it has another shape."""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        return "".join(texts) if all(isinstance(text, str) for text in texts) else None  # type: ignore[arg-type]
    return content if isinstance(content, str) else "" if content is None else None


# An answer that calls tools is stored as one JSON text: {"content": "...", "tool_calls": [{"name": "...",
# "arguments": {...}}]}, where `content` is left out if it is empty. Arguments that are not a JSON object stay the text
# that the model wrote.


def text_with_calls(content: str, calls: Sequence[Any]) -> str:
    """The text of an answer with OpenAI's ``tool_calls``; raises `TypeError` or `KeyError` if they are no such list."""
    functions = [call["function"] for call in calls]
    written = [
        {"name": str(function["name"]), "arguments": _arguments(function.get("arguments"))} for function in functions
    ]
    answer = {"content": content, "tool_calls": written} if content else {"tool_calls": written}
    return json.dumps(answer, ensure_ascii=False)


def calls_in(text: str) -> list[dict[str, Any]]:
    """The calls of such a text, each with its ``name`` and ``arguments``; empty for any other text."""
    calls: Any = (json_object(text) or {}).get("tool_calls")
    sound = isinstance(calls, list) and all(isinstance(call, dict) and "name" in call for call in calls)
    return calls if sound else []


def _arguments(text: Any) -> Any:
    value = json_object(text or "{}")
    return text if value is None else value


def asked_text(body: str) -> str | None:
    """The last text of the user in a request: of a chat, the Responses API, or a completion; ``None`` if unknown."""
    request = json_object(body)
    if request is None:
        return None
    question = request.get("messages", request.get("input", request.get("prompt")))
    return question if isinstance(question, str) else _last_text(question, "user")


def last_question(body: str) -> str | None:
    """The text of the user's message that ends a request; ``None`` where another message ends it, as tools' do."""
    request = json_object(body) or {}
    question = request.get("messages", request.get("input", request.get("prompt")))
    if isinstance(question, list):
        last = question[-1] if question else None
        return _text(last.get("content")) if isinstance(last, dict) and last.get("role") == "user" else None
    return question if isinstance(question, str) else None


def continued_text(body: str) -> str | None:
    """The last answer that a request repeats, because it continues a conversation; ``None`` without one."""
    request = json_object(body) or {}
    return _last_text(request.get("messages", request.get("input")), "assistant")


def _last_text(question: Any, role: str) -> str | None:
    turns = [turn for turn in question if isinstance(turn, dict)] if isinstance(question, list) else []
    texts = [_text(turn.get("content")) for turn in turns if turn.get("role") == role]
    return texts[-1] if texts else None


def answered_text(body: str) -> str | None:
    """The text of a whole or assembled answer; ``None`` if it has none."""
    answer = json_object(body)
    if answer is None:
        return None
    choices, output = answer.get("choices"), answer.get("output")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return _text(message.get("content")) if isinstance(message, dict) else _text(choices[0].get("text"))
    if isinstance(output, list):
        messages = [item for item in output if isinstance(item, dict) and item.get("type", "message") == "message"]
        return "".join(_text(message.get("content")) or "" for message in messages) or None
    return None


def _text(content: Any) -> str | None:
    """The text of a content; parts without a text, such as images, are skipped."""
    if isinstance(content, list):
        content = [part for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return text_of(content) or None


def messages_of(stored: str) -> list[tuple[str, str]]:
    """The role and text of each message. Content that is not text is shown as JSON."""
    try:
        messages = json.loads(stored)
    except ValueError:
        return [("prompt", stored)]
    return [
        (str(message.get("role", "")), _as_text(message.get("content")))
        for message in messages
        if isinstance(message, dict)
    ]


def reference_of(expected: str) -> str:
    """The expected answer: a text, the accepted texts, or JSON."""
    try:
        value: Any = json.loads(expected)
    except ValueError:
        return expected
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return " or ".join(value)
    return _as_text(value)


def _as_text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)


@dataclass(frozen=True, slots=True)
class Param:
    """``kind``: what the value must be, in words. A number lies between ``least`` and ``most``."""

    kind: str
    accepts: Callable[[Any], bool]
    least: float | None = None
    most: float | None = None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_stop(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(text, str) for text in value))


def _is_bias(value: Any) -> bool:
    return isinstance(value, dict) and all(is_number(bias) for bias in value.values())


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


PARAMS = {
    "temperature": Param(NUMBER, is_number, 0),
    "top_p": Param(NUMBER, is_number, 0, 1),
    "presence_penalty": Param(NUMBER, is_number),
    "frequency_penalty": Param(NUMBER, is_number),
    "max_tokens": Param(WHOLE, _is_whole, 1),
    "max_completion_tokens": Param(WHOLE, _is_whole, 1),
    "n": Param(WHOLE, _is_whole, 1),
    "seed": Param(WHOLE, _is_whole),
    "top_logprobs": Param(WHOLE, _is_whole, 0),
    "logprobs": Param(FLAG, _is_flag),
    "parallel_tool_calls": Param(FLAG, _is_flag),
    "reasoning_effort": Param("a word", _is_text),
    "stop": Param("text, or a list of texts", _is_stop),
    "logit_bias": Param("numbers by token", _is_bias),
}


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

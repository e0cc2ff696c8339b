"""Rules for the messages of a row: roles and their order, contents, and weights."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from evaluators.training_data.example import Row
from evaluators.training_data.provider_rules.rule import ANSWERS, Conversation, Find, Message
from fairtrial.domain.answers.chat import is_number

CALLS = ("tool_calls", "function_call", "refusal")
"""What an assistant message can have instead of a content."""
PART_FIELDS = {"text": str, "refusal": str, "image_url": Mapping}
"""The types of content parts, each with the type of the field of the same name."""


def each(wrong: Callable[[Message], str]) -> Find:
    """A rule for each message; ``wrong`` says what is wrong with one, or nothing."""
    return lambda conversation: next(
        (f"{place} {why}" for place, message in conversation.turns if (why := wrong(message))), ""
    )


def of_row(holds: Callable[[Row], bool], wrong: str) -> Find:
    """A rule for the row itself."""
    return lambda conversation: "" if holds(conversation.row) else wrong


def role_of(message: Message) -> str:
    """The role of a message in words."""
    return f"has the role {message.get('role')!r:.40}"


def roles(*allowed: str) -> Find:
    """Each message has one of these roles."""
    return each(
        lambda message: "" if message.get("role") in allowed else f"{role_of(message)} (known: {', '.join(allowed)})"
    )


def contents(**parts: tuple[str, ...]) -> Find:
    """Each content is a text or a list of parts; ``parts`` has their types by role, elsewhere only texts."""
    return each(lambda message: _wrong_content(message, parts.get(str(message.get("role")), ("text",))))


def _has_instead(message: Message) -> bool:
    return message.get("role") == "assistant" and any(message.get(name) for name in CALLS)


def _wrong_content(message: Message, types: tuple[str, ...]) -> str:
    content = message.get("content")
    if isinstance(content, str) or (content is None and _has_instead(message)):
        return ""
    if not isinstance(content, list) or not content:
        return "has no content" if content is None else "has a content that is neither a text nor a list of parts"
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in types or not isinstance(part.get(kind), PART_FIELDS[kind]):
            return f"has a content part of the type {kind!r:.40}, or without it (known: {', '.join(types)})"
    return ""


def _is_empty(message: Message) -> bool:
    content = message.get("content")
    text = isinstance(content, str) and not content.strip()
    return text and message.get("role") != "tool" and not _has_instead(message)


not_empty = each(lambda message: "has an empty content" if _is_empty(message) else "")
"""No content is an empty text; the result of a tool may be."""


def known_keys(*keys: str) -> Find:
    """No message has another key."""
    return each(lambda message: next((f"has the key {key!r:.60}" for key in message if key not in keys), ""))


def _wrong_weight(message: Message) -> str:
    weight = message.get("weight", 1)
    return f"has the weight {weight!r:.40}" if isinstance(weight, bool) or weight not in (0, 1) else ""


weights = each(_wrong_weight)
"""Each weight is 0 or 1."""
weights_of_assistant = each(
    lambda message: f"has a weight, and {role_of(message)}" if "weight" in message and not _answers(message) else ""
)
"""Only messages of the assistant have a weight."""


def _answers(message: Message) -> bool:
    return message.get("role") == "assistant"


def trained(conversation: Conversation) -> str:
    """At least one message of the assistant has another weight than 0."""
    weights = [message.get("weight", 1) for _, message in conversation.turns if _answers(message)]
    return "all messages of the assistant have the weight 0" if weights and not any(weights) else ""


def starts_with(*allowed: str) -> Find:
    """The first message has one of these roles."""
    first = roles(*allowed)
    return lambda conversation: first(Conversation(conversation.row, conversation.turns[:1]))


def system_first(conversation: Conversation) -> str:
    """A system message is the first."""
    late = each(lambda message: "is a system message, and not the first" if message.get("role") == "system" else "")
    return late(Conversation(conversation.row, conversation.turns[1:]))


def alternates(conversation: Conversation) -> str:
    """No two messages of the user or of the assistant follow one another."""
    for (_, before), (place, message) in pairwise(conversation.turns):
        if message.get("role") == before.get("role") and message.get("role") in ("user", "assistant"):
            return f"{place} is the second message of the {message['role']} in a row"
    return ""


def ends_with_assistant(conversation: Conversation) -> str:
    """The last message is the assistant's."""
    last = each(lambda message: "" if _answers(message) else f"{role_of(message)}, and is the last")
    return last(Conversation(conversation.row, conversation.turns[-1:]))


def has_assistant(conversation: Conversation) -> str:
    """A message is the assistant's."""
    return "" if any(_answers(message) for _, message in conversation.turns) else "no message is of the assistant"


def _last_role(messages: Any) -> Any:
    return messages[-1].get("role") if isinstance(messages, list) else "user"


ONE_ANSWER = of_row(
    lambda row: all(len(row[name]) == 1 and _answers(row[name][0]) for name in ANSWERS),
    "an output is not exactly one message of the assistant",
)
OPEN_INPUT = of_row(
    lambda row: not _answers(row["input"]["messages"][-1]), "the last message of 'input.messages' is of the assistant"
)
OPEN_PROMPT = of_row(
    lambda row: _last_role(row.get("prompt")) in ("user", "tool", "assistant"),
    "the last message of 'prompt' has another role than user, tool and assistant",
)
ROW_WEIGHT = of_row(lambda row: is_number(row.get("weight", 1.0)), "'weight' of the row is not a number")
LABEL = of_row(lambda row: isinstance(row["label"], bool), "'label' is not true or false")
PARALLEL_CALLS = of_row(
    lambda row: isinstance(row.get("input", row).get("parallel_tool_calls", True), bool),
    "'parallel_tool_calls' is not true or false",
)

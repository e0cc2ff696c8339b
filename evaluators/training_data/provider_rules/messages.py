"""Rules for the messages of a row: roles and their order, contents, and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.training_data.provider_rules.layouts import ANSWERS
from evaluators.training_data.provider_rules.rule import Conversation, Find, Message

CALLS = ("tool_calls", "function_call", "refusal")
"""What an assistant message can have instead of a content."""
PART_FIELDS = {"text": str, "refusal": str, "image_url": Mapping}
"""The types of content parts, each with the type of the field of the same name."""


def roles(*allowed: str) -> Find:
    """Each message has one of these roles."""

    def find(conversation: Conversation) -> Iterator[str]:
        for place, message in conversation.turns:
            if message.get("role") not in allowed:
                yield f"{place} has the role {message.get('role')!r:.40} (known: {', '.join(allowed)})"

    return find


def contents(**parts: tuple[str, ...]) -> Find:
    """Each content is a text or a list of parts; ``parts`` has their types by role, elsewhere only texts."""

    def find(conversation: Conversation) -> Iterator[str]:
        for place, message in conversation.turns:
            wrong = _wrong_content(message, parts.get(str(message.get("role")), ("text",)))
            if wrong:
                yield f"{place} {wrong}"

    return find


def _wrong_content(message: Message, types: tuple[str, ...]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return ""
    if content is None:
        instead = message.get("role") == "assistant" and any(message.get(name) for name in CALLS)
        return "" if instead else "has no content"
    if not isinstance(content, list) or not content:
        return "has a content that is neither a text nor a list of parts"
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in types:
            return f"has a content part of the type {kind!r:.40} (known: {', '.join(types)})"
        if not isinstance(part.get(kind), PART_FIELDS[kind]):
            return f"has a content part of the type {kind!r} without it"
    return ""


def not_empty(conversation: Conversation) -> Iterator[str]:
    """No content is an empty text; the result of a tool may be."""
    for place, message in conversation.turns:
        instead = message.get("role") == "assistant" and any(message.get(name) for name in CALLS)
        content = message.get("content")
        if isinstance(content, str) and not content.strip() and not instead and message.get("role") != "tool":
            yield f"{place} has an empty content"


def known_keys(*keys: str) -> Find:
    """No message has another key."""

    def find(conversation: Conversation) -> Iterator[str]:
        for place, message in conversation.turns:
            extra = [key for key in message if key not in keys]
            if extra:
                yield f"{place} has the key {extra[0]!r:.60}"

    return find


def weights(conversation: Conversation) -> Iterator[str]:
    """Each weight is 0 or 1."""
    for place, message in conversation.turns:
        weight = message.get("weight", 1)
        if isinstance(weight, bool) or weight not in (0, 1):
            yield f"{place} has the weight {weight!r:.40}"


def weights_of_assistant(conversation: Conversation) -> Iterator[str]:
    """Only messages of the assistant have a weight."""
    for place, message in conversation.turns:
        if "weight" in message and message.get("role") != "assistant":
            yield f"{place} has a weight, and the role {message.get('role')!r:.40}"


def trained(conversation: Conversation) -> Iterator[str]:
    """At least one message of the assistant has another weight than 0."""
    found = [message.get("weight", 1) for _, message in conversation.turns if message.get("role") == "assistant"]
    if found and all(weight == 0 for weight in found):
        yield "all messages of the assistant have the weight 0"


def starts_with(*allowed: str) -> Find:
    """The first message has one of these roles."""

    def find(conversation: Conversation) -> Iterator[str]:
        for place, message in conversation.turns[:1]:
            if message.get("role") not in allowed:
                yield f"{place} has the role {message.get('role')!r:.40}, and is the first"

    return find


def system_first(conversation: Conversation) -> Iterator[str]:
    """A system message is the first."""
    for place, message in conversation.turns[1:]:
        if message.get("role") == "system":
            yield f"{place} is a system message, and not the first"


def alternates(conversation: Conversation) -> Iterator[str]:
    """No two messages of the user or of the assistant follow one another."""
    before: Any = None
    for place, message in conversation.turns:
        role = message.get("role")
        if role == before and role in ("user", "assistant"):
            yield f"{place} is the second message of the {role} in a row"
        before = role


def ends_with_assistant(conversation: Conversation) -> Iterator[str]:
    """The last message is the assistant's."""
    for place, message in conversation.turns[-1:]:
        if message.get("role") != "assistant":
            yield f"{place} has the role {message.get('role')!r:.40}, and is the last"


def one_answer(conversation: Conversation) -> Iterator[str]:
    """Both answers of a preference row are exactly one message of the assistant."""
    for name in ANSWERS:
        answer = conversation.row[name]
        if len(answer) != 1 or answer[0].get("role") != "assistant":
            yield f"{name!r} is not exactly one message of the assistant"


def prompt_is_open(conversation: Conversation) -> Iterator[str]:
    """The last message before the answers of a preference row is not the assistant's."""
    if conversation.row["input"]["messages"][-1].get("role") == "assistant":
        yield "the last message of 'input.messages' is of the assistant"


def has_assistant(conversation: Conversation) -> Iterator[str]:
    """A message is the assistant's."""
    if all(message.get("role") != "assistant" for _, message in conversation.turns):
        yield "no message is of the assistant"


def row_weight(conversation: Conversation) -> Iterator[str]:
    """The weight of the row is a number."""
    weight = conversation.row.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        yield "'weight' of the row is not a number"


def boolean_label(conversation: Conversation) -> Iterator[str]:
    """The label of the row is a boolean."""
    if not isinstance(conversation.row["label"], bool):
        yield "'label' is not true or false"


def prompt_role(conversation: Conversation) -> Iterator[str]:
    """The last message of the prompt has a role that a chat template can continue."""
    prompt = conversation.row.get("prompt")
    role = prompt[-1].get("role") if isinstance(prompt, list) else "user"
    if role not in ("user", "tool", "assistant"):
        yield f"the last message of 'prompt' has the role {role!r:.40}"

"""Defines a training example and the formats of rows, and reads chat messages. The formats are in `formats/`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.registry import Registry

Row = Mapping[str, Any]
PRECEDENCE = ("preference", "chat", "sharegpt", "alpaca", "completion")
"""The formats that a file is recognised as. The others are dialects of chat: they can be read, written and named."""

REJECTED = "non_preferred_output"
"""The field with the text of the rejected answer of a pair."""
ROLES: Mapping[str, str] = {
    **{role: role for role in ("system", "developer", "user", "assistant", "tool", "function")},
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function_call": "assistant",
    "observation": "tool",
}
"""The role of a message by the names that it has in any dialect, in lower case."""
DIALECT = ("role", "from")
"""What a message has beside its text, under ``message_fields``, if its role is written otherwise than usual."""
Messages = tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a training file, whatever its format.

    ``line``: its line in the file, or its position in a JSON list, from 1. ``messages``: each has ``role`` and
    ``content``; the last is the assistant's completion. ``fields``: everything else of the row, with ``metadata``
    flattened in. What else a message has (such as ``weight``) is in the field ``message_fields``, by its position.
    """

    line: int
    messages: tuple[Mapping[str, str], ...]
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """The system prompt, or an empty text."""
        return "\n".join(said["content"] for said in self.messages if said["role"] in ("system", "developer"))

    @property
    def prompt(self) -> str:
        """The text of all messages except the system prompt and the completion."""
        return "\n".join(said["content"] for said in self.messages[:-1] if said["role"] not in ("system", "developer"))

    @property
    def completion(self) -> str:
        """The text that the model learns to write."""
        return self.messages[-1]["content"]

    @property
    def labels(self) -> Mapping[str, Any]:
        """The completion as a JSON object, or an empty mapping if it is not one."""
        return labels_in(self.completion)


def labels_in(completion: str) -> Mapping[str, Any]:
    """A completion as a JSON object, or an empty mapping if it is not one."""
    text = completion.strip()
    return {} if not (text.startswith("{") and text.endswith("}")) else json_object(text) or {}


class RowError(ValueError):
    """A row that its format cannot read; ``known`` says what the row has, or what the format needs."""

    def __init__(self, wrong: str, known: str = "") -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.known = known


@dataclass(frozen=True, slots=True)
class Format:
    """One format of rows.

    ``lacks`` names the fields that a row would need to be of this format. ``read`` takes a row and its line, and
    raises `RowError`. ``write`` is its inverse; fields that the format has no place for are not written. It raises
    `RowError` for an example that lacks what the format is for. ``parts`` are what one example becomes, if not a row.
    """

    name: str
    summary: str
    lacks: Callable[[Row], tuple[str, ...]]
    read: Callable[[Row, int], Example]
    write: Callable[[Example], dict[str, Any]]
    parts: Callable[[Example], tuple[Example, ...]] = lambda example: (example,)


FORMATS: Registry[Format] = Registry(
    "evaluators.training_data.formats", "formats", noun="format", kind=Format, name_of=lambda form: form.name
)


def without(row: Row, *names: str) -> dict[str, Any]:
    """The other fields of a row, with its ``metadata`` flattened in."""
    rest = {name: value for name, value in row.items() if name not in names and name != "metadata"}
    metadata = row.get("metadata")
    if isinstance(metadata, Mapping):
        return {**metadata, **rest}
    return rest if metadata is None else {**rest, "metadata": metadata}


def text_of(row: Row, name: str) -> str:
    """A field as text, and ``null`` as an empty one."""
    value = row.get(name)
    return "" if value is None else as_text(value)


def as_text(value: Any) -> str:
    """A value as text: a number, a boolean or an object as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_messages(value: Any, *, name: str = "messages") -> tuple[Messages, dict[str, Any]]:
    """The messages of a row, and what else each has, by its position; raises `RowError`."""
    if not isinstance(value, list) or not value:
        raise RowError(f"{name!r} is not a list of messages")
    read = [_message(item, f"{name}[{at}]") for at, item in enumerate(value)]
    behind = _behind_completion([said["role"] for said, _ in read])
    if len(read) == behind or read[-1 - behind][0]["role"] != "assistant":
        raise RowError(f"the last message has the role {read[-1][0]['role']!r}", "the completion has 'assistant'")
    whole = len(read) - behind
    extra = {str(at): rest if at < whole else {**rest, **said} for at, (said, rest) in enumerate(read)}
    return tuple(said for said, _ in read[:whole]), {at: rest for at, rest in extra.items() if rest}


def _behind_completion(roles: Sequence[str]) -> int:
    """How many messages of the user, such as thanks, follow the last answer."""
    return next((at for at, role in enumerate(reversed(roles)) if role != "user"), len(roles))


def in_usual_dialect(columns: Row) -> dict[str, Any]:
    """The columns of a row in the chat format with usual roles and keys, and without messages behind the completion."""
    changed = dict(columns)
    name = next((name for name in columns if name.lower() == "messages"), None)
    if name is not None:
        read = [(value, _message(value, name)) for value in columns[name]]
        whole = len(read) - _behind_completion([said["role"] for _, (said, _) in read])
        changed[name] = [
            {
                "role": said["role"],
                "content": value.get("content", value.get("value")),
                **{key: item for key, item in rest.items() if key not in DIALECT},
            }
            for value, (said, rest) in read[:whole]
        ]
    return changed


def is_messages(value: Any) -> bool:
    """Whether a field is a list of messages."""
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) and "role" in item for item in value)
    )


def as_messages(value: Any, role: str) -> list[Any]:
    """A list of messages as it is, and a text as one message of this role."""
    return value if isinstance(value, list) else [{"role": role, "content": value}]


def _message(value: Any, where: str) -> tuple[Mapping[str, str], dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise RowError(f"{where} is not an object")
    written = value.get("role", value.get("from"))
    role = ROLES.get(str(written).lower())
    if role is None:
        raise RowError(f"{where} has the role {written!r}", "known: " + ", ".join(ROLES))
    if value.keys() == {"role", "content"} and written == role and isinstance(content := value["content"], str):
        return {"role": role, "content": content}, {}
    text = value if "content" in value or "value" not in value else {**value, "content": value["value"]}
    usual = "content" if text is value else "value"
    rest = {key: item for key, item in value.items() if key not in (usual, "content") and (key, item) != ("role", role)}
    return {"role": role, "content": _content(text, where)}, rest


def _content(value: Mapping[str, Any], where: str) -> str:
    """The text of a message. A message that only calls tools has its calls as JSON."""
    content = value.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
        if all(isinstance(part, str) for part in parts):
            return "\n".join(str(part) for part in parts)
    calls = value.get("tool_calls") or value.get("function_call")
    if content is None and calls:
        return json.dumps(calls, ensure_ascii=False)
    if content is None and "content" in value:
        return ""
    raise RowError(f"{where} has no text in 'content'")


def with_message_fields(fields: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row together with what else its messages have."""
    return {**fields, "message_fields": extra} if extra else fields


def write_messages(example: Example, *, keep: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The messages as a chat format has them, with those other keys that the format knows."""
    extra = example.fields.get("message_fields", {})
    return [write_message(said, extra.get(str(at), {}), keep) for at, said in enumerate(example.messages)]


def write_message(said: Mapping[str, str], rest: Mapping[str, Any], keep: Sequence[str]) -> dict[str, Any]:
    """One message, with those other keys that the format knows."""
    kept = {key: rest[key] for key in keep if key in rest}
    calls = kept.get("tool_calls") or kept.get("function_call")
    only_calls = calls and said["content"] == json.dumps(calls, ensure_ascii=False)
    return {"role": said["role"], "content": None if only_calls else said["content"], **kept}

"""Defines what a provider accepts as training data, and reads the conversations of each kind of row."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from evaluators.training_data.example import Row, RowError
from fairtrial.domain.registry import Registry

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages of a row that follow one another, each with its place, such as ``messages[2]``.

    A row of texts has no messages. ``tools``: what the row declares as its tools.
    """

    row: Row
    turns: tuple[tuple[str, Message], ...] = ()
    tools: Any = None


Find = Callable[[Conversation], str]
"""Says what is wrong with a conversation, without the text of any message, or nothing."""


@dataclass(frozen=True, slots=True)
class ProviderRule:
    """One rule for a row. ``needs``: what the row needs. ``source``: the document that says so."""

    name: str
    needs: str
    source: str
    find: Find
    severity: Literal["error", "suggestion"] = "error"


@dataclass(frozen=True, slots=True)
class RowLayout:
    """One kind of row, recognised by its ``fields``.

    ``read`` returns the conversations of a row, and raises `RowError` if a field is not of the form in ``needs``.
    """

    name: str
    fields: tuple[str, ...]
    needs: str
    source: str
    read: Callable[[Row], list[Conversation]]
    rules: tuple[ProviderRule, ...]


@dataclass(frozen=True, slots=True)
class TrainingUpload:
    """A file as a provider takes it: its suffix, its bytes, and the rows of the whole training set."""

    suffix: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class Limit:
    """One rule for a file. ``training``: whether it holds for training files only."""

    name: str
    needs: str
    source: str
    holds: Callable[[TrainingUpload], bool]
    training: bool = False


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider or trainer. ``documents``: the address of each source by its name.

    ``one_layout``: the source that forbids several layouts in one row or file, or an empty text.
    """

    title: str
    documents: Mapping[str, str]
    layouts: tuple[RowLayout, ...]
    limits: tuple[Limit, ...]
    one_layout: str = ""


PROVIDERS: Registry[Provider] = Registry(
    "evaluators.training_data.provider_rules.providers", "provider", noun="provider", kind=Provider
)


def json_lines(source: str) -> Limit:
    """The file is named ``.jsonl``."""
    return Limit("json-lines", "a file of JSON Lines, named `.jsonl`", source, lambda upload: upload.suffix == ".jsonl")


def least_rows(number: int, source: str) -> Limit:
    """The training set has so many rows at least."""
    needs = f"at least {number:,} rows to train on"
    return Limit("least-rows", needs, source, lambda upload: upload.rows >= number, training=True)


def most_rows(number: int, source: str) -> Limit:
    """The training set has so many rows at most."""
    return Limit("most-rows", f"at most {number:,} rows", source, lambda upload: upload.rows <= number)


def most_bytes(number: int, words: str, source: str) -> Limit:
    """The file has so many bytes at most."""
    return Limit("size", f"at most {words} in a file", source, lambda upload: upload.size <= number)


Turns = tuple[tuple[str, Message], ...]
ANSWERS = ("preferred_output", "non_preferred_output")
PAIR = "`input.messages`, `preferred_output` and `non_preferred_output`, lists of objects"


def chat(row: Row) -> list[Conversation]:
    """The field ``messages``."""
    return [Conversation(row, _turns(row["messages"], "messages"), row.get("tools"))]


def chat_with_json_tools(row: Row) -> list[Conversation]:
    """The field ``messages``; the tools can also be JSON in a text."""
    return [replace(conversation, tools=_decoded(row.get("tools"))) for conversation in chat(row)]


def preference(row: Row) -> list[Conversation]:
    """``input.messages`` with each of the two answers."""
    given = row["input"]
    if not isinstance(given, Mapping):
        raise RowError("'input' is not an object")
    before = _turns(given.get("messages"), "input.messages")
    return [Conversation(row, before + _turns(row[name], name), given.get("tools")) for name in ANSWERS]


def texts(*names: str) -> Callable[[Row], list[Conversation]]:
    """Fields that are texts."""

    def read(row: Row) -> list[Conversation]:
        for name in names:
            if not isinstance(row[name], str):
                raise RowError(f"{name!r} is not a text")
        return [Conversation(row)]

    return read


def answers(prompt: str | None, *names: str) -> Callable[[Row], list[Conversation]]:
    """Fields that are all texts or all lists of messages; each of ``names`` follows the prompt, if there is one."""

    def read(row: Row) -> list[Conversation]:
        fields = (*([prompt] if prompt else []), *names)
        if all(isinstance(row[name], str) for name in fields):
            return [Conversation(row)]
        if any(isinstance(row[name], str) for name in fields):
            raise RowError(f"{', '.join(map(repr, fields))} are not all texts, or all lists of messages")
        before = _turns(row[prompt], prompt) if prompt else ()
        return [Conversation(row, before + _turns(row[name], name), _decoded(row.get("tools"))) for name in names]

    return read


def _turns(value: Any, name: str) -> Turns:
    if not isinstance(value, list) or not value:
        raise RowError(f"{name!r} is not a list of messages")
    for at, message in enumerate(value):
        if not isinstance(message, Mapping):
            raise RowError(f"{name}[{at}] is not an object")
    return tuple((f"{name}[{at}]", message) for at, message in enumerate(value))


def _decoded(tools: Any) -> Any:
    try:
        return json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        return tools

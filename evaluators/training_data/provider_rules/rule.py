"""Defines what a provider accepts as training data: documented rules for rows and files, each with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evaluators.training_data.example import Row
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
class Rule:
    """One rule for a row. ``needs``: what the row needs. ``source``: the document that says so."""

    name: str
    needs: str
    source: str
    find: Find
    severity: Literal["error", "suggestion"] = "error"


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of row, recognised by its ``fields``.

    ``read`` returns the conversations of a row, and raises `RowError` if a field is not of the form in ``needs``.
    """

    name: str
    fields: tuple[str, ...]
    needs: str
    source: str
    read: Callable[[Row], list[Conversation]]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Upload:
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
    holds: Callable[[Upload], bool]
    training: bool = False


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider or trainer. ``documents``: the address of each source by its name.

    ``one_layout``: the source that forbids several layouts in one row or file, or an empty text.
    """

    title: str
    documents: Mapping[str, str]
    layouts: tuple[Layout, ...]
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

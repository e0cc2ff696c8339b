"""Assembles a stream into one JSON answer for the record, with joined texts and whole tool calls."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from fairtrial.domain.answers.chat import text_of
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.sse import DONE

LIMIT = 2**18
"""Bytes. A larger answer would be left out of the record anyway."""

MOST_PARTS = 512
"""Most parts of a list whose parts have an index, such as tool calls, because each is searched among all."""

_NUMBER, _PART = 8, 256
"""Bytes that a number or a place in a list counts, and a new choice."""

_ANY = msgspec.json.Decoder(Any)


class _TooManyParts(Exception):
    pass


class StreamAssembler:
    """Assembles an answer from a stream's events, up to ``limit`` bytes."""

    __slots__ = ("_answer", "_choices", "_limit", "_size")

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._answer: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._limit = limit
        self._size = 0

    def add(self, contents: Iterable[bytes]) -> None:
        """Add the data of the next whole events."""
        for content in contents:
            if self._size > self._limit:
                return
            try:
                self._add(_chunk(content))
            except (RecursionError, _TooManyParts):  # it is nested too deeply, or has too many parts
                self.give_up()

    def add_text(self, index: int, text: bytes) -> None:
        """Add text to a choice that has some. ``text`` has no quotes and escapes, and is as it stands in JSON."""
        if text and self._size <= self._limit:
            delta = {"content": text.decode("utf-8", "replace")}
            self._grow(_add_choice(self._choices, {"index": index, "delta": delta}))

    def give_up(self) -> None:
        """Stop assembling, because a part of the answer can't be."""
        self._grow(self._limit + 1)

    def whole(self) -> bytes | None:
        """The answer as JSON; ``None`` if the events hold nothing to assemble, or too much."""
        if self._size > self._limit or not (self._answer or self._choices):
            return None
        answer = dict(self._answer)
        answer["object"] = str(answer.get("object", "")).removesuffix(".chunk")
        answer["choices"] = [self._choices[index] for index in sorted(self._choices)]
        try:
            return msgspec.json.encode(answer)
        except UnicodeEncodeError:
            return json.dumps(answer).encode()  # a lone surrogate can only be written as an escape

    def text(self) -> str | None:
        """The text of the first choice, "" if it has none; ``None`` if it is not known, or too large."""
        choice = self._choices.get(0)
        if choice is None:
            return None
        content = choice.get("text") or choice.get("message", {}).get("content")
        return content or "" if isinstance(content, str | None) else text_of(content)

    def _add(self, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._grow(_add_choice(self._choices, choice))
        if self._size > self._limit:
            return
        answer = self._answer
        for name, value in chunk.items():
            if value is not None and name != "choices":
                if name not in answer:
                    self._grow(len(name) + _weight(value))
                answer[name] = value

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            self._answer, self._choices = {}, {}


def _chunk(content: bytes) -> dict[str, Any]:
    if not content or content == DONE:
        return {}
    try:
        chunk = (
            json_bodies.decode_leniently(content) if b"\\ud" in content or b"\\uD" in content else _ANY.decode(content)
        )
    except (ValueError, RecursionError):
        return {}
    return chunk if isinstance(chunk, dict) else {}


def _add_choice(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> int:
    """Add a chunk's choice to the assembled one; returns its approximate size in bytes."""
    index = choice.get("index")
    index = index if isinstance(index, int) else 0
    new = 0 if index in choices else _PART
    whole = choices.setdefault(index, {"index": index, "finish_reason": None})
    if isinstance(choice.get("text"), str):
        whole["text"] = whole.get("text", "") + choice["text"]
    delta = choice.get("delta")
    if isinstance(delta, dict):
        message = whole.setdefault("message", {})
        known, more = message.get("content"), delta.get("content")
        if len(delta) == 1 and isinstance(known, str) and isinstance(more, str):  # the usual case
            message["content"] = known + more
        else:
            _add_delta(message, delta)
    whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
    return new + _weight(choice.get("text")) + _weight(delta)


def _weight(value: Any) -> int:
    """The approximate size in memory, which counts little for a text and more for many small parts."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + _weight(item) for name, item in value.items())
    if isinstance(value, list):
        return sum(_NUMBER + _weight(item) for item in value)
    return _NUMBER


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Join texts, assemble parts that have an index by it, and replace any other value by the later one."""
    for name, value in delta.items():
        known = message.get(name)
        if name in ("role", "id", "type", "name", "index"):
            message.setdefault(name, value) if known is None else None
        elif isinstance(value, str) and isinstance(known, str):
            message[name] = known + value
        elif isinstance(value, dict) and isinstance(known, dict):
            _add_delta(known, value)
        elif isinstance(value, list):
            if not isinstance(known, list):
                known = message[name] = []
            _add_parts(known, value)
        elif value is not None:
            message[name] = value


def _add_parts(parts: list[Any], more: list[Any]) -> None:
    for part in more:
        index = _index(part) if isinstance(part, dict) else None
        if index is None:
            parts.append(part)
            continue
        same = [known for known in parts if isinstance(known, dict) and _index(known) == index]
        if same:
            _add_delta(same[0], part)
        elif len(parts) < MOST_PARTS:
            parts.append(part)
        else:
            raise _TooManyParts


def _index(part: dict[str, Any]) -> Any:
    return part.get("index")

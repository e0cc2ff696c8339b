"""Extracts text from streamed chunks without parsing each one, by matching the bytes around it in an earlier chunk."""

from __future__ import annotations

from typing import Any

import msgspec

TRIES = 8
"""In how many chunks a pattern is searched. After that the stream counts as one whose chunks all differ."""

_REFUSED = b'"\\' + bytes(range(0x20))
"""Bytes that can't stand unescaped in a JSON text."""

_PROBE = "probe"


class _Choice(msgspec.Struct):
    index: int
    delta: dict[str, Any]
    text: Any = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None

    def alone(self) -> str | None:
        """The text, if the chunk holds only one text for one choice."""
        if len(self.choices) != 1 or self.usage is not None:
            return None
        choice = self.choices[0]
        text = choice.delta.get("content")
        return text if isinstance(text, str) and len(choice.delta) == 1 and choice.text is None else None


_CHUNK = msgspec.json.Decoder(_Chunk)


class RepeatedChunkMatcher:
    """Knows the bytes before and after the text of one chunk, and matches later chunks against them.

    A text without quotes and backslashes can neither end early nor hide its end. Therefore the same bytes around it
    have the same meaning.
    """

    __slots__ = ("_after", "_before", "_tries", "index")

    def __init__(self) -> None:
        self._before = self._after = b""
        self._tries = TRIES
        self.index = 0
        """The choice that the text belongs to."""

    def text(self, content: bytes) -> bytes | None:
        """The text of a chunk's data that matches the learned one, as it stands in JSON."""
        before, after = self._before, self._after
        if not before or not content.startswith(before) or not content.endswith(after):
            return None
        text = content[len(before) : len(content) - len(after)]
        if len(text.translate(None, _REFUSED)) != len(text) or len(content) < len(before) + len(after):
            return None
        return text if text.isascii() or _is_utf8(text) else None

    def learn(self, content: bytes) -> None:
        """Learn a chunk as the pattern, if it holds only a text."""
        if not self._tries or b'"content"' not in content:
            return
        self._tries -= 1
        try:
            chunk = _CHUNK.decode(content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return  # it has another shape
        text = chunk.alone()
        if text is not None:
            self._split(content, text.encode(), chunk.choices[0].index)

    def _split(self, content: bytes, text: bytes, index: int) -> None:
        for opening in (b'"content":"', b'"content": "'):
            if content.count(opening + text + b'"') == 1:
                at = content.index(opening + text + b'"') + len(opening)
                before, after = content[:at], content[at + len(text) :]
                if _CHUNK.decode(before + _PROBE.encode() + after).alone() == _PROBE:
                    self._before, self._after, self.index = before, after, index


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

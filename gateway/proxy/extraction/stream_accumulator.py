"""Accumulates what is recorded about a stream, in bounded memory and with little work left at the end."""

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata, stream_metadata
from gateway.proxy.extraction.responses_metadata import response_stream_metadata, terminal_response
from gateway.proxy.extraction.stream_assembly import LIMIT, StreamAssembler
from gateway.proxy.wire.sse import contents

TRIES = 8
"""In how many chunks a pattern is searched. After that the stream counts as one whose chunks all differ."""

_REFUSED = b'"\\' + bytes(range(0x20))
"""Bytes that can't stand unescaped in a JSON text."""

_PROBE = "probe"
FOLD = 2**16
"""How many bytes of events are collected before they are parsed: hundreds at once cost less than each separately."""

_NUMBER = re.compile(rb'"sequence_number":\s*(\d+)')


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


class StreamAccumulator:
    """Takes the whole events of a stream as they came."""

    __slots__ = (
        "_alike", "_answer", "_assembly", "_number", "_read", "_responses", "_size", "_waiting", "unread",
    )  # fmt: skip

    def __init__(self, *, responses: bool) -> None:
        self._waiting: list[bytes] = []
        self._size, self._number = 0, -1
        self.unread = 0
        """How many events are nested too deeply to be decoded."""
        self._alike = RepeatedChunkMatcher()
        self._read = NOTHING
        self._responses = responses
        self._assembly = None if responses else StreamAssembler()
        self._answer: bytes | None = None

    def add(self, events: bytes) -> None:
        self._waiting.append(events)
        self._size += len(events)
        if self._size >= FOLD:
            self._fold()

    def last_number(self) -> int:
        """The newest ``sequence_number`` of a stream of the Responses API; -1 if there is none."""
        self._fold()
        return self._number

    def metadata(self) -> ResponseMetadata:
        """The metadata of all events so far."""
        self._fold()
        if self._assembly is None or self._read is NOTHING:
            return self._read
        return replace(self._read, text=self._assembly.text())

    def answer(self) -> bytes | None:
        """The answer of all events so far; ``None`` if it is too large for the record."""
        self._fold()
        return self._answer if self._assembly is None else self._assembly.whole()

    def _fold(self) -> None:
        if not self._waiting:
            return
        events, self._waiting, self._size = b"".join(self._waiting), [], 0
        if not self._responses:
            self._fold_chunks(contents(events))
            return
        if excess(events, DECODED) is not None:
            self.unread += sum(excess(content, DECODED) is not None for content in contents(events))
        number = _NUMBER.match(events, max(0, events.rfind(b'"sequence_number"')))
        self._number = int(number[1]) if number else self._number
        self._read = _joined(self._read, response_stream_metadata(events))
        if self._read.done and len(events) <= LIMIT:
            self._answer = terminal_response(events) or self._answer

    def _fold_chunks(self, chunks: list[bytes]) -> None:
        """Parse the data of chunks, except of those that differ from an earlier one only in their text."""
        alike, texts, read = self._alike, [], []
        assembly = self._assembly
        assert assembly is not None
        for content in chunks:
            text = alike.text(content)
            if text is not None:
                texts.append(text)
                continue
            if excess(content, DECODED) is not None:
                self.unread += 1
                continue
            read.append(content)
            assembly.add_text(alike.index, b"".join(texts))
            assembly.add((content,))
            texts = []
            alike.learn(content)
        assembly.add_text(alike.index, b"".join(texts))
        if self.unread:
            assembly.give_up()
        self._read = _joined(self._read, stream_metadata(read))


def _joined(before: ResponseMetadata, after: ResponseMetadata) -> ResponseMetadata:
    """Join the metadata of a stream's two parts: the first name and end that was given, and the last usage."""
    if before is NOTHING:
        return after
    usage = before if after.usage_source == "none" else after
    refusals = (before.refused, after.refused)
    return replace(
        before,
        response_id=before.response_id or after.response_id,
        model=before.model or after.model,
        fingerprint=before.fingerprint or after.fingerprint,
        finish_reason=before.finish_reason or after.finish_reason,
        refused=None if refusals == (None, None) else any(refusals),
        text=before.text if after.text is None else after.text,
        tokens=usage.tokens,
        usage_source=usage.usage_source,
        reported_cost=usage.reported_cost,
        service_tier=after.service_tier or before.service_tier,
        error_type=before.error_type or after.error_type,
        error_code=before.error_code or after.error_code,
        done=before.done or after.done,
    )

"""Accumulates what is recorded about a stream, in bounded memory and with little work left at the end."""

from __future__ import annotations

import re

from msgspec.structs import replace

from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata, stream_metadata
from gateway.proxy.extraction.repeated_chunks import RepeatedChunkMatcher
from gateway.proxy.extraction.responses_stream_metadata import response_stream_metadata, terminal_response
from gateway.proxy.extraction.stream_assembly import LIMIT, StreamAssembler
from gateway.proxy.wire.sse import contents

FOLD = 2**16
"""How many bytes of events are collected before they are parsed: hundreds at once cost less than each separately."""


_NUMBER = re.compile(rb'"sequence_number":\s*(\d+)')


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
        found = _NUMBER.match(events, max(0, events.rfind(b'"sequence_number"')))
        self._number = int(found[1]) if found else self._number
        self._read = _joined(self._read, response_stream_metadata(events))
        if self._read.done and len(events) <= LIMIT:
            self._answer = terminal_response(events) or self._answer

    def _fold_chunks(self, said: list[bytes]) -> None:
        """Parse the data of chunks, except of those that differ from an earlier one only in their text."""
        alike, texts, read = self._alike, [], []
        assembly = self._assembly
        assert assembly is not None
        for content in said:
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
        error_type=before.error_type or after.error_type,
        error_code=before.error_code or after.error_code,
        done=before.done or after.done,
    )

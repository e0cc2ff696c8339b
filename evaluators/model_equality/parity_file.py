"""Reads the file that a callback writes at the end of training: prompts, and what the trained model answers to them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from fairtrial.domain.errors import UsageError

LEAST_ROWS = 12
"""Fewer rows can't reach a p of 0.001."""
MOST_BYTES = 64 * 2**20


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A greedy answer: its text, its tokens, and for each the log probabilities of the likeliest ones."""

    text: str
    tokens: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=512)]
    tops: tuple[Mapping[str, float], ...]
    ended: bool = False

    def __post_init__(self) -> None:
        if len(self.tops) != len(self.tokens) or not all(self.tops):
            raise ValueError("one object of `tops` for each of `tokens` is needed")


class ParityRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered prompt with its token ids, and the answers with the adapter on and off."""

    messages: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    prompt: Annotated[str, msgspec.Meta(min_length=1)]
    token_ids: Annotated[tuple[int, ...], msgspec.Meta(min_length=1)]
    on: Recorded
    off: Recorded


@dataclass(frozen=True, slots=True)
class ParityFile:
    """The rows of a file, and its digest."""

    rows: tuple[ParityRow, ...]
    digest: str


def read_parity_file(path: Path) -> ParityFile:
    """Raises `UsageError` with the line of the first mistake."""
    try:
        content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror})") from error
    if content is None:
        raise UsageError(f"{path}: larger than {MOST_BYTES // 2**20} MiB; record fewer rows")
    decoder, rows = msgspec.json.Decoder(ParityRow), list[ParityRow]()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            rows += [decoder.decode(line)] if line.strip() else []
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{path}:{number}: {error}") from error
    if len(rows) < LEAST_ROWS:
        raise UsageError(f"{path}: {len(rows)} rows; at least {LEAST_ROWS} are needed")
    return ParityFile(tuple(rows), hashlib.sha256(content).hexdigest())

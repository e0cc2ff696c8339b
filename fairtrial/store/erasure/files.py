"""Overwrites the lines about an erased unit in the files beside the store: journals, answer cache and logs."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fairtrial.config.layout import Layout
from fairtrial.domain.store_reports import OnProgress, Progress, ignore_progress
from fairtrial.journal.response_map import FILE as RESPONSES, erase_unit
from fairtrial.journal.segment import DONE, files, is_compressed, segment_name
from fairtrial.store.ingest.segment_archive import blank_compressed_lines

_REQUEST = re.compile(rb'"request_id": ?"([^"\\]+)"')
_CASE = re.compile(rb'"case_id": ?"([^"\\]+)"')
_FEEDBACK = re.compile(rb'\{"feedback_id": ?"([^"\\]+)"')
SHORTEST_TELLING = 4
"""A shorter name, such as a small number, also occurs in logs with other meanings."""
_WORD = re.compile(rb"[A-Za-z0-9_.-]{8,}")
PIECE = 8 * 2**20


@dataclass(frozen=True, slots=True)
class LineMarks:
    """What identifies a unit's line: the unit, its pseudonym, and the ids of its requests, answers and feedback."""

    unit: str
    pseudonym: str
    names: Sequence[str]


def blank_files(
    layout: Layout, marks: LineMarks, *, positions: Mapping[str, int], on_progress: OnProgress = ignore_progress
) -> dict[str, int]:
    """Overwrite the unit's lines in every file. ``positions``: how much of each segment the store has ingested.

    A compressed segment is rewritten. Journal lines after the position are newer; a later erasure finds them. Requires
    `Database.sealed_segments`. Returns the number of lines by kind of file; raises `OSError`.
    """
    of_event, of_log = _event_test(marks), _log_test(marks)
    segments = [(path, positions.get(segment_name(path))) for path in _all_segments(layout)]
    journals = [(path, end) for path, end in segments if end is not None]
    caches, rows = sorted(layout.cache.glob("*.jsonl")), sorted(layout.traffic_suites.glob("*.jsonl"))
    logs = [path for path in sorted(layout.logs.glob("*")) if path.is_file()]
    work: list[tuple[str, Path, Callable[[bytes], bool], int | None]] = [
        *(("journal lines", path, or_begun(of_event), end) for path, end in journals),
        *(("cached answers", path, or_begun(of_event), None) for path in caches),
        *(("rows of suites", path, or_begun(of_event), None) for path in rows),
        *(("log lines", path, of_log, None) for path in logs),
    ]
    counts: dict[str, int] = {}
    for number, (kind, path, unwanted, end) in enumerate(work, 1):
        if blanked := _blank(path, unwanted, end):
            counts[kind] = counts.get(kind, 0) + blanked
        on_progress(Progress("erasing from files", number, len(work)))
    placed = erase_unit(layout.folder / RESPONSES, marks.pseudonym, marks.names)
    return counts | {"places of responses": placed} if placed else counts


def _blank(path: Path, unwanted: Callable[[bytes], bool], end: int | None) -> int:
    """Overwrite unwanted lines. A segment may have been moved, and a log deleted, in the meantime."""
    for place in (path, path.parent / DONE / path.name):
        with suppress(FileNotFoundError):
            if end is not None and is_compressed(place):
                return blank_compressed_lines(place, unwanted, end=end)
            return blank_lines(place, unwanted, end=end)
    return 0


def _all_segments(layout: Layout) -> list[Path]:
    waiting = files(
        layout.journal
    )  # list these first, because a segment that is archived meanwhile is then found in the archive
    return waiting + files(layout.journal / DONE)


def _event_test(marks: LineMarks) -> Callable[[bytes], bool]:
    pseudonym = marks.pseudonym.encode()
    names = {name.encode() for name in marks.names}

    def unwanted(line: bytes) -> bool:
        if pseudonym in line:
            return True
        matches = (_REQUEST.search(line), _CASE.search(line), _FEEDBACK.match(line))
        return any(match is not None and match[1] in names for match in matches)

    return unwanted


def _log_test(marks: LineMarks) -> Callable[[bytes], bool]:
    spelled = b"|".join(re.escape(name.encode()) for name in _spellings(marks.unit))
    unit = re.compile(rb"(?<![A-Za-z0-9])(?:" + spelled + rb")(?![A-Za-z0-9])")
    tells = len(marks.unit) >= SHORTEST_TELLING
    names = {name.encode() for name in (*marks.names, marks.pseudonym)}

    def unwanted(line: bytes) -> bool:
        return (tells and unit.search(line) is not None) or not names.isdisjoint(_WORD.findall(line))

    return unwanted


def _spellings(unit: str) -> set[str]:
    """The name as it is, and as JSON, Python and URLs quote it, because logs contain any of these."""
    in_json = {json.dumps(unit, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {unit, *in_json, repr(unit)[1:-1], ascii(unit)[1:-1], quote(unit), quote(unit, safe="")}


def blank_lines(path: Path, unwanted: Callable[[bytes], bool], *, end: int | None = None) -> int:
    """Overwrite each unwanted line that begins before ``end`` (the end of the file); returns how many there were.

    The rest after the last newline counts as a line. The change is synced to the disk. The modification time stays as
    it was, because retention goes by it. Raises `OSError`.
    """
    blanked = 0
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        before = os.fstat(fd)
        end = before.st_size if end is None else end
        position = 0
        while position < end:
            lines = _lines_from(fd, position, end)
            for line in lines:
                if line.strip() and unwanted(line):
                    os.pwrite(fd, b" " * len(line.rstrip(b"\n")), position)
                    blanked += 1
                position += len(line)
        if blanked:
            os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(fd)
    finally:
        os.close(fd)
    return blanked


def _lines_from(fd: int, position: int, end: int) -> list[bytes]:
    """Read whole lines, about one piece at a time. The last line of the file may lack its newline."""
    content = os.pread(fd, min(PIECE, end - position), position)
    while content and b"\n" not in content and position + len(content) < end:
        content += os.pread(fd, min(PIECE, end - position - len(content)), position + len(content))
    cut = content.rfind(b"\n") + 1 if position + len(content) < end else len(content)
    lines = content[: cut or len(content)].split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def or_begun(unwanted: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """The same test, plus JSON lines that an earlier run began to overwrite.

    Logs may have indented lines, so they need the plain test.
    """
    return lambda line: line.startswith(b" ") or unwanted(line)

"""Overwrites the lines about an erased unit in the files beside the store: journals, answer cache and logs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fairtrial.config.layout import Layout
from fairtrial.domain.storage.maintenance import OnProgress, Progress, ignore_progress
from fairtrial.journal.overwrite import blank_lines, or_begun
from fairtrial.journal.response_map import FILE as RESPONSES
from fairtrial.journal.response_map import erase_unit
from fairtrial.journal.segment import files, is_compressed, segment_name
from fairtrial.store.ingest.segment_archive import blank_compressed_lines

_REQUEST = re.compile(rb'"request_id": ?"([^"\\]+)"')
_CASE = re.compile(rb'"case_id": ?"([^"\\]+)"')
_FEEDBACK = re.compile(rb'\{"feedback_id": ?"([^"\\]+)"')
SHORTEST_TELLING = 4
"""A shorter name, such as a small number, also occurs in logs with other meanings."""
DONE = "done"
_WORD = re.compile(rb"[A-Za-z0-9_.-]{8,}")


@dataclass(frozen=True, slots=True)
class LineMarks:
    """What identifies a unit's line: the unit, its pseudonym, and the ids of its requests, answers and feedback."""

    unit: str
    pseudonym: str
    names: Sequence[str]


def blank_files(
    layout: Layout, wanted: LineMarks, *, positions: Mapping[str, int], on_progress: OnProgress = ignore_progress
) -> dict[str, int]:
    """Overwrite the unit's lines in every file. ``positions``: how much of each segment the store has ingested.

    A compressed segment is rewritten. Journal lines after the position are newer; a later erasure finds them. Requires
    `Database.sealed_segments`. Returns the number of lines by kind of file; raises `OSError`.
    """
    of_event, of_log = _event_test(wanted), _log_test(wanted)
    found = [(path, positions.get(segment_name(path))) for path in _all_segments(layout)]
    journals = [(path, end) for path, end in found if end is not None]
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
    placed = erase_unit(layout.folder / RESPONSES, wanted.pseudonym, wanted.names)
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


def _event_test(wanted: LineMarks) -> Callable[[bytes], bool]:
    pseudonym = wanted.pseudonym.encode()
    names = {name.encode() for name in wanted.names}

    def unwanted(line: bytes) -> bool:
        if pseudonym in line:
            return True
        found = (_REQUEST.search(line), _CASE.search(line), _FEEDBACK.match(line))
        return any(one is not None and one[1] in names for one in found)

    return unwanted


def _log_test(wanted: LineMarks) -> Callable[[bytes], bool]:
    spelled = b"|".join(re.escape(name.encode()) for name in _spellings(wanted.unit))
    unit = re.compile(rb"(?<![A-Za-z0-9])(?:" + spelled + rb")(?![A-Za-z0-9])")
    tells = len(wanted.unit) >= SHORTEST_TELLING
    names = {name.encode() for name in (*wanted.names, wanted.pseudonym)}

    def unwanted(line: bytes) -> bool:
        return (tells and unit.search(line) is not None) or not names.isdisjoint(_WORD.findall(line))

    return unwanted


def _spellings(unit: str) -> set[str]:
    """The name as it is, and as JSON, Python and URLs quote it, because logs contain any of these."""
    in_json = {json.dumps(unit, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {unit, *in_json, repr(unit)[1:-1], ascii(unit)[1:-1], quote(unit), quote(unit, safe="")}

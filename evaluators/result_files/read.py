"""Reads a file of results, whichever tool wrote it; raises `ConfigError` with one line about what is wrong."""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from evaluators.loading.rows import MOST_ROWS, FileRow, read_rows
from evaluators.result_files.plain_rows import read as read_plain_rows
from evaluators.result_files.result import FORMATS, ResultFile, refuse
from fairtrial.domain.limits.json_limits import file_excess
from fairtrial.domain.limits.nesting import is_deep
from fairtrial.named_files import PARQUET, most_unpacked, parquet_as_lines, read_named
from fairtrial.safe_files import MIB, FileRefused

MOST_BYTES = 256 * MIB
ROWS, DOCUMENTS, ARCHIVE = (".jsonl", ".csv", PARQUET), ".json", ".eval"
LINES = (".ndjson", ".log")
"""Other endings of JSON Lines."""
HEADER, SAMPLES = "header.json", "samples/"
UNREAD = {"events", "events_data", "messages", "store"}
ZSTANDARD = 93
"""The number of the method in an archive; the lengths of two names stand at byte 26 of a member's own header."""


def read(path: Path, columns: Mapping[str, str]) -> ResultFile:
    """The results of a file; ``columns`` gives columns of plain rows another name."""
    content = read_named(path, most=MOST_BYTES)
    rows = _archive(path, content) if path.suffix == ARCHIVE else _rows(path, content)
    if len(rows) > MOST_ROWS:
        refuse(path, rows[-1].line, f"the file has more than {MOST_ROWS:,} rows")
    form = next((form for _, form in FORMATS if form.matches(rows[0].columns)), None)
    if form is not None and not columns:
        results, interrupted = form.read(path, rows)
        noun = form.noun
    else:
        results, interrupted, noun = read_plain_rows(rows, columns), False, "rows"
    if not results:
        refuse(path, 1, f"the file has no results of {noun}")
    return ResultFile(path, noun, tuple(results), interrupted)


def _rows(path: Path, content: bytes) -> Sequence[FileRow]:
    """The rows of a file; a JSON object is its only row."""
    try:
        text = parquet_as_lines(content, MOST_ROWS) if path.suffix == PARQUET else content.decode("utf-8-sig")
    except FileRefused as error:
        refuse(path, error.line, f"it {error.wrong}", error.known)
    except UnicodeDecodeError as error:
        refuse(path, content[: error.start].count(b"\n") + 1, "it is not UTF-8 text")
    if path.suffix == DOCUMENTS and text.lstrip().startswith("{"):
        return [_document(path, text)]
    rows, errors = read_rows(path.with_suffix(".jsonl") if path.suffix in LINES else path, text)
    if errors:
        refuse(path, errors[0].line, errors[0].wrong, errors[0].known)
    return rows


def _document(path: Path, text: str, member: str = "") -> FileRow:
    """A JSON object as a row, checked as each row is; ``member``: its name in an archive."""
    within = f"{member}: " if member else ""
    if beyond := file_excess(text):
        refuse(path, 1, f"{within}it has more than {beyond}")
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        refuse(path, 1, f"{within}it has half of a character, which UTF-8 cannot encode")
    except (ValueError, RecursionError) as error:
        wrong = getattr(error, "msg", "nested too deeply")
        refuse(path, getattr(error, "lineno", 1), f"{within}the file is not JSON: {wrong}")
    if is_deep(value):
        refuse(path, 1, f"{within}it is nested too deeply")
    if not isinstance(value, dict):
        refuse(path, 1, f"{within}the file is not a JSON object")
    return FileRow(str(path), 1, value)


def _archive(path: Path, content: bytes) -> Sequence[FileRow]:
    """A log of Inspect, which is an archive of its header and its samples, as the JSON form of the same log."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > (most := most_unpacked(len(content))):
                refuse(path, 1, f"its members have more than {most:,} bytes")
            values = {
                member.filename: _member(path, archive, member, content)
                for member in sorted(members, key=lambda member: member.filename)
                if _has_results(member.filename)
            }
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError) as error:
        known = "write the log as JSON: inspect log convert LOG --to json --output-dir DIR"
        refuse(path, 1, f"it can't be unpacked: {error}", known)
    return [FileRow(str(path), 1, {**values.pop(HEADER, {}), "samples": list(values.values())})]


def _has_results(name: str) -> bool:
    return name == HEADER or (name.startswith(SAMPLES) and name.endswith(".json"))


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes) -> dict[str, Any]:
    """The object of a member, without the events of a sample, which are most of it."""
    try:
        text = _unpacked(archive, member, content).decode()
    except UnicodeDecodeError:
        refuse(path, 1, f"{member.filename}: it is not UTF-8 text")
    columns = _document(path, text, member.filename).columns
    return {name: value for name, value in columns.items() if name not in UNREAD}


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: bytes) -> bytes:
    """The bytes of a member. Inspect packs by Zstandard, which Python's zipfile can't unpack before 3.14."""
    if member.compress_type != ZSTANDARD:
        return archive.read(member)
    import pyarrow  # slow to load, and few files need it

    names = content[member.header_offset + 26 : member.header_offset + 30]
    start = member.header_offset + 30 + int.from_bytes(names[:2], "little") + int.from_bytes(names[2:], "little")
    packed = content[start : start + member.compress_size]
    unpacked: bytes = pyarrow.decompress(packed, member.file_size, codec="zstd", asbytes=True)
    return unpacked

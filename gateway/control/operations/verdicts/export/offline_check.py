"""Checks an exported verdict without a store: its hashes, its place in the chain, and what its page shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from evaluators.gate.evidence.tables import UnreadableEvidence
from fairtrial.domain.errors import UsageError
from fairtrial.store.evaluations.verdict_chain import ChainEntry
from gateway.control.operations.verdicts.export.contents import ExportContents, chain_text
from gateway.control.operations.verdicts.export.page import render
from gateway.control.operations.verdicts.export.parsing import HTML, files_of, parse, read_bytes, utf8

SHOWN = ("verdict_id", "gate", "candidate", "baseline", "decision")
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, msgspec.MsgspecError)
"""What reading a part raises if it is not one that an export had."""
NO_ENTRY = "an earlier version judged it, without evidence and without an entry in the hash chain, so nothing proves it"


def check_export(path: Path) -> dict[str, Any]:
    """Whether an exported file or folder is unchanged since it was exported, with each problem as a sentence.

    ``head`` is the last entry of the chain that the export contains. ``shows``: what the embedded verdict says.
    ``notes``: what was not checked. Raises `UsageError` for a path that can't be read.
    """
    notes: list[str] = []
    problems: list[str] = []
    contents: ExportContents | None = None
    page = path / HTML if path.is_dir() else path
    try:
        html = utf8("page", read_bytes(page))
        contents = parse(html)
        named = f"{HTML}: " if path.is_dir() else ""
        for check in (_problems(contents), _page(html, contents, notes)):
            problems.extend(says if says == NO_ENTRY else f"{named}{says}" for says in check)
        problems += _folder(path, contents)
    except UnreadableEvidence as error:
        problems.append(str(error))
    except UsageError as error:
        if not path.exists():
            raise
        problems.append(str(error) if page == path or str(page) in str(error) else f"{HTML}: {error}")
    except UNREADABLE as error:
        problems.append(f"{page.name} can't be read, so it was changed ({type(error).__name__})")
    head = None if contents is None else _head(contents)
    shows = None if contents is None else _shows(contents)
    return {"intact": not problems, "problems": problems, "notes": notes, "head": head, "shows": shows}


def _problems(contents: ExportContents) -> Iterator[str]:
    """What is wrong with the verdict, its evidence, and the entries of the chain."""
    entries = contents.entries
    if contents.evidence is None or not entries:
        yield NO_ENTRY
        return
    own = entries[0]
    if contents.chain != chain_text(entries):
        yield "the chain is not written as it was exported"
    if _sha256(contents.verdict.encode()) != own.verdict_sha256:
        yield "the verdict was changed: its SHA-256 differs from the one in the chain"
    elif json.loads(contents.verdict)["verdict_id"] != own.verdict_id:
        yield "the entry of the chain belongs to another verdict"
    if _sha256(contents.evidence) != own.evidence_sha256:
        yield "the evidence was changed: its SHA-256 differs from the one in the chain"
    yield from _links(entries)


def _links(entries: Sequence[ChainEntry]) -> Iterator[str]:
    for place, entry in enumerate(entries):
        if entry.hash != entry.expected_hash():
            yield f"entry {entry.number} of the chain was changed: its hash does not match"
        before = entries[place - 1] if place else None
        if before is not None and (entry.previous, entry.number) != (before.hash, before.number + 1):
            yield f"entry {entry.number} of the chain does not follow entry {before.number}"


def _page(html: str, contents: ExportContents, notes: list[str]) -> Iterator[str]:
    """What is wrong with the visible page, which must follow from its embedded parts."""
    if contents.chain is not None and contents.record_sha256 not in html:
        yield "the record of approvals and releases was changed"
    program = str(json.loads(contents.record)["program"])
    if program != version("fairtrial"):
        notes.append("the visible text was not checked, so trust only what is printed here")
        yield f"fairtrial {program} made the page, so this version can't check its visible text; use that version"
    elif render(contents) != html:
        yield "the visible page was changed: it does not show what the embedded verdict says"


def _folder(path: Path, contents: ExportContents) -> Iterator[str]:
    """Files beside the page that differ from its embedded parts, that are missing, and that no export has."""
    if not path.is_dir():
        return
    expected = dict(files_of(contents))
    for name, content in expected.items():
        file = path / name
        if not file.is_file() or file.is_symlink():
            yield f"{name} is missing" if not file.exists() else f"{name} was replaced: it is not a file"
        elif read_bytes(file) != content:
            yield f"{name} was changed: it differs from what {HTML} contains"
    folders = {str(Path(name).parent) for name in expected} - {"."}
    there = sorted(file.relative_to(path).as_posix() for file in path.rglob("*"))
    yield from (
        f"{name} was added: the export does not have it" for name in there if name not in {HTML, *expected, *folders}
    )


def _head(contents: ExportContents) -> dict[str, Any] | None:
    try:
        last = contents.entries[-1:]
    except (ValueError, TypeError):
        return None
    return {"number": last[0].number, "hash": last[0].hash} if last else None


def _shows(contents: ExportContents) -> dict[str, Any] | None:
    try:
        verdict = json.loads(contents.verdict)
        official = bool((verdict.get("provenance") or {}).get("official"))
        return {name: str(verdict[name]) for name in SHOWN} | {"official": official}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Reads and checks an exported verdict without a store: its hashes, its place in the chain, and what its page shows."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from evaluators.results.evidence_table import UnreadableEvidence
from fairtrial.api.verdict_answers import ChainEntry, ChainHead
from fairtrial.domain.errors import UsageError
from fairtrial.named_files import read_named
from gateway.control.verdicts.export_page import FORM, ExportContents, chain_text, render

SHOWN = ("verdict_id", "gate", "candidate", "baseline", "decision")
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, msgspec.MsgspecError)
"""What reading a part raises if it is not one that an export had."""
NO_ENTRY = "an earlier version judged it, without evidence and without an entry in the hash chain, so nothing proves it"
PARTS = ("record", "verdict", "evidence", "chain")
REQUIRED = ("record", "verdict")
EMBEDDED = re.compile(r'<script type="application/octet-stream" id="fairtrial-([a-z]+)">([^<]*)</script>')
"""The element with a part of the export, which browsers neither run nor print; the template writes it."""

HTML, VERDICT, EVIDENCE, EVIDENCE_TEXT, CHAIN = (
    "verdict.html",
    "verdict.json",
    "evidence.bin",
    "evidence.json",
    "chain.json",
)
GATE, SUITES = "gate.yaml", "suites"
SAFE = " "


@dataclass(frozen=True, slots=True)
class ShownVerdict:
    """What the embedded verdict says. The file may be forged, so its decision can be any text."""

    verdict_id: str
    gate: str
    candidate: str
    baseline: str
    decision: str
    official: bool


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """Whether an export is unchanged, with each problem as a sentence. ``notes``: what was not checked.

    ``unknown_form``: why the visible text can't be checked by this version, or empty; the export is then not intact.
    ``head``: the last entry of the chain that the export contains.
    """

    intact: bool
    problems: list[str]
    notes: list[str]
    head: ChainHead | None
    shows: ShownVerdict | None
    unknown_form: str = ""


def check_export(path: Path) -> ExportCheck:
    """Check an exported file or folder; raises `UsageError` for a path that can't be read."""
    notes: list[str] = []
    problems: list[str] = []
    contents: ExportContents | None = None
    unknown = ""
    page = path / HTML if path.is_dir() else path
    try:
        html = utf8("page", read_bytes(page))
        contents = parse(html)
        named = f"{HTML}: " if path.is_dir() else ""
        unknown = _unknown_form(contents)
        for check in (_problems(contents), _page(html, contents, notes, is_known=not unknown)):
            problems.extend(problem if problem == NO_ENTRY else f"{named}{problem}" for problem in check)
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
    return ExportCheck(not problems and not unknown, problems, notes, head, shows, unknown)


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


def _unknown_form(contents: ExportContents) -> str:
    record = json.loads(contents.record)
    form = record.get("form", 1)
    if form == FORM:
        return ""
    return (
        f"fairtrial {record['program']} made the page in form {form}; this version knows form {FORM}, so use that one"
    )


def _page(html: str, contents: ExportContents, notes: list[str], *, is_known: bool) -> Iterator[str]:
    """What is wrong with the visible page, which must follow from its embedded parts."""
    if contents.chain is not None and contents.record_sha256 not in html:
        yield "the record of approvals and releases was changed"
    if not is_known:
        notes.append("the visible text was not checked, so trust only what is printed here")
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


def _head(contents: ExportContents) -> ChainHead | None:
    try:
        last = contents.entries[-1:]
    except (ValueError, TypeError):
        return None
    return ChainHead(number=last[0].number, hash=last[0].hash) if last else None


def _shows(contents: ExportContents) -> ShownVerdict | None:
    try:
        verdict = json.loads(contents.verdict)
        official = bool((verdict.get("provenance") or {}).get("official"))
        return ShownVerdict(**{name: str(verdict[name]) for name in SHOWN}, official=official)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def parse(html: str) -> ExportContents:
    """The embedded parts of an export; raises `UsageError` if they are missing or damaged."""
    elements = EMBEDDED.findall(html)
    names = [name for name, _ in elements]
    if len(set(names)) != len(names) or not set(REQUIRED) <= set(names) <= set(PARTS):
        raise UsageError("it is not an export of a verdict, or embedded parts are missing")
    parts = {name: _decoded(name, encoded) for name, encoded in elements}
    return ExportContents(
        verdict=utf8("verdict", parts["verdict"]),
        record=utf8("record", parts["record"]),
        evidence=parts.get("evidence"),
        chain=utf8("chain", parts["chain"]) if "chain" in parts else None,
    )


def read_bytes(path: Path) -> bytes:
    """A file of an export; raises `UsageError`."""
    try:
        return read_named(path)
    except OSError as error:
        raise UsageError(f"{path}: it can't be read ({error.strerror})") from error


def utf8(name: str, content: bytes) -> str:
    """The text of a part; raises `UsageError`."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"the {name} is damaged: it is not UTF-8") from error


def _decoded(name: str, encoded: str) -> bytes:
    """Strict Base64: another spelling of the same bytes is damage, too."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"the embedded {name} is damaged ({error})") from error
    if base64.b64encode(content).decode() != encoded:
        raise UsageError(f"the embedded {name} is damaged (unusual Base64)")
    return content


def write_folder(html: str, folder: Path) -> None:
    """Write the parts of an export into a new or empty folder; raises `UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: the folder is not empty")
        for name, content in [(HTML, html.encode()), *files_of(parse(html))]:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{folder}: it can't be written ({error.strerror})") from error


def files_of(contents: ExportContents) -> Iterator[tuple[str, bytes]]:
    """The name and content of each file beside the page.

    Raises `ValueError` or `TypeError` for contents that the store never had.
    """
    yield VERDICT, contents.verdict.encode()
    provenance = json.loads(contents.verdict).get("provenance")
    if provenance is not None:
        yield GATE, provenance["gate_text"].encode()
    text = contents.evidence_text
    if contents.evidence is None or contents.chain is None or text is None:
        return
    yield EVIDENCE, contents.evidence
    yield EVIDENCE_TEXT, text.encode()
    yield CHAIN, contents.chain.encode()
    yield from ((f"{SUITES}/{name}.json", content) for name, content in _suites(json.loads(text)).items())


def _suites(evidence: dict[str, Any]) -> dict[str, bytes]:
    """The text of each suite by a name that is a valid file name on every system."""
    return {
        quote(suite["name"], safe=SAFE): suite["text"].encode()
        for suite in evidence["suites"]
        if suite["text"] is not None
    }

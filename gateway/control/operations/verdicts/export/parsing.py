"""Reads the parts embedded in an exported file, and the files of an exported folder. Nothing in it is trusted."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import read_named
from gateway.control.operations.verdicts.export.contents import ExportContents

PARTS = ("record", "verdict", "evidence", "chain")
REQUIRED = ("record", "verdict")
EMBEDDED = re.compile(r'<script type="application/octet-stream" id="fairtrial-([a-z]+)">([^<]*)</script>')
"""The element with a part of the export, which browsers neither run nor print; the template writes it."""


def parse(html: str) -> ExportContents:
    """The embedded parts of an export; raises `UsageError` if they are missing or damaged."""
    found = EMBEDDED.findall(html)
    names = [name for name, _ in found]
    if len(set(names)) != len(names) or not set(REQUIRED) <= set(names) <= set(PARTS):
        raise UsageError("it is not an export of a verdict, or embedded parts are missing")
    parts = {name: _decoded(name, encoded) for name, encoded in found}
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


HTML, VERDICT, EVIDENCE, EVIDENCE_TEXT, CHAIN = (
    "verdict.html",
    "verdict.json",
    "evidence.bin",
    "evidence.json",
    "chain.json",
)
GATE, SUITES = "gate.yaml", "suites"
SAFE = " "


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
        quote(one["name"], safe=SAFE): one["text"].encode() for one in evidence["suites"] if one["text"] is not None
    }

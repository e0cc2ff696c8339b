"""Writes an export as a folder: the page, and each part as a separate file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fairtrial.domain.errors import UsageError
from gateway.control.operations.verdicts.export.contents import ExportContents
from gateway.control.operations.verdicts.export.parsing import parse

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

"""Reads the embedded parts of an exported file or folder. Nothing in it is trusted."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from fairtrial.domain.errors import UsageError
from fairtrial.regular_files import read_named
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

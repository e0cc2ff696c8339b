"""Keeps the newest report of a migration from each deployment, as a file beside the store."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.safe_files import write_private


def save(layout: Layout, old: str, report: dict[str, Any]) -> None:
    """Replace the report on this deployment; raises `OSError`."""
    write_private(layout.make().migrations / f"{quote(old, safe='')}.json", msgspec.json.encode(report))


def read_all(layout: Layout) -> dict[str, dict[str, Any]]:
    """The reports by the deployment that ends; raises `StoreError`."""
    reports: dict[str, dict[str, Any]] = {}
    for path in sorted(layout.migrations.glob("*.json")):
        try:
            report = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{path}: the report of a migration can't be read ({error})") from error
        reports[str(report.get("old"))] = report
    return reports

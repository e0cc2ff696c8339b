"""Keeps the newest report of `fairtrial migrate` on each deployment that ends, as a file beside the store."""

from urllib.parse import quote

import msgspec

from fairtrial.api.migrations import MigrationReport
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.safe_files import write_private


def save_migration_report(layout: Layout, report: MigrationReport) -> None:
    """Replace the report on this deployment; raises `OSError`."""
    write_private(layout.make().migrations / f"{quote(report.old, safe='')}.json", msgspec.json.encode(report))


def migration_reports(layout: Layout) -> dict[str, MigrationReport]:
    """The reports by the deployment that ends; raises `StoreError`."""
    reports: dict[str, MigrationReport] = {}
    for path in sorted(layout.migrations.glob("*.json")):
        try:
            report = msgspec.json.decode(path.read_bytes(), type=MigrationReport)
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{path}: the report of a migration can't be read ({error})") from error
        reports[report.old] = report
    return reports

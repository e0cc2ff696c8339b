"""Prints the overview, retention and erasures of the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from fairtrial.domain.store_reports import Erasure, Overview, RetentionResult
from fairtrial.domain.wording import counted


def overview_lines(found: Overview) -> Iterator[str]:
    """The store at a glance: size, time range, maintenance, and the rows of each table."""
    yield f"{found.store}: {_size(found.bytes)}, schema {found.schema}, DuckDB {found.duckdb}"
    yield "other files: " + ", ".join(f"{name} {_size(size)}" for name, size in found.folders.items())
    waiting = f"{found.lag_bytes:,} bytes waiting to be stored"
    yield f"requests from {_time(found.oldest_us)} to {_time(found.newest_us)}; {waiting}"
    days = found.retain_days
    retention = "no plan is published yet" if days is None else f"texts are kept for {counted(days, 'day')}"
    last = found.last_backup
    backed = (
        f"last backup {_time(last.at_us)} in {last.path}" if last else "never backed up: fairtrial store backup DEST"
    )
    yield f"{retention}; {backed}; {counted(found.erasures, 'unit')} erased"
    if found.erasure_unfinished:
        yield "an erasure is unfinished: start control, or run fairtrial store erase-unit again"
    for table, rows in found.rows.items():
        yield f"  {table:<18} {rows:>12,}"


def retained_lines(done: RetentionResult) -> Iterator[str]:
    """What retention deleted, or would delete."""
    verb = "would be deleted" if done.dry_run else "deleted"
    what = "" if done.dropped else f" nothing {verb}"
    yield f"texts from before {_time(done.before_us)} ({counted(done.days, 'day')}):{what}"
    for name, count in done.dropped.items():
        yield f"  {name:<18} {count:>12,} {verb}"


def erasure_lines(done: Erasure) -> Iterator[str]:
    """What was erased where, and what must be checked by hand."""
    if not done.found:
        yield "nothing found: this unit is unknown to the store and its files"
    for name, count in done.counts.items():
        yield f"  {name:<18} {count:>12,} erased"
    for look in done.backups:
        yield f"backup {look.path}: {look.found}"
    if any(look.found == "holds it" for look in done.backups):
        yield "to erase the unit from these backups, run the command again with --rewrite-backups"
    if any(look.found in ("not there", "can't be read") for look in done.backups):
        yield "backups that were moved or can't be read may still contain it; check them by hand"
    for segment in done.unreadable:
        yield f"not searched: {segment}"


def _time(microseconds: int | None) -> str:
    if microseconds is None:
        return "-"
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"

"""How the care of the store reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from fairtrial.store.erasure.erase import Erasure
from fairtrial.store.maintenance.retention import Retained
from fairtrial.store.overview import Overview


def overview_lines(found: Overview) -> Iterator[str]:
    """The store at a glance: what it is, how large, from when to when, its care, and the rows of each table."""
    yield f"{found.store}: {_size(found.bytes)}, schema {found.schema}, DuckDB {found.duckdb}"
    yield "beside it: " + ", ".join(f"{name} {_size(size)}" for name, size in found.folders.items())
    yield f"requests from {_time(found.oldest_us)} to {_time(found.newest_us)}; {found.lag_bytes:,} bytes wait"
    kept = "no plan is published yet" if found.retain_days is None else f"texts are kept {found.retain_days} days"
    last = found.last_backup
    backed = (
        f"last backup {_time(last.at_us)} in {last.path}" if last else "never backed up: fairtrial store backup DEST"
    )
    yield f"{kept}; {backed}; {found.erasures} units erased"
    if found.erasure_unfinished:
        yield "an erasure has not come to its end: start control, or run fairtrial store erase-unit again"
    for table, rows in found.rows.items():
        yield f"  {table:<18} {rows:>12,}"


def retained_lines(done: Retained) -> Iterator[str]:
    """What retention dropped, or would."""
    verb = "would be dropped" if done.dry_run else "dropped"
    what = "" if done.dropped else f" nothing {verb}"
    yield f"texts of before {_time(done.before_us)} ({done.days} days):{what}"
    for name, count in done.dropped.items():
        yield f"  {name:<18} {count:>12,} {verb}"


def erasure_lines(done: Erasure) -> Iterator[str]:
    """What was erased where, and what still has to be looked after by hand."""
    if not done.found:
        yield "nothing found: the store and all that lies beside it don't know this unit"
    for name, count in done.counts.items():
        yield f"  {name:<18} {count:>12,} erased"
    for look in done.backups:
        yield f"backup {look.path}: {look.found}"
    if any(look.found == "holds it" for look in done.backups):
        yield "run it again with --rewrite-backups to erase the unit from these backups"
    if any(look.found in ("not there", "can't be read") for look in done.backups):
        yield "backups that were moved or can't be read may still hold it: look after them by hand"
    for segment in done.unreadable:
        yield f"not looked into: {segment}"


def _time(microseconds: int | None) -> str:
    if microseconds is None:
        return "-"
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"

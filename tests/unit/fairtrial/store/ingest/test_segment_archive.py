"""Sealed segments are compressed: nothing is lost, nothing is kept that was erased, and offsets keep their meaning."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.journal.segment import files, names, segment_name
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.erasure import files as erase_files
from fairtrial.store.erasure.erase import ErasedUnit, erase, new_state
from fairtrial.store.ingest import segment_archive
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.ingest.segment_archive import compress, compress_sealed
from fairtrial.store.restore import restore_backup
from gateway.control.maintain_store import StoreMaintenance
from tests.fixtures.paths import ROOT
from tests.fixtures.store import samples
from tests.fixtures.store.maintenance_fixture import files_with
from tests.fixtures.store.segment_bytes import content

SECRET = "the violet heron of Ostrava"
COUNT = "SELECT count(*), count(DISTINCT request_id) FROM requests"


def at_once(_: float) -> bool:
    return False


def write(layout: Layout, *numbers: int, writer: str = "w") -> JournalWriter:
    journal = JournalWriter(layout.journal, writer=writer)
    for number in numbers:
        unit, text = ("p-alice", SECRET) if number % 3 == 0 else (f"u-{number}", "parcels")
        journal.append(samples.request(number, unit=unit, request_body=json.dumps({"text": text})))
    return journal


def sealed(database: Database, ingester: Ingester, *numbers: int) -> Path:
    """The file of a segment that is wholly in the store."""
    write(database.layout, *numbers).close()
    ingester.catch_up()
    return names(database.layout.journal / "done")[-1]


def erase_alice(database: Database) -> dict[str, int]:
    state = new_state(ErasedUnit("alice", "user", "p-alice"), now_us=samples.NOW, actor="test")
    return erase(database, state, now_us=samples.NOW + 10**9).counts


def test_a_sealed_segment_is_compressed_and_a_live_one_is_not(database: Database, ingester: Ingester) -> None:
    plain = sealed(database, ingester, *range(300))
    os.utime(plain, ns=(1, 1_700_000_000_123_456_789))
    before, size = plain.read_bytes(), plain.stat().st_size
    live = write(database.layout, 1000)
    ingester.catch_up()
    assert compress_sealed(database, at_once) == 1
    (compressed,) = files(database.layout.journal / "done")
    assert (compressed.name, segment_name(compressed)) == (f"{plain.name}.zst", plain.name)
    assert content(compressed) == before
    assert compressed.stat().st_size < size / 5
    assert compressed.stat().st_mtime_ns == 1_700_000_000_123_456_789
    assert compressed.stat().st_mode & 0o777 == 0o600
    assert [path.suffix for path in files(database.layout.journal)] == [".jsonl"]
    assert compress_sealed(database, at_once) == 0
    live.close()


def test_a_segment_that_the_store_does_not_hold_to_its_end_stays_as_it_is(
    database: Database, ingester: Ingester
) -> None:
    plain = sealed(database, ingester, 1, 2)
    with plain.open("ab") as file:
        file.write(b"more\n")
    assert compress_sealed(database, at_once) == 0
    assert files(plain.parent) == [plain]


def test_compressing_ends_within_a_segment_when_control_stops(database: Database, ingester: Ingester) -> None:
    plain = sealed(database, ingester, *range(10))
    assert compress_sealed(database, lambda _: True) == 0
    assert list(plain.parent.iterdir()) == [plain]


def test_a_full_disk_leaves_the_plain_segment_and_no_other_file(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = sealed(database, ingester, *range(10))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segment_archive.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        compress_sealed(database, at_once)
    assert list(plain.parent.iterdir()) == [plain]


def test_a_unit_is_erased_from_a_compressed_segment_and_offsets_stay(database: Database, ingester: Ingester) -> None:
    plain = sealed(database, ingester, *range(300))
    before = plain.read_bytes()
    os.utime(plain, ns=(1, 1_700_000_000_000_000_000))
    compress_sealed(database, at_once)
    assert files_with(SECRET.encode(), database.layout.journal)
    assert erase_alice(database)["journal lines"] == 100
    for text in (SECRET.encode(), b"p-alice"):
        assert files_with(text, database.layout.store.parent) == []
    (compressed,) = files(plain.parent)
    assert compressed.stat().st_mtime_ns == 1_700_000_000_000_000_000
    assert compressed.stat().st_mode & 0o777 == 0o600
    after = content(compressed)
    assert len(after) == len(before)
    for old, new in zip(before.split(b"\n"), after.split(b"\n"), strict=True):
        assert new == (b" " * len(old) if b"p-alice" in old else old)


def test_an_erasure_leaves_lines_that_came_after_it_began(tmp_path: Path) -> None:
    plain = tmp_path / "018f-w.jsonl"
    plain.write_bytes(b"head\nold\nold\n")
    assert compress(plain, at_once)
    (path,) = files(tmp_path)
    assert segment_archive.blank_compressed_lines(path, lambda line: line == b"old\n", end=9) == 1
    assert content(path) == b"head\n   \nold\n"


def test_a_segment_that_is_put_away_during_an_erasure_is_erased_from(
    database: Database, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ingester seals and moves it after the erasure has listed the files."""
    journal = write(database.layout, 0, 3)
    ingester.catch_up()
    listed = erase_files._all_segments

    def then_put_away(layout: Layout) -> list[Path]:
        segments = listed(layout)
        journal.close()
        ingester.catch_up()
        return segments

    monkeypatch.setattr(erase_files, "_all_segments", then_put_away)
    assert erase_alice(database)["journal lines"] == 2
    assert names(database.layout.journal) == []
    assert files_with(SECRET.encode(), database.layout.store.parent) == []


def test_retention_deletes_compressed_segments(database: Database, ingester: Ingester) -> None:
    plain = sealed(database, ingester, 1)
    written = plain.stat().st_mtime_ns // 1000
    compress_sealed(database, at_once)
    assert ingester.prune(written) == 0
    assert ingester.prune(written + 1, dry_run=True) == 1
    assert ingester.prune(written + 1) == 1
    assert list(plain.parent.iterdir()) == []


@pytest.mark.release("stories")
def test_a_restored_backup_goes_on_within_a_compressed_segment_and_brings_nobody_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "here" / "fairtrial.duckdb")
    layout.store.parent.mkdir()
    database = Database.open(layout.make())
    ingester = Ingester(database, lambda: samples.NOW)
    maintenance = StoreMaintenance(database, ingester, lambda: samples.NOW + 10**9, actor="test")
    journal = write(layout, *range(30))
    maintenance.backup(tmp_path / "backup")
    for number in range(30, 60):
        journal.append(samples.request(number, unit=f"u-{number}"))
    journal.close()
    ingester.catch_up()
    assert compress_sealed(database, at_once) == 1
    assert erase_alice(database)["requests"] == 10
    database.close()

    restored = restore_backup(tmp_path / "backup", layout, now_us=samples.NOW + 2 * 10**9, force=True)
    assert restored.since == 30
    assert [path.suffix for path in files(layout.journal / "done")] == [".zst"]
    database = Database.open(layout)
    try:
        assert database.rows(COUNT) == [(60, 60)]
        ingester = Ingester(database, lambda: samples.NOW)
        maintenance = StoreMaintenance(database, ingester, lambda: samples.NOW + 3 * 10**9, actor="test")
        assert maintenance.erase_again() == 1
        assert ingester.lag_bytes() == 0
    finally:
        database.close()
    assert files_with(SECRET.encode(), layout.store.parent) == []


def test_a_line_longer_than_a_chunk_is_read_from_a_compressed_segment(tmp_path: Path) -> None:
    plain = tmp_path / "018f-w.jsonl"
    lines = b"head\n" + b"x" * 5000 + b"\nlast\ntorn"
    plain.write_bytes(lines)
    expected = [segment_archive.read_chunk(plain, position, limit=64) for position in (0, 5, 5006, 5011)]
    assert compress(plain, at_once)
    (path,) = files(tmp_path)
    assert [segment_archive.read_chunk(path, position, limit=64) for position in (0, 5, 5006, 5011)] == expected
    assert segment_archive.read_first_line(path) == b"head\n"


def killed(job: str, template: Path, folder: Path) -> list[Path]:
    """A copy of the template for each step at which the job was killed."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.fixtures.store.killed_archive", job, template, folder]
    done = subprocess.run(list(map(str, program)), cwd=ROOT, capture_output=True, text=True, check=True)
    return [folder / f"{job}-{number}" for number in range(int(done.stdout) + 1)]


def test_killed_at_any_step_a_segment_is_whole_and_no_other_file_is_left(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    whole = b"".join(f"{number} {'violet heron' if number % 7 == 0 else 'parcels'}\n".encode() for number in range(999))
    plain = template / "018f-w.jsonl"
    plain.write_bytes(whole)
    copies = killed("compress", template, tmp_path)
    assert len(copies) > 5
    for copy in copies:
        segment_archive.sweep(copy)
        (left,) = copy.iterdir()
        assert content(left) == whole
    assert {path.suffix for copy in copies for path in copy.iterdir()} == {".jsonl", ".zst"}

    assert compress(plain, at_once)
    without = b"\n".join(b" " * len(line) if b"violet" in line else line for line in whole.split(b"\n"))
    copies = killed("rewrite", template, tmp_path)
    assert len(copies) > 5
    for copy in copies:
        segment_archive.sweep(copy)
        (left,) = copy.iterdir()
        assert content(left) in (whole, without)
        segment_archive.blank_compressed_lines(left, lambda line: b"violet heron" in line, end=sys.maxsize)
        assert content(left) == without


def both(folder: Path, change: Callable[[bytes], bytes]) -> bytes:
    """A plain file, changed, beside the compressed one of the same segment; returns what is left of them."""
    plain = folder / "018f-w.jsonl"
    plain.write_bytes(b"one\ntwo\n")
    shutil.copy(plain, folder / "copy")
    compress(plain, at_once)
    plain.write_bytes(change((folder / "copy").read_bytes()))
    assert names(folder) == [plain]
    segment_archive.sweep(folder)
    (left,) = files(folder)
    return content(left)


def test_of_two_files_of_a_segment_the_whole_one_stays(tmp_path: Path) -> None:
    """An older program erases from plain files only; whoever decompresses by hand may be interrupted."""
    assert both(tmp_path, lambda whole: whole.replace(b"one", b"   ")) == b"   \ntwo\n"
    assert both(tmp_path, lambda whole: whole[:5]) == b"one\ntwo\n"


def test_what_a_killed_owner_left_goes_when_the_journal_is_opened(database: Database) -> None:
    for folder in (database.layout.journal, database.layout.journal / "done"):
        folder.mkdir(exist_ok=True)
        (folder / ".archiving-018f-w.jsonl.zst").write_text(SECRET)
    Ingester(database, lambda: samples.NOW)
    assert files_with(SECRET.encode(), database.layout.folder) == []

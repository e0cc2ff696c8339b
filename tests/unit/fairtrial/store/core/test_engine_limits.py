"""The engine's memory follows the machine, it spills into a private folder, and its errors come in our words."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError, StoreExhausted
from fairtrial.store.core import engine
from fairtrial.store.core.database import Database, spill_folder
from fairtrial.store.core.engine import memory_bytes, memory_limit

SMALL_MB = 24
TOO_LARGE = "SELECT len(list(range)) FROM range(6_000_000)"
LARGE = "CREATE TEMP TABLE many AS SELECT md5(range::VARCHAR) AS name FROM range(1_000_000)"
SETTING = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"


@pytest.mark.parametrize(
    ("machine", "file_bytes", "limit"),
    [
        (1 << 29, 0, "256MiB"),
        (2 << 30, 0, "512MiB"),
        (16 << 30, 9 << 30, "640MiB"),
        (16 << 30, 40 << 30, "2560MiB"),
        (16 << 30, 400 << 30, "4096MiB"),
    ],
)
def test_the_limit_follows_the_machine_and_the_store_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, machine: int, file_bytes: int, limit: str
) -> None:
    monkeypatch.setattr(engine, "memory_bytes", lambda: machine)
    assert memory_limit(file_bytes=file_bytes) == limit
    assert memory_limit(700, file_bytes=file_bytes) == "700MiB"


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = tmp_path / "memory.max", tmp_path / "none"
    monkeypatch.setattr(engine, "CGROUP_LIMITS", limits)
    limits[0].write_text("max\n")
    machine = memory_bytes()
    limits[0].write_text("1048576\n")
    assert memory_bytes() == 1_048_576 < machine


def test_what_memory_has_no_room_for_goes_to_a_private_folder_that_is_swept(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "fairtrial.duckdb", memory_mb=SMALL_MB).make()
    spill_folder(layout).mkdir(mode=0o755)
    (spill_folder(layout) / "left").write_text("rows of a killed program")
    database = Database.open(layout)
    assert database.rows(SETTING) == [(f"{SMALL_MB}.0 MiB", str(spill_folder(layout)))]
    assert list(spill_folder(layout).iterdir()) == []
    assert stat.S_IMODE(spill_folder(layout).stat().st_mode) == 0o700
    database.rows(LARGE)
    spilt = list(spill_folder(layout).iterdir())
    assert spilt, "in a folder that only its owner may enter"
    assert database.rows("SELECT count(DISTINCT name[:2]) FROM temp.many") == [(256,)]
    database.close()


def test_too_little_memory_is_reported_without_the_engines_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database.open(Layout(tmp_path / "fairtrial.duckdb", memory_mb=SMALL_MB).make())
    with pytest.raises(StoreExhausted, match=r"shorter time window, or raise `store\.memory_mb`") as met:
        database.rows(TOO_LARGE)
    assert "Out of Memory" not in str(met.value)
    assert "Out of Memory" in caplog.text
    with pytest.raises(StoreError, match="see the log for the reason"):
        database.rows("SELECT none")
    database.close()
